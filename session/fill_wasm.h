/* What the runtime of a module needs of the file system, in the ticket. Private to session/. */
#ifndef KV_SESSION_FILL_WASM_H
#define KV_SESSION_FILL_WASM_H

#include <stdbool.h>

struct kv_error;
struct kv_ticket;
struct kv_ticket_landlock;

/*
 * Adds a Landlock path to the ticket, without the links on its way; one that is there already is made
 * writable if either says so. "~" at the start is home. The rule, or NULL.
 */
struct kv_ticket_landlock *kv_fill_path(struct kv_ticket *ticket, const char *home, const char *path, bool writable,
    struct kv_error *err);

/* The same for a name that is taken as it stands: nothing is opened or followed, and the wrapper follows nothing either. */
struct kv_ticket_landlock *kv_fill_name(struct kv_ticket *ticket, const char *path, bool writable, struct kv_error *err);

/*
 * To a ticket with Landlock paths, whose runtime and home are filled in, adds what the runtime reads to run
 * the module of command: itself, its libraries, the module, /proc and /dev/null. Nothing that it can write, and nothing that
 * the module sees. forced: the policy names the module, else the user does, for whom root opens no path. 0 or -1.
 */
int kv_fill_runtime(const char *command, bool forced, struct kv_ticket *ticket, struct kv_error *err);

#endif

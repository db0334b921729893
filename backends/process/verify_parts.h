/* The pure parts of verify.c, for its test. */
#ifndef KV_BACKENDS_PROCESS_VERIFY_PARTS_H
#define KV_BACKENDS_PROCESS_VERIFY_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_error;
struct kv_ticket;
struct kv_ticket_landlock;
struct kv_verified;

/* The text of /proc/self/status against the ticket. 0, or -1 naming what is wrong. */
int kv_verify_status(const char *status, const struct kv_ticket *ticket, struct kv_error *err);

/*
 * Supplementary groups, as getgroups(2) gave them, against the ticket: all of them and no others; in what order, how often and
 * whether gid is among them does not matter. overflow: -1 where the groups have their own numbers; in a user namespace that maps
 * gid only (privilege = userns), the number that all others have there (/proc/sys/kernel/overflowgid).
 * With containers (container_root) the ticket's groups for those are meant. 0, or -1 naming one.
 */
int kv_verify_groups(const gid_t *seen, int count, const struct kv_ticket *ticket, long overflow, struct kv_error *err);

/* The same with what the kernel says of the caller. outside: in the user namespace of stage one, before any sandbox. 0 or -1. */
int kv_verify_own_groups(const struct kv_ticket *ticket, bool outside, struct kv_error *err);

/* The text of /proc/self/net/dev: is there an interface besides lo. */
bool kv_verify_only_loopback(const char *dev);

/* A folder that every user may list and that the rules do not let be listed; NULL: none. */
const char *kv_verify_hidden_folder(const struct kv_ticket *ticket);

/* Is this folder of a module's to be on a read-only mount: all but those in /tmp, which is the session's own. */
bool kv_verify_is_closed(const struct kv_ticket_landlock *rule);

/* The lowest TCP port that the ticket does not allow. */
uint16_t kv_verify_closed_port(const struct kv_ticket *ticket);

/* Score and layers of what was verified. 0, or -1 where it is not the decided score. */
int kv_verify_score(const struct kv_ticket *ticket, struct kv_verified *out, struct kv_error *err);

#endif

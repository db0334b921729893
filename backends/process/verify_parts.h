/* The pure parts of verify.c, for its test. */
#ifndef KV_BACKENDS_PROCESS_VERIFY_PARTS_H
#define KV_BACKENDS_PROCESS_VERIFY_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct kv_error;
struct kv_ticket;
struct kv_ticket_landlock;
struct kv_verified;

/* The text of /proc/self/status against the ticket. 0, or -1 naming what is wrong. */
int kv_verify_status(const char *status, const struct kv_ticket *ticket, struct kv_error *err);

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

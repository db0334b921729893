/*
 * The layers that kavach-init adds inside a container, and the reading back of all of
 * them. libc only; no privilege.
 */
#ifndef KV_BACKENDS_CONTAINER_INSIDE_H
#define KV_BACKENDS_CONTAINER_INSIDE_H

#include <stdbool.h>

struct kv_error;
struct kv_ticket;
struct kv_verified;

/* Closes every descriptor from this one on. 0, or -1 with errno. */
int kv_inside_close_from(int fd);

/*
 * Landlock's rules (and scopes, where the kernel has them), then the exact filter. foreign: not a kernel that knows
 * Landlock (gVisor): rules are then an error. 0 or -1.
 */
int kv_inside_confine(const struct kv_ticket *ticket, bool foreign, struct kv_error *err);

/* What holds, as seen from here; a layer of the ticket that does not is an error. 0 or -1. */
int kv_inside_verify(const struct kv_ticket *ticket, bool foreign, bool limits_ok,
    struct kv_verified *out, struct kv_error *err);

#endif

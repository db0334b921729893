/*
 * The user namespace of a session's containers. Root makes it, so that nobody
 * but root may enter or trace it (user_namespaces(7): a namespace belongs to its creator).
 *
 * Inside, the user and his groups keep their numbers, and 0 is an id that nobody on the
 * host has: what a container runtime does as root it does with less than the
 * user's own rights. Everything else of the host is nobody's there.
 */
#ifndef KV_SESSION_IDMAP_H
#define KV_SESSION_IDMAP_H

#include <stddef.h>
#include <sys/types.h>

#include "policy/policy.h"

struct kv_error;
struct kv_account;
struct kv_ticket;

/*
 * The host id that is a container's root for this user: above all that systemd(1) and
 * shadow(5) hand out, one for each user, so that two users' runtimes are strangers. Its range
 * ends below 0x78000000, where that of the proxies begins. 0, or -1 for a uid that is root's or too large.
 */
int kv_idmap_root(uid_t uid, uid_t *out);

/*
 * The host id, of a user and a group, as which this user's proxy runs (network = proxy). Looks up that it is nobody's
 * (NSS). 0, or -1 with KV_ERR_UNAVAILABLE.
 */
int kv_idmap_proxy(uid_t uid, uid_t *out, struct kv_error *err);

/* Does this backend run in a container. Pure. */
bool kv_idmap_wanted(enum kv_backend_id backend);

/*
 * Fills the ticket's container_root and groups. Looks up the account's groups, and whether container_root is
 * anybody's (NSS): SSSD by default hands out ids up to 2000200000. 0, or -1: KV_ERR_UNAVAILABLE for an id that
 * cannot be mapped.
 */
int kv_idmap_fill(const struct kv_account *account, struct kv_ticket *ticket, struct kv_error *err);

/*
 * A descriptor of a new user namespace with the ticket's maps; the caller closes it. Root in
 * the initial user namespace. -1 with KV_ERR_UNAVAILABLE where the host gives none. A child is made
 * and ended; it raises no SIGCHLD.
 */
int kv_idmap_make(const struct kv_ticket *ticket, struct kv_error *err);

#endif

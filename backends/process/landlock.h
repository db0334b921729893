/*
 * Landlock: paths, TCP ports, scopes; every right of the running kernel's ABI.
 */
#ifndef KV_BACKENDS_PROCESS_LANDLOCK_H
#define KV_BACKENDS_PROCESS_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct kv_error;
struct kv_ticket;

/* The rights an ABI knows. Pure: ABI -> masks (landlock(7)). abi above what is known: the highest known. */
struct kv_landlock_abi {
	uint64_t fs, net, scoped;
};
struct kv_landlock_abi kv_landlock_abi_rights(int abi);

/* The kernel's ABI: probed by rights, not believed by number (a kernel that refuses a right has the lower ABI). 0: no Landlock. */
int kv_landlock_probe(void);

/*
 * Builds a ruleset from the ticket: with landlock paths, all file rights are handled and
 * granted below those paths only (ro or rw); with ports, TCP connect is handled and granted to those; scopes
 * for signals and abstract sockets wherever the kernel has them; from ABI 9 on, without the host's network, sockets with
 * a path only where the session's processes meet (/tmp, the home, data_dir ...).
 * No ruleset allows block devices to be made. Opens the paths now, and follows no symbolic link. Returns a descriptor, or -1:
 * KV_ERR_UNAVAILABLE where the kernel lacks a right that is needed, or a path is not there; or
 * KV_LANDLOCK_NOTHING on a kernel without Landlock, for a ticket that needs none of it.
 */
#define KV_LANDLOCK_NOTHING (-2)
int kv_landlock_build(const struct kv_ticket *ticket, struct kv_error *err);

/* landlock_restrict_self(2); no_new_privs must be set. Irrevocable. 0 or -1. */
int kv_landlock_enforce(int ruleset_fd, struct kv_error *err);

/*
 * Stage one: to a ticket that has Landlock paths, adds those without which no session works: the home (as
 * home_mode says), /tmp, /var/tmp, /dev and /proc. Nothing else is implied: programs run only from the paths that the
 * policy names. 0, or -1 with KV_ERR_CONFIG where there is no room.
 */
int kv_landlock_implied(struct kv_ticket *ticket, struct kv_error *err);

#endif

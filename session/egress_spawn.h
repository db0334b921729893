/*
 * The way from the process that holds a PAM session to kavach-proxy. Private to session/.
 */
#ifndef KV_SESSION_EGRESS_SPAWN_H
#define KV_SESSION_EGRESS_SPAWN_H

#include <sys/types.h>

struct kv_error;

/* Descriptors of the proxy, by their numbers there (kavach-proxy(8)). */
enum {
	KV_EGRESS_FD_CONFIG,	/* proxy/config.h, read to its end */
	KV_EGRESS_FD_READY,	/* one line: "ready", or why not */
	KV_EGRESS_FD_NULL,
	KV_EGRESS_FD_LISTENER,
	KV_EGRESS_FD_OPENER,	/* pidfd: when it is readable, the proxy ends */
	KV_EGRESS_FD_CHAIN,	/* -1: none */
	KV_EGRESS_FD_STATS,
	KV_EGRESS_FDS
};

struct kv_egress_child {
	int fd[KV_EGRESS_FDS];	/* owned by the caller; READY is this function's */
	int host_net_fd;	/* borrowed: where the proxy runs */
	uid_t uid;		/* whom it runs as; the gid is the same number */
};

/*
 * Executes kavach-proxy in the host's network namespace, without a capability, and waits until it says that it
 * is ready. *proxy_fd: its pidfd. 0, or -1 with KV_ERR_UNAVAILABLE and the proxy's own words. Root. Nothing of it
 * is the caller's child: no SIGCHLD, no pid that a wait(2) finds.
 */
int kv_egress_spawn(const struct kv_egress_child *child, int *proxy_fd, struct kv_error *err);

#endif

/*
 * The proxy of a session with network = proxy. Stage one makes the session's network namespace, a listening socket in
 * it, and a kavach-proxy outside of it that gets the socket: the session's only way out.
 *
 * The proxy is a child of the opener that raises no signal, has a uid of its own for each user, holds no
 * capability, lies in the session's cgroup, and dies with the opener.
 */
#ifndef KV_SESSION_EGRESS_H
#define KV_SESSION_EGRESS_H

#include "session/session.h"

#define KV_EGRESS_STATS	"egress.stats"	/* in the state directory: one line, see kv_egress_stats */

/*
 * Brings the calling process's network namespace to life as a session's whose only way out is a proxy, and starts that. The
 * caller has just entered the namespace; host_net_fd is the one that it came from. Returns when
 * the proxy says that it is confined and listening, within 5 s, else -1 and no proxy is left. *proxy_fd: its
 * pidfd, for kv_egress_stop. Root.
 */
int kv_egress_start(const struct kv_session *session, const struct kv_config *config, const struct kv_policy *policy,
    int *proxy_fd, struct kv_error *err);

/* Ends the proxy and waits for its end, at most a second. Idempotent; -1 in *proxy_fd: there is none. */
void kv_egress_stop(int *proxy_fd);

/* What the proxy is told (proxy/config.h) as text in out, which the caller wipes: secrets' headers are in it. Pure. The length, or -1. */
long kv_egress_text(const struct kv_ticket *ticket, const struct kv_config *config, const struct kv_policy *policy,
    const struct kv_secrets *secrets, char *out, size_t size, struct kv_error *err);

/* Reads what the proxy last wrote. 0, or -1 where the session has none or the line is not whole. Root. */
int kv_egress_stats(int state_fd, struct kv_egress_stats *out);

#endif

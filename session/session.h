/*
 * A session: what one PAM session (one connection) shares. Stage one opens it,
 * as root; whoever comes first of close, the next open and `kavachctl reap` removes it.
 *
 *   /run/kavach/sessions/ID/         root, 0700
 *       lock      held (flock) by the opener while the session is open
 *       ticket    session/ticket.h
 *       info      what `kavachctl sessions` shows, key=value lines
 *       sandbox.N made by the wrapper when a sandbox starts; at its end its size is one more than
 *                 the command's wait status
 */
#ifndef KV_SESSION_SESSION_H
#define KV_SESSION_SESSION_H

#include "audit/audit.h"
#include "audit/session_chain.h"
#include "policy/decide.h"
#include "session/cgroup.h"
#include "session/credential.h"
#include "session/ticket.h"

/* The account, frozen before any namespace is entered (no NSS afterwards). */
struct kv_account {
	char user[KV_NAME_MAX];
	uid_t uid;
	gid_t gid;
	char home[KV_PATH_MAX];
	char shell[KV_PATH_MAX];	/* of the passwd entry */
	char **groups;			/* owned: names, primary first */
	size_t group_count;
};

/* NSS. 0, or -1: KV_ERR_DENIED for a user that is unknown or has a name no record could hold. */
int kv_account_lookup(const char *user, struct kv_account *out, struct kv_error *err);
void kv_account_release(struct kv_account *account);

struct kv_session {
	char id[KV_ID_LEN + 1];
	int sessions_fd;	/* KV_SESSIONS_DIR of the host's view; -1: none */
	int state_fd;		/* its directory ID */
	int lock_fd;		/* held while open */
	int host_mnt_fd;	/* mount namespace before enter, to come back for the close; -1: not entered */
	int host_net_fd;
	uint64_t opened_ns;	/* CLOCK_BOOTTIME */
	struct kv_audit audit;
	struct kv_cgroup cgroup;
	int proxy_fd;		/* pidfd of its kavach-proxy; -1: none */
	bool wrap;
	struct kv_ticket *ticket;	/* owned */
	struct kv_secrets secrets;	/* from open to the end of enter; empty else. Borrows from the config of open */
};

struct kv_usage {
	uint64_t duration_ms, cpu_ms, memory_peak;	/* memory_peak 0: unknown */
	uint64_t oom_kills, pids_max_hits;
	uint32_t sandboxes;		/* how many were started */
	int last_status;		/* wait status of the last sandbox; -1: none */
	struct kv_chain_end chain, egress;	/* where the session's own audit chains ended */
};

/*
 * Stage one, in two steps so that a failure of the first leaves the process as
 * it was.
 *
 * open: reads the credentials, reaps what is left of dead sessions, makes id, state directory, cgroup
 * with limits, ticket (with the compiled seccomp filter). Does not move the
 * calling process. wrap: bind the wrapper over the shells (cron).
 * enter: puts the calling process into the cgroup, the network and mount namespaces, starts the proxy of network = proxy,
 * makes the session's view (session/view.h), hands the credentials over and wipes them. On failure of either
 * everything made is removed again. The config of open must live until then.
 * Root. 0 or -1.
 */
int kv_session_open(const struct kv_config *config, const struct kv_decision *decision,
    const struct kv_request *request, const struct kv_account *account, bool wrap,
    struct kv_session *out, struct kv_error *err);
int kv_session_enter(struct kv_session *session, const struct kv_config *config, const struct kv_account *account,
    const struct kv_decision *decision, struct kv_error *err);

/* Puts the calling process into a network namespace as the policy asks for, without the proxy of KV_NET_PROXY. 0 or -1. */
int kv_session_network(enum kv_network network, struct kv_error *err);

/*
 * Kills what is left by cgroup, goes back to the host's mount namespace,
 * removes cgroup and state, fills *usage. Idempotent. Root. 0, or -1 when
 * something could not be removed within 5 s.
 */
int kv_session_close(struct kv_session *session, struct kv_usage *usage, struct kv_error *err);

/* Removes the sessions whose opener is gone. Returns how many, or -1. Root. */
int kv_session_reap(const struct kv_audit *audit, struct kv_error *err);

/*
 * The folder where probes keep what they have found, made root 0755 if it is missing. Refused as
 * any other of kavach's folders where somebody else made it. Root. The caller closes *out. 0 or -1.
 */
int kv_session_probe_folder(bool make, int *out, struct kv_error *err);

/* Raises/drops the wrapper's capabilities in the inheritable set of the calling process. Root. */
int kv_session_grant(bool grant, struct kv_error *err);

/* What a session's proxy let pass (network = proxy). */
struct kv_egress_stats {
	uint64_t allowed, denied;	/* requests and tunnels */
	uint64_t up, down;		/* bytes of bodies and tunnels, from the session and to it */
};

/* Listing for kavachctl. Each info is owned by the caller. */
struct kv_session_info {
	char id[KV_ID_LEN + 1];
	char user[KV_NAME_MAX], service[KV_NAME_MAX], from[256], rule[KV_NAME_MAX], policy[KV_NAME_MAX];
	char backend[KV_NAME_MAX], cgroup[KV_PATH_MAX];
	enum kv_cgroup_version cgroup_version;
	int score;
	pid_t opener;
	bool alive;		/* the opener lives */
	bool paused;
	uint64_t started;	/* seconds since the epoch */
	uint32_t processes;	/* in its cgroup, the opener included */
	uint64_t memory;	/* bytes now; 0: unknown */
	bool proxied;		/* it has a proxy, and egress counts */
	struct kv_egress_stats egress;
};
int kv_session_list(struct kv_session_info **out, size_t *count, struct kv_error *err);

/* By id (or a unique beginning of it). pause and resume freeze the sandboxes, not sshd. Root. 0 or -1. */
int kv_session_pause(const char *id, struct kv_error *err);
int kv_session_resume(const char *id, struct kv_error *err);
int kv_session_kill(const char *id, struct kv_error *err);

#endif

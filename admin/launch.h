/*
 * Starting kavach-session without PAM: what `kavachctl run` and kavach-open
 * share. As root the way is PAM's: a session is opened, a child enters it and becomes
 * the user, the parent waits and closes it. Without root only privilege =
 * userns is left, where the process confines itself.
 */
#ifndef KV_ADMIN_LAUNCH_H
#define KV_ADMIN_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "session/session.h"

struct kv_error;

#define KV_WRAPPER KV_SBINDIR "/kavach-session"

/* All borrowed. */
struct kv_run_request {
	const struct kv_config *config;
	const struct kv_decision *decision;	/* verdict CONFINE */
	const struct kv_request *request;
	const struct kv_account *account;
	char *const *argv;		/* the wrapper's, its own name first */
	char *const *envp;		/* the wrapper's; it keeps what its allow-list names */
	unsigned int timeout_ms;	/* 0: none */
	size_t output_limit;		/* collect output, at most so much of each stream; 0: the caller's descriptors */
};

struct kv_run_result {
	int status;			/* wait status of the wrapper */
	bool timed_out, truncated;
	uint64_t duration_ms;
	char *out, *err;		/* owned */
	size_t out_size, err_size;
};

/*
 * Runs it to its end, with the effective user id deciding the way. The signal mask is
 * all blocked afterwards. 0 with a result, also when the time ran out; -1 when nothing was
 * started. Nothing of the session is left in either case. Release the result.
 */
int kv_run(const struct kv_run_request *request, struct kv_run_result *out, struct kv_error *err);
void kv_run_result_release(struct kv_run_result *result);

/* Exit status of a wait status: the command's own, 128 + n for a signal. */
int kv_run_exit(int status);

/*
 * Puts the calling process itself into a new user namespace with the session's
 * view and ticket, ready to execute KV_WRAPPER. Refuses what cannot be had so: another privilege
 * than userns, and limits, which need a cgroup. -1 leaves the process unusable for anything but an exit.
 */
int kv_enter_userns(const struct kv_run_request *request, struct kv_error *err);

/* The child's half: into the session, to the user, to the wrapper. Returns only on failure. */
int kv_run_child(const struct kv_run_request *request, struct kv_session *session,
    const gid_t *groups, size_t count, struct kv_error *err);

/* The records of a session that PAM did not open. 0 or -1. */
int kv_run_record_open(const struct kv_run_request *request, const char *session, struct kv_error *err);
int kv_run_record_close(const struct kv_run_request *request, const char *session,
    const struct kv_usage *usage, struct kv_error *err);

/* session-deny, or policy-error, as far as a record can be written. */
void kv_run_record_deny(const struct kv_config *config, const struct kv_request *request,
    enum kv_event event, const char *reason);

#endif

/*
 * The interface of a backend, and the registry. One file or folder for each
 * backend; a backend is a const struct of functions, found by its index in the
 * registry (enum kv_backend_id, policy/policy.h).
 */
#ifndef KV_BACKENDS_BACKEND_H
#define KV_BACKENDS_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/decide.h"

struct kv_error;
struct kv_ticket;

/* The life of a sandbox. */
enum kv_state { KV_STATE_CREATED, KV_STATE_RUNNING, KV_STATE_PAUSED, KV_STATE_STOPPED, KV_STATE_DESTROYED };

/* 0 if the move from one state to the other is allowed, else -1 with KV_ERR_DENIED. Pure. */
int kv_state_move(enum kv_state from, enum kv_state to, struct kv_error *err);
const char *kv_state_name(enum kv_state state);

/* What to run. All borrowed. */
struct kv_launch {
	const struct kv_ticket *ticket;
	unsigned int number;		/* N of sandbox.N, unique in the session */
	const char *file;		/* absolute path inside */
	char *const *argv;
	char *const *envp;
	const char *cwd;		/* "/" when it does not exist inside */
	mode_t umask;
	bool own_session;		/* the payload gets a session of its own and, if there is one, the terminal */
	int opener_fd;			/* pidfd of the PAM session's holder; -1: none */
	int input, output, errors;	/* instead of descriptors 0, 1 and 2; -1: the caller's */
};

/* What was verified from inside, just before the command was started. */
struct kv_verified {
	int score;
	char layers[256];	/* "ns,seccomp,landlock,net,ro,limits" */
};

struct kv_sandbox {
	enum kv_state state;
	pid_t pid;			/* the sandbox's first process, as the caller sees it */
	int control;			/* the backend's own channel; -1: none */
	int shim;			/* containers: to the process that minds the runtime; -1: none */
	int terminal;			/* master of the sandbox's own pty, which the caller relays and closes; -1: none */
	unsigned int number;		/* N of sandbox.N */
	const struct kv_ticket *ticket;	/* borrowed; outlives the sandbox */
	struct kv_verified verified;
};

/* How a sandbox ended or stopped. */
struct kv_outcome {
	enum { KV_OUTCOME_EXITED, KV_OUTCOME_STOPPED, KV_OUTCOME_BROKEN } what;
	int status;			/* wait status of the command (wait(2)) */
	bool others;			/* processes remain; they live until the session closes */
};

struct kv_backend {
	const char *name;
	/*
	 * Makes the sandbox, confined and verified, with nothing of the user's
	 * started yet: state CREATED. NULL where the backend is absent.
	 */
	int (*start)(const struct kv_launch *launch, struct kv_sandbox *out, struct kv_error *err);
	/* Starts the command: RUNNING. */
	int (*go)(struct kv_sandbox *sandbox, struct kv_error *err);
	/* Passes a signal on to the command. */
	int (*signal)(struct kv_sandbox *sandbox, int sig, struct kv_error *err);
	/* Waits for the next outcome; control is readable then. */
	int (*wait)(struct kv_sandbox *sandbox, struct kv_outcome *out, struct kv_error *err);
	int (*pause)(struct kv_sandbox *sandbox, struct kv_error *err);
	int (*resume)(struct kv_sandbox *sandbox, struct kv_error *err);
	int (*health)(struct kv_sandbox *sandbox, struct kv_error *err);
	/* Ends it with all it holds, from any state; idempotent. */
	int (*destroy)(struct kv_sandbox *sandbox, struct kv_error *err);
};

/* The registry: KV_BACKEND_COUNT entries in order. */
const struct kv_backend *kv_backend_get(enum kv_backend_id id);

/*
 * Probes (backends/probe.c) the backends whose bit (1 << id) is set: is it here, which version; if not,
 * why. The others are absent: "not looked at". facts and versions have KV_BACKEND_COUNT entries;
 * versions may be NULL. Returns after wait_ms at the latest (and a moment): what is not known by then is absent.
 */
#define KV_BACKEND_ALL	((1U << KV_BACKEND_COUNT) - 1)
#define KV_PROBE_LOGIN_MS 8000	/* what a login may wait */
void kv_backend_probe(unsigned int wanted, unsigned int wait_ms, struct kv_backend_fact *facts, char (*versions)[64]);

/*
 * exec: starts, collects output, enforces the time limit, destroys. Output
 * above limit bytes each is dropped and said so. Sets *out in either case (err: what a runtime said of
 * a failed start); the caller releases it. The caller must ignore SIGPIPE or be ready for it.
 */
struct kv_exec_options {
	unsigned int timeout_ms;	/* 0: 30,000 */
	size_t output_limit;		/* 0: 16 MiB */
	const void *input;		/* NULL: /dev/null */
	size_t input_size;
};
struct kv_exec_result {
	int exit_code;			/* 128 + n for a signal; 124 timed out */
	char *out, *err;		/* owned; NUL-ended */
	size_t out_size, err_size;
	uint64_t duration_ms;
	bool timed_out, truncated;
	struct kv_verified verified;
};
int kv_backend_exec(const struct kv_backend *backend, const struct kv_launch *launch,
    const struct kv_exec_options *options, struct kv_exec_result *out, struct kv_error *err);
void kv_exec_result_release(struct kv_exec_result *result);

#endif

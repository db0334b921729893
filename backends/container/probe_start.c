/*
 * One start of a runtime, as a session does it: the same backend, shim, user namespace and
 * init, with "kavach-init --probe" in the place of a command.
 *
 * All of it is below one process that is pid 1 of a namespace; when that is killed nothing is left.
 */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/backend.h"
#include "backends/container/channel.h"
#include "backends/process/seccomp.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "session/idmap.h"
#include "session/ticket.h"

#define NAMESPACES	(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

#define OUTPUT_MAX	16384

static enum kv_backend_id
backend_of(enum kv_runtime runtime)
{
	return runtime == KV_RUNTIME_RUNSC ? KV_BACKEND_GVISOR :
	    runtime == KV_RUNTIME_PODMAN ? KV_BACKEND_SYAGNOS : KV_BACKEND_OCI;
}

/* The least that every session of a container backend has. */
static int
fill_ticket(struct kv_ticket *ticket, enum kv_runtime runtime, const char *program, const char *option,
    struct kv_error *err)
{
	enum kv_backend_id backend = backend_of(runtime);
	const struct kv_policy policy = {
		.seccomp = KV_SECCOMP_BASIC, .network = KV_NET_OFF, .read_only_root = true,
	};
	size_t count = 0;
	uid_t root;

	ticket->magic = KV_TICKET_MAGIC;
	ticket->size = sizeof(*ticket);
	ticket->uid = ticket->gid = KV_PROBE_UID;
	ticket->backend = (int32_t)backend;
	ticket->inner = KV_BACKEND_AUTO;
	ticket->network = KV_NET_OFF;
	ticket->seccomp = KV_SECCOMP_BASIC;
	ticket->read_only_root = true;
	ticket->base_score = kv_backend_base_score(backend);
	ticket->score = kv_score(ticket->base_score, backend, &policy);
	if (kv_idmap_root(ticket->uid, &root) != 0 ||
	    kv_format(ticket->session, sizeof(ticket->session), "%016x", 0U) != 0 ||
	    kv_format(ticket->user, sizeof(ticket->user), "kavach-probe") != 0 ||
	    kv_format(ticket->runtime, sizeof(ticket->runtime), "%s", program) != 0 ||
	    kv_format(ticket->runtime_option, sizeof(ticket->runtime_option), "%s", option) != 0)
		return kv_error_sys(err, "probe");
	ticket->container_root = root;
	if (kv_seccomp_compile(KV_SECCOMP_BASIC, NULL, ticket->filter, KV_TICKET_FILTER_MAX, &count, err) != 0)
		return -1;
	ticket->filter_count = (uint32_t)count;
	return 0;
}

/* Which namespaces are the host's, before this process has its own. */
static int
note_host(struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int proc = kv_proc_open(err);

	if (proc < 0 || kv_proc_namespace(proc, "net", &ticket->host_netns_ino, err) != 0 ||
	    kv_proc_namespace(proc, "user", &ticket->userns_ino, err) != 0)
		return -1;
	return 0;
}

static int
execute(const struct kv_ticket *ticket, struct kv_probe_answer *answer)
{
	static char *const argv[] = { (char *)(uintptr_t)"kavach-init", (char *)(uintptr_t)"--probe", NULL };
	static char *const envp[] = { NULL };
	const struct kv_launch launch = {
		.ticket = ticket, .number = 1, .file = KV_RUN_DIR "/" KV_CHANNEL_INIT, .argv = argv, .envp = envp,
		.cwd = "/", .umask = 077, .own_session = true, .opener_fd = -1, .input = -1, .output = -1, .errors = -1,
	};
	const struct kv_exec_options options = { .timeout_ms = KV_PROBE_START_MS, .output_limit = OUTPUT_MAX };
	struct kv_exec_result result;
	char why[sizeof(answer->err.msg)];
	int status = kv_backend_exec(kv_backend_get((enum kv_backend_id)ticket->backend), &launch, &options,
	    &result, &answer->err);

	memcpy(why, answer->err.msg, sizeof(why));
	if (status != 0 && result.err != NULL && result.err[0] != '\0')
		(void)kv_error_set(&answer->err, KV_ERR_UNAVAILABLE, "%.160s (%.60s)", kv_runtime_words(result.err), why);
	else if (status == 0 && result.exit_code != 0)
		status = kv_error_set(&answer->err, KV_ERR_UNAVAILABLE, "the container started, and ended with %d: %.100s",
		    result.exit_code, result.err);
	else if (status == 0)
		status = kv_format(answer->words, sizeof(answer->words), "%s", result.out);
	kv_exec_result_release(&result);
	return status;
}

static void
start(struct kv_ticket *ticket, struct kv_probe_answer *answer)
{
	if (kv_probe_place_make(ticket, &answer->err) == 0)
		(void)execute(ticket, answer);
}

/* pid 1. */
static _Noreturn void
first(struct kv_ticket *ticket, kv_probe_body *body, int out)
{
	struct kv_probe_answer answer = { .err = KV_ERROR_INIT };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	body(ticket, &answer);
	(void)kv_write_all(out, &answer, sizeof(answer));
	_exit(0);
}

/* 0 with the answer, or -1 with the reason why there is none. */
static int
await_answer(int fd, const char *what, struct kv_probe_answer *answer, struct kv_error *err)
{
	int64_t until = kv_probe_now_ms() + KV_PROBE_START_MS;
	size_t used = 0;

	while (used < sizeof(*answer)) {
		int64_t left = until - kv_probe_now_ms();
		struct pollfd watched = { .fd = fd, .events = POLLIN };
		int n = poll(&watched, 1, left > 0 ? (int)left : 0);
		ssize_t got;

		if (n == 0) {
			(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "did not start %s within %d seconds", what,
			    KV_PROBE_START_MS / 1000);
			err->sys_errno = ETIMEDOUT;
			return -1;
		}
		if (n < 0 && errno == EINTR)
			continue;
		got = n < 0 ? -1 : read(fd, (char *)answer + used, sizeof(*answer) - used);
		if (got <= 0)
			return kv_error_set(err, KV_ERR_SYSTEM, "the probe ended without an answer");
		used += (size_t)got;
	}
	return 0;
}

int
kv_probe_below(struct kv_ticket *ticket, kv_probe_body *body, const char *what, char *words, size_t size,
    struct kv_error *err)
{
	struct clone_args args = { .flags = NAMESPACES, .exit_signal = SIGCHLD };
	struct kv_probe_answer answer;
	int ends[2], status;
	pid_t pid;

	if (note_host(ticket, err) != 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return kv_error_sys(err, "pipe");
	kv_cleanup_close int in = ends[0];
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		first(ticket, body, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return kv_error_sys(err, "namespaces");
	status = await_answer(in, what, &answer, err);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		return -1;
	if (answer.err.code != KV_ERR_NONE) {
		*err = answer.err;
		return -1;
	}
	return kv_format(words, size, "%s", answer.words) == 0 ? 0 : kv_error_sys(err, "probe");
}

int
kv_probe_start(enum kv_runtime runtime, const char *program, const char *option, char *words, size_t size,
    struct kv_error *err)
{
	kv_cleanup_free struct kv_ticket *ticket = calloc(1, sizeof(*ticket));

	if (ticket == NULL)
		return kv_error_sys(err, "probe");
	if (fill_ticket(ticket, runtime, program, option, err) != 0)
		return -1;
	return kv_probe_below(ticket, start, "a container", words, size, err);
}

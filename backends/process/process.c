/*
 * The process backend: namespaces, Landlock, seccomp, capabilities, cgroup.
 * start() makes the sandbox's first process (init.c) and waits until it has confined and
 * verified itself. noop shares the code, without namespaces of its own.
 */
#include "backends/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/init.h"
#include "backends/process/landlock.h"
#include "backends/process/message.h"
#include "backends/process/mounts.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "session/cgroup.h"
#include "session/ticket.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)

/* Setting up takes milliseconds; a host that needs longer than this is stuck. */
#define SETUP_TIMEOUT_MS 20000

/* Does this ticket have a cgroup that the wrapper may divide. */
static bool
has_cgroup(const struct kv_ticket *ticket)
{
	return ticket->cgroup_version != KV_CGROUP_NONE && ticket->privilege != KV_PRIV_USERNS;
}

static pid_t
clone_init(const struct kv_launch *launch, bool namespaces, int cgroup)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	args.flags |= namespaces ? NAMESPACES : CLONE_NEWNS;
	if (launch->ticket->privilege == KV_PRIV_USERNS)
		args.flags |= CLONE_NEWUSER;
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int
kv_process_await(int control, enum kv_message_type type, struct kv_message *message, int *fds,
    size_t *count, struct kv_error *err)
{
	struct pollfd watched = { .fd = control, .events = POLLIN };
	int n;

	do
		n = poll(&watched, 1, SETUP_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the sandbox did not answer in time");
	if (n < 0)
		return kv_error_sys(err, "wait for the sandbox");
	n = kv_message_recv_fds(control, message, fds, count);
	if (n < 0)
		return kv_error_sys(err, "read from the sandbox");
	if (n == 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the sandbox ended while it was made");
	if (message->type == KV_MSG_FAILED) {
		*err = message->error;
		err->msg[sizeof(err->msg) - 1] = '\0';
		if (err->code == KV_ERR_NONE)
			err->code = KV_ERR_SYSTEM;
		return -1;
	}
	if (message->type != (uint32_t)type)
		return kv_error_set(err, KV_ERR_SYSTEM, "unexpected answer from the sandbox");
	return 0;
}

/* Waits for READY; anything else is a failure that says why. */
static int
await_ready(int control, struct kv_verified *verified, struct kv_error *err)
{
	struct kv_message message;
	size_t none = 0;

	if (kv_process_await(control, KV_MSG_READY, &message, NULL, &none, err) != 0)
		return -1;
	*verified = message.verified;
	return 0;
}

/* Checks the limits, lets init begin. */
static int
begin(const struct kv_launch *launch, int control, struct kv_error *err)
{
	const struct kv_ticket *ticket = launch->ticket;
	bool limited = ticket->memory_limit != 0 || ticket->cpu_limit_milli != 0 ||
	    ticket->process_limit != 0;
	struct kv_message message = { .type = KV_MSG_BEGIN };

	if (limited && kv_cgroup_readback(ticket, err) != 0)
		return -1;
	message.flag = limited;
	if (kv_message_send(control, &message) != 0)
		return kv_error_sys(err, "write to the sandbox");
	return 0;
}

/* Closing a procfs that is mounted nowhere waits for all processors: none is made for nothing. */
static int
take_terminal(void)
{
	struct kv_error ignored = KV_ERROR_INIT;
	kv_cleanup_close int proc = -1;

	if (!isatty(0) && !isatty(1) && !isatty(2))
		return -1;
	proc = kv_proc_open(&ignored);
	return proc < 0 ? -1 : kv_process_terminal_tree(proc);
}

int
kv_process_spawn(const struct kv_launch *launch, bool namespaces, kv_process_first *first,
    struct kv_sandbox *out, int *channel, struct kv_error *err)
{
	const struct kv_ticket *ticket = launch->ticket;
	kv_cleanup_close int control = -1, inner = -1, terminal = -1;
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_cgroup_entry cgroup;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return kv_error_sys(err, "socketpair");
	control = pair[0];
	inner = pair[1];
	if (kv_cgroup_sandbox_open(ticket, launch->number, &cgroup, err) != 0)
		return -1;
	/* A container has a pty of its own. */
	if (ticket->privilege != KV_PRIV_USERNS && first == kv_init_run)
		terminal = take_terminal();
	pid = clone_init(launch, namespaces, cgroup.folder);
	if (pid == 0) {
		struct kv_init init = {
			.launch = launch, .control = inner, .terminal = terminal, .namespaces = namespaces,
			.cgroup = &cgroup,
		};
		first(&init);
	}
	if (pid < 0)
		(void)kv_error_sys(err, "namespaces");
	*out = (struct kv_sandbox){
		.state = KV_STATE_CREATED, .pid = pid, .control = -1, .shim = -1, .terminal = -1,
		.number = launch->number, .ticket = ticket,
	};
	(void)close(kv_steal_fd(&inner));
	kv_cgroup_sandbox_close(&cgroup);
	if (pid > 0 && begin(launch, control, err) == 0) {
		*channel = kv_steal_fd(&control);
		return 0;
	}
	(void)kv_process_destroy(out, &ignored);
	return -1;
}

static int
start_with(const struct kv_launch *launch, bool namespaces, struct kv_sandbox *out, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;

	if (kv_process_spawn(launch, namespaces, kv_init_run, out, &out->control, err) != 0)
		return -1;
	if (await_ready(out->control, &out->verified, err) == 0)
		return 0;
	(void)kv_process_destroy(out, &ignored);
	return -1;
}

static int
start(const struct kv_launch *launch, struct kv_sandbox *out, struct kv_error *err)
{
	return start_with(launch, true, out, err);
}

static int
noop_start(const struct kv_launch *launch, struct kv_sandbox *out, struct kv_error *err)
{
	return start_with(launch, false, out, err);
}

static int
send_to_init(struct kv_sandbox *sandbox, enum kv_message_type type, int value, struct kv_error *err)
{
	struct kv_message message = { .type = type, .value = value };

	if (kv_message_send(sandbox->control, &message) != 0)
		return kv_error_sys(err, "write to the sandbox");
	return 0;
}

int
kv_process_go(struct kv_sandbox *sandbox, struct kv_error *err)
{
	if (kv_state_move(sandbox->state, KV_STATE_RUNNING, err) != 0 ||
	    send_to_init(sandbox, KV_MSG_GO, 0, err) != 0)
		return -1;
	sandbox->state = KV_STATE_RUNNING;
	return 0;
}

int
kv_process_signal(struct kv_sandbox *sandbox, int sig, struct kv_error *err)
{
	return send_to_init(sandbox, KV_MSG_SIGNAL, sig, err);
}

int
kv_process_wait(struct kv_sandbox *sandbox, struct kv_outcome *out, struct kv_error *err)
{
	struct kv_message message;
	int n = kv_message_recv(sandbox->control, &message);

	if (n < 0)
		return kv_error_sys(err, "read from the sandbox");
	*out = (struct kv_outcome){ .what = KV_OUTCOME_BROKEN, .status = SIGKILL };
	if (n == 1 && message.type == KV_MSG_STOPPED) {
		out->what = KV_OUTCOME_STOPPED;
		out->status = message.value;
		return 0;
	}
	if (n == 1 && message.type == KV_MSG_EXITED) {
		out->what = KV_OUTCOME_EXITED;
		out->status = message.value;
		out->others = message.flag;
		/* The shim ends with its wrapper, unless it is told that the end is a good one. */
		if (message.flag && sandbox->shim >= 0)
			(void)kv_message_send(sandbox->shim, &(struct kv_message){ .type = KV_MSG_LEAVE });
	}
	sandbox->state = KV_STATE_STOPPED;
	return 0;
}

static int
set_frozen(struct kv_sandbox *sandbox, bool frozen, struct kv_error *err)
{
	enum kv_state next = frozen ? KV_STATE_PAUSED : KV_STATE_RUNNING;

	if (kv_state_move(sandbox->state, next, err) != 0)
		return -1;
	if (!has_cgroup(sandbox->ticket))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "a sandbox without a cgroup cannot be paused");
	if (kv_cgroup_sandbox_freeze(sandbox->ticket, sandbox->number, frozen, err) != 0)
		return -1;
	sandbox->state = next;
	return 0;
}

int
kv_process_pause(struct kv_sandbox *sandbox, struct kv_error *err)
{
	return set_frozen(sandbox, true, err);
}

int
kv_process_resume(struct kv_sandbox *sandbox, struct kv_error *err)
{
	return set_frozen(sandbox, false, err);
}

int
kv_process_health(struct kv_sandbox *sandbox, struct kv_error *err)
{
	siginfo_t info = { .si_pid = 0 };

	if (sandbox->state != KV_STATE_RUNNING && sandbox->state != KV_STATE_PAUSED)
		return kv_error_set(err, KV_ERR_DENIED, "the sandbox is %s", kv_state_name(sandbox->state));
	if (waitid(P_PID, (id_t)sandbox->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the sandbox's first process is gone");
	return 0;
}

int
kv_process_destroy(struct kv_sandbox *sandbox, struct kv_error *err)
{
	if (sandbox->state == KV_STATE_DESTROYED)
		return 0;
	if (kv_state_move(sandbox->state, KV_STATE_DESTROYED, err) != 0)
		return -1;
	if (sandbox->control >= 0)
		(void)close(kv_steal_fd(&sandbox->control));
	if (sandbox->shim >= 0)
		(void)close(kv_steal_fd(&sandbox->shim));
	if (sandbox->terminal >= 0)
		(void)close(kv_steal_fd(&sandbox->terminal));
	if (sandbox->pid > 0) {
		(void)kill(sandbox->pid, SIGKILL);
		if (sandbox->state == KV_STATE_PAUSED && has_cgroup(sandbox->ticket))
			(void)kv_cgroup_sandbox_freeze(sandbox->ticket, sandbox->number, false, err);
		while (waitpid(sandbox->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (has_cgroup(sandbox->ticket))
		(void)kv_cgroup_sandbox_remove(sandbox->ticket, sandbox->number);
	sandbox->state = KV_STATE_DESTROYED;
	return 0;
}

/* One code, two ways to start. */
const struct kv_backend kv_process_backend = KV_PROCESS_BACKEND("process", start);
const struct kv_backend kv_noop_backend = KV_PROCESS_BACKEND("noop", noop_start);

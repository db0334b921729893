#include "wrapper/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/idle.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/pty_relay.h"
#include "common/terminal.h"

#define STOP_MS	100	/* for a command's last words before its job stops */
#define END_MS	30000	/* for a slow terminal to take what an ended command wrote */

struct relay {
	const struct kv_backend *backend;
	struct kv_sandbox *sandbox;
	struct kv_pty_relay *pty;	/* NULL: the command has the caller's terminal itself */
	bool own_session;
	bool stopped;			/* by SIGTSTP; the command's own stop is still to be told */
	bool hung_up;			/* the command got SIGHUP */
};

bool
kv_relay_leads(void)
{
	return getsid(0) == getpid();
}

static int
open_signals(struct kv_error *err)
{
	sigset_t set;
	int fd;

	(void)sigfillset(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return kv_error_sys(err, "signalfd");
	return fd;
}

static int
pass(struct relay *relay, int sig, struct kv_error *err)
{
	if (relay->backend->signal(relay->sandbox, sig, err) == 0 || err->sys_errno == EPIPE)
		return 0;		/* gone: its end is told by wait() */
	return -1;
}

/*
 * With a pty of the command's own, no key and no hangup of the caller's terminal reaches it by itself: all is
 * passed on, but the window's size, which the pty tells it.
 */
static int
pass_to_pty(struct relay *relay, const struct signalfd_siginfo *info, struct kv_error *err)
{
	int sig = (int)info->ssi_signo;
	struct pollfd told = { .fd = relay->sandbox->control, .events = POLLIN };

	if (sig == SIGWINCH)
		kv_pty_resize(relay->pty);
	if (sig == SIGWINCH && info->ssi_code == SI_KERNEL)
		return 0;
	if (sig == SIGCONT) {
		kv_pty_continue(relay->pty);
		relay->stopped = false;
	}
	if (sig == SIGHUP)
		relay->hung_up = true;
	if (pass(relay, sig, err) != 0)
		return -1;
	if (sig == SIGTSTP && !relay->own_session) {
		/* Time to tidy the screen. What tells that the command has stopped is read when we go on. */
		(void)poll(&told, 1, STOP_MS);
		relay->stopped = true;
		kv_pty_stop(relay->pty, STOP_MS);
	}
	return 0;
}

/*
 * Signals that the kernel made (keys of a terminal that the command shares)
 * reach the command by themselves; those that a process sent are passed on. One a turn: what is told of the
 * command between two of them comes first, so that a stop that SIGCONT undoes is over.
 */
static int
pass_signal(struct relay *relay, int signals, struct kv_error *err)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info) ||
	    info.ssi_signo == SIGCHLD || info.ssi_signo == SIGPIPE)
		return 0;
	if (relay->pty != NULL)
		return pass_to_pty(relay, &info, err);
	return info.ssi_code == SI_KERNEL ? 0 : pass(relay, (int)info.ssi_signo, err);
}

/* The caller's terminal is gone: so is the command's, and it is told once. */
static int
hang_up(struct relay *relay, struct kv_error *err)
{
	kv_pty_close(relay->pty);
	relay->pty = NULL;
	(void)close(kv_steal_fd(&relay->sandbox->terminal));
	return relay->hung_up ? 0 : pass(relay, SIGHUP, err);
}

/* Returns true when the command is over. */
static bool
take_outcome(struct relay *relay, struct kv_outcome *outcome)
{
	if (outcome->what == KV_OUTCOME_STOPPED) {
		/* su(1) and the caller's shell see a job stop; under sshd nobody asks. */
		if (!relay->own_session && !relay->stopped)
			kv_pty_stop(relay->pty, STOP_MS);
		relay->stopped = false;
		return false;
	}
	if (outcome->what == KV_OUTCOME_BROKEN)
		outcome->status = SIGKILL;
	return true;
}

static int
relay_all(struct relay *relay, int signals, struct kv_outcome *end, struct kv_error *err)
{
	kv_idle_release();
	for (;;) {
		struct pollfd watched[5] = {
			{ .fd = relay->sandbox->control, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
		};

		if (relay->pty != NULL)
			kv_pty_watch(relay->pty, &watched[2]);
		if (poll(watched, relay->pty != NULL ? 5 : 2, relay->pty != NULL ? kv_pty_timeout(relay->pty) : -1) < 0) {
			if (errno == EINTR)
				continue;
			return kv_error_sys(err, "wait for the sandbox");
		}
		if (watched[0].revents != 0 && relay->backend->wait(relay->sandbox, end, err) != 0)
			return -1;
		if (watched[0].revents != 0 && take_outcome(relay, end))
			return 0;
		if (watched[1].revents != 0 && pass_signal(relay, signals, err) != 0)
			return -1;
		if (relay->pty != NULL && !kv_pty_step(relay->pty, &watched[2]) && hang_up(relay, err) != 0)
			return -1;
	}
}

static int
open_pty(struct kv_pty_relay *pty, int master, struct kv_error *err)
{
	int in, out;

	if (pty == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	if (kv_terminal_find(&in, &out) != 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "the sandbox has a terminal, and the caller has none");
	return kv_pty_open(pty, in, out, master, err);
}

int
kv_relay_run(const struct kv_backend *backend, struct kv_sandbox *sandbox, bool own_session,
    struct kv_outcome *end, struct kv_error *err)
{
	kv_cleanup_free struct kv_pty_relay *pty = NULL;
	kv_cleanup_close int signals = open_signals(err);
	struct relay relay = { .backend = backend, .sandbox = sandbox, .own_session = own_session };
	int result;

	if (signals < 0)
		return -1;
	if (sandbox->terminal >= 0) {
		pty = malloc(sizeof(*pty));
		if (open_pty(pty, sandbox->terminal, err) != 0)
			return -1;
		relay.pty = pty;
	} else if (own_session) {
		kv_terminal_release();
	}
	result = backend->go(sandbox, err) != 0 ? -1 : relay_all(&relay, signals, end, err);
	if (relay.pty != NULL) {
		kv_pty_drain(relay.pty, END_MS);
		kv_pty_close(relay.pty);
		(void)close(kv_steal_fd(&sandbox->terminal));
	}
	return result;
}

_Noreturn void
kv_relay_end(int status)
{
	if (WIFSIGNALED(status)) {
		int sig = WTERMSIG(status);
		sigset_t set;

		(void)sigemptyset(&set);
		(void)sigaddset(&set, sig);
		(void)signal(sig, SIG_DFL);
		(void)kill(getpid(), sig);
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
		_exit(128 + sig);
	}
	_exit(WEXITSTATUS(status));
}

#include "backends/process/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/idle.h"
#include "backends/process/message.h"
#include "common/error.h"

int
kv_serve_signals(struct kv_error *err)
{
	sigset_t all;
	int fd;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return kv_error_sys(err, "signal mask");
	(void)sigemptyset(&all);
	(void)sigaddset(&all, SIGCHLD);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return kv_error_sys(err, "signalfd");
	return fd;
}

/* A session of its own, with the terminal. */
static void
take_terminal(void)
{
	(void)setsid();
	for (int fd = 0; fd <= 2; fd++) {
		if (isatty(fd) && ioctl(fd, TIOCSCTTY, 0) == 0)
			break;
	}
}

/* Else a job of the caller's session. */
static void
take_foreground(void)
{
	(void)setpgid(0, 0);
	for (int fd = 0; fd <= 2; fd++) {
		if (isatty(fd) && tcsetpgrp(fd, getpid()) == 0)
			break;
	}
}

/* The command's process: default signals, then exec. */
static _Noreturn void
run_command(const struct kv_serve *serve)
{
	const struct kv_launch *launch = serve->launch;
	sigset_t none;
	int status;

	if (launch->own_session)
		take_terminal();
	else if (serve->leads)
		take_foreground();
	(void)umask(launch->umask);
	if (chdir(launch->cwd) != 0 && chdir("/") != 0)
		_exit(KV_EXIT_SYSTEM);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)execve(launch->file, launch->argv, launch->envp);
	status = errno == ENOENT ? 127 : 126;
	(void)dprintf(STDERR_FILENO, "kavach: cannot start %s: %s\n", launch->file, strerror(errno));
	_exit(status);
}

/* The user's input and output are the command's alone: held here, they would never reach their end. */
static void
release_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fd);
}

static bool
others_remain(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void
report_end(struct kv_serve *serve, int status)
{
	struct kv_message message = { .type = KV_MSG_EXITED, .value = status, .flag = others_remain() };

	serve->ended = true;
	/* From here the wrapper may go; what the user left behind lives until the session closes. */
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)kv_message_send(serve->control, &message);
	(void)close(serve->control);
}

/* Reaps all that has changed. Returns false when there is nothing left to wait for. */
static bool
reap(struct kv_serve *serve)
{
	struct signalfd_siginfo drained;
	int status;
	pid_t pid;

	while (read(serve->signals, &drained, sizeof(drained)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != serve->command)
			continue;
		if (WIFSTOPPED(status)) {
			struct kv_message message = { .type = KV_MSG_STOPPED, .value = WSTOPSIG(status) };

			(void)kv_message_send(serve->control, &message);
		} else {
			report_end(serve, status);
		}
	}
	return pid == 0 || !serve->ended;
}

/* A signal for the command goes to its process group, as sshd would send it. */
static void
pass_signal(const struct kv_serve *serve, int sig)
{
	pid_t target = serve->launch->own_session || serve->leads ? -serve->command : serve->command;

	if (kill(target, sig) != 0)
		(void)kill(serve->command, sig);
}

/* Returns false when the wrapper is gone before the command ended: then all ends. */
static bool
take_message(const struct kv_serve *serve)
{
	struct kv_message message;

	if (kv_message_recv(serve->control, &message) != 1)
		return false;
	if (message.type == KV_MSG_SIGNAL)
		pass_signal(serve, message.value);
	return true;
}

static void
loop(struct kv_serve *serve)
{
	struct pollfd watched[] = {
		{ .fd = serve->signals, .events = POLLIN },
		{ .fd = serve->opener, .events = POLLIN },
		{ .fd = serve->control, .events = POLLIN },
	};

	for (;;) {
		watched[2].fd = serve->ended ? -1 : serve->control;
		if (poll(watched, sizeof(watched) / sizeof(watched[0]), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (watched[1].revents != 0)
			return;		/* the PAM session's holder is gone */
		if (watched[0].revents != 0 && !reap(serve))
			return;
		if (!serve->ended && watched[2].revents != 0 && !take_message(serve))
			return;
	}
}

int
kv_serve(struct kv_serve *serve, struct kv_error *err)
{
	serve->ended = false;
	serve->command = fork();
	if (serve->command == 0)
		run_command(serve);
	if (serve->command < 0)
		return kv_error_sys(err, "fork");
	release_stdio();
	kv_idle_release();
	loop(serve);
	return 0;
}

#include "wrapper/relay.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/error.h"

/*
 * The user's end of the caller's terminal, the test's; its other end, the wrapper's; and the command's pty.
 * The wrapper runs in a child, with a fake backend whose sandbox is one command.
 */
static int user, caller, command_pty, control;
static const char *script;
static pid_t command, wrapper;
static struct termios before;
static char seen[8192];
static size_t seen_size;

/* Below the wrapper: starts the command on the pty, tells how it stops and ends. */
static _Noreturn void
fake_init(int tell)
{
	struct kv_outcome outcome = { .what = KV_OUTCOME_EXITED };
	sigset_t none;

	command = fork();
	if (command == 0) {
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)setsid();
		(void)ioctl(command_pty, TIOCSCTTY, 0);
		for (int fd = 0; fd <= 2; fd++)
			(void)dup2(command_pty, fd);
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	(void)close(command_pty);
	(void)close(caller);
	(void)send(tell, &command, sizeof(command), MSG_NOSIGNAL);
	while (waitpid(command, &outcome.status, WUNTRACED) == command) {
		outcome.what = WIFSTOPPED(outcome.status) ? KV_OUTCOME_STOPPED : KV_OUTCOME_EXITED;
		(void)send(tell, &outcome, sizeof(outcome), MSG_NOSIGNAL);
		if (outcome.what == KV_OUTCOME_EXITED)
			break;
	}
	_exit(0);
}

static int
fake_go(struct kv_sandbox *sandbox, struct kv_error *err)
{
	int ends[2];

	if (script == NULL)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "it does not start");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return kv_error_sys(err, "socketpair");
	if (fork() == 0) {
		(void)close(sandbox->terminal);
		(void)close(ends[0]);
		fake_init(ends[1]);
	}
	(void)close(ends[1]);
	(void)close(command_pty);
	sandbox->control = ends[0];
	return recv(ends[0], &command, sizeof(command), 0) == (ssize_t)sizeof(command) ? 0 : kv_error_sys(err, "fake");
}

static int
fake_signal(struct kv_sandbox *sandbox, int sig, struct kv_error *err)
{
	(void)sandbox;
	if (kill(-command, sig) != 0 && kill(command, sig) != 0 && errno != ESRCH)
		return kv_error_sys(err, "kill");
	return 0;
}

static int
fake_wait(struct kv_sandbox *sandbox, struct kv_outcome *out, struct kv_error *err)
{
	(void)err;
	if (recv(sandbox->control, out, sizeof(*out), 0) != (ssize_t)sizeof(*out))
		*out = (struct kv_outcome){ .what = KV_OUTCOME_BROKEN };
	return 0;
}

static const struct kv_backend fake = { .name = "fake", .go = fake_go, .signal = fake_signal, .wait = fake_wait };

/* The wrapper's process, from where main() calls kv_relay_run. 70: it failed. */
static _Noreturn void
run_wrapper(int master, bool own_session)
{
	struct kv_sandbox sandbox = { .control = -1, .shim = -1, .terminal = master };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_outcome end = { .status = 0 };
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	for (int fd = 0; fd <= 2; fd++)
		(void)dup2(caller, fd);
	(void)close(user);
	if (kv_relay_run(&fake, &sandbox, own_session, &end, &err) != 0)
		_exit(70);
	if (sandbox.terminal != -1)
		_exit(71);
	kv_relay_end(end.status);
}

/* A shell with job control, the leader of the session; tells each status, and continues on a word. */
static _Noreturn void
run_shell(int master, int tell, bool own_session)
{
	int status;

	(void)setsid();
	(void)ioctl(caller, TIOCSCTTY, 0);
	(void)signal(SIGTTOU, SIG_IGN);
	wrapper = fork();
	if (wrapper == 0) {
		(void)setpgid(0, 0);
		(void)tcsetpgrp(caller, getpid());
		run_wrapper(master, own_session);
	}
	(void)signal(SIGHUP, SIG_IGN);
	(void)close(master);
	(void)close(user);
	(void)close(command_pty);
	while (waitpid(wrapper, &status, WUNTRACED) == wrapper) {
		(void)send(tell, &status, sizeof(status), MSG_NOSIGNAL);
		if (!WIFSTOPPED(status))
			break;
		(void)tcsetpgrp(caller, getpgrp());
		(void)recv(tell, &status, sizeof(status), 0);
		(void)tcsetpgrp(caller, wrapper);
		(void)kill(wrapper, SIGCONT);
	}
	/* The end of a session's leader would hang its terminal up. */
	(void)recv(tell, &status, sizeof(status), 0);
	_exit(0);
}

static void
start(const char *text, bool own_session)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int master, ends[2];
	pid_t shell;

	script = text;
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	ATF_REQUIRE_EQ(0, openpty(&user, &caller, NULL, NULL, &size));
	ATF_REQUIRE_EQ(0, openpty(&master, &command_pty, NULL, NULL, NULL));
	for (int *fd = (int[]){ user, caller, master, command_pty, -1 }; *fd >= 0; fd++)
		ATF_REQUIRE_EQ(0, fcntl(*fd, F_SETFD, FD_CLOEXEC));
	ATF_REQUIRE_EQ(0, tcgetattr(caller, &before));
	shell = fork();
	ATF_REQUIRE(shell >= 0);
	if (shell == 0) {
		(void)close(ends[0]);
		run_shell(master, ends[1], own_session);
	}
	(void)close(master);
	(void)close(command_pty);
	(void)close(ends[1]);
	control = ends[0];
	seen_size = 0;
}

static void
expect(const char *text)
{
	struct pollfd watched = { .fd = user, .events = POLLIN };

	while (memmem(seen, seen_size, text, strlen(text)) == NULL) {
		ssize_t n = poll(&watched, 1, 10000) == 1 ? read(user, seen + seen_size, sizeof(seen) - seen_size) : 0;

		ATF_REQUIRE_MSG(n > 0, "no '%s' in '%.*s'", text, (int)seen_size, seen);
		seen_size += (size_t)n;
	}
	seen_size = 0;
}

static void
type(const char *text)
{
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(user, text, strlen(text)));
}

static bool
is_restored(void)
{
	struct termios now;

	ATF_REQUIRE_EQ(0, tcgetattr(caller, &now));
	return now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag && now.c_lflag == before.c_lflag;
}

static pid_t
job(void)
{
	pid_t group = -1;

	ATF_REQUIRE_EQ(0, ioctl(user, TIOCGPGRP, &group));
	return group;
}

/* What the job's shell was told by waitpid(2). */
static int
status_of_job(void)
{
	struct pollfd watched = { .fd = control, .events = POLLIN };
	int status;

	ATF_REQUIRE_EQ(1, poll(&watched, 1, 10000));
	ATF_REQUIRE_EQ((ssize_t)sizeof(status), recv(control, &status, sizeof(status), 0));
	return status;
}

#define CASE(name, text)					\
	ATF_TC(name);						\
	ATF_TC_HEAD(name, tc)					\
	{							\
		atf_tc_set_md_var(tc, "descr", text);		\
		atf_tc_set_md_var(tc, "timeout", "60");		\
	}							\
	ATF_TC_BODY(name, tc)

CASE(a_session_on_a_pty, "settings, size, input, output, status; the terminal is put back")
{
	start("stty size; tty; read x; echo got=$x; seq 3000 | tail -n 1000; exit 9", true);
	expect("24 80\r\n/dev/pts/");
	ATF_CHECK(!is_restored());
	type("word\r");
	expect("got=word\r\n");
	expect("\r\n3000\r\n");
	ATF_CHECK_EQ(9 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(an_end_by_signal, "the wrapper ends by the command's signal, after it put the terminal back")
{
	start("echo on; kill -TERM $$", false);
	expect("on\r\n");
	ATF_CHECK_EQ(SIGTERM, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(keys_reach_the_command_only, "Ctrl-C is the pty's")
{
	start("trap 'echo int; exit 4' INT; echo on; while :; do sleep 0.1; done", true);
	expect("on\r\n");
	type("\003");
	expect("int\r\n");
	ATF_CHECK_EQ(4 << 8, status_of_job());
}

CASE(a_resize_reaches_the_command, "SIGWINCH and the new size")
{
	struct winsize size = { .ws_row = 40, .ws_col = 132 };

	start("trap 'stty size; exit 0' WINCH; echo on; while :; do sleep 0.1; done", true);
	expect("on\r\n");
	ATF_REQUIRE_EQ(0, ioctl(user, TIOCSWINSZ, &size));
	expect("40 132\r\n");
	ATF_CHECK_EQ(0, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(a_hangup_reaches_the_command, "SIGHUP, and the pty is closed")
{
	start("trap 'trap \"\" HUP; sleep 0.3; echo x || exit 5; exit 6' HUP; echo on; while :; do sleep 0.1; done", true);
	expect("on\r\n");
	ATF_REQUIRE_EQ(0, close(caller));
	ATF_REQUIRE_EQ(0, close(user));
	/* 5: and its terminal takes nothing any more. */
	ATF_CHECK_EQ(5 << 8, status_of_job());
}

CASE(other_signals_are_passed_on, "what a process sends to the wrapper")
{
	start("trap 'exit 8' USR1; echo on; while :; do sleep 0.1; done", true);
	expect("on\r\n");
	ATF_REQUIRE_EQ(0, kill(job(), SIGUSR1));
	ATF_CHECK_EQ(8 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(a_stopped_command_stops_the_job, "and it goes on, twice")
{
	start("for i in 1 2; do kill -STOP $$; echo on=$i; read x; echo got=$x; done; exit 3", false);
	for (int i = 1; i <= 2; i++) {
		int status = status_of_job();

		ATF_REQUIRE(WIFSTOPPED(status));
		ATF_CHECK(is_restored());
		ATF_REQUIRE_EQ((ssize_t)sizeof(i), send(control, &i, sizeof(i), 0));
		expect(i == 1 ? "on=1" : "on=2");
		ATF_CHECK(!is_restored());
		type("w\r");
		expect("got=w\r\n");
	}
	ATF_CHECK_EQ(3 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(a_job_that_is_told_to_stop, "SIGTSTP: the command tidies up and stops; the job does once")
{
	int status = 0;

	start("trap 'echo tidy; kill -STOP $$; echo back' TSTP; echo on; while :; do read x && echo got=$x && exit 5; done",
	    false);
	expect("on\r\n");
	wrapper = job();
	for (int i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(0, kill(wrapper, SIGTSTP));
		status = status_of_job();
		ATF_REQUIRE(WIFSTOPPED(status));
		ATF_CHECK(is_restored());
		ATF_REQUIRE_EQ((ssize_t)sizeof(i), send(control, &i, sizeof(i), 0));
		expect("back\r\n");
		ATF_CHECK(!is_restored());
	}
	type("w\r");
	expect("got=w\r\n");
	ATF_CHECK_EQ(5 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(a_start_that_fails, "the terminal is put back before the refusal")
{
	start(NULL, true);
	ATF_CHECK_EQ(70 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

CASE(what_is_left_does_not_hold_it, "a background process keeps the pty open and writes on")
{
	start("trap '' HUP; (while echo y; do :; done) & sleep 0.2; exit 2", true);
	expect("y\r\n");
	for (;;) {
		struct pollfd watched[] = { { .fd = control, .events = POLLIN }, { .fd = user, .events = POLLIN } };
		char data[4096];

		ATF_REQUIRE(poll(watched, 2, 10000) > 0);
		if (watched[1].revents == 0)
			break;
		ATF_REQUIRE(read(user, data, sizeof(data)) > 0);
	}
	ATF_CHECK_EQ(2 << 8, status_of_job());
	ATF_CHECK(is_restored());
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_session_on_a_pty);
	ATF_TP_ADD_TC(tp, an_end_by_signal);
	ATF_TP_ADD_TC(tp, keys_reach_the_command_only);
	ATF_TP_ADD_TC(tp, a_resize_reaches_the_command);
	ATF_TP_ADD_TC(tp, a_hangup_reaches_the_command);
	ATF_TP_ADD_TC(tp, other_signals_are_passed_on);
	ATF_TP_ADD_TC(tp, a_stopped_command_stops_the_job);
	ATF_TP_ADD_TC(tp, a_job_that_is_told_to_stop);
	ATF_TP_ADD_TC(tp, a_start_that_fails);
	ATF_TP_ADD_TC(tp, what_is_left_does_not_hold_it);
	return atf_no_error();
}

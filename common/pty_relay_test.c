#include "common/pty_relay.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"

#define BULK ((size_t)10 << 20)

/* user <-> caller | relay | master <-> command: the test is at both ends. */
static struct kv_pty_relay relay;
static int user, caller, master, command;
static struct termios before;

static void
nonblocking(int fd)
{
	ATF_REQUIRE_EQ(0, fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static void
raw(int fd)
{
	struct termios settings;

	ATF_REQUIRE_EQ(0, tcgetattr(fd, &settings));
	cfmakeraw(&settings);
	ATF_REQUIRE_EQ(0, tcsetattr(fd, TCSANOW, &settings));
}

static void
open_both(void)
{
	struct winsize size = { .ws_row = 33, .ws_col = 101 };
	struct kv_error err = KV_ERROR_INIT;

	(void)signal(SIGTTOU, SIG_IGN);
	(void)signal(SIGTTIN, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	ATF_REQUIRE_EQ(0, openpty(&user, &caller, NULL, NULL, &size));
	ATF_REQUIRE_EQ(0, openpty(&master, &command, NULL, NULL, NULL));
	ATF_REQUIRE_EQ(0, tcgetattr(caller, &before));
	before.c_cc[VINTR] = 1;
	before.c_lflag &= ~(tcflag_t)ECHOE;
	ATF_REQUIRE_EQ(0, tcsetattr(caller, TCSANOW, &before));
	nonblocking(user);
	nonblocking(command);
	ATF_REQUIRE_MSG(kv_pty_open(&relay, caller, caller, master, &err) == 0, "%s", err.msg);
}

/* One turn as a caller makes it; what poll(2) said. */
static int
turn(int ms)
{
	struct pollfd watched[3];
	int n;

	kv_pty_watch(&relay, watched);
	n = poll(watched, 3, ms);
	if (n >= 0)
		ATF_REQUIRE(kv_pty_step(&relay, watched));
	return n;
}

static bool
same(int fd, const struct termios *settings)
{
	struct termios now;

	ATF_REQUIRE_EQ(0, tcgetattr(fd, &now));
	return now.c_iflag == settings->c_iflag && now.c_oflag == settings->c_oflag &&
	    now.c_lflag == settings->c_lflag && now.c_cflag == settings->c_cflag &&
	    memcmp(now.c_cc, settings->c_cc, sizeof(now.c_cc)) == 0;
}

static bool
is_raw(int fd)
{
	struct termios now;

	ATF_REQUIRE_EQ(0, tcgetattr(fd, &now));
	return (now.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (now.c_oflag & OPOST) == 0 &&
	    (now.c_iflag & (IXON | ICRNL | ISTRIP)) == 0;
}

/* A stream of bytes that both ends can make. */
struct stream {
	int from, to;
	uint64_t in, out;
	size_t sent, got, size, piece;
};

static unsigned char
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned char)(*state >> 32);
}

static void
stream_send(struct stream *s)
{
	unsigned char data[8192];
	uint64_t state = s->in;
	size_t size = s->size - s->sent < s->piece ? s->size - s->sent : s->piece;
	ssize_t n;

	for (size_t i = 0; i < size; i++)
		data[i] = next(&state);
	n = size == 0 ? 0 : write(s->from, data, size);
	for (ssize_t i = 0; i < n; i++)
		(void)next(&s->in);
	s->sent += n > 0 ? (size_t)n : 0;
}

static void
stream_take(struct stream *s)
{
	unsigned char data[8192];
	ssize_t n = read(s->to, data, s->piece);

	for (ssize_t i = 0; i < n; i++)
		ATF_REQUIRE_EQ_MSG(next(&s->out), data[i], "byte %zu differs", s->got + (size_t)i);
	s->got += n > 0 ? (size_t)n : 0;
}

static void
both_ways(size_t size)
{
	struct stream in = { .from = user, .to = command, .in = 1, .out = 1, .size = size };
	struct stream out = { .from = command, .to = user, .in = 2, .out = 2, .size = size };
	time_t end = time(NULL) + 100;

	for (unsigned int i = 0; in.got < size || out.got < size; i++) {
		ATF_REQUIRE_MSG(time(NULL) < end, "stuck at %zu and %zu", in.got, out.got);
		in.piece = 1 + i * 797 % 8192;
		out.piece = 1 + i * 1013 % 8192;
		stream_send(&in);
		stream_send(&out);
		(void)turn(10);
		stream_take(&in);
		stream_take(&out);
	}
}

static void
interrupt(int sig)
{
	(void)sig;
}

#define CASE(name, text)					\
	ATF_TC(name);						\
	ATF_TC_HEAD(name, tc)					\
	{							\
		atf_tc_set_md_var(tc, "descr", text);		\
		atf_tc_set_md_var(tc, "timeout", "120");	\
	}							\
	ATF_TC_BODY(name, tc)

CASE(every_byte_passes, "all 256 values, both ways")
{
	unsigned char all[256], got[256];
	int ends[2][2];

	open_both();
	raw(command);
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	ends[0][0] = ends[1][1] = user;
	ends[0][1] = ends[1][0] = command;
	for (int way = 0; way < 2; way++) {
		ATF_REQUIRE_EQ(256, write(ends[way][0], all, 256));
		while (turn(50) > 0)
			;
		ATF_REQUIRE_EQ(256, read(ends[way][1], got, 256));
		ATF_CHECK_EQ(0, memcmp(all, got, 256));
	}
}

CASE(bulk_passes_both_ways, "10 MB of random bytes each way at once, in pieces of all sizes")
{
	open_both();
	raw(command);
	both_ways(BULK);
}

CASE(interrupted_calls_lose_nothing, "EINTR at any time")
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval often = { .it_interval.tv_usec = 500, .it_value.tv_usec = 500 };

	open_both();
	raw(command);
	ATF_REQUIRE_EQ(0, sigaction(SIGALRM, &action, NULL));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	both_ways(BULK / 8);
	(void)memset(&often, 0, sizeof(often));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
}

static void
fill_up(int from, int to)
{
	struct stream s = { .from = from, .to = to, .in = 3, .out = 3, .size = BULK, .piece = 4096 };
	struct pollfd watched[3];
	size_t last = 1;

	while (s.sent != last || turn(100) > 0) {
		last = s.sent;
		stream_send(&s);
		(void)turn(0);
	}
	ATF_CHECK_MSG(s.sent < BULK / 2, "%zu bytes went somewhere", s.sent);
	ATF_CHECK_MSG(s.sent >= KV_PTY_BUFFER, "%zu bytes only", s.sent);
	/* Full: nothing to do, so poll(2) waits. */
	ATF_CHECK_EQ(-1, kv_pty_timeout(&relay));
	kv_pty_watch(&relay, watched);
	ATF_CHECK_EQ(0, poll(watched, 3, 300));
	s.size = s.sent;
	s.piece = 977;
	for (int idle = 0; s.got < s.size && idle < 50; idle++) {
		last = s.got;
		stream_take(&s);
		(void)turn(10);
		if (s.got != last)
			idle = 0;
	}
	ATF_CHECK_EQ(s.size, s.got);
}

CASE(a_terminal_that_does_not_read_holds_the_command_up, "back-pressure outward, without a spin")
{
	open_both();
	raw(command);
	fill_up(command, user);
}

CASE(a_command_that_does_not_read_holds_the_input_up, "back-pressure inward, without a spin")
{
	open_both();
	raw(command);
	fill_up(user, command);
}

CASE(settings_and_size_reach_the_pty, "the command's terminal looks as the caller's did")
{
	struct winsize size;
	int flags;

	open_both();
	ATF_CHECK(same(command, &before));
	ATF_CHECK(is_raw(caller));
	ATF_REQUIRE_EQ(0, ioctl(command, TIOCGWINSZ, &size));
	ATF_CHECK_EQ(33, size.ws_row);
	ATF_CHECK_EQ(101, size.ws_col);
	size.ws_row = 50;
	ATF_REQUIRE_EQ(0, ioctl(user, TIOCSWINSZ, &size));
	kv_pty_resize(&relay);
	size.ws_row = 0;
	ATF_REQUIRE_EQ(0, ioctl(command, TIOCGWINSZ, &size));
	ATF_CHECK_EQ(50, size.ws_row);
	/* No terminal of ours sends no SIGWINCH: the next key brings the size. */
	size.ws_row = 51;
	ATF_REQUIRE_EQ(0, ioctl(user, TIOCSWINSZ, &size));
	ATF_REQUIRE_EQ(1, write(user, "x", 1));
	(void)turn(1000);
	size.ws_row = 0;
	ATF_REQUIRE_EQ(0, ioctl(command, TIOCGWINSZ, &size));
	ATF_CHECK_EQ(51, size.ws_row);
	/* The open file description is the shell's, too. */
	flags = fcntl(caller, F_GETFL);
	ATF_REQUIRE_EQ(1, write(user, "x", 1));
	(void)turn(1000);
	ATF_CHECK_EQ(0, flags & O_NONBLOCK);
	ATF_CHECK_EQ(flags, fcntl(caller, F_GETFL));
	kv_pty_close(&relay);
	ATF_CHECK(same(caller, &before));
	kv_pty_close(&relay);
	ATF_CHECK(same(caller, &before));
}

CASE(suspend_and_continue, "the settings come back, and what they were changed to meanwhile is kept")
{
	open_both();
	kv_pty_suspend(&relay);
	ATF_CHECK(same(caller, &before));
	before.c_cc[VERASE] = 8;
	ATF_REQUIRE_EQ(0, tcsetattr(caller, TCSANOW, &before));
	kv_pty_continue(&relay);
	ATF_CHECK(is_raw(caller));
	/* SIGSTOP, SIGCONT: a shell put its own settings there. */
	ATF_REQUIRE_EQ(0, tcsetattr(caller, TCSANOW, &before));
	kv_pty_continue(&relay);
	ATF_CHECK(is_raw(caller));
	kv_pty_close(&relay);
	ATF_CHECK(same(caller, &before));
}

CASE(end_of_file_is_the_command_s, "Ctrl-D and lines are made by the pty, not by the relay")
{
	char got[16];

	open_both();
	ATF_REQUIRE_EQ(4, write(user, "ab\r\004", 4));
	while (turn(50) > 0)
		;
	ATF_REQUIRE_EQ(3, read(command, got, sizeof(got)));
	ATF_CHECK_EQ(0, memcmp(got, "ab\n", 3));
	ATF_CHECK_EQ(0, read(command, got, sizeof(got)));
	ATF_REQUIRE_EQ(4, read(user, got, sizeof(got)));
	ATF_CHECK_EQ(0, memcmp(got, "ab\r\n", 4));
}

CASE(hangup_of_the_caller_is_told, "step says that the terminal is gone")
{
	struct pollfd watched[3];

	open_both();
	ATF_REQUIRE_EQ(0, close(user));
	kv_pty_watch(&relay, watched);
	ATF_REQUIRE(poll(watched, 3, 1000) > 0);
	ATF_CHECK(!kv_pty_step(&relay, watched));
	kv_pty_drain(&relay, 1000);
	kv_pty_close(&relay);
}

CASE(a_pty_that_all_closed_can_be_opened_again, "EIO of the master is no end, and no spin")
{
	char name[64], got[16];
	int turns = 0;

	open_both();
	ATF_REQUIRE_EQ(0, ttyname_r(command, name, sizeof(name)));
	ATF_REQUIRE_EQ(4, write(command, "last", 4));
	ATF_REQUIRE_EQ(0, close(command));
	while (turn(50) > 0)
		ATF_REQUIRE(++turns < 10);
	ATF_REQUIRE_EQ(4, read(user, got, sizeof(got)));
	ATF_CHECK(kv_pty_timeout(&relay) > 0);
	ATF_REQUIRE_EQ(2, write(user, "y\r", 2));
	for (turns = 0; turns < 10; turns++)
		(void)turn(kv_pty_timeout(&relay) > 50 ? 50 : 10);
	command = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ATF_REQUIRE(command >= 0);
	for (turns = 0; turns < 10; turns++)
		(void)turn(10);
	ATF_CHECK_EQ(-1, kv_pty_timeout(&relay));
	ATF_REQUIRE_EQ(2, read(command, got, sizeof(got)));
	ATF_CHECK_EQ(0, memcmp(got, "y\n", 2));
	kv_pty_close(&relay);
	ATF_CHECK(same(caller, &before));
}

static long
drained_ms(unsigned int ms)
{
	struct timespec from, to;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	kv_pty_drain(&relay, ms);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
}

CASE(drain_passes_on_all_of_it, "what was written before the end arrives, though the pty stays open")
{
	open_both();
	raw(command);
	for (int i = 0; i < 200; i++) {
		char data[3000], got[3000];
		size_t size = 0;

		(void)memset(data, 'a' + i % 26, sizeof(data));
		ATF_REQUIRE_EQ((ssize_t)sizeof(data), write(command, data, sizeof(data)));
		ATF_CHECK(drained_ms(5000) < 1000);
		for (ssize_t n; size < sizeof(got) && (n = read(user, got + size, sizeof(got) - size)) > 0;)
			size += (size_t)n;
		ATF_REQUIRE_EQ(sizeof(got), size);
		ATF_REQUIRE_EQ(0, memcmp(data, got, sizeof(got)));
	}
}

CASE(drain_is_bounded, "a background process that writes for ever, read and not read")
{
	char data[4096] = "y";
	pid_t writer, reader;

	open_both();
	raw(command);
	ATF_REQUIRE_EQ(0, fcntl(command, F_SETFL, O_RDWR));
	writer = fork();
	while (writer == 0 && write(command, data, sizeof(data)) > 0)
		;
	ATF_REQUIRE(writer > 0);
	ATF_CHECK(drained_ms(300) < 1000);
	ATF_REQUIRE_EQ(0, fcntl(user, F_SETFL, O_RDWR));
	reader = fork();
	while (reader == 0 && read(user, data, sizeof(data)) > 0)
		;
	ATF_REQUIRE(reader > 0);
	ATF_CHECK(drained_ms(20000) < 15000);
	(void)kill(reader, SIGKILL);
	(void)kill(writer, SIGKILL);
	(void)waitpid(reader, NULL, 0);
	(void)waitpid(writer, NULL, 0);
}

/* The leader of a session on the caller's terminal; its child, a job of its own, relays. */
static int
job_in_the_background(void)
{
	struct kv_error err = KV_ERROR_INIT;
	int status, from[2];
	char byte;
	pid_t job;

	if (setsid() < 0 || ioctl(caller, TIOCSCTTY, 0) != 0 || pipe(from) != 0)
		return 1;
	job = fork();
	if (job != 0) {
		if (read(from[0], &byte, 1) != 1 || tcsetpgrp(caller, job) != 0 || waitpid(job, &status, 0) != job)
			return 2;
		return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
	}
	(void)setpgid(0, 0);
	if (kv_pty_open(&relay, caller, caller, master, &err) != 0)
		return 10;
	if (!same(caller, &before) || kv_pty_timeout(&relay) < 0)
		return 11;
	if (write(user, "in\n", 3) != 3 || write(command, "out", 3) != 3)
		return 12;
	(void)turn(0);
	(void)turn(0);
	kv_pty_suspend(&relay);
	if (!same(caller, &before) || relay.inward.end != 0 || relay.outward.end != 0)
		return 13;
	/* The shell: fg. It sends a job that runs no signal. */
	if (write(from[1], "f", 1) != 1)
		return 14;
	for (int i = 0; i < 200 && !relay.raw; i++)
		(void)turn(10);
	if (!is_raw(caller))
		return 15;
	kv_pty_close(&relay);
	return same(caller, &before) ? 0 : 16;
}

CASE(a_background_job_leaves_the_terminal_alone, "raw mode only in the foreground; output in either")
{
	int status;
	pid_t leader;

	open_both();
	kv_pty_close(&relay);
	leader = fork();
	if (leader == 0)
		_exit(job_in_the_background());
	ATF_REQUIRE_EQ(leader, waitpid(leader, &status, 0));
	ATF_CHECK_EQ_MSG(0, status, "status %x", (unsigned int)status);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_byte_passes);
	ATF_TP_ADD_TC(tp, bulk_passes_both_ways);
	ATF_TP_ADD_TC(tp, interrupted_calls_lose_nothing);
	ATF_TP_ADD_TC(tp, a_terminal_that_does_not_read_holds_the_command_up);
	ATF_TP_ADD_TC(tp, a_command_that_does_not_read_holds_the_input_up);
	ATF_TP_ADD_TC(tp, settings_and_size_reach_the_pty);
	ATF_TP_ADD_TC(tp, suspend_and_continue);
	ATF_TP_ADD_TC(tp, end_of_file_is_the_command_s);
	ATF_TP_ADD_TC(tp, hangup_of_the_caller_is_told);
	ATF_TP_ADD_TC(tp, a_pty_that_all_closed_can_be_opened_again);
	ATF_TP_ADD_TC(tp, drain_passes_on_all_of_it);
	ATF_TP_ADD_TC(tp, drain_is_bounded);
	ATF_TP_ADD_TC(tp, a_background_job_leaves_the_terminal_alone);
	return atf_no_error();
}

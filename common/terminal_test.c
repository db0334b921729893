#include "common/terminal.h"

#include <atf-c.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* kv_terminal_find in a child with these on 0, 1 and 2 ('t': terminal, 'r', 'w': for reading or writing only, '-': none). */
static int
found(const char *on)
{
	int master, slave, status, in, out;
	char name[64];
	pid_t pid;

	ATF_REQUIRE_EQ(0, openpty(&master, &slave, name, NULL, NULL));
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		for (int fd = 0; fd <= 2; fd++) {
			int from = open(on[fd] == '-' ? "/dev/null" : name, O_NOCTTY |
			    (on[fd] == 'r' ? O_RDONLY : on[fd] == 'w' ? O_WRONLY : O_RDWR));

			if (from < 0 || dup2(from, fd) != fd)
				_exit(99);
		}
		if (kv_terminal_find(&in, &out) != 0)
			_exit(in == -1 && out == -1 ? 98 : 97);
		_exit(10 * in + out);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	(void)close(master);
	(void)close(slave);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

ATF_TC_WITHOUT_HEAD(the_terminal_is_found);
ATF_TC_BODY(the_terminal_is_found, tc)
{
	ATF_CHECK_EQ(1, found("ttt"));
	ATF_CHECK_EQ(11, found("-tt"));
	ATF_CHECK_EQ(0, found("t--"));
	ATF_CHECK_EQ(22, found("--t"));
	ATF_CHECK_EQ(21, found("-wt"));
	ATF_CHECK_EQ(0, found("rr-"));
	ATF_CHECK_EQ(22, found("--w"));
	ATF_CHECK_EQ(98, found("---"));
}

ATF_TC_WITHOUT_HEAD(release_gives_it_up);
ATF_TC_BODY(release_gives_it_up, tc)
{
	int master, slave, status;
	pid_t pid;

	ATF_REQUIRE_EQ(0, openpty(&master, &slave, NULL, NULL, NULL));
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		sigset_t all, pending;

		(void)sigfillset(&all);
		(void)sigprocmask(SIG_SETMASK, &all, NULL);
		if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0 || dup2(slave, 0) != 0)
			_exit(1);
		kv_terminal_release();
		if (open("/dev/tty", O_RDWR) >= 0)
			_exit(2);
		_exit(sigpending(&pending) != 0 || sigismember(&pending, SIGHUP) || sigismember(&pending, SIGCONT) ? 3 : 0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_EQ(0, status);
}

ATF_TC_WITHOUT_HEAD(stop_until_continued);
ATF_TC_BODY(stop_until_continued, tc)
{
	int status;
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		static const struct timespec at_once = { 0, 0 };
		sigset_t cont;

		(void)sigemptyset(&cont);
		(void)sigaddset(&cont, SIGCONT);
		(void)sigprocmask(SIG_BLOCK, &cont, NULL);
		kv_terminal_stop();
		/* What continued it is there for the caller to see; and while it is, nothing stops. */
		kv_terminal_stop();
		_exit(sigtimedwait(&cont, NULL, &at_once) == SIGCONT ? 4 : 5);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ATF_REQUIRE(WIFSTOPPED(status));
	ATF_REQUIRE_EQ(0, kill(pid, SIGCONT));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ATF_CHECK_EQ(4 << 8, status);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, the_terminal_is_found);
	ATF_TP_ADD_TC(tp, release_gives_it_up);
	ATF_TP_ADD_TC(tp, stop_until_continued);
	return atf_no_error();
}

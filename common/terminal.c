#include "common/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

bool
kv_terminal_can(int fd, int denied)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != denied;
}

int
kv_terminal_find(int *in, int *out)
{
	int any = -1;

	*in = *out = -1;
	for (int fd = 0; fd <= 2; fd++) {
		if (!isatty(fd))
			continue;
		if (any < 0)
			any = fd;
		if (*in < 0 && kv_terminal_can(fd, O_WRONLY))
			*in = fd;
	}
	if (any < 0)
		return -1;
	if (*in < 0)
		*in = any;
	*out = isatty(STDOUT_FILENO) && kv_terminal_can(STDOUT_FILENO, O_RDONLY) ? STDOUT_FILENO : *in;
	return 0;
}

void
kv_terminal_release(void)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t own;
	siginfo_t info;

	for (int fd = 0; fd <= 2; fd++) {
		if (isatty(fd) && tcgetsid(fd) == getsid(0) && ioctl(fd, TIOCNOTTY) == 0)
			break;
	}
	/* TIOCNOTTY sends SIGHUP and SIGCONT to the foreground group: that is us. */
	(void)sigemptyset(&own);
	(void)sigaddset(&own, SIGHUP);
	(void)sigaddset(&own, SIGCONT);
	while (sigtimedwait(&own, &info, &at_once) > 0) {
		if (info.si_pid != getpid() && info.si_code == SI_USER) {
			(void)kill(getpid(), info.si_signo);	/* somebody else's: keep it */
			break;
		}
	}
}

void
kv_terminal_stop(void)
{
	sigset_t pending;

	/* SIGSTOP would discard a SIGCONT that is there already. */
	if (sigpending(&pending) != 0 || sigismember(&pending, SIGCONT) != 1)
		(void)kill(getpid(), SIGSTOP);
}

#include "common/silent.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t
kv_silent_fork(uint64_t flags, int *pidfd)
{
	struct clone_args args = { .flags = flags | (pidfd != NULL ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = 0 };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int
kv_silent_wait(pid_t pid, int *status)
{
	while (waitpid(pid, status, __WCLONE) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

int
kv_default_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* Those of the C library and the two that cannot be caught are refused. */
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &plain, NULL);
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

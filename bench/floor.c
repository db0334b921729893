/*
 * floor [-n] COMMAND [ARG...]: the least that a sandbox of these namespaces can
 * cost: pid, mount, ipc, uts (and net with -n), then the command, and nothing else. What
 * bench/run divides by. Root.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	int status, at = 1;
	long pid;

	if (argc > 1 && strcmp(argv[1], "-n") == 0) {
		args.flags |= CLONE_NEWNET;
		at++;
	}
	if (at >= argc) {
		(void)fprintf(stderr, "usage: floor [-n] COMMAND [ARG...]\n");
		return 64;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)execv(argv[at], &argv[at]);
		_exit(127);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) != pid) {
		perror("floor");
		return 71;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

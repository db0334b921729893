#include "wrapper/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define ENVIRONMENT_MAX 1024		/* variables */
#define ARGUMENTS_MAX (512 * 1024)	/* bytes of arguments and environment together */

static int
reset_signals(struct kv_error *err)
{
	sigset_t all;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return kv_error_sys(err, "signal mask");
	/* An ignored SIGCHLD would lose exit statuses, and ignored signals pass to the shell. */
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	}
	return 0;
}

static int
open_stdio(struct kv_error *err)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) != 0) {
			if (errno != EBADF)
				return kv_error_sys(err, "descriptor %d", fd);
			if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
				return kv_error_sys(err, "/dev/null as descriptor %d", fd);
		} else if (S_ISDIR(st.st_mode)) {
			return kv_error_set(err, KV_ERR_DENIED, "descriptor %d is a directory", fd);
		}
	}
	return 0;
}

static int
check_limits(struct kv_error *err)
{
	static const struct {
		int resource;
		rlim_t least;
		const char *name;
	} needed[] = {
		{ RLIMIT_FSIZE, 1 << 20, "file size" },
		{ RLIMIT_NOFILE, 32, "open files" },
		{ RLIMIT_NPROC, 4, "processes" },
		{ RLIMIT_STACK, 1 << 18, "stack" },
		{ RLIMIT_AS, 1 << 26, "address space" },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)needed[i].resource, &limit) != 0)
			return kv_error_sys(err, "limit of %s", needed[i].name);
		if (limit.rlim_cur < needed[i].least)
			return kv_error_set(err, KV_ERR_DENIED,
			    "the limit of %s is too low to set up a sandbox", needed[i].name);
	}
	return 0;
}

static int
check_arguments(int argc, char *const argv[], char *const envp[], struct kv_error *err)
{
	size_t bytes = 0, variables = 0;

	if (argc < 1 || argv[0] == NULL || argv[0][0] == '\0')
		return kv_error_set(err, KV_ERR_DENIED, "it was given no name (argv[0])");
	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	for (; envp[variables] != NULL; variables++)
		bytes += strlen(envp[variables]) + 1;
	if (variables > ENVIRONMENT_MAX || bytes > ARGUMENTS_MAX)
		return kv_error_set(err, KV_ERR_DENIED, "the command or the environment is too large");
	return 0;
}

int
kv_guard_enter(int argc, char *const argv[], char *const envp[], mode_t *mask, struct kv_error *err)
{
	if (reset_signals(err) != 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return kv_error_sys(err, "dumpable");
	*mask = umask(077);
	if (open_stdio(err) != 0)
		return -1;
	if (kv_close_from(3) != 0)
		return kv_error_sys(err, "close descriptors");
	if (check_limits(err) != 0)
		return -1;
	return check_arguments(argc, argv, envp, err);
}

int
kv_guard_untraced(int proc, struct kv_error *err)
{
	char status[4096];
	const char *line;

	if (kv_read_file(proc, "self/status", status, sizeof(status)) < 0)
		return kv_error_sys(err, "/proc/self/status");
	line = strstr(status, "\nTracerPid:\t");
	if (line == NULL)
		return kv_error_set(err, KV_ERR_SYSTEM, "/proc/self/status has no TracerPid");
	if (strncmp(line, "\nTracerPid:\t0\n", 14) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "this process is being traced");
	return 0;
}

int
kv_guard_terminal(uint64_t rdev, bool *any, struct kv_error *err)
{
	*any = false;
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (!isatty(fd))
			continue;
		*any = true;
		if (fstat(fd, &st) != 0)
			return kv_error_sys(err, "terminal");
		if (st.st_uid != getuid() && tcgetsid(fd) != getsid(0) && (rdev == 0 || st.st_rdev != rdev))
			return kv_error_set(err, KV_ERR_DENIED, "the terminal belongs to somebody else");
	}
	return 0;
}

/*
 * Starting kavach-probe out of somebody else's process: sshd's, which loads the PAM module.
 *
 * MUST NOT leave it a child to reap, raise a signal in it, or hand on what it holds.
 */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/silent.h"

const struct kv_probe_place kv_probe_host = { .folder = KV_PROBE_DIR, .program = KV_PROBE_PROGRAM };

/* Its standard output is the pipe, whose end says that it has ended. */
static _Noreturn void
become_probe(char *const argv[], int end)
{
	static char *const envp[] = { (char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", NULL };
	int null;

	(void)kv_default_signals();
	end = fcntl(end, F_DUPFD_CLOEXEC, 10);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (end < 0 || null < 0 || dup2(null, 0) != 0 || dup2(end, 1) != 1 || dup2(null, 2) != 2 ||
	    syscall(SYS_close_range, 3U, ~0U, 0U) != 0 || chdir("/") != 0)
		_exit(127);
	(void)execve(argv[0], argv, envp);
	_exit(127);
}

/* The child between: its own child is nobody's but the system's. */
static _Noreturn void
hand_over(char *const argv[], int end)
{
	pid_t pid = setsid() < 0 ? -1 : kv_silent_fork(0, NULL);

	if (pid == 0)
		become_probe(argv, end);
	_exit(pid < 0 ? 1 : 0);
}

static int
await_end(int fd, int64_t until)
{
	char ignored[512];

	for (;;) {
		int64_t left = until - kv_probe_now_ms();
		struct pollfd watched = { .fd = fd, .events = POLLIN };
		int n = poll(&watched, 1, left > 0 ? (int)left : 0);

		if (n == 0)
			return 1;
		if (n > 0 && read(fd, ignored, sizeof(ignored)) == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

int
kv_probe_run(const struct kv_probe_place *place, enum kv_runtime runtime, int64_t until)
{
	int64_t left = until - kv_probe_now_ms();
	char limit[24];
	char *const argv[] = {
		(char *)(uintptr_t)place->program, (char *)(uintptr_t)kv_runtime_name(runtime), limit, NULL,
	};
	int ends[2], status = 0;
	pid_t pid;

	/* How long it waits for another probe, before it leaves it to that. */
	if (kv_format(limit, sizeof(limit), "%lld", (long long)(left > 0 ? left : 0)) != 0 ||
	    pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	kv_cleanup_close int out = ends[0];
	pid = kv_silent_fork(0, NULL);
	if (pid == 0)
		hand_over(argv, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return -1;
	if (kv_silent_wait(pid, &status) != 0 || status != 0) {
		errno = EAGAIN;
		return -1;
	}
	return await_end(out, until);
}

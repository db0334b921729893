/* Asking a runtime's program about itself, as nobody, with a limit. */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "session/idmap.h"

#define ASK_MS		2000

static _Noreturn void
ask(const char *program, const char *word, int out)
{
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)word, NULL };
	static char *const envp[] = {
		(char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
		(char *)(uintptr_t)"HOME=/", (char *)(uintptr_t)"CONTAINERS_CONF=/dev/null", NULL,
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uid_t root;

	if (null < 0 || dup2(null, 0) != 0 || dup2(out, 1) != 1 || dup2(out, 2) != 2 ||
	    kv_idmap_root(KV_PROBE_UID, &root) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(root, root, root) != 0 || setresuid(root, root, root) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		_exit(127);
	(void)execve(program, argv, envp);
	(void)dprintf(1, "%s\n", strerror(errno));
	_exit(127);
}

/* Until all of its writers are gone, the room is full or the time is over. */
static bool
collect(int fd, char *out, size_t size)
{
	int64_t until = kv_probe_now_ms() + ASK_MS;
	size_t used = 0;

	for (;;) {
		int64_t left = until - kv_probe_now_ms();
		struct pollfd watched = { .fd = fd, .events = POLLIN };
		int n = poll(&watched, 1, left > 0 ? (int)left : 0);
		ssize_t got;

		if (n < 0 && errno == EINTR)
			continue;
		got = n <= 0 ? -1 : read(fd, out + used, size - 1 - used);
		if (got > 0)
			used += (size_t)got;
		out[used] = '\0';
		if (got <= 0 || used == size - 1)
			return got >= 0;
	}
}

int
kv_probe_ask(const char *program, const char *word, char *out, size_t size, struct kv_error *err)
{
	/* A pid namespace, so that what it leaves in the background ends too. */
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC, .exit_signal = SIGCHLD,
	};
	int ends[2], status = 0;
	bool ended;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return kv_error_sys(err, "pipe");
	kv_cleanup_close int in = ends[0];
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		ask(program, word, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return kv_error_sys(err, "namespaces");
	ended = collect(in, out, size);
	if (!ended)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended) {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "\"%s\" did not end within %d seconds", word, ASK_MS / 1000);
		err->sys_errno = ETIMEDOUT;
		return -1;
	}
	if (status != 0 && WIFEXITED(status))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "\"%s\" ended with status %d: %.100s", word,
		    WEXITSTATUS(status), out);
	return 0;
}

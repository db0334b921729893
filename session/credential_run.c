/*
 * The command that gives a credential, run out of somebody else's process: sshd's, which loads the PAM module.
 *
 * MUST NOT leave it a child to reap, raise a signal in it, or hand on what it holds.
 */
#include "session/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/silent.h"
#include "policy/trust.h"
#include "session/walk.h"

#define KILLED	255	/* an exit status of the process between: there was no other */

struct child {
	pid_t pid;
	int pidfd, out;		/* out: the reading end of its standard output */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Dies with the process between. All of root: under su(1) the real ids are the caller's. */
static _Noreturn void
become(const char *program, char *const argv[], int out)
{
	static char *const envp[] = {
		(char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)(uintptr_t)"HOME=/root", NULL,
	};
	const struct rlimit no_core = { 0, 0 };
	int null;

	(void)umask(077);
	out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (out < 0 || null < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) != 0 || dup2(null, 0) != 0 || dup2(out, 1) != 1 || dup2(null, 2) != 2 ||
	    syscall(SYS_close_range, 3U, ~0U, 0U) != 0 || chdir("/") != 0 ||
	    setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		_exit(127);
	(void)execve(program, argv, envp);
	_exit(127);
}

/*
 * The process between: execve(2) gives whoever calls it an exit signal, so the command is no
 * child of the opener. Its session is killed as a whole.
 */
static _Noreturn void
stand_between(const char *program, char *const argv[], int out)
{
	pid_t pid = -1, done;
	int status;

	(void)kv_default_signals();
	if (setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		pid = fork();
	if (pid == 0)
		become(program, argv, out);
	/* The other end must see when the command lets go of it. */
	(void)close(out);
	if (pid < 0)
		_exit(KILLED);
	do
		done = waitpid(pid, &status, 0);
	while (done < 0 && errno == EINTR);
	_exit(done == pid && WIFEXITED(status) ? WEXITSTATUS(status) : KILLED);
}

static int
start(const char *program, char *const argv[], struct child *child, struct kv_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return kv_error_sys(err, "pipe");
	child->pid = kv_silent_fork(0, &child->pidfd);
	if (child->pid == 0)
		stand_between(program, argv, ends[1]);
	(void)close(ends[1]);
	if (child->pid < 0) {
		(void)kv_error_sys(err, "cannot start its command");
		(void)close(ends[0]);
		return -1;
	}
	child->out = ends[0];
	return fcntl(child->out, F_SETFL, O_NONBLOCK) == 0 ? 0 : kv_error_sys(err, "pipe");
}

/* What is there now: 1 more may come, 0 the end, -1. One byte more than there is room for is too much. */
static int
drain(const struct child *child, char *buf, size_t room, size_t *used, struct kv_error *err)
{
	for (;;) {
		ssize_t n = read(child->out, buf + *used, room + 1 - *used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n <= 0)
			return n == 0 ? 0 : kv_error_sys(err, "its command");
		*used += (size_t)n;
		if (*used > room)
			return kv_error_set(err, KV_ERR_DENIED, "its command gave more than %zu bytes", room);
	}
}

/*
 * Until the command itself has ended. What it leaves in the background may hold the pipe
 * for ever: what is in it by then counts.
 */
static int
collect(const struct child *child, char *buf, size_t room, size_t *used, int64_t until, struct kv_error *err)
{
	struct pollfd watched[2] = {
		{ .fd = child->pidfd, .events = POLLIN }, { .fd = child->out, .events = POLLIN },
	};

	for (;;) {
		int64_t left = until - now_ms();
		int n = left > 0 ? poll(watched, 2, (int)left) : 0, more;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return kv_error_sys(err, "its command");
		if (n == 0)
			return kv_error_set(err, KV_ERR_DENIED, "its command took too long");
		more = watched[1].fd >= 0 ? drain(child, buf, room, used, err) : 0;
		if (more < 0)
			return -1;
		if (watched[0].revents != 0)
			return 0;
		if (more == 0)
			watched[1].fd = -1;	/* poll(2) passes it over */
	}
}

/* Its pid is its own, and that of its group, until it is reaped. */
static int
finish(const struct child *child)
{
	int status = -1;

	(void)kill(-child->pid, SIGKILL);
	(void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0U);
	return kv_silent_wait(child->pid, &status) == 0 ? status : -1;
}

/* Links of root's are followed; then as any file that is trusted. */
static int
check_program(const char *path, char *out, size_t size, struct kv_error *err)
{
	kv_cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, dir = -1;
	const char *name;
	struct stat st;

	if (root < 0)
		return kv_error_sys(err, "/");
	fd = kv_walk(root, path, out, size, err);
	if (fd < 0 || (dir = kv_trust_parent(out, true, &name, err)) < 0)
		return -1;
	(void)close(fd);
	fd = kv_trust_open(dir, name, out, KV_TRUST_ROOT, &st, err);
	if (fd < 0)
		return -1;
	return (st.st_mode & S_IXUSR) != 0 ? 0 : kv_error_set(err, KV_ERR_DENIED, "%s cannot be executed", out);
}

long
kv_secret_run(const struct kv_list *command, char *buf, size_t room, unsigned int limit_ms, struct kv_error *err)
{
	struct child child = { .pid = -1, .pidfd = -1, .out = -1 };
	kv_cleanup_free char **argv = calloc(command->count + 1, sizeof(*argv));
	char program[KV_PATH_MAX];
	size_t used = 0;
	int rc, status;

	if (argv == NULL)
		return kv_error_sys(err, "its command");
	memcpy(argv, command->item, command->count * sizeof(*argv));
	if (check_program(argv[0], program, sizeof(program), err) != 0)
		return -1;
	rc = start(program, argv, &child, err);
	if (child.pid < 0)
		return -1;
	if (rc == 0)
		rc = collect(&child, buf, room, &used, now_ms() + limit_ms, err);
	status = finish(&child);
	(void)close(child.out);
	(void)close(child.pidfd);
	if (rc != 0)
		return -1;
	if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) == KILLED)
		return kv_error_set(err, KV_ERR_DENIED, "its command was killed, or could not be started");
	if (WEXITSTATUS(status) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "its command ended with status %d", WEXITSTATUS(status));
	return (long)used;
}

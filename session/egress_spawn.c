/*
 * Executing kavach-proxy from a process that is not ours (common/silent.h): the proxy is a grandchild, whose
 * parent (silent, and gone when this returns) was the caller's.
 *
 * The proxy MUST hold no capability and no descriptor but its seven when it is executed.
 */
#include "session/egress_spawn.h"

#include "common/error.h"
#include "common/io.h"
#include "common/silent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROGRAM		KV_PKGLIBEXECDIR "/kavach-proxy"
#define READY_MS	5000

/* Out of the way of the low numbers first, so that no dup2 covers one that is still to be moved. */
static int
place_descriptors(int fd[KV_EGRESS_FDS])
{
	for (int i = 0; i < KV_EGRESS_FDS; i++)
		if (fd[i] >= 0 && (fd[i] = fcntl(fd[i], F_DUPFD, KV_EGRESS_FDS)) < 0)
			return -1;
	for (int i = 0; i < KV_EGRESS_FDS; i++) {
		if (fd[i] >= 0 && dup2(fd[i], i) < 0)
			return -1;
		if (fd[i] < 0)
			(void)close(i);
	}
	return kv_close_from(KV_EGRESS_FDS);
}

/* From root with all capabilities to nobody's uid with none, for good. */
static int
drop(uid_t uid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid) != 0 || setresuid(uid, uid, uid) != 0 ||
	    syscall(SYS_capset, &header, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (setresuid(0, 0, 0) != 0)
		return 0;
	errno = EPERM;
	return -1;
}

/* NULL when kavach-proxy runs; else at what it failed, with errno. */
static const char *
become_proxy(const struct kv_egress_child *c, int fd[KV_EGRESS_FDS])
{
	static char *const argv[] = { (char *)(uintptr_t)"kavach-proxy", NULL };
	static char *const envp[] = { NULL };

	(void)umask(077);
	if (setns(c->host_net_fd, CLONE_NEWNET) != 0)
		return "the host's network";
	if (setsid() < 0 || chdir("/") != 0 || kv_default_signals() != 0)
		return "its process";
	if (drop(c->uid) != 0)
		return "its privileges";
	if (place_descriptors(fd) != 0)
		return "its descriptors";
	fd[KV_EGRESS_FD_READY] = KV_EGRESS_FD_READY;
	(void)execve(PROGRAM, argv, envp);
	return PROGRAM;
}

static _Noreturn void
proxy(const struct kv_egress_child *c)
{
	int fd[KV_EGRESS_FDS];
	const char *what;

	memcpy(fd, c->fd, sizeof(fd));
	what = become_proxy(c, fd);
	(void)dprintf(fd[KV_EGRESS_FD_READY], "%s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The parent in between: makes the proxy, names it, and stays until the caller has a descriptor of it: so long the pid is its own. */
static _Noreturn void
middle(const struct kv_egress_child *c, int names, int until)
{
	char byte;
	pid_t pid = fork();

	if (pid == 0)
		proxy(c);
	if (write(names, &pid, sizeof(pid)) == (ssize_t)sizeof(pid))
		(void)!read(until, &byte, 1);
	_exit(0);
}

static ssize_t
read_within(int fd, void *buf, size_t size, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int got;

	do
		got = poll(&p, 1, ms);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return -1;
	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Makes the one in between. pipes: names (read, write), until (read, write). The proxy's pidfd, or -1. */
static int
fork_twice(const struct kv_egress_child *c, int pipes[4], struct kv_error *err)
{
	int pidfd = -1;
	pid_t pid = -1, between = kv_silent_fork(0, NULL);

	if (between == 0) {
		(void)close(pipes[0]);
		(void)close(pipes[3]);
		middle(c, pipes[1], pipes[2]);
	}
	if (between > 0 && read_within(pipes[0], &pid, sizeof(pid), READY_MS) == (ssize_t)sizeof(pid) && pid > 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		(void)kv_error_sys(err, "cannot start the proxy");
	(void)close(pipes[3]);
	pipes[3] = -1;
	if (between > 0)
		(void)kv_silent_wait(between, NULL);
	return pidfd;
}

/* Its first line: "ready", or why not. */
static int
await(int ready, struct kv_error *err)
{
	char line[256];
	ssize_t n = read_within(ready, line, sizeof(line) - 1, READY_MS);

	if (n < 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the proxy did not start within %d s", READY_MS / 1000);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "ready") == 0)
		return 0;
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "the proxy did not start: %.200s", n > 0 ? line : "no word from it");
}

static void
close_all(int *fd, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
}

int
kv_egress_spawn(const struct kv_egress_child *child, int *proxy_fd, struct kv_error *err)
{
	struct kv_egress_child c = *child;
	int pipes[4] = { -1, -1, -1, -1 }, ready[2] = { -1, -1 }, pidfd = -1;

	if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(pipes, O_CLOEXEC) != 0 || pipe2(pipes + 2, O_CLOEXEC) != 0) {
		(void)kv_error_sys(err, "proxy");
	} else {
		c.fd[KV_EGRESS_FD_READY] = ready[1];
		pidfd = fork_twice(&c, pipes, err);
		/* With this end open the proxy's end would not be heard. */
		(void)close(ready[1]);
		ready[1] = -1;
		if (pidfd >= 0 && await(ready[0], err) != 0) {
			(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
			(void)close(pidfd);
			pidfd = -1;
		}
	}
	close_all(pipes, 4);
	close_all(ready, 2);
	if (pidfd < 0)
		return -1;
	*proxy_fd = pidfd;
	return 0;
}

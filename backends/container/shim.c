/*
 * kavach-shim: starts a container runtime and minds what it leaves.
 *
 * MUST NOT hold anything of the caller's once the container has it: a pipe that is held
 * here never reaches its end. Ends, and with it everything of the container, when the wrapper
 * ends without having said that it leaves, when the session's opener ends, or when no process is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "backends/container/shim.h"
#include "backends/process/first.h"
#include "backends/process/message.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

static int
read_all(int fd, void *to, size_t size)
{
	char *at = to;
	off_t offset = 0;

	while (size > 0) {
		ssize_t n = pread(fd, at, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

/* With its NUL; the caller frees it. */
static char *
read_profile(struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	struct stat st;

	if (fstat(KV_SHIM_PROFILE, &st) != 0 || st.st_size > KV_PACK_MAX ||
	    (text = calloc(1, (size_t)st.st_size + 1)) == NULL ||
	    read_all(KV_SHIM_PROFILE, text, (size_t)st.st_size) != 0) {
		(void)kv_error_sys(err, "the seccomp profile");
		return NULL;
	}
	(void)close(KV_SHIM_PROFILE);
	return kv_steal_ptr(&text);
}

static int
read_orders(struct kv_shim *shim, struct kv_error *err)
{
	struct stat st;
	char *bytes;

	if (read_all(KV_SHIM_TICKET, &shim->ticket, sizeof(shim->ticket)) != 0 ||
	    shim->ticket.magic != KV_TICKET_MAGIC || shim->ticket.size != sizeof(shim->ticket))
		return kv_error_set(err, KV_ERR_SYSTEM, "kavach-shim is not of the same version as the wrapper");
	if (fstat(KV_SHIM_LAUNCH, &st) != 0 || st.st_size > KV_PACK_MAX ||
	    (bytes = malloc((size_t)st.st_size)) == NULL)
		return kv_error_sys(err, "the command");
	if (read_all(KV_SHIM_LAUNCH, bytes, (size_t)st.st_size) != 0) {
		free(bytes);
		return kv_error_sys(err, "the command");
	}
	(void)close(KV_SHIM_TICKET);
	(void)close(KV_SHIM_LAUNCH);
	if (kv_unpack(bytes, (size_t)st.st_size, &shim->packed, err) != 0)
		return -1;
	if (shim->ticket.seccomp == KV_SECCOMP_FILE && (shim->profile = read_profile(err)) == NULL)
		return -1;
	if (kv_runtime_of(shim->ticket.runtime, &shim->runtime) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "no container runtime was decided on");
	shim->terminal = shim->runtime == KV_RUNTIME_RUNSC && isatty(0) && isatty(1) && isatty(2);
	return 0;
}

/* SIGCHLD only; a descriptor or -1. */
static int
open_signals(struct kv_error *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return kv_error_sys(err, "signal mask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : kv_error_sys(err, "signalfd");
}

/* Takes the dead away. ended: the status of the runtime's command, once it has ended. false: no child is left. */
static bool
reap(int signals, pid_t child, int *ended)
{
	struct signalfd_siginfo drained;
	int status;
	pid_t pid;

	while (read(signals, &drained, sizeof(drained)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == child)
			*ended = status;
	return pid == 0;
}

/* Until the container's init has connected; the runtime's failure is ours. */
static int
await_init(struct kv_shim *shim, int signals, struct kv_error *err)
{
	struct pollfd watched[] = {
		{ .fd = shim->listener, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = KV_SHIM_CONTROL, .events = POLLIN },
	};
	int ended = -1;

	for (;;) {
		if (poll(watched, 3, -1) < 0 && errno != EINTR)
			return kv_error_sys(err, "wait for the container");
		if (watched[0].revents != 0)
			return 0;
		if (watched[2].revents != 0)
			_exit(KV_EXIT_SYSTEM);	/* the wrapper is gone */
		if (watched[1].revents == 0)
			continue;
		if (!reap(signals, shim->child, &ended) || ended > 0)
			return kv_shim_failed(shim, ended, err);
	}
}

/* The caller's descriptors are the container's now. */
static void
release_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) != fd)
			(void)close(fd);
	if (null > 2)
		(void)close(null);
}

/* Returns when nothing is left, or the container must end. */
static void
mind(const struct kv_shim *shim, int signals, bool opener)
{
	struct pollfd watched[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = KV_SHIM_CONTROL, .events = POLLIN },
		{ .fd = opener ? KV_SHIM_OPENER : -1, .events = POLLIN },
	};
	struct kv_message message;
	int ended;

	for (;;) {
		if (poll(watched, 3, -1) < 0 && errno != EINTR)
			return;
		if (watched[2].revents != 0)
			return;
		if (watched[1].revents != 0) {
			if (kv_message_recv(KV_SHIM_CONTROL, &message) != 1 || message.type != KV_MSG_LEAVE)
				return;
			(void)prctl(PR_SET_PDEATHSIG, 0);
			watched[1].fd = -1;
		}
		if (watched[0].revents != 0 && !reap(signals, shim->child, &ended))
			return;
	}
}

int
main(void)
{
	static struct kv_shim shim = { .listener = -1, .console = -1, .said = -1 };
	struct kv_error err = KV_ERROR_INIT;
	bool opener = fcntl(KV_SHIM_OPENER, F_GETFD) >= 0;
	int signals;

	for (int fd = KV_SHIM_CONTROL; fd < KV_SHIM_FDS; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (read_orders(&shim, &err) != 0 || (signals = open_signals(&err)) < 0 ||
	    kv_shim_bundle(&shim, &err) != 0 || kv_shim_spawn(&shim, &err) != 0 ||
	    await_init(&shim, signals, &err) != 0 || kv_shim_introduce(&shim, true, &err) != 0)
		kv_first_fail(KV_SHIM_CONTROL, &err);
	release_stdio();
	mind(&shim, signals, opener);
	/* pid 1 leaves: the kernel kills whatever is left in the namespace. */
	_exit(0);
}

/*
 * inject [-o FILE] SYSCALL ERRNO WHEN COMMAND [ARG...]
 *
 * Runs COMMAND and makes the WHEN-th SYSCALL of it and of all its descendants
 * fail with ERRNO (a name: EPERM, ENOMEM, EINTR, ENOSYS); WHEN 0: none. FILE gets how
 * many there were. Exit status: COMMAND's; 128 + n for a signal; 125 when it cannot be run.
 *
 * Unlike strace it traces nobody, so that programs that refuse a tracer (the
 * wrapper does) are tested as they run: a seccomp filter asks this program about every
 * call. Root: without no_new_privs file capabilities work on.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { FAILED = 125, LINGER_MS = 5000 };

/* Between the command's process and this one: no system call may be needed for it. */
struct shared {
	atomic_int listener;	/* 0: not yet; -1: failed; else descriptor + 1 */
	atomic_int go;
};

static int
parse_errno(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} known[] = {
		{ "EPERM", EPERM }, { "ENOMEM", ENOMEM }, { "EINTR", EINTR }, { "ENOSYS", ENOSYS },
		{ "EAGAIN", EAGAIN }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS }, { "EIO", EIO },
		{ "EMFILE", EMFILE }, { "EACCES", EACCES },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) == 0)
			return known[i].value;
	}
	return 0;
}

static int
install(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

static _Noreturn void
become_command(struct shared *shared, int number, char *const argv[])
{
	int fd = install(number);

	atomic_store(&shared->listener, fd < 0 ? -1 : fd + 1);
	while (fd >= 0 && !atomic_load(&shared->go))
		;
	if (fd >= 0)
		(void)execvp(argv[0], argv);
	_exit(FAILED);
}

/* Answers one call. The caller may be gone by then: that is no error. */
static void
answer(int listener, unsigned long *count, unsigned long when, int value)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp reply;

	memset(&call, 0, sizeof(call));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
		return;
	memset(&reply, 0, sizeof(reply));
	reply.id = call.id;
	if (++*count == when)
		reply.error = -value;
	else
		reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* Serves until the command has ended and nobody under the filter is left, or lingers too long. */
static int
serve(int listener, pid_t pid, unsigned long *count, unsigned long when, int value)
{
	struct pollfd watched = { .fd = listener, .events = POLLIN };
	int status = 0, left = LINGER_MS;
	int ended = 0;

	while (left > 0) {
		if (poll(&watched, 1, 20) > 0) {
			if ((watched.revents & POLLIN) != 0)
				answer(listener, count, when, value);
			else if ((watched.revents & POLLHUP) != 0 && ended)
				break;
			else if ((watched.revents & POLLHUP) != 0)
				(void)usleep(1000);
		}
		if (!ended && waitpid(pid, &status, WNOHANG) == pid)
			ended = 1;
		else if (ended && watched.revents == 0)
			left -= 20;
	}
	return status;
}

static int
run(struct shared *shared, int number, int value, unsigned long when, char *const argv[], unsigned long *count)
{
	int theirs, listener, pidfd, status;
	pid_t pid = fork();

	if (pid == 0)
		become_command(shared, number, argv);
	if (pid < 0)
		return FAILED;
	while ((theirs = atomic_load(&shared->listener)) == 0)
		;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	listener = theirs < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, theirs - 1, 0);
	if (listener < 0)
		return FAILED;
	atomic_store(&shared->go, 1);
	status = serve(listener, pid, count, when, value);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

int
main(int argc, char *argv[])
{
	const char *out = NULL;
	unsigned long when, count = 0;
	int number, value, status;
	char *end;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		out = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc < 5 || shared == MAP_FAILED) {
		(void)fprintf(stderr, "usage: inject [-o FILE] SYSCALL ERRNO WHEN COMMAND [ARG...]\n");
		return FAILED;
	}
	number = seccomp_syscall_resolve_name(argv[1]);
	value = parse_errno(argv[2]);
	errno = 0;
	when = strtoul(argv[3], &end, 10);
	if (number < 0 || value == 0 || errno != 0 || *end != '\0') {
		(void)fprintf(stderr, "inject: unknown system call, error or number\n");
		return FAILED;
	}
	status = run(shared, number, value, when, argv + 4, &count);
	if (out != NULL) {
		FILE *file = fopen(out, "we");

		if (file == NULL || fprintf(file, "%lu\n", count) < 0 || fclose(file) != 0)
			return FAILED;
	}
	return status;
}

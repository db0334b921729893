#include "tests/hostile/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD 1UL
#define NONE 99UL	/* no such descriptor */

struct call {
	const char *name;
	long number;
	unsigned long arg[5];
	bool tracing;
};

static const struct call calls[] = {
	{ "B2 mount", SYS_mount, { BAD, BAD, BAD, 0, 0 }, false },
	{ "B2 umount2", SYS_umount2, { BAD }, false },
	{ "B2 fsopen", SYS_fsopen, { BAD }, false },
	{ "B2 fsmount", SYS_fsmount, { NONE }, false },
	{ "B2 fspick", SYS_fspick, { NONE, BAD }, false },
	{ "B2 fsconfig", SYS_fsconfig, { NONE }, false },
	{ "B2 open_tree", SYS_open_tree, { NONE, BAD }, false },
	{ "B2 move_mount", SYS_move_mount, { NONE, BAD, NONE, BAD }, false },
	{ "B2 mount_setattr", SYS_mount_setattr, { NONE, BAD, 0, BAD, 32 }, false },
	{ "B2 pivot_root", SYS_pivot_root, { BAD, BAD }, false },
	{ "B2 chroot", SYS_chroot, { BAD }, false },
	{ "B3 unshare user", SYS_unshare, { CLONE_NEWUSER }, false },
	{ "B3 unshare mount", SYS_unshare, { CLONE_NEWNS }, false },
	{ "B3 setns", SYS_setns, { NONE, 0 }, false },
	{ "B3 clone3", SYS_clone3, { BAD, 88 }, false },
	{ "B4 ptrace", SYS_ptrace, { PTRACE_ATTACH, 1 }, true },
	{ "B4 process_vm_writev", SYS_process_vm_writev, { 1, BAD, 1, BAD, 1 }, true },
	{ "B4 pidfd_getfd", SYS_pidfd_getfd, { NONE, 0, 0 }, true },
	{ "B4 kexec_load", SYS_kexec_load, { 0, 1, BAD }, false },
	{ "B4 kexec_file_load", SYS_kexec_file_load, { NONE, NONE }, false },
	{ "B4 bpf", SYS_bpf, { 0, BAD, 72 }, false },
	{ "B4 perf_event_open", SYS_perf_event_open, { BAD }, false },
	{ "B4 userfaultfd", SYS_userfaultfd, { 0xffff }, false },
	{ "B4 keyctl", SYS_keyctl, { 99 }, false },
	{ "B4 add_key", SYS_add_key, { BAD, BAD }, false },
	{ "B4 io_uring_setup", SYS_io_uring_setup, { 1, BAD }, false },
	{ "B4 open_by_handle_at", SYS_open_by_handle_at, { NONE, BAD }, false },
	{ "B4 finit_module", SYS_finit_module, { NONE, BAD }, false },
	{ "B5 number 9999", 9999, { 0 }, false },
	{ "B5 number 470", 470, { 0 }, false },
	{ "B6 TIOCSTI", SYS_ioctl, { NONE, TIOCSTI, BAD }, false },
	{ "B6 TIOCSTI | 1 << 32", SYS_ioctl, { NONE, TIOCSTI | 1UL << 32, BAD }, false },
	{ "B6 TIOCLINUX", SYS_ioctl, { NONE, TIOCLINUX, BAD }, false },
	{ "B6 TIOCLINUX | 1 << 32", SYS_ioctl, { NONE, TIOCLINUX | 1UL << 32, BAD }, false },
};

/* In a child, so that what succeeds changes nothing here. */
static int
try_call(const struct call *call)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long rc = syscall(call->number, call->arg[0], call->arg[1], call->arg[2], call->arg[3],
		    call->arg[4]);
		int e = rc == -1 ? errno : 0;

		_exit(e == EPERM || e == EACCES || e == ENOSYS ? e : OPEN);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return OPEN;
	return WIFSIGNALED(status) ? EPERM : WEXITSTATUS(status);
}

static int
try_clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	(void)waitpid((pid_t)pid, NULL, 0);
	return OPEN;
}

#ifdef __x86_64__
static int
foreign(bool x32)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long rc = 20;	/* getpid of i386 */

		if (x32)
			rc = syscall(0x40000000 + SYS_getpid);
		else
			__asm__ volatile("int $0x80" : "+a"(rc) : : "memory", "r8", "r9", "r10", "r11");
		/* gVisor takes it for a call of the native table, where the number is another one. */
		_exit(rc != getpid() ? ENOSYS : OPEN);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return OPEN;
	return WIFSIGNALED(status) ? EPERM : WEXITSTATUS(status);
}
#endif

/* On the terminals that are there: the request itself, with a pointer that pushes nothing. */
static void
terminals(void)
{
	static const char *const names[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[64];
		int fd = i < 3 ? (int)i : open(names[i], O_RDWR | O_CLOEXEC);

		if (fd < 0 || !isatty(fd))
			continue;
		(void)snprintf(name, sizeof(name), "B6 TIOCSTI on %s", names[i]);
		report(name, ioctl(fd, TIOCSTI, BAD) != 0 && errno != EFAULT ? errno : OPEN);
		if (i == 3)
			(void)close(fd);
	}
}

void
probe_calls(const struct options *options)
{
	if (!options->seccomp)
		return;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (!calls[i].tracing || !options->ptrace)
			report(calls[i].name, try_call(&calls[i]));
	}
	report("B3 clone user", try_clone_user());
#ifdef __x86_64__
	report("B5 int 0x80", foreign(false));
	report("B5 x32", foreign(true));
#endif
	terminals();
}

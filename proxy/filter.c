#include "proxy/filter.h"

#include "common/error.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What an event loop with libcurl, c-ares, OpenSSL and the audit chain calls. Files are Landlock's business. What is not here
 * answers ENOSYS: a library that tries something newer first goes on with what it has.
 */
static const char *const allowed[] = {
	"read", "readv", "write", "writev", "pread64", "pwrite64", "lseek", "close", "fstat", "newfstatat", "stat", "lstat",
	"statx", "openat", "openat2", "open", "access", "faccessat", "faccessat2", "fcntl", "flock", "fsync", "fdatasync",
	"fchmod", "ftruncate", "rename", "renameat", "renameat2", "unlink", "unlinkat",
	"poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_ctl",
	"accept4", "connect", "getsockopt", "setsockopt", "getsockname", "getpeername", "sendto", "recvfrom", "sendmsg",
	"recvmsg", "sendmmsg", "recvmmsg", "shutdown", "splice", "pipe2", "bind",
	"brk", "munmap", "mremap", "madvise", "munlock", "futex",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall",
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getrandom", "sysinfo",
	"uname", "exit", "exit_group",
};

/* What only somebody who has taken the process over would call. */
static const char *const fatal[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev",
	"pidfd_getfd", "setns", "unshare", "mount", "bpf", "userfaultfd", "io_uring_setup", "keyctl", "kexec_load",
};

static int
add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count, struct kv_error *err)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]), result;

		if (number == __NR_SCMP_ERROR)
			continue;	/* libseccomp is older than the call: it stays refused */
		result = seccomp_rule_add(filter, action, number, 0);
		/* What this architecture does not have needs no rule. */
		if (result != 0 && !(number < 0 && (result == -EINVAL || result == -EDOM)))
			return kv_error_set(err, KV_ERR_SYSTEM, "seccomp: %s: %s", names[i], strerror(-result));
	}
	return 0;
}

static int
add_compared(scmp_filter_ctx filter, struct kv_error *err)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
	int result = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && result == 0; i++) {
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	}
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && result == 0; i++) {
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, maps[i], 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	}
	if (result != 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "seccomp: %s", strerror(-result));
	return 0;
}

int
kv_filter_enforce(struct kv_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result = -1;

	if (filter == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "seccomp");
	/* Another architecture's calls (int 0x80) have other numbers: they end the process. */
	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		(void)kv_error_set(err, KV_ERR_SYSTEM, "seccomp: foreign architectures");
	else if (add_names(filter, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]), err) == 0 &&
	    add_names(filter, SCMP_ACT_KILL_PROCESS, fatal, sizeof(fatal) / sizeof(fatal[0]), err) == 0 &&
	    add_compared(filter, err) == 0)
		result = seccomp_load(filter);
	if (result < -1)
		(void)kv_error_set(err, KV_ERR_SYSTEM, "seccomp: %s", strerror(-result));
	else if (result == -1 && err->code == KV_ERR_NONE)
		(void)kv_error_set(err, KV_ERR_SYSTEM, "seccomp: not taken");
	seccomp_release(filter);
	return result == 0 ? 0 : -1;
}

int
kv_filter_verify(struct kv_error *err)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	const char *open = memory != MAP_FAILED ? "executable memory" : fd >= 0 ? "netlink" :
	    syscall(SYS_setpriority, 0, 0, 0) == 0 || errno != ENOSYS ? "setpriority" : NULL;

	if (memory != MAP_FAILED)
		(void)munmap(memory, 4096);
	if (fd >= 0)
		(void)close(fd);
	if (open != NULL)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: seccomp: %s", open);
	return 0;
}

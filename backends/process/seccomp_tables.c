#include "backends/process/seccomp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#define LOW32 0xffffffffULL

#define ALL (KV_DENY_BASIC | KV_DENY_DESKTOP | KV_DENY_STRICT)
#define NOT_DESKTOP (KV_DENY_BASIC | KV_DENY_STRICT)

/*
 * The kernel takes these arguments as int: what stands in the upper half of the
 * register must not matter, or TIOCSTI | 1 << 32 is another request.
 */
#define EQ32(n, value) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, LOW32, (value))
#define HAS(n, bit) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, (bit), (bit))

/* A socket's type without SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define TYPE(type) SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xf, (type))

#define NAME(n, p) { .name = (n), .profiles = (p), .error = EPERM }
#define ARG1(n, p, e, a) { .name = (n), .profiles = (p), .error = (e), .argc = 1, .argv = { a } }
#define ARG2(n, p, e, a, b) { .name = (n), .profiles = (p), .error = (e), .argc = 2, .argv = { a, b } }

#define NEW_NAMESPACE(call, bit) ARG1(call, ALL, EPERM, HAS(0, bit))
#define NO_FAMILY(n) ARG1("socket", ALL, EAFNOSUPPORT, EQ32(0, n))

/*
 * Only TCP, UDP and ICMP of the Internet families: SCTP, DCCP, MPTCP, SMC and
 * L2TP are ways round Landlock's TCP rules, and so are a connection that
 * send() opens (fast open) and one whose protocol is changed afterwards (TCP_ULP: SMC). SCTP and DCCP
 * are had by their socket type as well, with protocol 0. Each answers as a kernel without it would, so that programs fall back.
 */
#define INET_PROTOCOLS(family) \
	ARG2("socket", KV_DENY_CORE, EPROTONOSUPPORT, EQ32(0, family), \
	    SCMP_CMP64(2, SCMP_CMP_GT, IPPROTO_ICMPV6)), \
	ARG2("socket", KV_DENY_CORE, EPROTONOSUPPORT, EQ32(0, family), EQ32(2, IPPROTO_DCCP)), \
	ARG2("socket", KV_DENY_CORE, EPROTONOSUPPORT, EQ32(0, family), TYPE(SOCK_SEQPACKET)), \
	ARG2("socket", KV_DENY_CORE, EPROTONOSUPPORT, EQ32(0, family), TYPE(SOCK_DCCP)), \
	ARG2("socket", ALL, EPERM, EQ32(0, family), TYPE(SOCK_RAW)), \
	ARG2("socket", ALL, EPERM, EQ32(0, family), TYPE(SOCK_PACKET))

static const struct kv_seccomp_denial denials[] = {
	/* Core. clone3 hides its flags in memory, and libc falls back to clone. */
	{ .name = "clone3", .profiles = KV_DENY_CORE, .error = ENOSYS },
	ARG1("ioctl", KV_DENY_CORE, EPERM, EQ32(1, TIOCSTI)),
	ARG1("ioctl", KV_DENY_CORE, EPERM, EQ32(1, TIOCLINUX)),
	INET_PROTOCOLS(AF_INET),
	INET_PROTOCOLS(AF_INET6),
	ARG1("sendto", KV_DENY_CORE, EOPNOTSUPP, HAS(3, MSG_FASTOPEN)),
	ARG1("sendmsg", KV_DENY_CORE, EOPNOTSUPP, HAS(2, MSG_FASTOPEN)),
	ARG1("sendmmsg", KV_DENY_CORE, EOPNOTSUPP, HAS(3, MSG_FASTOPEN)),
	ARG2("setsockopt", KV_DENY_CORE, ENOPROTOOPT, EQ32(1, IPPROTO_TCP), EQ32(2, TCP_FASTOPEN_CONNECT)),
	ARG2("setsockopt", KV_DENY_CORE, ENOPROTOOPT, EQ32(1, IPPROTO_TCP), EQ32(2, TCP_ULP)),
	/* Core: it makes sockets and sends where no filter sees it. */
	NAME("io_uring_setup", KV_DENY_CORE), NAME("io_uring_enter", KV_DENY_CORE),
	NAME("io_uring_register", KV_DENY_CORE),

	/* Mounts and roots. */
	NAME("mount", ALL), NAME("umount", ALL), NAME("umount2", ALL), NAME("pivot_root", ALL),
	NAME("chroot", ALL), NAME("fsopen", ALL), NAME("fsmount", ALL), NAME("fsconfig", ALL),
	NAME("fspick", ALL), NAME("open_tree", ALL), NAME("move_mount", ALL), NAME("mount_setattr", ALL),
	NAME("swapon", ALL), NAME("swapoff", ALL), NAME("quotactl", ALL), NAME("quotactl_fd", ALL),
	NAME("open_by_handle_at", ALL),

	/* Namespaces. */
	NAME("setns", ALL),
	NEW_NAMESPACE("clone", CLONE_NEWUSER), NEW_NAMESPACE("clone", CLONE_NEWNS),
	NEW_NAMESPACE("clone", CLONE_NEWPID), NEW_NAMESPACE("clone", CLONE_NEWNET),
	NEW_NAMESPACE("clone", CLONE_NEWIPC), NEW_NAMESPACE("clone", CLONE_NEWUTS),
	NEW_NAMESPACE("clone", CLONE_NEWCGROUP),
	NEW_NAMESPACE("unshare", CLONE_NEWUSER), NEW_NAMESPACE("unshare", CLONE_NEWNS),
	NEW_NAMESPACE("unshare", CLONE_NEWPID), NEW_NAMESPACE("unshare", CLONE_NEWNET),
	NEW_NAMESPACE("unshare", CLONE_NEWIPC), NEW_NAMESPACE("unshare", CLONE_NEWUTS),
	NEW_NAMESPACE("unshare", CLONE_NEWCGROUP), NEW_NAMESPACE("unshare", CLONE_NEWTIME),

	/* The kernel itself, and its large and rarely needed surfaces. */
	NAME("kexec_load", ALL), NAME("kexec_file_load", ALL), NAME("reboot", ALL),
	NAME("init_module", ALL), NAME("finit_module", ALL), NAME("delete_module", ALL),
	NAME("create_module", ALL), NAME("get_kernel_syms", ALL), NAME("query_module", ALL),
	NAME("bpf", ALL), NAME("perf_event_open", ALL), NAME("userfaultfd", ALL),
	NAME("lookup_dcookie", ALL), NAME("nfsservctl", ALL), NAME("_sysctl", ALL), NAME("uselib", ALL),
	NAME("syslog", ALL), NAME("acct", ALL), NAME("vhangup", ALL),
	NAME("iopl", ALL), NAME("ioperm", ALL), NAME("vserver", ALL), NAME("afs_syscall", ALL),
	NAME("security", ALL), NAME("tuxcall", ALL), NAME("memfd_secret", ALL),

	/* Keyrings belong to the uid, not to the session: another session's keys are in them. */
	NAME("add_key", ALL), NAME("request_key", ALL), NAME("keyctl", ALL),

	/* Clocks and names of the host. */
	NAME("settimeofday", ALL), NAME("clock_settime", ALL), NAME("stime", ALL),
	NAME("adjtimex", ALL), NAME("clock_adjtime", ALL),
	NAME("sethostname", ALL), NAME("setdomainname", ALL),

	/* Execution domains: Wine and old binaries want them, so `desktop` keeps them. */
	NAME("modify_ldt", NOT_DESKTOP),

	/* Socket families: unix, inet, inet6 and the route part of netlink (getifaddrs). */
	NO_FAMILY(3), NO_FAMILY(4), NO_FAMILY(5), NO_FAMILY(6), NO_FAMILY(7), NO_FAMILY(8), NO_FAMILY(9),
	NO_FAMILY(11), NO_FAMILY(12), NO_FAMILY(13), NO_FAMILY(14), NO_FAMILY(15),
	ARG1("socket", ALL, EAFNOSUPPORT, SCMP_CMP64(0, SCMP_CMP_GT, AF_NETLINK)),
	ARG2("socket", ALL, EPROTONOSUPPORT, EQ32(0, AF_NETLINK), SCMP_CMP64(2, SCMP_CMP_GT, 0)),
	ARG1("socketpair", ALL, EAFNOSUPPORT, SCMP_CMP64(0, SCMP_CMP_GT, AF_UNIX)),
};

const struct kv_seccomp_denial *
kv_seccomp_denials(size_t *count)
{
	*count = sizeof(denials) / sizeof(denials[0]);
	return denials;
}

/* No ptrace and its like, no memory placement, no System V message queues. */
static const char *const strict_names[] = {
	"read", "write", "close", "openat", "newfstatat", "fstat", "mmap", "rt_sigaction",
	"rt_sigprocmask", "futex", "ioctl", "poll", "ppoll", "lseek", "access", "munmap", "mprotect",
	"brk", "pread64", "pwrite64", "readv", "writev", "stat", "lstat", "open", "fcntl", "clone",
	"wait4", "execve", "getpid", "getdents64", "select", "pselect6", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "epoll_ctl", "recvfrom", "sendto", "recvmsg", "sendmsg", "sendmmsg", "recvmmsg",
	"clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom",
	/* files */
	"faccessat", "faccessat2", "chdir", "fchdir", "getcwd", "chmod", "fchmod", "fchmodat",
	"fchmodat2", "chown", "fchown", "fchownat", "lchown", "copy_file_range", "creat", "dup", "dup2",
	"dup3", "fadvise64", "fallocate", "fdatasync", "fsync", "flock", "fstatfs", "statfs", "ftruncate",
	"truncate", "getdents", "link", "linkat", "mkdir", "mkdirat", "mknod", "mknodat", "openat2",
	"preadv", "preadv2", "pwritev", "pwritev2", "readahead", "readlink", "readlinkat", "rename",
	"renameat", "renameat2", "rmdir", "sendfile", "splice", "tee", "vmsplice", "statx", "symlink",
	"symlinkat", "sync", "syncfs", "sync_file_range", "umask", "unlink", "unlinkat", "utime",
	"utimes", "utimensat", "futimesat", "close_range", "cachestat", "msync", "ustat",
	"getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "setxattr",
	"lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
	"inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "name_to_handle_at",
	"io_setup", "io_destroy", "io_getevents", "io_pgetevents", "io_submit", "io_cancel",
	/* memory */
	"mremap", "madvise", "mincore", "mlock", "mlock2", "munlock", "mlockall", "munlockall",
	"membarrier", "memfd_create", "pkey_alloc", "pkey_free", "pkey_mprotect", "get_mempolicy",
	/* processes */
	"fork", "vfork", "execveat", "exit", "exit_group", "waitid", "kill", "tkill", "tgkill",
	"pidfd_open", "pidfd_send_signal", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "setpgid",
	"setsid", "getpriority", "setpriority", "getrlimit", "setrlimit", "prlimit64", "getrusage", "times",
	"sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam",
	"sched_getscheduler", "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min",
	"sched_rr_get_interval", "sched_getattr", "sched_setattr", "getcpu", "ioprio_get", "ioprio_set",
	"set_tid_address", "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "prctl",
	"restart_syscall", "futex_waitv", "futex_wait", "futex_wake", "futex_requeue", "capget", "capset",
	"getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "setuid",
	"setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
	"uname", "sysinfo", "alarm", "getitimer", "setitimer", "pause", "unshare", "personality",
	/* a program may confine itself further */
	"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
	/* signals and timers */
	"rt_sigreturn", "rt_sigsuspend", "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo", "sigaltstack", "signalfd", "signalfd4", "clock_getres", "timer_create",
	"timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
	"timerfd_gettime", "timerfd_settime",
	/* pipes, sockets, queues */
	"pipe", "pipe2", "eventfd", "eventfd2", "epoll_create", "epoll_create1", "accept", "accept4",
	"bind", "connect", "getpeername", "getsockname", "getsockopt", "setsockopt", "listen", "shutdown",
	"socket", "socketpair", "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop",
	"semctl",
	NULL,
};

const char *const *
kv_seccomp_strict_names(void)
{
	return strict_names;
}

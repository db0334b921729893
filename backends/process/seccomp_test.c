#include "backends/process/seccomp.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/seccomp_internal.h"
#include "common/error.h"
#include "session/ticket.h"

#define BAD 1UL		/* a pointer that the kernel cannot read: EFAULT means that it was reached */
#define KILLED -1
#define MPTCP 262

struct call {
	const char *what;
	long number;
	unsigned long arg[5];
};

/* Runs one call in a child under the filter; its errno (0: it succeeded), or KILLED. */
static int
try_call(const struct sock_filter *filter, size_t count, const struct call *call)
{
	struct kv_error err = KV_ERROR_INIT;
	int status;
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		if (count != 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    kv_seccomp_install(filter, count, &err) != 0))
			_exit(254);
		errno = 0;
		long rc = syscall(call->number, call->arg[0], call->arg[1], call->arg[2],
		    call->arg[3], call->arg[4]);
		_exit(rc == -1 ? errno : 0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -2;
	ATF_REQUIRE_MSG(WEXITSTATUS(status) != 254, "%s: %s", call->what, err.msg);
	return WEXITSTATUS(status);
}

static size_t
compile(enum kv_seccomp profile, struct sock_filter *filter)
{
	struct kv_error err = KV_ERROR_INIT;
	size_t count = 0;

	ATF_REQUIRE_EQ_MSG(0, kv_seccomp_compile(profile, NULL, filter, KV_TICKET_FILTER_MAX, &count, &err),
	    "%s", err.msg);
	ATF_REQUIRE(count > 0 && count <= KV_TICKET_FILTER_MAX);
	return count;
}

/* What every profile refuses, with the errno that it answers. */
static const struct { struct call call; int error; } denied[] = {
	{ { "mount", SYS_mount, { BAD, BAD, BAD, 0, 0 } }, EPERM },
	{ { "umount2", SYS_umount2, { BAD } }, EPERM },
	{ { "pivot_root", SYS_pivot_root, { BAD, BAD } }, EPERM },
	{ { "chroot", SYS_chroot, { BAD } }, EPERM },
	{ { "fsopen", SYS_fsopen, { BAD } }, EPERM },
	{ { "fsmount", SYS_fsmount, { 99 } }, EPERM },
	{ { "fsconfig", SYS_fsconfig, { 99 } }, EPERM },
	{ { "fspick", SYS_fspick, { 99, BAD } }, EPERM },
	{ { "open_tree", SYS_open_tree, { 99, BAD } }, EPERM },
	{ { "move_mount", SYS_move_mount, { 99, BAD, 99, BAD } }, EPERM },
	{ { "mount_setattr", SYS_mount_setattr, { 99, BAD, 0, BAD, 32 } }, EPERM },
	{ { "unshare user", SYS_unshare, { CLONE_NEWUSER } }, EPERM },
	{ { "unshare ns", SYS_unshare, { CLONE_NEWNS | CLONE_FILES } }, EPERM },
	{ { "unshare time", SYS_unshare, { 0x80 } }, EPERM },
	{ { "clone user", SYS_clone, { CLONE_NEWUSER | SIGCHLD } }, EPERM },
	{ { "clone net", SYS_clone, { CLONE_NEWNET | CLONE_NEWIPC | SIGCHLD } }, EPERM },
	{ { "setns", SYS_setns, { 99, 0 } }, EPERM },
	{ { "clone3", SYS_clone3, { BAD, 88 } }, ENOSYS },
	{ { "bpf", SYS_bpf, { 0, BAD, 72 } }, EPERM },
	{ { "perf_event_open", SYS_perf_event_open, { BAD } }, EPERM },
	{ { "userfaultfd", SYS_userfaultfd, { 0xffff } }, EPERM },
	{ { "io_uring_setup", SYS_io_uring_setup, { 1, BAD } }, EPERM },
	{ { "io_uring_enter", SYS_io_uring_enter, { 99 } }, EPERM },
	{ { "io_uring_register", SYS_io_uring_register, { 99 } }, EPERM },
	{ { "keyctl", SYS_keyctl, { 99 } }, EPERM },
	{ { "add_key", SYS_add_key, { BAD, BAD } }, EPERM },
	{ { "request_key", SYS_request_key, { BAD, BAD } }, EPERM },
	{ { "init_module", SYS_init_module, { BAD, 1, BAD } }, EPERM },
	{ { "finit_module", SYS_finit_module, { 99, BAD } }, EPERM },
	{ { "delete_module", SYS_delete_module, { BAD } }, EPERM },
	{ { "kexec_load", SYS_kexec_load, { 0, 1, BAD } }, EPERM },
	{ { "kexec_file_load", SYS_kexec_file_load, { 99, 99 } }, EPERM },
	{ { "reboot", SYS_reboot, { 1, 2, 3 } }, EPERM },
	{ { "swapon", SYS_swapon, { BAD } }, EPERM },
	{ { "open_by_handle_at", SYS_open_by_handle_at, { 99, BAD } }, EPERM },
	{ { "quotactl", SYS_quotactl, { 0, BAD } }, EPERM },
	{ { "acct", SYS_acct, { BAD } }, EPERM },
	{ { "syslog", SYS_syslog, { 99 } }, EPERM },
	{ { "settimeofday", SYS_settimeofday, { BAD } }, EPERM },
	{ { "clock_settime", SYS_clock_settime, { 99, BAD } }, EPERM },
	{ { "sethostname", SYS_sethostname, { BAD, 1 } }, EPERM },
	{ { "TIOCSTI", SYS_ioctl, { 99, TIOCSTI, BAD } }, EPERM },
	{ { "TIOCSTI high", SYS_ioctl, { 99, TIOCSTI | 1UL << 32, BAD } }, EPERM },
	{ { "TIOCLINUX", SYS_ioctl, { 99, TIOCLINUX, BAD } }, EPERM },
	{ { "TIOCLINUX high", SYS_ioctl, { 99, TIOCLINUX | 1UL << 32, BAD } }, EPERM },
	{ { "AF_PACKET", SYS_socket, { AF_PACKET, SOCK_RAW, 0 } }, EAFNOSUPPORT },
	{ { "AF_VSOCK", SYS_socket, { AF_VSOCK, SOCK_STREAM, 0 } }, EAFNOSUPPORT },
	{ { "AF_ALG", SYS_socket, { AF_ALG, SOCK_SEQPACKET, 0 } }, EAFNOSUPPORT },
	{ { "AF_VSOCK high", SYS_socket, { AF_VSOCK | 1UL << 32, SOCK_STREAM, 0 } }, EAFNOSUPPORT },
	{ { "raw", SYS_socket, { AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1 } }, EPERM },
	{ { "netlink audit", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 } }, EPROTONOSUPPORT },
	{ { "netlink high", SYS_socket, { AF_NETLINK | 1UL << 32, SOCK_RAW, 9 } }, EPROTONOSUPPORT },
	{ { "MPTCP", SYS_socket, { AF_INET, SOCK_STREAM, MPTCP } }, EPROTONOSUPPORT },
	{ { "MPTCP6", SYS_socket, { AF_INET6, SOCK_STREAM, MPTCP | 1UL << 32 } }, EPROTONOSUPPORT },
	{ { "SCTP", SYS_socket, { AF_INET, SOCK_STREAM, 132 } }, EPROTONOSUPPORT },
	{ { "DCCP", SYS_socket, { AF_INET, 6, 33 } }, EPROTONOSUPPORT },
	{ { "DCCP by its type", SYS_socket, { AF_INET, SOCK_DCCP | SOCK_CLOEXEC } }, EPROTONOSUPPORT },
	{ { "DCCP6 by its type", SYS_socket, { AF_INET6, SOCK_DCCP | 1UL << 32 } }, EPROTONOSUPPORT },
	{ { "SCTP by its type", SYS_socket, { AF_INET, SOCK_SEQPACKET } }, EPROTONOSUPPORT },
	{ { "SCTP6 by its type", SYS_socket, { AF_INET6, SOCK_SEQPACKET | SOCK_NONBLOCK } }, EPROTONOSUPPORT },
	{ { "TCP_ULP", SYS_setsockopt, { 99, IPPROTO_TCP, TCP_ULP, BAD } }, ENOPROTOOPT },
	{ { "fast open", SYS_sendto, { 99, BAD, 1, MSG_FASTOPEN, BAD } }, EOPNOTSUPP },
	{ { "fast open high", SYS_sendto, { 99, BAD, 1, MSG_FASTOPEN | 1UL << 32, BAD } }, EOPNOTSUPP },
	{ { "fast open msg", SYS_sendmsg, { 99, BAD, MSG_FASTOPEN } }, EOPNOTSUPP },
	{ { "fast open mmsg", SYS_sendmmsg, { 99, BAD, 1, MSG_FASTOPEN } }, EOPNOTSUPP },
	{ { "fast open option", SYS_setsockopt, { 99, 6, 30, BAD, 4 } }, ENOPROTOOPT },
	{ { "newer than the table", 9999, { 0 } }, ENOSYS },
	{ { "in the gap", 400, { 0 } }, ENOSYS },
};

/* What every profile lets through, with the kernel's own answer. */
static const struct { struct call call; int error; } allowed[] = {
	{ { "getpid", SYS_getpid, { 0 } }, 0 },
	{ { "openat", SYS_openat, { 99, BAD } }, EFAULT },
	{ { "ioctl", SYS_ioctl, { 99, TIOCGWINSZ, BAD } }, EBADF },
	{ { "unix", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } }, 0 },
	{ { "unix seqpacket", SYS_socket, { AF_UNIX, SOCK_SEQPACKET, 0 } }, 0 },
	{ { "tcp", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 6 } }, 0 },
	{ { "udp", SYS_socket, { AF_INET, SOCK_DGRAM, 0 } }, 0 },
	{ { "route", SYS_socket, { AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0 } }, 0 },
	{ { "sendto", SYS_sendto, { 99, BAD, 1, MSG_NOSIGNAL, 0 } }, EBADF },
	{ { "setsockopt", SYS_setsockopt, { 99, 6, 1, BAD, 4 } }, EBADF },
	{ { "unshare files", SYS_unshare, { CLONE_FILES } }, 0 },
	{ { "mkdir", SYS_mkdir, { BAD } }, EFAULT },
	{ { "mknod", SYS_mknod, { BAD } }, EFAULT },
	{ { "personality", SYS_personality, { 0xffffffff } }, 0 },
	{ { "no randomisation", SYS_personality, { 0x0040000 } }, 0 },
	{ { "signalfd4", SYS_signalfd4, { 99, BAD, 8, 0 } }, EFAULT },
	{ { "close_range", SYS_close_range, { 5, 4, 0 } }, EINVAL },
	{ { "landlock_restrict_self", SYS_landlock_restrict_self, { 99, 0 } }, EBADF },
};

static void
check_tables(enum kv_seccomp profile)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	size_t count = compile(profile, filter);

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		ATF_CHECK_EQ_MSG(denied[i].error, try_call(filter, count, &denied[i].call),
		    "%s: expected %d, got %d", denied[i].call.what, denied[i].error,
		    try_call(filter, count, &denied[i].call));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		ATF_CHECK_EQ_MSG(allowed[i].error, try_call(filter, count, &allowed[i].call),
		    "%s: expected %d, got %d", allowed[i].call.what, allowed[i].error,
		    try_call(filter, count, &allowed[i].call));
}

ATF_TC_WITHOUT_HEAD(basic);
ATF_TC_BODY(basic, tc)
{
	check_tables(KV_SECCOMP_BASIC);
}

ATF_TC_WITHOUT_HEAD(desktop);
ATF_TC_BODY(desktop, tc)
{
	check_tables(KV_SECCOMP_DESKTOP);
}

ATF_TC_WITHOUT_HEAD(strict);
ATF_TC_BODY(strict, tc)
{
	check_tables(KV_SECCOMP_STRICT);
}

/* Without a filter each denied call reaches the kernel, so that the test above can fail. */
ATF_TC_WITHOUT_HEAD(unfiltered_calls_reach_the_kernel);
ATF_TC_BODY(unfiltered_calls_reach_the_kernel, tc)
{
	const struct call mount = { "mount", SYS_mount, { BAD, BAD, BAD, 0, 0 } };
	const struct call sti = { "TIOCSTI", SYS_ioctl, { 99, TIOCSTI | 1UL << 32, BAD } };
	const struct call clone3 = { "clone3", SYS_clone3, { BAD, 88 } };

	ATF_CHECK_EQ(EFAULT, try_call(NULL, 0, &mount));
	ATF_CHECK_EQ(EBADF, try_call(NULL, 0, &sti));
	ATF_CHECK_EQ(EFAULT, try_call(NULL, 0, &clone3));
}

ATF_TC_WITHOUT_HEAD(profiles_differ_where_they_should);
ATF_TC_BODY(profiles_differ_where_they_should, tc)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	const struct call trace = { "ptrace", SYS_ptrace, { PTRACE_ATTACH, 0x3fffff, 0, 0 } };
	const struct call vm = { "process_vm_readv", SYS_process_vm_readv, { 1, BAD, 1, BAD, 1 } };
	const struct call ldt = { "modify_ldt", SYS_modify_ldt, { 0, BAD, 0 } };
	const struct call layout = { "ADDR_COMPAT_LAYOUT", SYS_personality, { 0x0200000 } };
	const struct call msg = { "msgget", SYS_msgget, { 0, 0 } };
	size_t count = compile(KV_SECCOMP_BASIC, filter);

	ATF_CHECK_EQ(ESRCH, try_call(filter, count, &trace));
	ATF_CHECK(try_call(filter, count, &vm) != EPERM);
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &ldt));
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &layout));
	ATF_CHECK(try_call(filter, count, &msg) != EPERM);
	count = compile(KV_SECCOMP_DESKTOP, filter);
	ATF_CHECK(try_call(filter, count, &ldt) != EPERM);
	ATF_CHECK_EQ(0, try_call(filter, count, &layout));
	count = compile(KV_SECCOMP_STRICT, filter);
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &trace));
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &vm));
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &layout));
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &msg));
}

#ifdef __x86_64__
static int
run_foreign(const struct sock_filter *filter, size_t count, bool x32)
{
	struct kv_error err = KV_ERROR_INIT;
	int status;
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		long rc = 20;	/* getpid of i386 */

		if (count != 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    kv_seccomp_install(filter, count, &err) != 0))
			_exit(254);
		if (x32)
			(void)syscall(0x40000000 + SYS_getpid);
		else
			__asm__ volatile("int $0x80" : "+a"(rc) : : "memory", "r8", "r9", "r10", "r11");
		_exit(0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

ATF_TC_WITHOUT_HEAD(foreign_architectures_are_killed);
ATF_TC_BODY(foreign_architectures_are_killed, tc)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	const enum kv_seccomp profiles[] = { KV_SECCOMP_BASIC, KV_SECCOMP_DESKTOP, KV_SECCOMP_STRICT };

	ATF_CHECK_EQ(0, run_foreign(NULL, 0, true));
	for (size_t i = 0; i < 3; i++) {
		size_t count = compile(profiles[i], filter);

		ATF_CHECK_EQ(SIGSYS, run_foreign(filter, count, false));
		ATF_CHECK_EQ(SIGSYS, run_foreign(filter, count, true));
	}
}
#endif

static const char *
parse_error(const char *text, size_t size)
{
	static char message[512];
	struct kv_error err = KV_ERROR_INIT;
	scmp_filter_ctx ctx = NULL;

	if (kv_seccomp_parse("p", text, size, &ctx, &err) == 0) {
		seccomp_release(ctx);
		return "";
	}
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	(void)snprintf(message, sizeof(message), "%s", err.msg);
	return message;
}

#define PARSE(text) parse_error(text, sizeof(text) - 1)

ATF_TC_WITHOUT_HEAD(file_errors_name_the_line);
ATF_TC_BODY(file_errors_name_the_line, tc)
{
	ATF_CHECK_STREQ("", PARSE("# a\n\ndefault = deny # x\nallow read\n\tallow  write \ndeny ptrace"));
	ATF_CHECK(strncmp(PARSE("default = allow\ndeny nosuchcall\n"), "p:2: unknown system call", 23) == 0);
	ATF_CHECK(strncmp(PARSE("default = maybe\n"), "p:1: default is", 15) == 0);
	ATF_CHECK(strncmp(PARSE("default = allow\ndefault = deny\n"), "p:2: default is given twice", 27) == 0);
	ATF_CHECK(strncmp(PARSE("deny read\n"), "p:1: default", 12) == 0);
	ATF_CHECK(strncmp(PARSE("default = allow\ndeny read\nallow read\n"), "p:3: named twice", 16) == 0);
	ATF_CHECK(strncmp(PARSE("default = allow\ndeny read write\n"), "p:2: expected", 13) == 0);
	ATF_CHECK(strncmp(PARSE("default = allow\r\n"), "p:1: expected", 13) == 0);
	ATF_CHECK(strncmp(PARSE("default = allow\ndeny re\0ad\n"), "p:2: a NUL", 10) == 0);
	ATF_CHECK(PARSE("") [0] != '\0');
	ATF_CHECK(PARSE("# nothing\n")[0] != '\0');
}

ATF_TC(file_profile);
ATF_TC_HEAD(file_profile, tc)
{
	atf_tc_set_md_var(tc, "require.user", "root");
	atf_tc_set_md_var(tc, "descr", "a file's own rules, the core besides, and who may own it");
}
ATF_TC_BODY(file_profile, tc)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	const struct call sti = { "TIOCSTI", SYS_ioctl, { 99, TIOCSTI, BAD } };
	const struct call uname_ = { "uname", SYS_uname, { BAD } };
	const struct call mount = { "mount", SYS_mount, { BAD, BAD, BAD } };
	struct kv_error err = KV_ERROR_INIT;
	/* Below /var: /tmp is everybody's, and not trusted. */
	char dir[] = "/var/lib/kv-seccomp-test.XXXXXX", path[64];
	size_t count = 0;
	int fd;

	ATF_REQUIRE(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/profile", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE(write(fd, "default = allow\ndeny uname\nallow ioctl\n", 39) == 39);
	ATF_CHECK_EQ_MSG(0, kv_seccomp_compile(KV_SECCOMP_FILE, path, filter, KV_TICKET_FILTER_MAX, &count, &err),
	    "%s", err.msg);
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &uname_));
	ATF_CHECK_EQ(EPERM, try_call(filter, count, &sti));
	ATF_CHECK_EQ(EFAULT, try_call(filter, count, &mount));
	ATF_CHECK_EQ(0, fchmod(fd, 0664));
	ATF_CHECK_EQ(-1, kv_seccomp_compile(KV_SECCOMP_FILE, path, filter, KV_TICKET_FILTER_MAX, &count, &err));
	ATF_CHECK_EQ(0, fchmod(fd, 0644));
	ATF_CHECK_EQ(0, chmod(dir, 0777));
	ATF_CHECK_EQ(-1, kv_seccomp_compile(KV_SECCOMP_FILE, path, filter, KV_TICKET_FILTER_MAX, &count, &err));
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

ATF_TC_WITHOUT_HEAD(too_small_a_buffer_is_an_error);
ATF_TC_BODY(too_small_a_buffer_is_an_error, tc)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	size_t full = compile(KV_SECCOMP_STRICT, filter);

	for (size_t max = 0; max < full; max += 7) {
		struct kv_error err = KV_ERROR_INIT;
		size_t count = 0;

		ATF_CHECK_EQ(-1, kv_seccomp_compile(KV_SECCOMP_STRICT, NULL, filter, max, &count, &err));
		ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, basic);
	ATF_TP_ADD_TC(tp, desktop);
	ATF_TP_ADD_TC(tp, strict);
	ATF_TP_ADD_TC(tp, unfiltered_calls_reach_the_kernel);
	ATF_TP_ADD_TC(tp, profiles_differ_where_they_should);
#ifdef __x86_64__
	ATF_TP_ADD_TC(tp, foreign_architectures_are_killed);
#endif
	ATF_TP_ADD_TC(tp, file_errors_name_the_line);
	ATF_TP_ADD_TC(tp, file_profile);
	ATF_TP_ADD_TC(tp, too_small_a_buffer_is_an_error);
	return atf_no_error();
}

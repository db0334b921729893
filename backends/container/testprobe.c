/*
 * The first process of a test's container: writes what it sees and what it may, one "name=value"
 * a line. Static; part of no program. Run as: testprobe [ARG...], in a root made by testbundle.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* "ok", or the name of errno. */
static void
answer(const char *name, long result)
{
	printf("%s=%s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
}

static void
see_privilege(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	int bounding = 0, ambient = 0;
	gid_t groups[32];
	int count = getgroups(32, groups);

	for (unsigned long cap = 0; cap < 64; cap++) {
		bounding += prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1;
		ambient += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1;
	}
	answer("capget", syscall(SYS_capget, &header, data));
	printf("capabilities=%x,%x,%x,%d,%d\n", data[0].effective | data[1].effective,
	    data[0].permitted | data[1].permitted, data[0].inheritable | data[1].inheritable, bounding, ambient);
	printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("seccomp=%d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	printf("ids=%u,%u:", (unsigned)getuid(), (unsigned)getgid());
	for (int i = 0; i < count; i++)
		printf("%s%u", i > 0 ? "," : "", (unsigned)groups[i]);
	printf("\npid=%d\n", (int)getpid());
}

static void
see_place(char *argv[])
{
	struct utsname names = { .nodename = "?" };
	struct rlimit files = { 0 };
	char cwd[4096];

	(void)uname(&names);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	printf("hostname=%s\n", names.nodename);
	printf("open_files=%llu,%llu\n", (unsigned long long)files.rlim_cur, (unsigned long long)files.rlim_max);
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "?");
	printf("env=%s\n", getenv("KV_PROBE") != NULL ? getenv("KV_PROBE") : "");
	for (int i = 1; argv[i] != NULL; i++)
		printf("arg=%s\n", argv[i]);
}

/* How many bytes can be read from it; -1: it is not there. */
static void
see_masked(const char *path)
{
	char byte[64];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	printf("%s=%zd\n", path, fd < 0 ? -1 : read(fd, byte, sizeof(byte)));
	if (fd >= 0)
		(void)close(fd);
}

static void
try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	answer(path, fd < 0 ? fd : write(fd, "x", 1));
	if (fd >= 0)
		(void)close(fd);
}

static void
see_files(void)
{
	struct statvfs fs;

	see_masked("/proc/kcore");
	see_masked("/proc/keys");
	see_masked("/proc/timer_list");
	see_masked("/proc/self/comm");
	printf("/proc/sys=%s\n", statvfs("/proc/sys", &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0 ? "ro" : "rw");
	try_write("/new");
	try_write("/data/new");
	try_write("/fixed/new");
	try_write("/tmp/new");
	see_masked("/fixed/given");
	if (statvfs("/data", &fs) == 0)
		printf("/data=%s,%s\n", (fs.f_flag & ST_NOSUID) != 0 ? "nosuid" : "suid",
		    (fs.f_flag & ST_NOEXEC) != 0 ? "noexec" : "exec");
}

/* A child by clone(2) with these flags. */
static void
try_clone(const char *name, unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	answer(name, pid);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
}

/* In a child, which is then stopped by its parent alone. */
static void
try_ptrace(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		answer("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		(void)fflush(stdout);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static void
try_foreign(void)
{
#ifdef __x86_64__
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		long result = 20;	/* getpid of i386 */

		__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		printf("i386=%s\n", WIFSIGNALED(status) ? "killed" : "ran");
#endif
}

static void
try_calls(void)
{
	unsigned long high = 1UL << 32;

	(void)fflush(stdout);
	answer("TIOCSTI", syscall(SYS_ioctl, 99, TIOCSTI, "x"));
	answer("TIOCSTI_high", syscall(SYS_ioctl, 99, TIOCSTI | high, "x"));
	answer("TCGETS", syscall(SYS_ioctl, 99, TCGETS, 0));
	answer("unshare_user", syscall(SYS_unshare, CLONE_NEWUSER));
	answer("unshare_files", syscall(SYS_unshare, CLONE_FILES));
	try_clone("clone_user", CLONE_NEWUSER);
	try_clone("clone", 0);
	answer("clone3", syscall(SYS_clone3, NULL, 0));
	answer("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	answer("keyctl", syscall(SYS_keyctl, 0, -3, 0));
	answer("chroot", chroot("/"));
	answer("bpf", syscall(SYS_bpf, 0, NULL, 0));
	answer("socket_unix", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	answer("socket_vsock", socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
	answer("sysv_queue", syscall(SYS_msgget, 0, 0600 | 01000));
	answer("getppid", getppid());
	answer("seccomp_call", syscall(SYS_seccomp, 2 /* GET_ACTION_AVAIL */, 0, &(uint32_t){ 0x7fff0000U }));
	answer("landlock", syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */));
	answer("no_new_privs_again", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	(void)fflush(stdout);
	try_ptrace();
	try_foreign();
}

int
main(int argc, char *argv[])
{
	(void)argc;
	see_privilege();
	see_place(argv);
	see_files();
	try_calls();
	puts("end");
	return 7;
}

#include "tests/hostile/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return OPEN;
}

static int
result(int rc)
{
	return rc != 0 ? errno : OPEN;
}

/* By what it does: gVisor answers 0 for a file of a read-only mount. */
static int
try_chmod(const char *path, const struct stat *was)
{
	struct stat now;

	if (chmod(path, (was->st_mode & 07777) ^ S_IXOTH) != 0)
		return errno;
	if (stat(path, &now) == 0 && now.st_mode == was->st_mode)
		return EROFS;
	(void)chmod(path, was->st_mode & 07777);
	return OPEN;
}

static int
try_truncate(const char *path, const struct stat *was)
{
	struct stat now;

	if (S_ISDIR(was->st_mode))
		return EISDIR;
	if (truncate(path, was->st_size + 1) != 0)
		return errno;
	if (stat(path, &now) == 0 && now.st_size == was->st_size)
		return EROFS;
	if (truncate(path, was->st_size) != 0)
		perror(path);
	return OPEN;
}

/* Masked by /dev/null it opens and is empty. */
static int
read_kcore(void)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	char byte;
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, &byte, 1);
	(void)close(fd);
	return n > 0 ? OPEN : ENODATA;
}

/* Masked files are written into /dev/null, which nobody minds. */
static int
try_kernel(const char *path)
{
	struct stat st, null;

	if (stat(path, &st) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == null.st_rdev)
		return ENODEV;
	return try_open(path, O_WRONLY);
}

/* Opened for writing only: nothing is written. */
static void
kernel_files(bool foreign)
{
	static const struct { const char *group, *path; } files[] = {
		{ "B10", "/sys/fs/cgroup/cgroup.procs" }, { "B10", "/sys/fs/cgroup/release_agent" },
		{ "B10", "/sys/fs/cgroup/memory/cgroup.procs" }, { "B10", "/sys/fs/cgroup/memory/release_agent" },
		{ "B10", "/sys/fs/cgroup/pids/cgroup.procs" }, { "B10", "/sys/fs/cgroup/freezer/release_agent" },
		{ "B10", "/sys/fs/cgroup/unified/cgroup.procs" }, { "B10", "/run/kavach/cgroup/cgroup.procs" },
		{ "B10", "/run/kavach/cgroup/memory/memory.limit_in_bytes" },
		{ "B11", "/proc/sys/kernel/core_pattern" }, { "B11", "/proc/sys/kernel/modprobe" },
		{ "B11", "/proc/sysrq-trigger" }, { "B11", "/proc/sys/fs/binfmt_misc/register" },
		{ "B11", "/proc/sys/kernel/hotplug" }, { "B11", "/sys/kernel/uevent_helper" },
		{ "B11", "/proc/sys/kernel/ns_last_pid" }, { "B11", "/proc/sys/vm/panic_on_oom" },
		{ "B17", "/etc/passwd" }, { "B17", "/etc/shadow" }, { "B17", "/etc/sudoers" },
		{ "B17", "/var/spool/cron/crontabs" }, { "B17", "/dev/mem" }, { "B17", "/dev/kmsg" },
		{ "B17", "/dev/sda" }, { "B17", "/dev/vda" }, { "B17", "/dev/fuse" }, { "B17", "/dev/kvm" },
	};
	char name[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s write %s", files[i].group, files[i].path);
		if (foreign && strcmp(files[i].path, "/dev/fuse") == 0)
			does_not_apply(name, "gVisor's own device; what mounts is denied");
		else
			report(name, try_kernel(files[i].path));
	}
	report("B11 read /proc/kcore", read_kcore());
	report("B19 read kavach's ticket", try_open("/run/kavach/self/ticket", O_RDONLY));
	report("B19 list kavach's sessions", try_open("/run/kavach/sessions", O_RDONLY | O_DIRECTORY));
	report("B19 list kavach's records", try_open("/var/lib/kavach", O_RDONLY | O_DIRECTORY));
}

/* The user owns it, so that only the sandbox can be what denies. Each attempt puts back what is there. */
static void
deny_write(const char *path)
{
	struct stat st;
	char name[600], other[600];

	if (stat(path, &st) != 0) {
		(void)snprintf(name, sizeof(name), "B16 reach %s", path);
		report(name, errno);
		return;
	}
	(void)snprintf(name, sizeof(name), "B16 write %s", path);
	report(name, S_ISDIR(st.st_mode) ? EISDIR : try_open(path, O_WRONLY));
	(void)snprintf(name, sizeof(name), "B16 truncate %s", path);
	report(name, try_truncate(path, &st));
	(void)snprintf(name, sizeof(name), "B16 chmod %s", path);
	report(name, try_chmod(path, &st));
	(void)snprintf(name, sizeof(name), "B16 setxattr %s", path);
	report(name, result(setxattr(path, "user.kavach-probe", "x", 1, 0)));
	(void)removexattr(path, "user.kavach-probe");
	(void)snprintf(other, sizeof(other), "%s.kavach-probe", path);
	(void)snprintf(name, sizeof(name), "B16 rename %s", path);
	report(name, result(rename(path, other)));
	(void)rename(other, path);
	(void)snprintf(name, sizeof(name), "B16 hard link to %s in /tmp", path);
	report(name, result(link(path, "/tmp/kavach-probe")));
	(void)unlink("/tmp/kavach-probe");
	(void)snprintf(name, sizeof(name), "B16 write %s by a symbolic link", path);
	if (symlink(path, "/tmp/kavach-probe") == 0)
		report(name, S_ISDIR(st.st_mode) ? EISDIR : try_open("/tmp/kavach-probe", O_WRONLY));
	(void)unlink("/tmp/kavach-probe");
}

void
probe_files(const struct options *options)
{
	kernel_files(options->foreign);
	report("B17 new privileges by exec", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : OPEN);
	for (size_t i = 0; i < 16 && options->deny_write[i] != NULL; i++)
		deny_write(options->deny_write[i]);
	for (size_t i = 0; i < 16 && options->deny_read[i] != NULL; i++) {
		char name[600];

		(void)snprintf(name, sizeof(name), "B16 read %s", options->deny_read[i]);
		report(name, try_open(options->deny_read[i], O_RDONLY));
	}
}

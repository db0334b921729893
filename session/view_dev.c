/*
 * /dev: a folder of the new root (read-only, noexec) with single nodes of the
 * host, each looked at before it is bound: in a hostile root file system /dev/null can be
 * anything.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

static const struct {
	const char *name;
	unsigned int major, minor;
} nodes[] = {	/* Documentation/admin-guide/devices.txt */
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 },
	{ "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	/*
	 * Not a bind of the host's /dev/ptmx: the kernel (fs/devpts, devpts_acquire) looks for the
	 * "pts" beside the node in its own file system, where ours is not. The link also
	 * leads to whatever stage two mounts.
	 */
	{ "ptmx", "pts/ptmx" },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int
kv_view_node(int from, int to, const char *name, unsigned int major, unsigned int minor,
    struct kv_error *err)
{
	/* a link is followed, and judged by what is there */
	kv_cleanup_close int fd = kv_openat(from, name, O_PATH, 0, false);
	kv_cleanup_close int point = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: /dev/%s", name);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(major, minor))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: /dev/%s is not the device %u:%u", name,
		    major, minor);
	point = kv_openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, true);
	if (point < 0)
		return kv_error_sys(err, "view: cannot make /dev/%s", name);
	return kv_view_bind(fd, to, name, KV_MOUNT_NOSUID | KV_MOUNT_NOEXEC, name, err);
}

/* The host's devpts, for sshd's own openpty(3), which is root's; stage two mounts another. */
static int
pts(int from, int dev, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(from, "pts", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, true);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return kv_error_sys(err, "view: /dev/pts");
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: /dev/pts is not a devpts");
	if (kv_view_mkdir(dev, "pts", 0755, err) < 0)
		return -1;
	return kv_view_bind(fd, dev, "pts", KV_MOUNT_NOSUID | KV_MOUNT_NOEXEC, "/dev/pts", err);
}

/* The socket of the host's syslog, wherever its link leads (/run/systemd/journal/dev-log). */
static int
syslog_socket(struct kv_build *b, int dev, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_view_host(b, "/dev/log");
	kv_cleanup_close int point = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0;	/* audit/ decides whether a session may start without */
	point = kv_openat(dev, "log", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, true);
	if (point < 0)
		return kv_error_sys(err, "view: cannot make /dev/log");
	return kv_view_bind(fd, dev, "log", KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, "/dev/log", err);
}

int
kv_view_nodes(int from, int to, struct kv_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (kv_view_node(from, to, nodes[i].name, nodes[i].major, nodes[i].minor, err) < 0)
			return -1;
	return 0;
}

int
kv_view_dev(struct kv_build *b, struct kv_error *err)
{
	kv_cleanup_close int from = kv_openat(b->host, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, true);
	kv_cleanup_close int dev = kv_openat(b->root, "dev", O_PATH | O_DIRECTORY, 0, true);
	kv_cleanup_close int console = -1;

	if (from < 0 || dev < 0)
		return kv_error_sys(err, "view: /dev");
	if (kv_view_nodes(from, dev, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0)
			return kv_error_sys(err, "view: cannot make /dev/%s", links[i].name);
	if (pts(from, dev, err) < 0)
		return -1;
	/* where stage two keeps the terminal that sshd gave, whose devpts goes out of sight */
	console = kv_openat(dev, "console", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, true);
	if (console < 0)
		return kv_error_sys(err, "view: cannot make /dev/console");
	return syslog_socket(b, dev, err);
}

/*
 * What stage one makes for a session, in small: kavach's own folder with ticket, user namespace and a
 * root, and a /dev with the view's nodes. In a mount namespace of the probe's own, which
 * ends with it; nothing of the host is written to.
 */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/idmap.h"
#include "session/ticket.h"
#include "session/view_impl.h"

#define HOME		"/tmp/home"
#define DEV		KV_RUN_DIR "/dev"
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static int
fresh(const char *at, const char *options, struct kv_error *err)
{
	if (mount("kavach-probe", at, "tmpfs", MS_NOSUID, options) != 0)
		return kv_error_sys(err, "probe: %s", at);
	return 0;
}

static int
make_folders(const char *const *names, size_t count, struct kv_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (mkdir(names[i], 0755) != 0)
			return kv_error_sys(err, "probe: %s", names[i]);
	return 0;
}

static int
make_files(const char *const *names, size_t count, struct kv_error *err)
{
	for (size_t i = 0; i < count; i++) {
		int fd = open(names[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || close(fd) != 0)
			return kv_error_sys(err, "probe: %s", names[i]);
	}
	return 0;
}

/* What a root needs for every runtime, podman's files in /etc included. */
static int
make_root(struct kv_error *err)
{
	static const char *const folders[] = {
		KV_SELF_ROOTFS "/dev", KV_SELF_ROOTFS "/etc", KV_SELF_ROOTFS "/proc", KV_SELF_ROOTFS "/run",
		/* gVisor's gofer makes no folder on a tmpfs that is only inside. */
		KV_SELF_ROOTFS "/run/kavach",
		KV_SELF_ROOTFS "/sys", KV_SELF_ROOTFS "/tmp", KV_SELF_ROOTFS "/usr",
	};
	static const char *const files[] = {
		KV_SELF_ROOTFS "/etc/group", KV_SELF_ROOTFS "/etc/hostname", KV_SELF_ROOTFS "/etc/hosts",
		KV_SELF_ROOTFS "/etc/passwd", KV_SELF_ROOTFS "/etc/resolv.conf",
	};

	if (mkdir(KV_SELF_ROOTFS, 0755) != 0 || fresh(KV_SELF_ROOTFS, "mode=0755,size=64k", err) != 0 ||
	    make_folders(folders, COUNT(folders), err) != 0 || make_files(files, COUNT(files), err) != 0)
		return err->code == KV_ERR_NONE ? kv_error_sys(err, "probe: %s", KV_SELF_ROOTFS) : -1;
	if (symlink("/proc/mounts", KV_SELF_ROOTFS "/etc/mtab") != 0 ||
	    mount(NULL, KV_SELF_ROOTFS, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
		return kv_error_sys(err, "probe: %s", KV_SELF_ROOTFS);
	return 0;
}

/* A container finds what it finds in a session: the view's devices, and no others. */
static int
make_dev(struct kv_error *err)
{
	static const char *const folders[] = { DEV "/pts", DEV "/shm" };
	kv_cleanup_close int from = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_close int to = -1;

	if (mkdir(DEV, 0755) != 0)
		return kv_error_sys(err, "probe: %s", DEV);
	if (fresh(DEV, "mode=0755,size=4m", err) != 0 || make_folders(folders, COUNT(folders), err) != 0)
		return -1;
	if (chmod(DEV "/shm", 01777) != 0)
		return kv_error_sys(err, "probe: /dev/shm");
	to = open(DEV, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0)
		return kv_error_sys(err, "probe: /dev");
	if (kv_view_nodes(from, to, err) != 0)
		return -1;
	if (symlink("pts/ptmx", DEV "/ptmx") != 0 || mount(DEV, "/dev", NULL, MS_MOVE, NULL) != 0)
		return kv_error_sys(err, "probe: /dev");
	return 0;
}

static int
pin_userns(const struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int place = open(KV_SELF_USERNS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	kv_cleanup_close int fd = kv_idmap_make(ticket, err);
	char path[64];

	if (fd < 0)
		return -1;
	if (place < 0 || kv_format(path, sizeof(path), "/proc/self/fd/%d", fd) != 0 ||
	    mount(path, KV_SELF_USERNS, NULL, MS_BIND, NULL) != 0)
		return kv_error_sys(err, "probe: %s", KV_SELF_USERNS);
	return 0;
}

static int
put_ticket(const struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int dir = -1;

	if (mkdir(KV_SELF_DIR, 0700) != 0 ||
	    (dir = open(KV_SELF_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return kv_error_sys(err, "probe: %s", KV_SELF_DIR);
	return kv_ticket_write(dir, ticket, err);
}

int
kv_probe_place_make(struct kv_ticket *ticket, struct kv_error *err)
{
	memcpy(ticket->home, HOME, sizeof(HOME));
	ticket->own_rootfs = true;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		return kv_error_sys(err, "probe: mounts");
	if (fresh(KV_RUN_DIR, "mode=0755,size=4m", err) != 0 || make_dev(err) != 0 ||
	    fresh("/tmp", "mode=1777,size=64k", err) != 0 || make_root(err) != 0)
		return -1;
	if (mkdir(HOME, 0700) != 0 || chown(HOME, ticket->uid, ticket->gid) != 0)
		return kv_error_sys(err, "probe: %s", HOME);
	if (pin_userns(ticket, err) != 0)
		return -1;
	return put_ticket(ticket, err);
}

/*
 * The fixed parts of the view: the host's trees, the private folders, the
 * kernel's file systems.
 */
#include "session/view_impl.h"

#include "audit/audit.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Fail closed: a top-level name that is not here is not in the view, unless the
 * policy names something below it.
 */
static const char *const trees[] = {
	"usr", "etc", "opt", "srv", "var", "bin", "sbin", "lib", "lib32", "lib64", "libx32",
};

/* A merged-/usr host has links here; they are made anew, with the same text. */
static int
copy_link(struct kv_build *b, const char *name, struct kv_error *err)
{
	char text[KV_PATH_MAX];
	ssize_t n = readlinkat(b->host, name, text, sizeof(text));

	if (n < 0 || (size_t)n >= sizeof(text))
		return kv_error_sys(err, "view: link /%s", name);
	text[n] = '\0';
	if (symlinkat(text, b->root, name) < 0)
		return kv_error_sys(err, "view: cannot make the link /%s", name);
	return 0;
}

static int
one_tree(struct kv_build *b, const char *name, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(b->host, name, O_PATH | O_NOFOLLOW, 0, true);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: /%s", name);
	if (S_ISLNK(st.st_mode))
		return copy_link(b, name, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (kv_view_mkdir(b->root, name, 0755, err) < 0)
		return -1;
	return kv_view_bind(fd, b->root, name, b->tree_attrs, name, err);
}

int
kv_view_trees(struct kv_build *b, struct kv_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
		if (one_tree(b, trees[i], err) < 0)
			return kv_error_wrap(err, "host tree /%s", trees[i]);
	return 0;
}

/* What lies in /run is not here: the session's is its own. */
const struct kv_view_covered kv_view_covered[] = {
	{ "/var/lib/lxd", true },
	{ "/var/snap/lxd/common/lxd", true },
	{ "/var/lib/incus", true },
	{ "/var/lib/docker", true },
	{ "/var/lib/containerd", true },
	{ "/var/spool/postfix/private", true },
	{ "/var/spool/postfix/public", true },
	{ "/var/lib/mysql", false },
	{ "/var/lib/pgsql", false },
	{ NULL, false },
};

static int
cover(struct kv_build *b, int empty, const char *path, struct kv_error *err)
{
	/* A link there is root's, and what it leads to is what is meant. */
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	kv_cleanup_close int fd = (int)syscall(SYS_openat2, b->root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return kv_error_sys(err, "view: %s", path);
	return kv_view_bind(empty, fd, "", KV_MOUNT_RDONLY, path, err);
}

static int
cover_all(struct kv_build *b, int empty, struct kv_error *err)
{
	bool host = b->view->policy->network == KV_NET_HOST;

	for (const struct kv_view_covered *one = kv_view_covered; one->path != NULL; one++)
		if ((one->host_network_too || !host) && !kv_view_asked_for(b->view, one->path) &&
		    cover(b, empty, one->path, err) < 0)
			return -1;
	return 0;
}

static int
private_tmp(struct kv_build *b, int dirfd, const char *name, struct kv_error *err)
{
	uint64_t size = kv_view_tmp_size(b->view->policy);
	const struct kv_tmpfs tmpfs = {
		.size = size, .inodes = size / 2048 + 1024, .mode = 01777,
		.uid = (uid_t)-1, .gid = (gid_t)-1, .attrs = KV_VIEW_ATTRS,
	};
	int fd = kv_view_tmpfs(b, dirfd, name, &tmpfs, err);

	if (fd < 0)
		return -1;
	(void)close(fd);
	return 0;
}

/* What sshd and login write at each login; without them a read-only /var loses its records. */
static int
login_records(struct kv_build *b, struct kv_error *err)
{
	static const char *const names[] = { "wtmp", "btmp", "lastlog", "faillog" };
	kv_cleanup_close int log = kv_openat(b->root, "var/log", O_PATH | O_DIRECTORY, 0, true);
	kv_cleanup_close int from = kv_openat(b->host, "var/log", O_PATH | O_DIRECTORY, 0, true);

	if (!b->view->policy->read_only_root || log < 0 || from < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		kv_cleanup_close int fd = kv_openat(from, names[i], O_PATH | O_NOFOLLOW, 0, true);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
		    kv_view_bind(fd, log, names[i], KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, names[i], err) < 0)
			return -1;
	}
	return 0;
}

/* What in /var is not for a session: other sessions' files, kavach's key, an old host's sockets. */
static int
private_var(struct kv_build *b, int empty, struct kv_error *err)
{
	kv_cleanup_close int tmp = kv_openat(b->root, "var/tmp", O_PATH | O_DIRECTORY, 0, true);
	kv_cleanup_close int own = kv_openat(b->root, &KV_AUDIT_DIR[1], O_PATH | O_DIRECTORY, 0, true);
	kv_cleanup_close int run = kv_openat(b->root, "var/run", O_PATH | O_DIRECTORY, 0, true);
	kv_cleanup_close int lock = kv_openat(b->root, "var/lock", O_PATH | O_DIRECTORY, 0, true);

	if (tmp >= 0 && private_tmp(b, tmp, "", err) < 0)
		return kv_error_wrap(err, "/var/tmp");
	if (own >= 0 && kv_view_bind(empty, own, "", KV_MOUNT_RDONLY, KV_AUDIT_DIR, err) < 0)
		return -1;
	if (run >= 0 && kv_view_bind(empty, run, "", KV_MOUNT_RDONLY, "/var/run", err) < 0)
		return -1;
	if (lock >= 0 && kv_view_bind(empty, lock, "", KV_MOUNT_RDONLY, "/var/lock", err) < 0)
		return -1;
	if (cover_all(b, empty, err) < 0)
		return -1;
	return login_records(b, err);
}

int
kv_view_private(struct kv_build *b, struct kv_error *err)
{
	kv_cleanup_close int empty = -1;

	if (kv_view_mkdir(b->root, "root", 0700, err) < 0 ||
	    kv_view_mkdir(b->root, "home", 0755, err) < 0 ||
	    kv_view_mkdir(b->root, "tmp", 0755, err) < 0 ||
	    kv_view_mkdir(b->root, "dev", 0755, err) < 0 ||
	    mkdirat(b->root, "dev/shm", 0755) < 0)
		return kv_error_sys(err, "view: the root's folders");
	empty = kv_openat(b->root, "root", O_PATH | O_DIRECTORY, 0, true);
	if (empty < 0)
		return kv_error_sys(err, "view: /root");
	if (private_tmp(b, b->root, "tmp", err) < 0 || private_tmp(b, b->root, "dev/shm", err) < 0)
		return -1;
	return private_var(b, empty, err);
}

int
kv_view_kernel(struct kv_build *b, int proc, struct kv_error *err)
{
	static const char *const folders[] = { "sys", "sys/devices", "sys/devices/system" };
	static const char *const names[] = { "cpu", "node" };
	const uint64_t attrs = KV_VIEW_ATTRS | KV_MOUNT_NOEXEC | KV_MOUNT_RDONLY;
	kv_cleanup_close int at = -1;
	char path[64];

	if (kv_view_mkdir(b->root, "proc", 0555, err) < 0)
		return -1;
	if (kv_mount_attach(proc, b->root, "proc") < 0)
		return kv_error_sys(err, "view: cannot mount /proc");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (kv_view_mkdir(b->root, folders[i], 0755, err) < 0)
			return -1;
	at = kv_openat(b->root, "sys/devices/system", O_PATH | O_DIRECTORY, 0, true);
	if (at < 0)
		return kv_error_sys(err, "view: /sys");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (kv_format(path, sizeof(path), "/sys/devices/system/%s", names[i]) < 0 ||
		    kv_view_bind_optional(b, path, at, names[i], attrs, err) < 0)
			return -1;
	return 0;
}

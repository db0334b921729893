/*
 * A container's root of the policy's own: the tree that stage one bound at KV_SELF_ROOTFS, with what is the session's
 * laid over it: /tmp, /run, the home, data_dir, and who is who.
 *
 * All of it is mounted here, by descriptors below the root and through no symbolic link, so that
 * neither an image nor a user decides where something goes, and every runtime finds the same tree.
 */
#include "backends/container/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/mount.h"

/* What is mounted on an own root, while it grows. */
struct own {
	int root;		/* O_PATH */
	char tops[KV_SHIM_TOPS][KV_PATH_MAX];	/* folders made for what lies below them */
	size_t top_count;
};

/* An existing file or folder below the root; no symbolic link on the way. */
static int
open_below(const struct own *own, const char *path, struct kv_error *err)
{
	int fd = kv_openat(own->root, path + 1, O_PATH | O_NOFOLLOW, 0, true);

	return fd >= 0 ? fd : kv_error_sys(err, "the container's root has no %s", path);
}

/* What the view has at path, with all that is mounted below it. */
static int
bind(const struct own *own, const char *path, bool read_only, struct kv_error *err)
{
	kv_cleanup_close int at = open_below(own, path, err);
	kv_cleanup_close int from = at < 0 ? -1 : kv_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0, false);
	kv_cleanup_close int tree = from < 0 ? -1 : kv_mount_clone(from, read_only ?
	    KV_MOUNT_RDONLY | KV_MOUNT_NOSUID | KV_MOUNT_NODEV : KV_MOUNT_NOSUID);

	if (at < 0)
		return -1;
	if (tree < 0 || kv_mount_attach(tree, at, "") != 0)
		return kv_error_sys(err, "%s of the container", path);
	return 0;
}

/* An empty folder of our own over one of the root's. */
static int
cover(const struct own *own, const char *path, struct kv_error *err)
{
	const struct kv_tmpfs tmpfs = {
		.size = 65536, .inodes = 64, .mode = 0755, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.attrs = KV_MOUNT_NOSUID | KV_MOUNT_NODEV | KV_MOUNT_NOEXEC,
	};
	kv_cleanup_close int at = open_below(own, path, err);
	kv_cleanup_close int tree = at < 0 ? -1 : kv_mount_tmpfs(&tmpfs);

	if (at < 0)
		return -1;
	if (tree < 0 || kv_mount_attach(tree, at, "") != 0)
		return kv_error_sys(err, "%s of the container", path);
	return 0;
}

/* The folders of path that are missing, on a file system that cover() made. */
static int
make_folders(const struct own *own, const char *path, struct kv_error *err)
{
	char part[KV_PATH_MAX];

	for (size_t len = 1 + strcspn(path + 1, "/");; len += 1 + strcspn(path + len + 1, "/")) {
		if (kv_format(part, sizeof(part), "%.*s", (int)len, path) != 0 ||
		    (mkdirat(own->root, part + 1, 0755) != 0 && errno != EEXIST))
			return kv_error_sys(err, "%s of the container", path);
		if (path[len] == '\0')
			return 0;
	}
}

/* The first part of path, covered once; what the system is made of cannot be. */
static int
cover_top(struct own *own, const char *path, struct kv_error *err)
{
	static const char *const needed[] = {
		"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/dev", "/proc", "/sys", "/run",
	};
	char top[KV_PATH_MAX];

	if (kv_format(top, sizeof(top), "%.*s", (int)(1 + strcspn(path + 1, "/")), path) != 0)
		return kv_error_sys(err, "%s", path);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(top, needed[i]) == 0)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s cannot be had in a root of its own", path);
	if (strcmp(top, "/tmp") == 0)
		return 0;
	for (size_t i = 0; i < own->top_count; i++)
		if (strcmp(own->tops[i], top) == 0)
			return 0;
	if (own->top_count == KV_SHIM_TOPS)
		return kv_error_set(err, KV_ERR_CONFIG, "too many folders for a container");
	memcpy(own->tops[own->top_count++], top, sizeof(top));
	return cover(own, top, err);
}

static bool
is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/';
}

/*
 * A folder below another one comes with that one's clone. By its own name it would be looked up
 * through a folder in which the user puts links: through another channel of the same session
 * it would lead anywhere in the view (CVE-2021-30465 of runc).
 */
static int
bind_topmost(const struct kv_ticket *ticket, struct own *own, const char *path, struct kv_error *err)
{
	bool carried = is_below(path, ticket->home);

	for (uint32_t i = 0; i < ticket->data_count; i++)
		carried = carried || is_below(path, ticket->data[i]);
	if (carried)
		return 0;
	if (cover_top(own, path, err) != 0 || make_folders(own, path, err) != 0)
		return -1;
	return bind(own, path, false, err);
}

/* Who is who, and where names are looked up; where the root has a file for it. */
static int
bind_host_files(const struct kv_shim *shim, const struct own *own, struct kv_error *err)
{
	static const struct {
		const char *path;
		bool network;
	} files[] = {
		{ "/etc/passwd", false }, { "/etc/group", false }, { "/etc/hosts", false },
		{ "/etc/localtime", false }, { "/etc/resolv.conf", true },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct stat here, there;

		if ((files[i].network && shim->ticket.network != KV_NET_HOST) ||
		    fstatat(own->root, files[i].path + 1, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(there.st_mode) || lstat(files[i].path, &here) != 0 || !S_ISREG(here.st_mode))
			continue;
		if (bind(own, files[i].path, true, err) != 0)
			return -1;
	}
	return 0;
}

/* The session's credentials that are files. */
static int
bind_credentials(const struct kv_ticket *ticket, const struct own *own, struct kv_error *err)
{
	if (!ticket->credentials_dir)
		return 0;
	return make_folders(own, KV_CREDENTIALS_DIR, err) != 0 ? -1 : bind(own, KV_CREDENTIALS_DIR, true, err);
}

int
kv_shim_own_root(const struct kv_shim *shim, const char *path, struct kv_error *err)
{
	const struct kv_ticket *ticket = &shim->ticket;
	kv_cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct own own = { .root = root };

	if (root < 0)
		return kv_error_sys(err, "%s", path);
	/* The folder on which the runtime mounts what is ours. */
	if (cover(&own, "/run", err) != 0 || make_folders(&own, KV_RUN_DIR, err) != 0 ||
	    bind(&own, "/tmp", false, err) != 0 || bind_credentials(ticket, &own, err) != 0 || bind_host_files(shim, &own, err) != 0 ||
	    bind_topmost(ticket, &own, ticket->home, err) != 0)
		return -1;
	for (uint32_t i = 0; i < ticket->data_count; i++)
		if (bind_topmost(ticket, &own, ticket->data[i], err) != 0)
			return -1;
	return 0;
}

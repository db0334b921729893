#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool
kv_view_own(const struct kv_build *b, const struct stat *st)
{
	for (size_t i = 0; i < b->own_count; i++)
		if (b->own[i] == st->st_dev)
			return true;
	return false;
}

bool
kv_view_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n == 1)
		return true;	/* "/" */
	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

uint64_t
kv_view_tmp_size(const struct kv_policy *policy)
{
	return policy->tmp_size != 0 ? policy->tmp_size : 64ULL << 20;
}

int
kv_view_mkdir(int dirfd, const char *name, mode_t mode, struct kv_error *err)
{
	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return kv_error_sys(err, "view: cannot make %s", name);
	return 0;
}

int
kv_view_tmpfs(struct kv_build *b, int dirfd, const char *name, const struct kv_tmpfs *tmpfs,
    struct kv_error *err)
{
	kv_cleanup_close int fd = kv_mount_tmpfs(tmpfs);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: no tmpfs for %s", name);
	if (b->own_count >= KV_VIEW_OWN_MAX)
		return kv_error_set(err, KV_ERR_SYSTEM, "view: too many file systems");
	if (kv_mount_attach(fd, dirfd, name) < 0)
		return kv_error_sys(err, "view: cannot mount a tmpfs on %s", name);
	b->own[b->own_count++] = st.st_dev;
	return kv_steal_fd(&fd);
}

int
kv_view_bind(int fd, int dirfd, const char *name, uint64_t attrs, const char *what, struct kv_error *err)
{
	kv_cleanup_close int tree = kv_mount_clone(fd, attrs);

	if (tree < 0)
		return kv_error_sys(err, "view: cannot clone %s", what);
	if (kv_mount_attach(tree, dirfd, name) < 0)
		return kv_error_sys(err, "view: cannot mount %s", what);
	return 0;
}

int
kv_view_host(const struct kv_build *b, const char *path)
{
	(void)b;	/* the calling process is still in the host's root */
	return kv_openat(AT_FDCWD, path, O_PATH, 0, false);
}

/* Makes the thing to mount on: a folder, or an empty file that nobody can open. */
static int
make_point(int dirfd, const char *name, bool directory, mode_t mode)
{
	kv_cleanup_close int fd = -1;

	if (directory)
		return mkdirat(dirfd, name, mode) < 0 && errno != EEXIST ? -1 : 0;
	fd = kv_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, true);
	return fd < 0 && errno != EEXIST ? -1 : 0;
}

int
kv_view_bind_optional(struct kv_build *b, const char *path, int dirfd, const char *name, uint64_t attrs,
    struct kv_error *err)
{
	kv_cleanup_close int fd = kv_view_host(b, path);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: %s", path);
	if (make_point(dirfd, name, S_ISDIR(st.st_mode), 0755) < 0)
		return kv_error_sys(err, "view: cannot make a place for %s", path);
	return kv_view_bind(fd, dirfd, name, attrs, path, err);
}

/* One step of the walk: opens, and makes what is missing on our own file systems. */
static int
step(const struct kv_build *b, int dir, const char *name, bool directory, const char *path,
    struct kv_error *err)
{
	int fd = kv_openat(dir, name, O_PATH | O_NOFOLLOW, 0, true);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (fstat(dir, &st) < 0)
			return kv_error_sys(err, "view: %s", path);
		if (!kv_view_own(b, &st))
			return kv_error_set(err, KV_ERR_UNAVAILABLE,
			    "view: %s: %s is missing on this host", path, name);
		if (make_point(dir, name, directory, 0755) < 0)
			return kv_error_sys(err, "view: cannot make %s of %s", name, path);
		fd = kv_openat(dir, name, O_PATH | O_NOFOLLOW, 0, true);
	}
	if (fd < 0 && errno == ELOOP)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: %s: %s is a symbolic link", path, name);
	if (fd < 0)
		return kv_error_sys(err, "view: %s: %s", path, name);
	return fd;
}

/* The end of the walk: of the right kind, and where the host's file system is, the very file that is meant. */
static int
check_end(const struct kv_build *b, int fd, const char *path, const struct stat *same, bool directory,
    struct kv_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: %s", path);
	if (S_ISLNK(st.st_mode))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: %s is a symbolic link", path);
	if (S_ISDIR(st.st_mode) != directory)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: %s is not a %s", path,
		    directory ? "directory" : "file");
	if (same != NULL && !kv_view_own(b, &st) &&
	    (st.st_dev != same->st_dev || st.st_ino != same->st_ino))
		return kv_error_set(err, KV_ERR_DENIED, "view: %s changed while it was looked at", path);
	return 0;
}

int
kv_view_place(struct kv_build *b, const char *path, const struct stat *same, bool directory,
    struct kv_error *err)
{
	kv_cleanup_close int dir = kv_openat(b->root, ".", O_PATH | O_DIRECTORY, 0, true);
	char copy[KV_PATH_MAX], *name = copy, *next;

	if (dir < 0)
		return kv_error_sys(err, "view: root");
	if (kv_format(copy, sizeof(copy), "%s", path) < 0)
		return kv_error_sys(err, "view: %s", path);
	for (name += strspn(name, "/"); *name != '\0'; name = next) {
		size_t n = strcspn(name, "/");
		int fd;

		next = name + n;
		next += strspn(next, "/");
		name[n] = '\0';
		if (strcmp(name, "..") == 0)
			return kv_error_set(err, KV_ERR_CONFIG, "view: %s: \"..\" is not allowed", path);
		fd = step(b, dir, name, directory || *next != '\0', path, err);
		if (fd < 0)
			return -1;
		(void)close(dir);
		dir = fd;
	}
	if (check_end(b, dir, path, same, directory, err) < 0)
		return -1;
	return kv_steal_fd(&dir);
}

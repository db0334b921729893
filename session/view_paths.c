/*
 * What the policy names itself: data_dir (writable) and Landlock paths. What
 * the view has already stays as it is; the rest is brought in at the same path.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct wanted {
	const char *key, *path;
	bool data, writable;
};

/* The session has its own of these; the host's never come in. */
static bool
is_private(const char *path)
{
	static const char *const exact[] = { "/", "/tmp", "/var/tmp", "/run", "/var/run" };
	static const char *const below[] = { "/dev", "/proc", "/sys" };

	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (strcmp(path, exact[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (kv_view_below(path, below[i]))
			return true;
	return false;
}

static bool
is_tilde(const char *path)
{
	return path[0] == '~' && (path[1] == '/' || path[1] == '\0');
}

/* "~" expanded, trailing slashes cut. */
static int
expand(const struct kv_view *view, const char *from, char *to, size_t size)
{
	size_t n;

	if (is_tilde(from) ? kv_format(to, size, "%s%s", view->account->home, &from[1]) < 0 :
	    kv_format(to, size, "%s", from) < 0)
		return -1;
	for (n = strlen(to); n > 1 && to[n - 1] == '/'; n--)
		to[n - 1] = '\0';
	return 0;
}

bool
kv_view_named(const struct kv_view *view, const char *path)
{
	char named[KV_PATH_MAX];

	for (size_t i = 0; i < view->policy->data_dir_count; i++)
		if (expand(view, view->policy->data_dir[i], named, sizeof(named)) == 0 &&
		    kv_view_below(path, named))
			return true;
	for (size_t i = 0; i < view->policy->landlock_count; i++)
		if (expand(view, view->policy->landlock[i].path, named, sizeof(named)) == 0 &&
		    !is_private(named) && kv_view_below(path, named))
			return true;
	return false;
}

bool
kv_view_asked_for(const struct kv_view *view, const char *folder)
{
	char named[KV_PATH_MAX];

	for (size_t i = 0; i < view->policy->data_dir_count; i++)
		if (expand(view, view->policy->data_dir[i], named, sizeof(named)) == 0 &&
		    kv_view_below(named, folder))
			return true;
	for (size_t i = 0; i < view->policy->landlock_count; i++)
		if (expand(view, view->policy->landlock[i].path, named, sizeof(named)) == 0 &&
		    kv_view_below(named, folder))
			return true;
	return false;
}

/* Is the file that `there` describes seen in the view at this path, links followed inside the view. */
static bool
visible(const struct kv_build *b, const char *path, const struct stat *there)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	kv_cleanup_close int fd = (int)syscall(SYS_openat2, b->root, path, &how, sizeof(how));
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == there->st_dev && st.st_ino == there->st_ino;
}

/* A data_dir of the host; no link is followed. */
static int
open_data(struct kv_build *b, const struct wanted *w, const char *path, struct kv_error *err)
{
	bool user = is_tilde(w->path);
	int fd, saved;

	if (user && kv_view_as_user(b, err) < 0)
		return -1;
	fd = kv_openat(b->host, &path[1], O_PATH | O_NOFOLLOW, 0, true);
	saved = errno;
	if (user && kv_view_as_self(b, err) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	errno = saved;
	if (fd < 0)
		return kv_error_sys(err, "view: %s %s", w->key, path);
	return fd;
}

static int
attach_wanted(struct kv_build *b, const struct wanted *w, const char *path, int fd, const struct stat *st,
    struct kv_error *err)
{
	kv_cleanup_close int point = kv_view_place(b, path, st, S_ISDIR(st->st_mode), err);

	if (point < 0)
		return kv_error_wrap(err, "%s", w->key);
	return kv_view_bind(fd, point, "", KV_VIEW_ATTRS | (w->writable ? 0 : KV_MOUNT_RDONLY), path, err);
}

/* Is a path of this kind brought in at all: the home and the private folders are what they are. */
static bool
is_ours(const struct kv_build *b, const struct wanted *w, const char *path)
{
	const char *home = b->view->account->home;

	if (is_private(path))
		return false;
	return !kv_view_below(path, home) ||
	    (w->data && b->view->policy->home == KV_HOME_RW && strcmp(path, home) != 0);
}

/*
 * A Landlock path comes in under the name without links that the ticket has, once; above as in kv_view_paths.
 */
static int
landlock_path(struct kv_build *b, const struct wanted *w, char *path, size_t size, bool above, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	char named[KV_PATH_MAX];
	struct stat st;

	if (!is_ours(b, w, path))
		return 0;
	if (kv_format(named, sizeof(named), "%s", path) != 0)
		return kv_error_sys(err, "view: %s", path);
	fd = kv_walk(b->host, named, path, size, err);
	if (fd < 0)
		return kv_error_wrap(err, "view: landlock");
	if (kv_view_below(b->view->account->home, path) != above || !is_ours(b, w, path))
		return 0;
	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: landlock %s", path);
	return visible(b, path, &st) ? 0 : attach_wanted(b, w, path, fd, &st, err);
}

static int
data_path(struct kv_build *b, const struct wanted *w, const char *path, bool above, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	struct stat st;

	if (kv_view_below(b->view->account->home, path) != above)
		return 0;
	if (is_private(path) && strcmp(path, "/tmp") != 0 && strcmp(path, "/var/tmp") != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "view: data_dir cannot be %s", path);
	if (!is_ours(b, w, path))
		return 0;
	fd = open_data(b, w, path, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: data_dir %s", path);
	if (S_ISLNK(st.st_mode))
		return kv_error_set(err, KV_ERR_DENIED, "view: data_dir %s is a symbolic link", path);
	if (!S_ISDIR(st.st_mode))
		return kv_error_set(err, KV_ERR_DENIED, "view: data_dir %s is not a directory", path);
	return attach_wanted(b, w, path, fd, &st, err);
}

static int
one_path(struct kv_build *b, const struct wanted *w, bool above, struct kv_error *err)
{
	char path[KV_PATH_MAX];

	if (expand(b->view, w->path, path, sizeof(path)) < 0 || path[0] != '/')
		return kv_error_set(err, KV_ERR_CONFIG, "view: %s %s is not an absolute path", w->key, w->path);
	return w->data ? data_path(b, w, path, above, err) :
	    landlock_path(b, w, path, sizeof(path), above, err);
}

int
kv_view_paths(struct kv_build *b, bool above, struct kv_error *err)
{
	const struct kv_policy *policy = b->view->policy;

	for (size_t i = 0; i < policy->data_dir_count; i++) {
		const struct wanted w = { "data_dir", policy->data_dir[i], true, true };

		if (one_path(b, &w, above, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < policy->landlock_count; i++) {
		const struct wanted w = { "landlock", policy->landlock[i].path, false,
			policy->landlock[i].writable };

		if (one_path(b, &w, above, err) < 0)
			return -1;
	}
	return 0;
}

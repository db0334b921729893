#include "session/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/policy.h"

#define LINKS_MAX	16
#define UNMAPPED	65534	/* how a user namespace shows the host's root */

struct walk {
	int root;
	uid_t owner;		/* root, as seen here */
	bool trusted;		/* nobody but root can have changed a name on the way */
	unsigned int links;
	char done[KV_PATH_MAX];	/* without links, without trailing slash; "": the root */
	char rest[2 * KV_PATH_MAX];
};

static int
open_done(const struct walk *w)
{
	return kv_openat(w->root, w->done[0] == '\0' ? "." : &w->done[1], O_PATH | O_NOFOLLOW, 0, true);
}

static bool
is_roots(const struct walk *w, const struct stat *st)
{
	return st->st_uid == w->owner && (S_ISLNK(st->st_mode) || (st->st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

static int
begin(struct walk *w, const char *path, struct kv_error *err)
{
	kv_cleanup_close int fd = open_done(w);
	struct stat st;

	if (path[0] != '/')
		return kv_error_set(err, KV_ERR_CONFIG, "%s is not an absolute path", path);
	if (fd < 0 || fstat(fd, &st) != 0 || kv_format(w->rest, sizeof(w->rest), "%s", path) != 0)
		return kv_error_sys(err, "%s", path);
	w->owner = st.st_uid;
	w->trusted = (st.st_uid == 0 || st.st_uid == UNMAPPED) && is_roots(w, &st);
	return 0;
}

static void
go_up(struct walk *w)
{
	char *last = strrchr(w->done, '/');

	if (last != NULL)
		*last = '\0';
}

/* The link, the last name of done, gives way to where it leads. */
static int
follow(struct walk *w, int fd, const struct stat *st, struct kv_error *err)
{
	char target[KV_PATH_MAX], rest[2 * KV_PATH_MAX];
	ssize_t n;

	if (!w->trusted || !is_roots(w, st))
		return kv_error_set(err, KV_ERR_DENIED, "%s is a symbolic link that is not root's alone to make", w->done);
	if (++w->links > LINKS_MAX)
		return kv_error_set(err, KV_ERR_DENIED, "%s: too many symbolic links", w->done);
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return kv_error_sys(err, "%s", w->done);
	target[n] = '\0';
	if (kv_format(rest, sizeof(rest), "%s/%s", target, w->rest) != 0)
		return kv_error_sys(err, "%s", w->done);
	(void)memcpy(w->rest, rest, sizeof(rest));
	if (target[0] == '/')
		w->done[0] = '\0';
	else
		go_up(w);
	return 0;
}

/* Goes into the name that stands after done now. */
static int
enter(struct walk *w, struct kv_error *err)
{
	kv_cleanup_close int fd = open_done(w);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return kv_error_sys(err, "%s", w->done);
	if (S_ISLNK(st.st_mode))
		return follow(w, fd, &st, err);
	w->trusted = w->trusted && is_roots(w, &st);
	return 0;
}

/* Takes the next name off rest. 1: there was one; 0: none is left. */
static int
step(struct walk *w, struct kv_error *err)
{
	char *name = &w->rest[strspn(w->rest, "/")];
	size_t n = strcspn(name, "/"), used = strlen(w->done);
	bool up = n == 2 && strncmp(name, "..", n) == 0;
	bool stay = n == 1 && name[0] == '.';

	if (n == 0)
		return 0;
	if (up)
		go_up(w);
	else if (!stay && kv_format(&w->done[used], sizeof(w->done) - used, "/%.*s", (int)n, name) != 0)
		return kv_error_sys(err, "%s", name);
	(void)memmove(w->rest, &name[n], strlen(&name[n]) + 1);
	return up || stay || enter(w, err) == 0 ? 1 : -1;
}

int
kv_walk(int root, const char *path, char *out, size_t size, struct kv_error *err)
{
	struct walk w = { .root = root };
	int fd, more;

	if (begin(&w, path, err) != 0)
		return -1;
	while ((more = step(&w, err)) > 0)
		;
	if (more < 0)
		return kv_error_wrap(err, "%s", path);
	fd = open_done(&w);
	if (fd < 0)
		return kv_error_sys(err, "%s", path);
	if (kv_format(out, size, "%s", w.done[0] == '\0' ? "/" : w.done) != 0) {
		(void)close(fd);
		return kv_error_sys(err, "%s", path);
	}
	return fd;
}

static bool
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return n > 1 && strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool
kv_walk_own(const char *path, const char *home)
{
	return is_below(path, home) || is_below(path, "/dev") || is_below(path, "/proc") || is_below(path, "/sys");
}

#include "policy/trust.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* What is broken about a policy is KV_ERR_CONFIG, whichever call found it. */
static int
config_sys(struct kv_error *err, const char *shown)
{
	(void)kv_error_sys(err, "%s", shown);
	err->code = KV_ERR_CONFIG;
	return -1;
}

static int
check_owner(const struct stat *st, const char *shown, struct kv_error *err)
{
	if (st->st_uid != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: belongs to uid %lu, not to root", shown,
		    (unsigned long)st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: writable by others than root (mode %04o), so root does not trust it",
		    shown, (unsigned int)(st->st_mode & 07777));
	return 0;
}

static int
check_file(const struct stat *st, const char *shown, enum kv_trust trust, struct kv_error *err)
{
	if (!S_ISREG(st->st_mode))
		return kv_error_set(err, KV_ERR_CONFIG, "%s: not a regular file", shown);
	if (trust != KV_TRUST_ANY && check_owner(st, shown, err) != 0)
		return -1;
	if (trust == KV_TRUST_CLOSED && (st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: open to others than root (mode %04o); expected 0600", shown,
		    (unsigned int)(st->st_mode & 07777));
	return 0;
}

static int
check_folder(int fd, const char *shown, bool check, struct kv_error *err)
{
	struct stat st;

	if (!check)
		return 0;
	if (fstat(fd, &st) != 0)
		return config_sys(err, shown);
	return check_owner(&st, shown, err);
}

/* One step down from *fd. shown: the path so far. */
static int
descend(int *fd, const char *part, const char *shown, bool check, struct kv_error *err)
{
	kv_cleanup_close int next = openat(*fd, part,
	    O_PATH | O_DIRECTORY | (check ? O_NOFOLLOW : 0) | O_CLOEXEC);

	if (next < 0 && errno == ENOTDIR)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: not a folder, or a symbolic link", shown);
	if (next < 0)
		return config_sys(err, shown);
	if (check_folder(next, shown, check, err) != 0)
		return -1;
	(void)close(*fd);
	*fd = kv_steal_fd(&next);
	return 0;
}

int
kv_trust_parent(const char *path, bool check, const char **name, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	const char *part = path, *slash;

	if (path[0] != '/' && check)
		return kv_error_set(err, KV_ERR_CONFIG, "%.300s: not an absolute path", path);
	fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return config_sys(err, "/");
	if (check_folder(fd, "/", check, err) != 0)
		return -1;
	for (part += strspn(part, "/"); (slash = strchr(part, '/')) != NULL;
	    part = slash + strspn(slash, "/")) {
		char one[NAME_MAX + 1], shown[PATH_MAX];

		if (kv_format(one, sizeof(one), "%.*s", (int)(slash - part), part) != 0 ||
		    kv_format(shown, sizeof(shown), "%.*s", (int)(slash - path), path) != 0)
			return kv_error_set(err, KV_ERR_CONFIG, "%.300s: too long", path);
		if (check && strcmp(one, "..") == 0)
			return kv_error_set(err, KV_ERR_CONFIG, "%.300s: holds ..", path);
		if (descend(&fd, one, shown, check, err) != 0)
			return -1;
	}
	if (*part == '\0')
		return kv_error_set(err, KV_ERR_CONFIG, "%.300s: names no file", path);
	*name = part;
	return kv_steal_fd(&fd);
}

int
kv_trust_folder(int dirfd, const char *name, const char *shown, bool check, bool *missing,
    struct kv_error *err)
{
	kv_cleanup_close int fd = openat(dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*missing = fd < 0 && errno == ENOENT;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return kv_error_set(err, KV_ERR_CONFIG, "%s: not a folder, or a symbolic link", shown);
	if (fd < 0)
		return config_sys(err, shown);
	if (check_folder(fd, shown, check, err) != 0)
		return -1;
	return kv_steal_fd(&fd);
}

/* O_NONBLOCK: neither a FIFO nor a device makes a login wait. */
int
kv_trust_open(int dirfd, const char *name, const char *shown, enum kv_trust trust, struct stat *st,
    struct kv_error *err)
{
	kv_cleanup_close int fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: a symbolic link", shown);
	if (fd < 0 || fstat(fd, st) != 0)
		return config_sys(err, shown);
	if (check_file(st, shown, trust, err) != 0)
		return -1;
	return kv_steal_fd(&fd);
}

int
kv_trust_read(int dirfd, const char *name, const char *shown, enum kv_trust trust, char **text,
    size_t *size, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	kv_cleanup_free char *buf = NULL;
	struct stat st;
	ssize_t n;

	fd = kv_trust_open(dirfd, name, shown, trust, &st, err);
	if (fd < 0)
		return -1;
	if (st.st_size == 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: empty", shown);
	if (st.st_size > (off_t)KV_POLICY_FILE_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: larger than %u bytes", shown,
		    KV_POLICY_FILE_MAX);
	buf = malloc((size_t)st.st_size + 2);
	if (buf == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	n = kv_read_all(fd, buf, (size_t)st.st_size + 1);
	if (n < 0)
		return config_sys(err, shown);
	if (n != st.st_size)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: changed while it was read", shown);
	buf[n] = '\0';
	*size = (size_t)n;
	*text = kv_steal_ptr(&buf);
	return 0;
}

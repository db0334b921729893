/*
 * The user's home. Trust: the user may own everything in it and, in a nested
 * home, what is above it; so it is opened once, with the user's own rights, and what was
 * opened is what is mounted.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int
kv_view_as_user(const struct kv_build *b, struct kv_error *err)
{
	const struct kv_account *account = b->view->account;

	if (geteuid() != 0 || b->userns)
		return 0;
	(void)setfsgid(account->gid);
	(void)setfsuid(account->uid);
	if ((uid_t)setfsuid((uid_t)-1) != account->uid || (gid_t)setfsgid((gid_t)-1) != account->gid) {
		(void)kv_view_as_self(b, err);
		return kv_error_set(err, KV_ERR_SYSTEM, "view: cannot take the file system rights of %s",
		    account->user);
	}
	return 0;
}

int
kv_view_as_self(const struct kv_build *b, struct kv_error *err)
{
	int saved = errno;

	if (geteuid() != 0 || b->userns)
		return 0;
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	if ((uid_t)setfsuid((uid_t)-1) != geteuid() || (gid_t)setfsgid((gid_t)-1) != getegid())
		return kv_error_set(err, KV_ERR_SYSTEM, "view: cannot take the file system rights back");
	errno = saved;
	return 0;
}

/* A home that would cover or be a part of the system. */
static bool
is_system(const char *home)
{
	static const char *const exact[] = {
		"/", "/home", "/usr", "/opt", "/srv", "/var", "/mnt", "/media", "/tmp", "/usr/local",
		"/usr/share", "/usr/games", "/var/lib", "/var/tmp", "/var/log", "/var/cache", "/var/spool",
		"/var/mail", "/var/run", "/var/backups",
	};
	static const char *const below[] = {
		"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/boot", "/dev", "/proc", "/sys",
		"/run", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec",
	};

	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (strcmp(home, exact[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (kv_view_below(home, below[i]))
			return true;
	return false;
}

/* O_PATH neither blocks on a FIFO nor starts a device; the rest is read off the descriptor. */
static int
check_home(int fd, const struct kv_account *account, struct kv_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: home directory %s", account->home);
	if (S_ISLNK(st.st_mode))
		return kv_error_set(err, KV_ERR_DENIED, "view: home directory %s is a symbolic link",
		    account->home);
	if (!S_ISDIR(st.st_mode))
		return kv_error_set(err, KV_ERR_DENIED, "view: home directory %s is not a directory",
		    account->home);
	if (st.st_uid != account->uid)
		return kv_error_set(err, KV_ERR_DENIED, "view: home directory %s does not belong to %s",
		    account->home, account->user);
	return 0;
}

int
kv_view_home_open(struct kv_build *b, struct kv_error *err)
{
	const struct kv_account *account = b->view->account;
	kv_cleanup_close int fd = -1;
	int saved;

	if (account->home[0] != '/' || strstr(account->home, "/../") != NULL || is_system(account->home))
		return kv_error_set(err, KV_ERR_DENIED, "view: \"%s\" cannot be the home directory of a session",
		    account->home);
	if (kv_view_as_user(b, err) < 0)
		return -1;
	fd = kv_openat(AT_FDCWD, account->home, O_PATH | O_NOFOLLOW, 0, false);
	saved = errno;
	if (kv_view_as_self(b, err) < 0)
		return -1;
	errno = saved;
	if (fd < 0 && errno == ENOENT && b->view->policy->home == KV_HOME_PRIVATE)
		return 0;
	if (fd < 0 && errno == ENOENT)
		return kv_error_set(err, KV_ERR_DENIED, "view: home directory %s is missing "
		    "(home = private needs none)", account->home);
	if (fd < 0)
		return kv_error_sys(err, "view: home directory %s", account->home);
	if (check_home(fd, account, err) < 0)
		return -1;
	b->home = kv_steal_fd(&fd);
	return 0;
}

/* Session/view.h tells the rule. */
static bool
parent_is_shared(const char *parent)
{
	static const char *const kept[] = {
		"/usr/local", "/usr/share", "/var/lib", "/var/log", "/var/cache", "/var/spool", "/var/mail",
		"/var/www", "/var/tmp", "/var/backups",
	};

	if (strchr(&parent[1], '/') == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (strcmp(parent, kept[i]) == 0)
			return true;
	return false;
}

/* Covers the home's parent, where it is the host's, so that the neighbours are out of sight. */
static int
hide_neighbours(struct kv_build *b, struct kv_error *err)
{
	const struct kv_tmpfs tmpfs = {
		.size = 64 << 10, .inodes = 64, .mode = 0755, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.attrs = KV_VIEW_ATTRS | KV_MOUNT_NOEXEC,
	};
	kv_cleanup_close int fd = -1, cover = -1;
	char parent[KV_PATH_MAX];
	struct stat st;
	char *slash;

	if (kv_format(parent, sizeof(parent), "%s", b->view->account->home) < 0)
		return kv_error_sys(err, "view: home directory");
	slash = strrchr(parent, '/');
	if (slash == parent)
		return 0;
	*slash = '\0';
	if (parent_is_shared(parent) || kv_view_named(b->view, parent))
		return 0;
	fd = kv_view_place(b, parent, NULL, true, err);
	if (fd < 0)
		return kv_error_wrap(err, "home directory");
	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: %s", parent);
	if (kv_view_own(b, &st))
		return 0;
	/* nothing that a user could have put there may be covered: a mount point is chosen by root alone */
	if (!b->userns && (st.st_uid != 0 || (st.st_mode & 022) != 0))
		return kv_error_set(err, KV_ERR_DENIED, "view: %s, above the home directory, can be changed by others "
		    "than root", parent);
	cover = kv_view_tmpfs(b, fd, "", &tmpfs, err);
	return cover < 0 ? -1 : 0;
}

static int
make_private(struct kv_build *b, struct kv_error *err)
{
	uint64_t size = kv_view_tmp_size(b->view->policy);
	const struct kv_tmpfs tmpfs = {
		.size = size, .inodes = size / 2048 + 1024, .mode = 0700,
		.uid = b->view->account->uid, .gid = b->view->account->gid, .attrs = KV_VIEW_ATTRS,
	};
	int fd = kv_mount_tmpfs(&tmpfs);

	return fd >= 0 ? fd : kv_error_sys(err, "view: no private home directory");
}

/* Owner and mode of the home on the upper folder: that is what is seen. */
static int
like_home(int scratch, int home, struct kv_error *err)
{
	kv_cleanup_close int upper = kv_openat(scratch, "upper", O_RDONLY | O_DIRECTORY, 0, true);
	struct stat st, now;

	if (upper < 0 || fstat(home, &st) < 0 || fstat(upper, &now) < 0)
		return kv_error_sys(err, "view: overlay");
	if ((now.st_uid != st.st_uid || now.st_gid != st.st_gid) && fchown(upper, st.st_uid, st.st_gid) < 0)
		return kv_error_sys(err, "view: overlay");
	if (fchmod(upper, st.st_mode & 07777) < 0)
		return kv_error_sys(err, "view: overlay");
	return 0;
}

/* Lower, upper and work stand in one folder, which is the current one while they are named. */
static int
overlay_in(struct kv_build *b, int scratch, struct kv_error *err)
{
	int fd;

	if (kv_view_mkdir(scratch, "lower", 0700, err) < 0 || kv_view_mkdir(scratch, "upper", 0700, err) < 0 ||
	    kv_view_mkdir(scratch, "work", 0700, err) < 0 || like_home(scratch, b->home, err) < 0 ||
	    kv_view_bind(b->home, scratch, "lower", KV_VIEW_ATTRS | KV_MOUNT_RDONLY, "the home directory", err) < 0)
		return -1;
	if (fchdir(scratch) < 0)
		return kv_error_sys(err, "view: overlay");
	fd = kv_mount_overlay(b->userns, KV_VIEW_ATTRS);
	return fd >= 0 ? fd : kv_error_sys(err, "view: no overlay over the home directory");
}

static int
make_overlay(struct kv_build *b, struct kv_error *err)
{
	static const char name[] = ".overlay";
	uint64_t size = kv_view_tmp_size(b->view->policy);
	const struct kv_tmpfs tmpfs = {
		.size = size, .inodes = size / 2048 + 1024, .mode = 0700,
		.uid = (uid_t)-1, .gid = (gid_t)-1, .attrs = KV_VIEW_ATTRS,
	};
	kv_cleanup_close int scratch = -1, fd = -1;

	if (kv_view_mkdir(b->root, name, 0700, err) < 0)
		return -1;
	scratch = kv_view_tmpfs(b, b->root, name, &tmpfs, err);
	if (scratch < 0)
		return -1;
	fd = overlay_in(b, scratch, err);
	if (fd < 0)
		return -1;
	/* the overlay holds its own references; its parts need no name any more */
	if (fchdir(b->root) < 0 || umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ||
	    unlinkat(b->root, name, AT_REMOVEDIR) < 0)
		return kv_error_sys(err, "view: cannot take the overlay's parts away");
	return kv_steal_fd(&fd);
}

/* The detached mount that becomes the home. */
static int
make_home(struct kv_build *b, struct kv_error *err)
{
	uint64_t attrs = KV_VIEW_ATTRS;
	int fd;

	switch (b->view->policy->home) {
	case KV_HOME_PRIVATE:
		return make_private(b, err);
	case KV_HOME_OVERLAY:
		return make_overlay(b, err);
	case KV_HOME_RO:
		attrs |= KV_MOUNT_RDONLY;
		break;
	case KV_HOME_RW:
		break;
	default:
		return kv_error_set(err, KV_ERR_CONFIG, "view: unknown kind of home directory");
	}
	fd = kv_mount_clone(b->home, attrs);
	return fd >= 0 ? fd : kv_error_sys(err, "view: cannot clone the home directory");
}

int
kv_view_home_mount(struct kv_build *b, struct kv_error *err)
{
	const struct kv_policy *policy = b->view->policy;
	kv_cleanup_close int mount = -1, point = -1;
	struct stat st;

	if (b->home >= 0 && fstat(b->home, &st) < 0)
		return kv_error_sys(err, "view: home directory");
	if (hide_neighbours(b, err) < 0)
		return -1;
	mount = make_home(b, err);
	if (mount < 0)
		return -1;
	point = kv_view_place(b, b->view->account->home, b->home >= 0 ? &st : NULL, true, err);
	if (point < 0)
		return kv_error_wrap(err, "home directory");
	if (kv_mount_attach(mount, point, "") < 0)
		return kv_error_sys(err, "view: cannot mount the home directory %s", b->view->account->home);
	if (policy->protect_dotfiles && policy->home == KV_HOME_RW)
		return kv_view_dotfiles(b, mount, err);
	return 0;
}

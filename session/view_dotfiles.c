/*
 * protect_dotfiles: what the next login would run or trust, under read-only
 * mounts, so that it can be neither written nor renamed, replaced or removed.
 *
 * A mount point cannot be renamed, but a folder above it can, with the mount in
 * it; so every folder between the home and a protected name is mounted on itself.
 *
 * All of it is done with the user's file system rights: no link and no race
 * can make root touch what the user could not.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * OUTSIDE: trusted or run by something that is not in the session (sshd, PAM, the mail server, the
 * user's service manager). Made, empty, where it is missing, because an empty one
 * changes nothing and a missing one could be written; what cannot be protected refuses.
 * INSIDE: run by shells and programs of the session only, thus confined at the
 * next login too; protected where it is there.
 */
enum kind { OUTSIDE_DIR, OUTSIDE_FILE, OUTSIDE_PRESENT, INSIDE };

static const struct {
	const char *path;
	enum kind kind;
} protected[] = {
	{ ".ssh", OUTSIDE_DIR },			/* authorized_keys, rc, environment, config */
	{ ".rhosts", OUTSIDE_FILE }, { ".shosts", OUTSIDE_FILE },	/* host-based login */
	{ ".k5login", OUTSIDE_PRESENT },		/* an empty one would lock the user out */
	{ ".pam_environment", OUTSIDE_FILE },		/* pam_env, user_readenv */
	{ ".forward", OUTSIDE_FILE }, { ".procmailrc", OUTSIDE_FILE },	/* "|command", run at each mail */
	{ ".config/systemd", OUTSIDE_DIR }, { ".local/share/systemd", OUTSIDE_DIR },	/* user units */
	{ ".config/environment.d", OUTSIDE_DIR },	/* the user manager's environment */
	{ ".config/user-tmpfiles.d", OUTSIDE_DIR }, { ".local/share/user-tmpfiles.d", OUTSIDE_DIR },
	{ ".local/share/dbus-1", OUTSIDE_DIR },		/* services that the user's bus starts */
	{ ".config/autostart", OUTSIDE_DIR },
	{ ".xsession", OUTSIDE_PRESENT }, { ".xsessionrc", OUTSIDE_PRESENT }, { ".xprofile", OUTSIDE_PRESENT },
	{ ".xinitrc", OUTSIDE_PRESENT },
	/* second factors that PAM asks for: who may change them undoes his own */
	{ ".google_authenticator", OUTSIDE_PRESENT }, { ".yubico", OUTSIDE_PRESENT }, { ".config/Yubico", OUTSIDE_PRESENT },
	{ ".profile", INSIDE }, { ".bash_profile", INSIDE }, { ".bash_login", INSIDE },
	{ ".bash_logout", INSIDE }, { ".bashrc", INSIDE }, { ".bash_aliases", INSIDE },
	{ ".zshenv", INSIDE }, { ".zprofile", INSIDE }, { ".zshrc", INSIDE }, { ".zlogin", INSIDE },
	{ ".zlogout", INSIDE }, { ".kshrc", INSIDE }, { ".mkshrc", INSIDE }, { ".login", INSIDE },
	{ ".logout", INSIDE }, { ".cshrc", INSIDE }, { ".tcshrc", INSIDE }, { ".config/fish", INSIDE },
	{ ".inputrc", INSIDE },				/* key bindings can run commands */
	{ ".vimrc", INSIDE }, { ".vim", INSIDE }, { ".config/nvim", INSIDE }, { ".emacs", INSIDE },
	{ ".gitconfig", INSIDE }, { ".config/git", INSIDE },	/* aliases, hooksPath, credential helpers */
	{ ".tmux.conf", INSIDE }, { ".screenrc", INSIDE },
};

static int
refuse(const char *path, const char *why, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_DENIED, "view: protect_dotfiles: ~/%s %s", path, why);
}

static bool
is_mount(int dir, const char *name)
{
	struct statx st;

	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
	    (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/*
 * Mounts a clone of fd on what dir/name is; then looks again, lest the name was given to something
 * else meanwhile. Returns the mount, or -1.
 */
static int
cover(int fd, int dir, const char *name, uint64_t attrs, const char *path, struct kv_error *err)
{
	kv_cleanup_close int tree = kv_mount_clone(fd, KV_VIEW_ATTRS | attrs);

	if (tree < 0 || kv_mount_attach(tree, dir, name) < 0)
		return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	if (!is_mount(dir, name))
		return refuse(path, "changed while it was looked at", err);
	return kv_steal_fd(&tree);
}

/* Makes what is missing, as the user. 1: there is no need, the file system takes no write. */
static int
make_missing(int dir, const char *name, bool directory, const char *path, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;

	if (directory) {
		if (mkdirat(dir, name, 0700) == 0 || errno == EEXIST)
			return 0;
	} else {
		fd = kv_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, true);
		if (fd >= 0 || errno == EEXIST)
			return 0;
	}
	return errno == EROFS ? 1 : kv_error_sys(err, "view: protect_dotfiles: cannot make ~/%s", path);
}

static int protect(struct kv_build *b, int home, const char *path, enum kind kind, struct kv_error *err);

/* The text of a link, as a path below the folder *base; NULL: it leads elsewhere. */
static const char *
link_target(const struct kv_build *b, int home, int link, char *text, size_t size, int *base)
{
	const char *own = b->view->account->home;
	ssize_t n = readlinkat(link, "", text, size);

	if (n <= 0 || (size_t)n >= size)
		return NULL;
	text[n] = '\0';
	if (strcmp(text, "..") == 0 || strstr(text, "../") != NULL || strstr(text, "/..") != NULL)
		return NULL;
	if (text[0] != '/')
		return text;
	*base = home;
	n = (ssize_t)strlen(own);
	if (strncmp(text, own, (size_t)n) != 0 || text[n] != '/')
		return NULL;
	text += n;
	return &text[strspn(text, "/")];
}

/*
 * A link, as dotfile managers make them. What it leads to, when that is a file in the
 * home reached without another link, is protected there and mounted over the link too, so that
 * the name keeps its meaning. Anything else: as if it were missing.
 */
static int
protect_link(struct kv_build *b, int home, int dir, const char *name, int link, const char *path,
    enum kind kind, struct kv_error *err)
{
	kv_cleanup_close int target = -1, tree = -1;
	char text[KV_PATH_MAX];
	int base = dir;
	const char *to = link_target(b, home, link, text, sizeof(text), &base);
	struct stat st;

	if (to != NULL)
		target = kv_openat(base, to, O_PATH | O_NOFOLLOW, 0, true);
	if (target < 0 || fstat(target, &st) < 0 || !S_ISREG(st.st_mode))
		return kind == INSIDE ? 0 : refuse(path, "is a symbolic link that cannot be protected", err);
	if (protect(b, base, to, INSIDE, err) < 0)
		return -1;
	tree = kv_mount_clone(target, KV_VIEW_ATTRS | KV_MOUNT_RDONLY);
	if (tree < 0)
		return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	if (kv_mount_attach(tree, dir, name) == 0 && is_mount(dir, name))
		return 0;
	return kind == INSIDE ? 0 : refuse(path, "is a symbolic link, which this kernel cannot protect", err);
}

/*
 * Opens one component. 0 and *fd, or 1: nothing to protect here, or -1.
 */
static int
open_component(const struct kv_build *b, int dir, const char *name, bool directory, const char *path,
    enum kind kind, int *fd, struct kv_error *err)
{
	struct stat st;
	int made;

	*fd = kv_openat(dir, name, O_PATH | O_NOFOLLOW, 0, true);
	if (*fd < 0 && errno == ENOENT) {
		if (kind == INSIDE || kind == OUTSIDE_PRESENT)
			return 1;
		made = make_missing(dir, name, directory, path, err);
		if (made != 0)
			return made;
		*fd = kv_openat(dir, name, O_PATH | O_NOFOLLOW, 0, true);
	}
	if (*fd >= 0)
		return 0;
	/* not the user's to enter nor to open up: nothing there can be changed */
	if (errno == EACCES && fstat(dir, &st) == 0 && st.st_uid != b->view->account->uid)
		return 1;
	return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
}

/* A folder on the way: held in its place. *dir moves into it. 0, 1: nothing to protect below, or -1. */
static int
hold(int *dir, int fd, const char *name, const char *path, enum kind kind, struct kv_error *err)
{
	struct stat st;
	int next;

	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	if (!S_ISDIR(st.st_mode))
		return kind == INSIDE ? 1 : refuse(path, "cannot be protected: a link or a file is above it", err);
	if (is_mount(*dir, name)) {	/* held already: fd stands for what is mounted there */
		next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (next < 0)
			return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	} else {
		next = cover(fd, *dir, name, 0, path, err);
		if (next < 0)
			return -1;
	}
	(void)close(*dir);
	*dir = next;
	return 0;
}

static int
protect_end(struct kv_build *b, int home, int dir, const char *name, int fd, const char *path,
    enum kind kind, struct kv_error *err)
{
	struct stat st;
	int tree;

	if (fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	if (S_ISLNK(st.st_mode))
		return protect_link(b, home, dir, name, fd, path, kind, err);
	tree = cover(fd, dir, name, KV_MOUNT_RDONLY, path, err);
	if (tree < 0)
		return -1;
	(void)close(tree);
	return 0;
}

static int
protect(struct kv_build *b, int home, const char *path, enum kind kind, struct kv_error *err)
{
	kv_cleanup_close int dir = kv_openat(home, ".", O_PATH | O_DIRECTORY, 0, true);
	char copy[KV_PATH_MAX], *name = copy, *next;

	if (dir < 0 || kv_format(copy, sizeof(copy), "%s", path) < 0)
		return kv_error_sys(err, "view: protect_dotfiles: ~/%s", path);
	for (;; name = next) {
		size_t n = strcspn(name, "/");
		bool last;
		kv_cleanup_close int fd = -1;
		int answer;

		next = name + n;
		next += strspn(next, "/");
		last = *next == '\0';
		name[n] = '\0';
		if (strcmp(name, ".") == 0 && !last)
			continue;
		answer = open_component(b, dir, name, !last || kind == OUTSIDE_DIR, path, kind, &fd, err);
		if (answer == 0 && last)
			return protect_end(b, home, dir, name, fd, path, kind, err);
		if (answer == 0)
			answer = hold(&dir, fd, name, path, kind, err);
		if (answer != 0)
			return answer < 0 ? -1 : 0;
	}
}

int
kv_view_dotfiles(struct kv_build *b, int home, struct kv_error *err)
{
	int status = 0;

	if (kv_view_as_user(b, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(protected) && status == 0; i++)
		status = protect(b, home, protected[i].path, protected[i].kind, err);
	if (kv_view_as_self(b, err) < 0)
		return -1;
	return status;
}

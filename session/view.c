#include "session/view.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/silent.h"
#include "session/view_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define INITIAL_USERNS_INO 0xEFFFFFFDU	/* PROC_USER_INIT_INO, include/linux/proc_ns.h */

/* The host's procfs, taken before the new root is put over it. */
static int
clone_proc(const struct kv_build *b, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(b->host, "proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, true);
	struct statfs fs;
	int tree;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return kv_error_sys(err, "view: /proc");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: /proc is not a procfs");
	tree = kv_mount_clone(fd, KV_VIEW_ATTRS | KV_MOUNT_NOEXEC);
	return tree >= 0 ? tree : kv_error_sys(err, "view: cannot clone /proc");
}

/*
 * A descriptor from before the mount namespace was made stands for a mount that
 * cannot be cloned here; this is the same folder by the mount of this namespace.
 */
static int
reopen(int fd, const char *what, struct kv_error *err)
{
	kv_cleanup_close int again = -1;
	char link[64], path[PATH_MAX];
	struct stat st, now;
	ssize_t n;

	if (kv_format(link, sizeof(link), "/proc/self/fd/%d", fd) < 0)
		return kv_error_sys(err, "view: %s", what);
	n = readlink(link, path, sizeof(path));
	if (n <= 0 || (size_t)n >= sizeof(path))
		return kv_error_sys(err, "view: %s", what);
	path[n] = '\0';
	again = kv_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, false);
	if (again < 0 || fstat(fd, &st) < 0 || fstat(again, &now) < 0)
		return kv_error_sys(err, "view: %s (%s)", what, path);
	if (st.st_dev != now.st_dev || st.st_ino != now.st_ino)
		return kv_error_set(err, KV_ERR_SYSTEM, "view: %s is not at %s any more", what, path);
	return kv_steal_fd(&again);
}

/* The new root, over the host's /proc until it becomes the root. */
static int
make_root(struct kv_build *b, struct kv_error *err)
{
	const struct kv_tmpfs tmpfs = {
		.size = 1 << 20, .inodes = 1024, .mode = 0755, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.attrs = KV_VIEW_ATTRS | KV_MOUNT_NOEXEC,
	};

	b->root = kv_view_tmpfs(b, b->host, "proc", &tmpfs, err);
	return b->root < 0 ? -1 : 0;
}

static int
build(struct kv_build *b, int proc, int state, struct kv_error *err)
{
	if (make_root(b, err) < 0 || kv_view_trees(b, err) < 0 || kv_view_private(b, err) < 0 ||
	    kv_view_kernel(b, proc, err) < 0 || kv_view_run(b, state, err) < 0 ||
	    kv_view_dev(b, err) < 0)
		return -1;
	/* a data_dir of /srv holds a home of /srv/home/u, and not the other way round */
	if (kv_view_paths(b, true, err) < 0 || kv_view_home_mount(b, err) < 0 ||
	    kv_view_paths(b, false, err) < 0)
		return -1;
	return kv_view_wrapper(b, err);
}

/* pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one, and is taken off. */
static int
change_root(const struct kv_build *b, struct kv_error *err)
{
	struct stat st;
	char cwd[PATH_MAX];

	if (fchdir(b->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return kv_error_sys(err, "view: cannot change the root");
	if (fchdir(b->host) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return kv_error_sys(err, "view: cannot take the host's root away");
	if (getcwd(cwd, sizeof(cwd)) == NULL || strcmp(cwd, "/") != 0 || stat("/", &st) < 0 ||
	    st.st_dev != b->own[0])
		return kv_error_set(err, KV_ERR_SYSTEM, "view: the root did not change");
	return 0;
}

static int
prepare(struct kv_build *b, int *proc, int *state, struct kv_error *err)
{
	struct stat st;

	/* not a slave: a slave would take in what the host mounts later */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return kv_error_sys(err, "view: cannot make the mounts private");
	if (stat("/proc/self/ns/user", &st) < 0)
		return kv_error_sys(err, "view: /proc");
	b->userns = st.st_ino != INITIAL_USERNS_INO;
	b->host = kv_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, false);
	if (b->host < 0)
		return kv_error_sys(err, "view: /");
	if (kv_view_home_open(b, err) < 0)
		return -1;
	if (b->view->state_fd >= 0 &&
	    (*state = reopen(b->view->state_fd, "the session's state", err)) < 0)
		return -1;
	*proc = clone_proc(b, err);
	return *proc < 0 ? -1 : 0;
}

/* In the child: a procfs of this pid namespace, which ends with us. Its descriptor is the exit status. */
static _Noreturn void
make_empty_proc(void)
{
	int context = fsopen("proc", FSOPEN_CLOEXEC), tree = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		tree = fsmount(context, FSMOUNT_CLOEXEC,
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	_exit(tree >= 0 && tree < 255 ? tree : 255);
}

/*
 * Takes every process out of sight: what runs in the view without a sandbox of
 * its own (internal-sftp, forwarding) would find its way to the host through
 * /proc/PID/root and the like of another process of the same user. The procfs is that
 * of a pid namespace without processes. The child shares our descriptors; sshd does not
 * notice it.
 */
static int
hide_processes(const struct kv_build *b, struct kv_error *err)
{
	kv_cleanup_close int tree = -1;
	pid_t pid;
	int status;

	/* Without root no such child can be had, and there is no sshd whose half would be held. */
	if (b->userns)
		return 0;
	pid = kv_silent_fork(CLONE_NEWPID | CLONE_FILES, NULL);
	if (pid == 0)
		make_empty_proc();
	if (pid < 0)
		return kv_error_sys(err, "view: a pid namespace");
	if (kv_silent_wait(pid, &status) != 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return kv_error_set(err, KV_ERR_SYSTEM, "view: cannot make an empty /proc");
	tree = WEXITSTATUS(status);
	if (umount2("/proc", MNT_DETACH | UMOUNT_NOFOLLOW) != 0 ||
	    move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return kv_error_sys(err, "view: cannot mount /proc");
	return 0;
}

static int
enter(struct kv_build *b, struct kv_ticket *wrapped, struct kv_error *err)
{
	kv_cleanup_close int proc = -1, state = -1;

	if (prepare(b, &proc, &state, err) < 0 || build(b, proc, state, err) < 0 ||
	    change_root(b, err) < 0 || kv_view_wrap(b, wrapped, err) < 0)
		return -1;
	if (hide_processes(b, err) < 0)
		return -1;
	if (kv_mount_attr(b->root, KV_MOUNT_RDONLY, 0, false) < 0)
		return kv_error_sys(err, "view: cannot make the root read-only");
	return 0;
}

int
kv_view_enter(const struct kv_view *view, struct kv_ticket *wrapped, struct kv_error *err)
{
	struct kv_build b = {
		.view = view, .host = -1, .root = -1, .home = -1,
		.tree_attrs = KV_VIEW_ATTRS | (view->policy->read_only_root ? KV_MOUNT_RDONLY : 0),
	};
	mode_t mask = umask(0);	/* the modes here are meant as they are written */
	int status = enter(&b, wrapped, err);

	(void)umask(mask);
	if (b.host >= 0)
		(void)close(b.host);
	if (b.root >= 0)
		(void)close(b.root);
	if (b.home >= 0)
		(void)close(b.home);
	return status;
}

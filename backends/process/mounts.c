#include "backends/process/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

#define TERMINAL_INSIDE "/dev/console"

/* A user may run tmux with many windows; nobody needs all of the host's. */
#define PTY_MAX "256"

int
kv_process_terminal_tree(int proc)
{
	for (int fd = 0; fd <= 2; fd++) {
		char link[64], path[64];
		struct stat open_file, named;
		ssize_t n;

		if (!isatty(fd) || fstat(fd, &open_file) != 0)
			continue;
		(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
		n = readlinkat(proc, link, path, sizeof(path) - 1);
		if (n <= 0)
			continue;
		path[n] = '\0';
		kv_cleanup_close int place = kv_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0, false);
		if (place < 0 || fstat(place, &named) != 0 || !S_ISCHR(named.st_mode) ||
		    named.st_rdev != open_file.st_rdev || named.st_ino != open_file.st_ino ||
		    named.st_dev != open_file.st_dev)
			continue;
		return open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	}
	return -1;
}

static int
attach(int tree, const char *place, struct kv_error *err)
{
	if (move_mount(tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return kv_error_sys(err, "mount on %s", place);
	return 0;
}

/* Bind-mounts what stands at `from` onto `place`. */
static int
bind(const char *from, const char *place, bool read_only, struct kv_error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (read_only ? MOUNT_ATTR_RDONLY : 0),
	};
	kv_cleanup_close int tree = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		return kv_error_sys(err, "bind %s on %s", from, place);
	return attach(tree, place, err);
}

/* Makes a file system of its own, with options in pairs, ended by NULL. */
static int
fresh(const char *type, const char *const options[], unsigned int attributes, struct kv_error *err)
{
	kv_cleanup_close int context = fsopen(type, FSOPEN_CLOEXEC);
	int tree;

	if (context < 0)
		return kv_error_sys(err, "fsopen %s", type);
	for (size_t i = 0; options[i] != NULL; i += 2) {
		if (fsconfig(context, FSCONFIG_SET_STRING, options[i], options[i + 1], 0) != 0)
			return kv_error_sys(err, "%s option %s=%s", type, options[i], options[i + 1]);
	}
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return kv_error_sys(err, "make a %s", type);
	tree = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	if (tree < 0)
		return kv_error_sys(err, "fsmount %s", type);
	return tree;
}

static int
mount_proc(struct kv_error *err)
{
	static const char *const options[] = { "hidepid", "invisible", NULL };
	static const char *const masked[] = {
		"/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/timer_list",
	};
	kv_cleanup_close int tree = fresh("proc", options,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);

	if (tree < 0)
		return -1;
	if (attach(tree, "/proc", err) != 0 ||
	    bind("/proc/sys", "/proc/sys", true, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		if (access(masked[i], F_OK) != 0 && errno == ENOENT)
			continue;
		if (bind("/dev/null", masked[i], false, err) != 0)
			return -1;
	}
	return 0;
}

static int
mount_pts(const struct kv_ticket *ticket, int terminal, struct kv_error *err)
{
	/* gid 5 is tty on every Linux; a user namespace does not map it. */
	static const char *const options[] = {
		"ptmxmode", "0666", "mode", "0620", "max", PTY_MAX, "gid", "5", NULL,
	};
	static const char *const options_userns[] = {
		"ptmxmode", "0666", "mode", "0600", "max", PTY_MAX, NULL,
	};
	bool userns = ticket->privilege == KV_PRIV_USERNS;
	kv_cleanup_close int tree = fresh("devpts", userns ? options_userns : options,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);

	if (tree < 0)
		return -1;
	if (attach(tree, "/dev/pts", err) != 0)
		return -1;
	if (terminal >= 0 && attach(terminal, TERMINAL_INSIDE, err) != 0)
		return -1;
	return 0;
}

/*
 * kavach's own state and the socket of syslog are the wrapper's, not the
 * user's. They are covered, not unmounted: that works in a user namespace too,
 * where mounts that came along are locked, and no process inside can ever uncover them.
 */
static int
hide_state(struct kv_error *err)
{
	static const char *const none[] = { "size", "4096", "mode", "0555", NULL };
	kv_cleanup_close int empty = fresh("tmpfs", none,
	    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);

	if (empty < 0 || attach(empty, KV_RUN_DIR, err) != 0)
		return -1;
	if (access("/dev/log", F_OK) == 0)
		return bind("/dev/null", "/dev/log", false, err);
	return 0;
}

/* In the view nothing but the wrapper can be executed, and for cron it stands in the place of the shells. */
static int
unwrap(const struct kv_ticket *ticket, struct kv_error *err)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_NOEXEC };

	/* Without capabilities the view is left executable: what is locked could not be undone here. */
	if (ticket->privilege == KV_PRIV_USERNS)
		return 0;
	for (uint32_t i = 0; i < ticket->wrapped_count; i++) {
		if (umount2(ticket->wrapped[i], MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
			return kv_error_sys(err, "unmount %s", ticket->wrapped[i]);
	}
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) != 0)
		return kv_error_sys(err, "make the view executable");
	attr = (struct mount_attr){ .attr_set = MOUNT_ATTR_NOEXEC };
	for (uint32_t i = 0; i < ticket->noexec_count; i++) {
		if (mount_setattr(AT_FDCWD, ticket->noexec[i], AT_SYMLINK_NOFOLLOW, &attr, sizeof(attr)) != 0)
			return kv_error_sys(err, "keep %s from being executable", ticket->noexec[i]);
	}
	return 0;
}

int
kv_process_mounts_outer(const struct kv_ticket *ticket, struct kv_error *err)
{
	/* Nothing may lie over it: a runtime's own procfs would be refused (mount_too_revealing). */
	static const char *const options[] = { NULL };
	kv_cleanup_close int tree = -1;

	if (unwrap(ticket, err) != 0)
		return kv_error_wrap(err, "mounts of the container");
	tree = fresh("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (tree < 0 || attach(tree, "/proc", err) != 0 ||
	    (access("/dev/log", F_OK) == 0 && bind("/dev/null", "/dev/log", false, err) != 0))
		return kv_error_wrap(err, "mounts of the container");
	return 0;
}

int
kv_process_mounts(const struct kv_ticket *ticket, int terminal, struct kv_error *err)
{
	if (unwrap(ticket, err) != 0 || mount_proc(err) != 0 ||
	    mount_pts(ticket, terminal, err) != 0 || hide_state(err) != 0)
		return kv_error_wrap(err, "mounts of the sandbox");
	return 0;
}

#include "session/mount.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int
set_number(int fs, const char *key, const char *format, uint64_t value)
{
	char text[32];

	if (*format == 'o' ? kv_format(text, sizeof(text), "%" PRIo64, value) < 0 :
	    kv_format(text, sizeof(text), "%" PRIu64, value) < 0)
		return -1;
	return fsconfig(fs, FSCONFIG_SET_STRING, key, text, 0);
}

static int
finish(int fs, uint64_t attrs)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attrs);
}

int
kv_mount_tmpfs(const struct kv_tmpfs *tmpfs)
{
	kv_cleanup_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "source", "kavach", 0) < 0 ||
	    set_number(fs, "mode", "o", tmpfs->mode) < 0 ||
	    set_number(fs, "size", "u", tmpfs->size) < 0 ||
	    set_number(fs, "nr_inodes", "u", tmpfs->inodes) < 0)
		return -1;
	if (tmpfs->uid != (uid_t)-1 && (set_number(fs, "uid", "u", tmpfs->uid) < 0 ||
	    set_number(fs, "gid", "u", tmpfs->gid) < 0))
		return -1;
	if (tmpfs->no_swap)
		(void)fsconfig(fs, FSCONFIG_SET_FLAG, "noswap", NULL, 0);
	return finish(fs, tmpfs->attrs);
}

int
kv_mount_clone(int fd, uint64_t attrs)
{
	kv_cleanup_close int tree = open_tree(fd, "",
	    AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || (attrs != 0 && kv_mount_attr(tree, attrs, 0, true) < 0))
		return -1;
	return kv_steal_fd(&tree);
}

int
kv_mount_attr(int fd, uint64_t set, uint64_t clear, bool recursive)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
	    &attr, sizeof(attr));
}

int
kv_mount_attach(int mount_fd, int dirfd, const char *name)
{
	return move_mount(mount_fd, "", dirfd, name,
	    MOVE_MOUNT_F_EMPTY_PATH | (*name == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0));
}

int
kv_mount_overlay(bool userxattr, uint64_t attrs)
{
	kv_cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);

	if (fs < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "source", "kavach", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", "lower", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", "upper", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "workdir", "work", 0) < 0 ||
	    (userxattr && fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0))
		return -1;
	return finish(fs, attrs);
}

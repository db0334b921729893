/*
 * Thin wrappers over the mount API of Linux 5.2 and 5.12: a mount is made
 * detached, given its attributes while nobody can reach it, and attached by
 * descriptor. No path is looked up twice. Each returns a descriptor or 0, or -1 with errno.
 * CAP_SYS_ADMIN in the user namespace that owns the mount namespace. Safe after fork.
 */
#ifndef KV_SESSION_MOUNT_H
#define KV_SESSION_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* MOUNT_ATTR_* of <sys/mount.h>, which cannot be included beside <linux/mount.h> everywhere. */
#define KV_MOUNT_RDONLY	0x1ULL
#define KV_MOUNT_NOSUID	0x2ULL
#define KV_MOUNT_NODEV	0x4ULL
#define KV_MOUNT_NOEXEC	0x8ULL

struct kv_tmpfs {
	uint64_t size;		/* bytes */
	uint64_t inodes;
	mode_t mode;
	uid_t uid;		/* (uid_t)-1: the caller's */
	gid_t gid;
	uint64_t attrs;		/* KV_MOUNT_* */
	bool no_swap;		/* its pages stay in memory, from Linux 6.4 on; before that it is as if not asked for */
};

/* A new tmpfs, detached. */
int kv_mount_tmpfs(const struct kv_tmpfs *tmpfs);

/*
 * A detached clone, with everything mounted below it (a user namespace allows
 * nothing else), of what the O_PATH descriptor stands for. The attributes are
 * set on the whole tree before it is returned.
 */
int kv_mount_clone(int fd, uint64_t attrs);

/* Sets and clears attributes of the mount (and, recursive, those below it). */
int kv_mount_attr(int fd, uint64_t set, uint64_t clear, bool recursive);

/* Attaches a detached mount onto dirfd/name, or onto dirfd itself where name is "". Follows no symbolic link at the end. */
int kv_mount_attach(int mount_fd, int dirfd, const char *name);

/*
 * An overlay file system, detached, of the folders "lower", "upper" and "work"
 * of the current folder. userxattr: in a user namespace.
 */
int kv_mount_overlay(bool userxattr, uint64_t attrs);

#endif

/*
 * What the files of the view share. Not for others: see session/view.h.
 *
 * All names inside the view are walked from `root` by descriptor; all names of
 * the host from `host`. During the build the new root lies over the host's /proc, whose
 * clone was taken before.
 */
#ifndef KV_SESSION_VIEW_IMPL_H
#define KV_SESSION_VIEW_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "session/cgroup.h"
#include "session/mount.h"
#include "session/view.h"

struct kv_error;

#define KV_VIEW_ATTRS	(KV_MOUNT_NOSUID | KV_MOUNT_NODEV)
#define KV_VIEW_OWN_MAX	10

struct kv_build {
	const struct kv_view *view;
	int host;		/* / of the host, O_PATH */
	int root;		/* the new root's mount */
	int home;		/* the home directory of the host, O_PATH; -1: none */
	uint64_t tree_attrs;	/* of the host's trees */
	bool userns;		/* not the initial user namespace: no owner can be changed */
	dev_t own[KV_VIEW_OWN_MAX];	/* the file systems made here */
	size_t own_count;
};

/* view_place.c */
/* A tmpfs of ours attached at dirfd/name; its mount descriptor, which the caller closes, or -1. */
int kv_view_tmpfs(struct kv_build *b, int dirfd, const char *name, const struct kv_tmpfs *tmpfs,
    struct kv_error *err);
/* A clone of fd attached at dirfd/name. what names it in errors. */
int kv_view_bind(int fd, int dirfd, const char *name, uint64_t attrs, const char *what, struct kv_error *err);
/* Opens a name of the host, links followed; -1 with errno. */
int kv_view_host(const struct kv_build *b, const char *path);
/* Binds a file or folder of the host, when it is there, onto dirfd/name, which is made. */
int kv_view_bind_optional(struct kv_build *b, const char *path, int dirfd, const char *name, uint64_t attrs,
    struct kv_error *err);
/*
 * Opens the folder or file `path` of the view for mounting on it. Folders and
 * files that are missing are made where the file system is one of ours; a symbolic link on the way refuses.
 * same: what must be there already if the file system is the host's (the same inode); NULL: anything.
 */
int kv_view_place(struct kv_build *b, const char *path, const struct stat *same, bool directory,
    struct kv_error *err);
/* Is the file on a file system that was made here. */
bool kv_view_own(const struct kv_build *b, const struct stat *st);
/* Is path the same as, or below, folder. Both absolute and without trailing slash. */
bool kv_view_below(const char *path, const char *folder);
/* The size of a private file system under the policy, and its inodes. */
uint64_t kv_view_tmp_size(const struct kv_policy *policy);
/* dirfd/name/ made with this mode; there already: good. */
int kv_view_mkdir(int dirfd, const char *name, mode_t mode, struct kv_error *err);

/* view_root.c, view_run.c, view_dev.c: the fixed parts. */
int kv_view_trees(struct kv_build *b, struct kv_error *err);
int kv_view_private(struct kv_build *b, struct kv_error *err);
int kv_view_kernel(struct kv_build *b, int proc, struct kv_error *err);
int kv_view_run(struct kv_build *b, int state, struct kv_error *err);
int kv_view_dev(struct kv_build *b, struct kv_error *err);
/* view_credentials.c; run: /run of the view. */
int kv_view_credentials(struct kv_build *b, int run, struct kv_error *err);
/* Binds a device node of `from` after a look at what it is. */
int kv_view_node(int from, int to, const char *name, unsigned int major, unsigned int minor,
    struct kv_error *err);
/* All that the view has. 0 or -1. */
int kv_view_nodes(int from, int to, struct kv_error *err);

/* view_home.c. open: before anything is built, so that a refusal costs nothing. */
int kv_view_home_open(struct kv_build *b, struct kv_error *err);
int kv_view_home_mount(struct kv_build *b, struct kv_error *err);
/* The user's file system uid and gid, and back. For root only; else nothing. */
int kv_view_as_user(const struct kv_build *b, struct kv_error *err);
int kv_view_as_self(const struct kv_build *b, struct kv_error *err);

/* view_dotfiles.c: home is the mount of the home in the view. */
int kv_view_dotfiles(struct kv_build *b, int home, struct kv_error *err);

/* view_paths.c: data_dir and landlock. above: those that the home lies below; else the others. */
int kv_view_paths(struct kv_build *b, bool above, struct kv_error *err);
/* Does the policy itself make this folder or one above it visible. */
bool kv_view_named(const struct kv_view *view, const char *path);

/* Does the policy name this folder, or something in it. One above it does not count here; a data_dir above is mounted over it later. */
bool kv_view_asked_for(const struct kv_view *view, const char *folder);

/* view_noexec.c, after the change of root: fills ticket->noexec. */
int kv_view_note_noexec(struct kv_ticket *ticket, struct kv_error *err);

/* view_wrap.c, after the change of root. */
int kv_view_wrapper(struct kv_build *b, struct kv_error *err);
int kv_view_wrap(struct kv_build *b, struct kv_ticket *ticket, struct kv_error *err);

#endif

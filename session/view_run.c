/*
 * /run: what sshd needs to record a login, and kavach's own state, which only root
 * can open and which stage two takes away.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "images/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The name below /run of one of the KV_SELF_* paths: they begin with KV_RUNSTATEDIR. */
#define BELOW_RUN(path) (&(path)[sizeof(KV_RUNSTATEDIR)])

static int
cgroup_v1(struct kv_build *b, int run, struct kv_error *err)
{
	static const char *const controllers[] = { "memory", "pids", "cpu", "freezer" };
	const struct kv_cgroup *cgroup = b->view->cgroup;
	kv_cleanup_close int at = kv_openat(run, BELOW_RUN(KV_SELF_CGROUP), O_PATH | O_DIRECTORY, 0, true);
	char path[2 * KV_PATH_MAX];

	if (at < 0)
		return kv_error_sys(err, "view: " KV_SELF_CGROUP);
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (kv_format(path, sizeof(path), "%s/%s%s", cgroup->mount, controllers[i], cgroup->path) < 0 ||
		    kv_view_bind_optional(b, path, at, controllers[i], KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, err) < 0)
			return -1;
	return 0;
}

static int
cgroup(struct kv_build *b, int run, struct kv_error *err)
{
	const struct kv_cgroup *cg = b->view->cgroup;
	kv_cleanup_close int fd = -1;
	char path[2 * KV_PATH_MAX];

	if (cg == NULL || cg->version == KV_CGROUP_NONE)
		return 0;
	if (kv_view_mkdir(run, BELOW_RUN(KV_SELF_CGROUP), 0755, err) < 0)
		return -1;
	if (cg->version == KV_CGROUP_V1)
		return cgroup_v1(b, run, err);
	if (kv_format(path, sizeof(path), "%s%s", cg->mount, cg->path) < 0)
		return kv_error_sys(err, "view: cgroup");
	fd = kv_view_host(b, path);
	if (fd < 0)
		return kv_error_sys(err, "view: %s", path);
	return kv_view_bind(fd, run, BELOW_RUN(KV_SELF_CGROUP), KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, path, err);
}

/* Only where the session has the host's network, and only what resolv.conf itself points to. */
static int
resolver(struct kv_build *b, int run, struct kv_error *err)
{
	static const struct {
		const char *parent, *name;
	} known[] = { { "systemd", "systemd/resolve" }, { NULL, "resolvconf" } };
	char target[KV_PATH_MAX], path[KV_PATH_MAX];
	ssize_t n = readlinkat(b->host, "etc/resolv.conf", target, sizeof(target) - 1);

	if (n < 0 || b->view->policy->network != KV_NET_HOST)
		return 0;
	target[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (kv_format(path, sizeof(path), "run/%s/", known[i].name) < 0 || strstr(target, path) == NULL)
			continue;
		if ((known[i].parent != NULL && kv_view_mkdir(run, known[i].parent, 0755, err) < 0) ||
		    kv_format(path, sizeof(path), "/run/%s", known[i].name) < 0)
			return -1;
		return kv_view_bind_optional(b, path, run, known[i].name,
		    KV_VIEW_ATTRS | KV_MOUNT_NOEXEC | KV_MOUNT_RDONLY, err);
	}
	return 0;
}

static int
self(int run, int fd, const char *name, const char *what, struct kv_error *err)
{
	if (kv_view_mkdir(run, name, 0700, err) < 0)
		return -1;
	return kv_view_bind(fd, run, name, KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, what, err);
}

/* A namespace's file stands for no folder: it is mounted on an empty file. */
static int
containers(struct kv_build *b, int run, struct kv_error *err)
{
	int fd;

	if (b->view->userns_fd < 0)
		return 0;
	fd = kv_openat(run, BELOW_RUN(KV_SELF_USERNS), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, true);
	if (fd < 0)
		return kv_error_sys(err, "view: " KV_SELF_USERNS);
	(void)close(fd);
	return kv_view_bind(b->view->userns_fd, run, BELOW_RUN(KV_SELF_USERNS),
	    KV_VIEW_ATTRS | KV_MOUNT_NOEXEC | KV_MOUNT_RDONLY, "the containers' user namespace", err);
}

/* A root of the containers' own. Not noexec by itself: stage two runs what is in it. */
static int
rootfs(struct kv_build *b, int run, struct kv_error *err)
{
	kv_cleanup_close int tree = -1;

	if (!b->view->own_rootfs)
		return 0;
	if (kv_image_mount(b->view->policy, b->view->hardened, &tree, err) < 0)
		return kv_error_wrap(err, "view");
	if (tree < 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "view: the policy names no root");
	if (kv_view_mkdir(run, BELOW_RUN(KV_SELF_ROOTFS), 0755, err) < 0)
		return -1;
	if (kv_mount_attach(tree, run, BELOW_RUN(KV_SELF_ROOTFS)) < 0)
		return kv_error_sys(err, "view: " KV_SELF_ROOTFS);
	return 0;
}

int
kv_view_run(struct kv_build *b, int state, struct kv_error *err)
{
	const struct kv_tmpfs tmpfs = {
		.size = 1 << 20, .inodes = 512, .mode = 0755, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.attrs = KV_VIEW_ATTRS | KV_MOUNT_NOEXEC,
	};
	kv_cleanup_close int run = -1;
	struct stat st;

	if (kv_view_mkdir(b->root, "run", 0755, err) < 0)
		return -1;
	run = kv_view_tmpfs(b, b->root, "run", &tmpfs, err);
	if (run < 0 || kv_view_mkdir(run, BELOW_RUN(KV_RUN_DIR), 0755, err) < 0)
		return -1;
	if (state >= 0 && self(run, state, BELOW_RUN(KV_SELF_DIR), "the session's state", err) < 0)
		return -1;
	if (kv_view_credentials(b, run, err) < 0 ||
	    containers(b, run, err) < 0 || rootfs(b, run, err) < 0 || cgroup(b, run, err) < 0 || resolver(b, run, err) < 0)
		return -1;
	/* sshd refuses to start a child without its privilege separation folder */
	if (fstatat(b->host, "run/sshd", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    kv_view_mkdir(run, "sshd", 0755, err) < 0)
		return -1;
	if (kv_view_bind_optional(b, "/run/motd.dynamic", run, "motd.dynamic",
	    KV_VIEW_ATTRS | KV_MOUNT_NOEXEC | KV_MOUNT_RDONLY, err) < 0)
		return -1;
	return kv_view_bind_optional(b, "/run/utmp", run, "utmp", KV_VIEW_ATTRS | KV_MOUNT_NOEXEC, err);
}

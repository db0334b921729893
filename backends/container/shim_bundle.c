/*
 * The bundle: a root file system, config.json and two sockets, all on a tmpfs that covers
 * kavach's own folder, so that no container sees a session's state.
 *
 * What is mounted where is decided here, for all runtimes; how each file may be used
 * was decided by the view (session/view.h), whose mounts are taken over as they are.
 */
#include "backends/container/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/container/channel.h"
#include "backends/container/container.h"
#include "backends/container/oci_seccomp.h"
#include "backends/container/podman.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define ROOTFS		KV_SHIM_BUNDLE "/rootfs"

static const char *const bind_as_is[] = { "rbind", NULL };
static const char *const bind_read_only[] = { "rbind", "ro", "nosuid", "nodev", NULL };
/* tty's group is not mapped. Without "max" one container could take all of the host's ptys. */
static const char *const pts_options[] = {
	"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "max=256", NULL,
};

static int
add(struct kv_shim_mounts *m, const char *destination, const char *type, const char *source,
    const char *const *options, struct kv_error *err)
{
	if (m->count == KV_SHIM_MOUNTS)
		return kv_error_set(err, KV_ERR_CONFIG, "too many mounts for a container");
	m->all[m->count++] = (struct kv_oci_mount){
		.destination = destination, .type = type, .source = source, .options = options,
	};
	return 0;
}

static int
bind(struct kv_shim_mounts *m, const char *path, struct kv_error *err)
{
	return add(m, path, "bind", path, bind_as_is, err);
}

/* A detached copy of a tree, taken before our own tmpfs covers parts of it. */
static int
take_root(const struct kv_shim *shim, struct kv_error *err)
{
	const char *from = shim->ticket.own_rootfs ? KV_SELF_ROOTFS : "/";
	int tree = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	return tree >= 0 ? tree : kv_error_sys(err, "the container's root %s", from);
}

static int
make_folders(struct kv_error *err)
{
	static const char *const folders[] = { KV_SHIM_BUNDLE, ROOTFS, KV_SHIM_STATE, KV_SHIM_INSIDE };

	if (mount("kavach", KV_RUN_DIR, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=32m") != 0)
		return kv_error_sys(err, "%s", KV_RUN_DIR);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(folders[i], 0755) != 0)
			return kv_error_sys(err, "%s", folders[i]);
	return 0;
}

/* kavach-init where the container finds it. */
static int
place_init(struct kv_error *err)
{
	static const char at[] = KV_SHIM_INSIDE "/" KV_CHANNEL_INIT;
	int fd = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0 || close(fd) != 0 || mount(KV_INIT_PROGRAM, at, NULL, MS_BIND, NULL) != 0)
		return kv_error_sys(err, "%s", KV_INIT_PROGRAM);
	return 0;
}

/*
 * A file more in /etc: an overlay of two read-only layers, since neither the view nor a
 * policy's own root can be written to.
 */
static int
add_preload(const struct kv_shim *shim, struct kv_error *err)
{
	static const char text[] = KV_RUN_DIR "/" KV_CHANNEL_PRELOAD "\n";
	static const char layer[] = KV_RUN_DIR "/etc", at[] = KV_SHIM_INSIDE "/" KV_CHANNEL_PRELOAD;
	kv_cleanup_close int file = -1, place = -1;

	if (strstr(shim->ticket.runtime_option, "noautomount") == NULL)
		return 0;
	place = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (place < 0 || mount(KV_PRELOAD_PROGRAM, at, NULL, MS_BIND, NULL) != 0)
		return kv_error_sys(err, "%s", KV_PRELOAD_PROGRAM);
	if (mkdir(layer, 0755) != 0 ||
	    (file = open(KV_RUN_DIR "/etc/ld.so.preload", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) < 0 ||
	    kv_write_all(file, text, sizeof(text) - 1) != 0 ||
	    mount("overlay", ROOTFS "/etc", "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV,
	    "lowerdir=" KV_RUN_DIR "/etc:" ROOTFS "/etc") != 0)
		return kv_error_sys(err, "/etc/ld.so.preload");
	return 0;
}

/* The one cgroup hierarchy that every runtime understands, and in which none may do anything. */
static int
show_cgroup(struct kv_error *err)
{
	if (mount("kavach", "/sys", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k") != 0 ||
	    mkdir("/sys/fs", 0755) != 0 || mkdir("/sys/fs/cgroup", 0755) != 0 ||
	    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		return kv_error_sys(err, "a cgroup hierarchy for the runtime");
	return 0;
}

/* gVisor has a /dev, /dev/pts and /dev/shm of its own. */
static int
add_devices(const struct kv_shim *shim, struct kv_shim_mounts *m, struct kv_error *err)
{
	if (shim->runtime == KV_RUNTIME_RUNSC)
		return 0;
	if (bind(m, "/dev", err) != 0)
		return -1;
	return add(m, "/dev/pts", "devpts", "devpts", pts_options, err);
}

static int
add_all(const struct kv_shim *shim, struct kv_shim_mounts *m, struct kv_error *err)
{
	if (add_devices(shim, m, err) != 0)
		return -1;
	/* Unless it is told of one, gVisor puts a /tmp of its own there: without bounds, and another in each channel. */
	if (shim->runtime == KV_RUNTIME_RUNSC && bind(m, "/tmp", err) != 0)
		return -1;
	/* Over whatever the view has there: the session's state is not the user's. */
	return add(m, KV_RUN_DIR, "bind", KV_SHIM_INSIDE, bind_read_only, err);
}

/* gVisor's own flag would be for the whole tree, the home included; the mounts below it decide instead. */
static int
check_read_only(const struct kv_shim *shim, struct kv_error *err)
{
	static const char *const trees[] = { ROOTFS, ROOTFS "/usr", ROOTFS "/etc" };

	for (size_t i = 0; shim->ticket.read_only_root && i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct statvfs st;

		if (statvfs(trees[i], &st) != 0)
			return kv_error_sys(err, "%s", trees[i]);
		if ((st.f_flag & ST_RDONLY) == 0)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: read-only root: %s", trees[i]);
	}
	return 0;
}

static void
fill_spec(struct kv_shim *shim)
{
	static const char *const args[] = { KV_RUN_DIR "/" KV_CHANNEL_INIT, NULL };
	static const char *const env[] = { NULL };
	const struct kv_ticket *t = &shim->ticket;

	shim->spec = (struct kv_oci_spec){
		.root = "rootfs", .read_only_root = t->read_only_root && shim->runtime != KV_RUNTIME_RUNSC,
		.hostname = shim->hostname, .uid = t->uid, .gid = t->gid, .groups = t->groups, .group_count = t->groups_count,
		.args = args, .env = env, .cwd = "/", .terminal = shim->terminal,
		.open_files = t->open_files_limit, .mounts = shim->mounts.all, .mount_count = shim->mounts.count,
		.seccomp = (enum kv_seccomp)t->seccomp, .seccomp_text = shim->profile,
	};
}

static int
write_text(const char *path, const char *text, struct kv_error *err)
{
	kv_cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);

	if (fd < 0 || kv_write_all(fd, text, strlen(text)) != 0)
		return kv_error_sys(err, "%s", path);
	return 0;
}

static int
write_config(const struct kv_shim *shim, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;

	if (kv_oci_config(&shim->spec, &text, err) != 0)
		return -1;
	return write_text(KV_SHIM_BUNDLE "/config.json", text, err);
}

/* podman is told the rest in its command line. */
static int
write_for_podman(const struct kv_shim *shim, struct kv_error *err)
{
	static const char pts[] = KV_SHIM_STATE "/" KV_PODMAN_PTS;
	struct json_object *section;
	int result;

	if (mkdir(pts, 0755) != 0 || mkdir(KV_SHIM_STATE "/xdg", 0700) != 0 || mkdir(KV_SHIM_STATE "/tmp", 0700) != 0 ||
	    mount("devpts", pts, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") != 0)
		return kv_error_sys(err, "%s", pts);
	if (shim->spec.seccomp == KV_SECCOMP_OFF)
		return 0;
	section = kv_oci_seccomp(shim->spec.seccomp, shim->spec.seccomp_text, err);
	if (section == NULL)
		return -1;
	result = write_text(KV_SHIM_STATE "/" KV_PODMAN_SECCOMP, json_object_to_json_string(section), err);
	(void)json_object_put(section);
	return result;
}

int
kv_shim_bundle(struct kv_shim *shim, struct kv_error *err)
{
	kv_cleanup_close int root = -1;

	root = take_root(shim, err);
	if (root < 0 || make_folders(err) != 0)
		return -1;
	if (move_mount(root, "", AT_FDCWD, ROOTFS, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return kv_error_sys(err, "%s", ROOTFS);
	if (place_init(err) != 0 || add_preload(shim, err) != 0 ||
	    (shim->ticket.own_rootfs && kv_shim_own_root(shim, ROOTFS, err) != 0) || show_cgroup(err) != 0 || check_read_only(shim, err) != 0 ||
	    add_all(shim, &shim->mounts, err) != 0)
		return -1;
	if (gethostname(shim->hostname, sizeof(shim->hostname)) != 0)
		return kv_error_sys(err, "hostname");
	fill_spec(shim);
	if ((shim->runtime == KV_RUNTIME_PODMAN ? write_for_podman : write_config)(shim, err) != 0)
		return -1;
	shim->listener = kv_shim_listen(KV_SHIM_INSIDE "/" KV_CHANNEL_NAME, err);
	if (shim->listener < 0)
		return -1;
	if (shim->terminal && (shim->console = kv_shim_listen(KV_SHIM_CONSOLE, err)) < 0)
		return -1;
	return 0;
}

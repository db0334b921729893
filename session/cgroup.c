/*
 * The session's cgroup: making, entering, leaving and removing it (stage one).
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool
any_limit(const struct kv_limits *limits)
{
	return limits->memory != 0 || limits->cpu_milli != 0 || limits->processes != 0;
}

static bool
is_mount_of(const char *path, long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == (__typeof__(fs.f_type))magic;
}

static bool
v1_has(const char *root, unsigned int hierarchy)
{
	char path[2 * KV_PATH_MAX];

	return kv_format(path, sizeof(path), "%s/%s", root, kv_cgroup_v1_names[hierarchy]) == 0 &&
	    is_mount_of(path, CGROUP_SUPER_MAGIC);
}

static enum kv_cgroup_version
version_at(const char *root)
{
	if (is_mount_of(root, CGROUP2_SUPER_MAGIC))
		return KV_CGROUP_V2;
	/* Without one of these two a session could not be killed. */
	if (v1_has(root, KV_CG_FREEZER) || v1_has(root, KV_CG_PIDS))
		return KV_CGROUP_V1;
	return KV_CGROUP_NONE;
}

/* Fills in origin[] from /proc/self/cgroup: "N:NAME[,NAME...]:PATH". */
static void
read_origin(struct kv_cgroup *cgroup)
{
	kv_cleanup_file FILE *file = fopen("/proc/self/cgroup", "re");
	char line[2 * KV_PATH_MAX];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *next = line, *names, *name, *path;

		line[strcspn(line, "\n")] = '\0';
		(void)strsep(&next, ":");
		names = strsep(&next, ":");
		path = next;
		if (names == NULL || path == NULL)
			continue;
		if (cgroup->version == KV_CGROUP_V2 && *names == '\0')
			(void)kv_format(cgroup->origin[0], KV_PATH_MAX, "%s", path);
		while (cgroup->version == KV_CGROUP_V1 && (name = strsep(&names, ",")) != NULL)
			for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES; i++)
				if (strcmp(name, kv_cgroup_v1_names[i]) == 0)
					(void)kv_format(cgroup->origin[i], KV_PATH_MAX, "%s", path);
	}
}

/* Opens the top of a hierarchy. */
static int
open_top(const struct kv_cgroup *cgroup, unsigned int hierarchy)
{
	struct kv_cgroup top = { .version = cgroup->version };

	memcpy(top.mount, cgroup->mount, sizeof(top.mount));
	return kv_cgroup_open(&top, hierarchy, ".");
}

/*
 * kavach/ID in one hierarchy, with main below it. Another session's close may
 * remove the empty parent between the two mkdirs: try again.
 */
static int
make_folders(int top, const char *path, bool v2, const char *enable)
{
	char name[KV_PATH_MAX];

	for (int i = 0; i < 100; i++) {
		if (mkdirat(top, KV_CGROUP_PARENT, 0755) != 0 && errno != EEXIST)
			return -1;
		if (v2 && *enable != '\0' &&
		    kv_write_file(top, KV_CGROUP_PARENT "/cgroup.subtree_control", enable) != 0 &&
		    errno == ENOENT)
			continue;
		if (mkdirat(top, path + 1, 0755) == 0)
			break;
		if (errno != ENOENT)
			return -1;
	}
	if (kv_format(name, sizeof(name), "%s/%s", path + 1, KV_CGROUP_MAIN) != 0)
		return -1;
	return mkdirat(top, name, 0755);
}

/* Enables one v2 controller in the top; whether it is needed shows when the limit is set. */
static void
enable_controller(int top, const char *word, char *enabled, size_t size)
{
	size_t used = strlen(enabled);

	if (kv_write_file(top, "cgroup.subtree_control", word) == 0)
		(void)snprintf(enabled + used, size - used, "%s%s", used > 0 ? " " : "", word);
}

static int
create_v2(struct kv_cgroup *cgroup, const struct kv_limits *limits, struct kv_error *err)
{
	kv_cleanup_close int top = open_top(cgroup, 0), dir = -1;
	char enabled[64] = "";

	if (top < 0)
		return kv_error_sys(err, "%s", cgroup->mount);
	enable_controller(top, "+memory", enabled, sizeof(enabled));
	enable_controller(top, "+pids", enabled, sizeof(enabled));
	enable_controller(top, "+cpu", enabled, sizeof(enabled));
	if (make_folders(top, cgroup->path, true, enabled) != 0)
		return kv_error_sys(err, "cannot make the cgroup %s", cgroup->path);
	dir = kv_cgroup_open(cgroup, 0, ".");
	if (dir < 0)
		return kv_error_sys(err, "cannot open the cgroup %s", cgroup->path);
	return kv_cgroup_limits_set(KV_CGROUP_V2, (const int[3]){ dir, dir, dir }, limits, err);
}

/* Makes the folder in one v1 hierarchy, and opens it; -1 with KV_ERR_NONE: not there. */
static int
create_v1_one(const struct kv_cgroup *cgroup, unsigned int hierarchy, int *dir, struct kv_error *err)
{
	kv_cleanup_close int top = -1;

	if (!v1_has(cgroup->mount, hierarchy))
		return 0;
	top = open_top(cgroup, hierarchy);
	if (top < 0)
		return kv_error_sys(err, "%s", kv_cgroup_v1_names[hierarchy]);
	/* cpu and cpuacct are often one hierarchy under two names. */
	if (make_folders(top, cgroup->path, false, "") != 0 &&
	    !(errno == EEXIST && hierarchy == KV_CG_CPUACCT))
		return kv_error_sys(err, "cannot make the cgroup %s", cgroup->path);
	*dir = kv_cgroup_open(cgroup, hierarchy, ".");
	if (*dir < 0)
		return kv_error_sys(err, "cannot open the cgroup %s", cgroup->path);
	return 0;
}

static int
create_v1(struct kv_cgroup *cgroup, const struct kv_limits *limits, struct kv_error *err)
{
	int dir[KV_CGROUP_HIERARCHIES] = { -1, -1, -1, -1, -1 }, result = 0;

	for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES && result == 0; i++)
		result = create_v1_one(cgroup, i, &dir[i], err);
	if (result == 0)
		result = kv_cgroup_limits_set(KV_CGROUP_V1, dir, limits, err);
	for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES; i++)
		if (dir[i] >= 0)
			(void)close(dir[i]);
	return result;
}

static int
create_by_hand(const char *root, const char *id, const struct kv_limits *limits,
    struct kv_cgroup *out, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;
	int result;

	out->version = version_at(root);
	if (out->version == KV_CGROUP_NONE && any_limit(limits))
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "limits are asked for, and no cgroup hierarchy is mounted on %s", root);
	if (out->version == KV_CGROUP_NONE)
		return 0;
	if (kv_format(out->mount, sizeof(out->mount), "%s", root) != 0 ||
	    kv_format(out->path, sizeof(out->path), "/%s/%s", KV_CGROUP_PARENT, id) != 0) {
		memset(out, 0, sizeof(*out));
		return kv_error_sys(err, "cgroup of %s", id);
	}
	read_origin(out);
	result = out->version == KV_CGROUP_V2 ? create_v2(out, limits, err) :
	    create_v1(out, limits, err);
	if (result != 0 && kv_cgroup_remove(out, &ignored) == 0)
		memset(out, 0, sizeof(*out));
	return result;
}

int
kv_cgroup_create(const char *root, const char *id, const struct kv_limits *limits,
    struct kv_cgroup *out, struct kv_error *err)
{
	memset(out, 0, sizeof(*out));
	if (root == NULL && is_mount_of(KV_CGROUP_ROOT, CGROUP2_SUPER_MAGIC) &&
	    kv_cgroup_systemd_here()) {
		int result;

		out->version = KV_CGROUP_V2;
		read_origin(out);
		result = kv_cgroup_systemd_create(id, limits, out, err);
		if (result != 0)
			memset(out, 0, sizeof(*out));
		return result;
	}
	return create_by_hand(root == NULL ? KV_CGROUP_ROOT : root, id, limits, out, err);
}

int
kv_cgroup_shut(const struct kv_cgroup *cgroup, struct kv_error *err)
{
	for (unsigned int i = 0; i < kv_cgroup_hierarchies(cgroup->version); i++) {
		kv_cleanup_close int dir = kv_cgroup_open(cgroup, i, ".");

		if (dir < 0 && errno == ENOENT && cgroup->version == KV_CGROUP_V1)
			continue;
		if (dir < 0 || fchmod(dir, 0700) != 0)
			return kv_error_sys(err, "cannot close the cgroup %s to others", cgroup->path);
	}
	return 0;
}

int
kv_cgroup_enter(const struct kv_cgroup *cgroup, pid_t pid, struct kv_error *err)
{
	for (unsigned int i = 0; i < kv_cgroup_hierarchies(cgroup->version); i++) {
		kv_cleanup_close int dir = kv_cgroup_open(cgroup, i, ".");

		if (dir < 0 && errno == ENOENT && cgroup->version == KV_CGROUP_V1)
			continue;
		if (dir < 0 || kv_cgroup_move(dir, KV_CGROUP_MAIN, pid) != 0)
			return kv_error_sys(err, "cannot enter the cgroup %s", cgroup->path);
	}
	return 0;
}

struct leaving {
	int top;
	const char *origin;
};

static void
move_out(pid_t pid, void *arg)
{
	const struct leaving *leaving = arg;

	/* The origin may be gone, or may have become an inner node: the top takes all. */
	if (*leaving->origin == '\0' || strcmp(leaving->origin, "/") == 0 ||
	    strstr(leaving->origin, "/..") != NULL ||
	    kv_cgroup_move(leaving->top, leaving->origin + 1, pid) != 0)
		(void)kv_cgroup_move(leaving->top, ".", pid);
}

static int
empty_and_remove(int parent, const char *name, int fd, void *arg)
{
	(void)kv_cgroup_procs(fd, move_out, arg);
	for (int i = 0; unlinkat(parent, name, AT_REMOVEDIR) != 0; i++) {
		if (errno == ENOENT)
			break;
		if (errno != EBUSY || i >= 200)
			return -1;
		/* The dead are taken off the list a moment after they die. */
		(void)usleep(5000);
		(void)kv_cgroup_procs(fd, move_out, arg);
	}
	return 0;
}

int
kv_cgroup_remove(const struct kv_cgroup *cgroup, struct kv_error *err)
{
	int result = 0;

	for (unsigned int i = 0; i < kv_cgroup_hierarchies(cgroup->version); i++) {
		struct leaving leaving = { .top = open_top(cgroup, i), .origin = cgroup->origin[i] };

		if (leaving.top < 0 && errno == ENOENT)
			continue;
		if (leaving.top < 0) {
			result = kv_error_sys(err, "cannot remove the cgroup %s", cgroup->path);
			continue;
		}
		if (kv_cgroup_walk(leaving.top, cgroup->path + 1, KV_CGROUP_DEPTH,
		    empty_and_remove, &leaving) != 0)
			result = kv_error_sys(err, "cannot remove the cgroup %s", cgroup->path);
		/* Only the last session's close succeeds here. */
		(void)unlinkat(leaving.top, KV_CGROUP_PARENT, AT_REMOVEDIR);
		(void)close(leaving.top);
	}
	return result;
}

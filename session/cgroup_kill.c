/*
 * Killing and freezing a session by its cgroup.
 *
 * The one who kills is often inside (sshd's process closes its own session):
 * those who are spared are first moved to a cgroup of their own, so that the
 * rest can be killed, or frozen and killed, as a whole. A list of pids that is
 * merely read and killed would lose against a fork bomb.
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The hierarchy by which a version kills. */
static int
open_killing(const struct kv_cgroup *cgroup, bool *freezer)
{
	int dir;

	*freezer = true;
	if (cgroup->version == KV_CGROUP_V2)
		return kv_cgroup_open(cgroup, 0, ".");
	dir = kv_cgroup_open(cgroup, KV_CG_FREEZER, ".");
	if (dir >= 0 || errno != ENOENT)
		return dir;
	*freezer = false;
	return kv_cgroup_open(cgroup, KV_CG_PIDS, ".");
}

struct kill_arg {
	pid_t spare;
	const char *path;	/* of the session's cgroup */
	unsigned int left;
};

/*
 * Is the process still in the session; guards a pid against being another's by now. The caller is asked
 * for by no number: /proc may be of another pid namespace (a chroot), and he would freeze himself for good. 1, 0, or -1 where that
 * cannot be read.
 */
static int
is_ours(pid_t pid, const char *path)
{
	char name[64] = "/proc/self/cgroup", text[8192];

	if ((pid != getpid() && kv_format(name, sizeof(name), "/proc/%ld/cgroup", (long)pid) != 0) ||
	    kv_read_file(AT_FDCWD, name, text, sizeof(text)) < 0)
		return -1;
	return strstr(text, path) != NULL ? 1 : 0;
}

static void
kill_one(pid_t pid, void *arg)
{
	struct kill_arg *ka = arg;
	kv_cleanup_close int fd = -1;

	if (pid == getpid() || pid == ka->spare)
		return;
	ka->left++;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0 && is_ours(pid, ka->path) == 1)
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

static int
kill_tree(int parent, const char *name, int fd, void *arg)
{
	(void)parent;
	(void)name;
	(void)kv_cgroup_procs(fd, kill_one, arg);
	return 0;
}

static int
freeze_one(int dir, const char *name, enum kv_cgroup_version version, bool frozen)
{
	char path[KV_PATH_MAX];

	if (version == KV_CGROUP_V2)
		return kv_format(path, sizeof(path), "%s/cgroup.freeze", name) == 0 ?
		    kv_write_file(dir, path, frozen ? "1" : "0") : -1;
	return kv_format(path, sizeof(path), "%s/freezer.state", name) == 0 ?
	    kv_write_file(dir, path, frozen ? "FROZEN" : "THAWED") : -1;
}

/* One round over one part of the session; ka->left counts what still lived. */
static void
kill_part(int dir, const char *name, enum kv_cgroup_version version, bool freezer, struct kill_arg *ka)
{
	char path[KV_PATH_MAX];

	if (version == KV_CGROUP_V2 &&
	    kv_format(path, sizeof(path), "%s/cgroup.kill", name) == 0)
		(void)kv_write_file(dir, path, "1");	/* 5.14; the pids below do it before that */
	if (freezer)
		(void)freeze_one(dir, name, version, true);
	(void)kv_cgroup_walk(dir, name, KV_CGROUP_DEPTH, kill_tree, ka);
	/* Dying needs a thawed process on v1. */
	if (freezer)
		(void)freeze_one(dir, name, version, false);
}

static int
kill_round(int dir, enum kv_cgroup_version version, bool freezer, struct kill_arg *ka)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_dir DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (list == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	ka->left = 0;
	while ((entry = readdir(list)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, KV_CGROUP_SPARED) != 0)
			kill_part(dir, entry->d_name, version, freezer, ka);
	return 0;
}

/*
 * Is the process in the session at all: a killer from outside is not moved in. One that is and cannot be
 * moved must not go on: it would freeze itself. 0 or -1 with errno.
 */
static int
spare(int dir, const char *path, pid_t pid, bool *moved)
{
	int ours = pid <= 0 ? 0 : is_ours(pid, path);

	/* Another one that is gone cannot be frozen; of oneself it must be known. */
	if (ours < 0 && pid != getpid() && (errno == ENOENT || errno == ESRCH))
		return 0;
	if (ours <= 0)
		return ours;
	if (kv_cgroup_move(dir, KV_CGROUP_SPARED, pid) != 0)
		return errno == ESRCH ? 0 : -1;
	*moved = true;
	return 0;
}

/*
 * One killer at a time: kavachctl gives the opener back to the part that the opener's own close
 * has frozen at that moment, and nobody would be left to thaw it. A killer that was stopped himself is not waited for.
 */
static void
take_turn(int dir, uint64_t end)
{
	while (flock(dir, LOCK_EX | LOCK_NB) != 0 && now_ms() < end)
		(void)usleep(2000);
}

int
kv_cgroup_kill(const struct kv_cgroup *cgroup, pid_t spared, unsigned int timeout_ms, struct kv_error *err)
{
	struct kill_arg ka = { .spare = spared, .path = cgroup->path };
	uint64_t end = now_ms() + timeout_ms;
	kv_cleanup_close int dir = -1;
	bool freezer, self = false, other = false;
	int result = 0;

	if (cgroup->version == KV_CGROUP_NONE)
		return 0;
	dir = open_killing(cgroup, &freezer);
	if (dir < 0)
		return errno == ENOENT ? 0 : kv_error_sys(err, "cgroup %s", cgroup->path);
	/* Before the folder is made: the one before us removes his. */
	take_turn(dir, now_ms() + timeout_ms / 2);
	if (mkdirat(dir, KV_CGROUP_SPARED, 0755) != 0 && errno != EEXIST)
		return kv_error_sys(err, "cgroup %s", cgroup->path);
	if (spare(dir, cgroup->path, getpid(), &self) != 0 || spare(dir, cgroup->path, spared, &other) != 0)
		return kv_error_sys(err, "cgroup %s: who kills cannot be spared", cgroup->path);
	do {
		if (kill_round(dir, cgroup->version, freezer, &ka) != 0)
			result = kv_error_sys(err, "cgroup %s", cgroup->path);
		else if (ka.left > 0 && now_ms() >= end)
			result = kv_error_set(err, KV_ERR_SYSTEM,
			    "%u processes of the session did not die in time", ka.left);
		else if (ka.left > 0)
			(void)usleep(5000);
	} while (ka.left > 0 && result == 0);
	if (self)
		(void)kv_cgroup_move(dir, KV_CGROUP_MAIN, getpid());
	if (other)
		(void)kv_cgroup_move(dir, KV_CGROUP_MAIN, spared);
	(void)unlinkat(dir, KV_CGROUP_SPARED, AT_REMOVEDIR);
	return result;
}

static bool
is_frozen(int dir, const char *name, enum kv_cgroup_version version, bool frozen)
{
	kv_cleanup_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[32];

	if (fd < 0)
		return true;
	if (version == KV_CGROUP_V2)
		return (kv_cgroup_keyed(fd, "cgroup.events", "frozen") == 1) == frozen;
	return kv_read_file(fd, "freezer.state", text, sizeof(text)) >= 0 &&
	    strcmp(text, frozen ? "FROZEN" : "THAWED") == 0;
}

/* Freezing takes effect in each process as it comes by; wait for all of them. */
static int
freeze_and_wait(int dir, const char *name, enum kv_cgroup_version version, bool frozen, struct kv_error *err)
{
	uint64_t end = now_ms() + 2000;

	while (freeze_one(dir, name, version, frozen) == 0) {
		if (is_frozen(dir, name, version, frozen))
			return 0;
		if (now_ms() >= end)
			return kv_error_set(err, KV_ERR_SYSTEM, "%s did not %s in time", name,
			    frozen ? "freeze" : "thaw");
		(void)usleep(2000);
	}
	return errno == ENOENT ? 0 : kv_error_sys(err, "cannot %s %s", frozen ? "freeze" : "thaw", name);
}

int
kv_cgroup_freeze(const struct kv_cgroup *cgroup, bool frozen, struct kv_error *err)
{
	kv_cleanup_close int dir = -1;
	kv_cleanup_dir DIR *list = NULL;
	struct dirent *entry;
	bool freezer = false;
	int copy, result = 0;

	dir = open_killing(cgroup, &freezer);
	if (dir < 0 || !freezer)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "this session has no freezer");
	copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0 || (list = fdopendir(copy)) == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return kv_error_sys(err, "cgroup %s", cgroup->path);
	}
	while ((entry = readdir(list)) != NULL)
		if (strncmp(entry->d_name, KV_CGROUP_SANDBOX, strlen(KV_CGROUP_SANDBOX)) == 0 &&
		    freeze_and_wait(dir, entry->d_name, cgroup->version, frozen, err) != 0)
			result = -1;
	return result;
}

/*
 * Removing what dead openers left: sshd was killed, the host ran out of
 * memory, a close failed half-way.
 *
 * A session is dead when no process has the pid and the start time of its
 * opener. The lock alone would not tell: sshd's children inherit it.
 */
#include "session/reap.h"

#include "session/close_record.h"

#include "audit/thaw.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/cgroup_impl.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_DEAD	(sizeof(KV_DEAD_PREFIX) + KV_ID_LEN)

static bool
is_dead(int sessions_fd, const char *id)
{
	kv_cleanup_close int dir = openat(sessions_fd, id,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct kv_state_info si;

	if (dir < 0)
		return false;
	/*
	 * A directory gets its id with its info in it: without one it is what a close has left half-way. One that
	 * cannot be read (no descriptor, no memory) says nothing.
	 */
	if (faccessat(dir, "info", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	if (kv_state_read_info(dir, &si) != 0)
		return false;
	return !kv_state_alive(&si);
}

/*
 * Renames the directories of the dead, so that each is removed by one reaper. No lock is needed: the dead stay dead,
 * no id comes again, and of two who rename the same one the second finds nothing.
 */
static int
claim_dead(int sessions_fd, struct kv_error *err)
{
	int copy = openat(sessions_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_dir DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	char name[NAME_MAX_DEAD], id[KV_ID_LEN + 1];
	struct dirent *entry;
	bool alive;

	if (dir == NULL) {
		(void)kv_error_sys(err, "%s", KV_SESSIONS_DIR);
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (kv_state_is_id(entry->d_name)) {
			memcpy(id, entry->d_name, sizeof(id));
			alive = !is_dead(sessions_fd, id);
		} else if (!kv_state_is_new(entry->d_name, id, &alive)) {
			continue;
		}
		if (!alive && kv_format(name, sizeof(name), "%s%s", KV_DEAD_PREFIX, id) == 0)
			(void)renameat(sessions_fd, entry->d_name, sessions_fd, name);
	}
	return 0;
}

static void
record(const struct kv_audit *audit, const struct kv_state_info *si, const struct kv_usage *usage)
{
	const struct kv_session_info *info = &si->info;
	struct kv_audit with = *audit;
	struct kv_audit_subject subject = {
		.session = info->id, .user = info->user, .uid = si->uid,
		.service = info->service, .from = info->from, .rule = info->rule,
		.policy = info->policy, .backend = info->backend, .score = info->score,
	};
	struct kv_error ignored = KV_ERROR_INIT;

	with.format = si->audit_format;
	(void)kv_session_record_close(&with, &subject, "reaped", usage, &ignored);
}

/* A session that died before its info named a cgroup can only have made this one. */
static int
remove_guessed(const char *id, unsigned int ms, struct kv_error *err)
{
	struct kv_session_info info;
	int result = 0;

	memset(&info, 0, sizeof(info));
	if (kv_format(info.cgroup, sizeof(info.cgroup), "/%s/%s", KV_CGROUP_PARENT, id) != 0)
		return kv_error_sys(err, "%s", id);
	for (int v = KV_CGROUP_V1; v <= KV_CGROUP_V2; v++) {
		struct kv_cgroup cgroup;

		info.cgroup_version = (enum kv_cgroup_version)v;
		kv_state_cgroup(&info, &cgroup);
		if (kv_cgroup_kill(&cgroup, 0, ms, err) != 0 || kv_cgroup_remove(&cgroup, err) != 0)
			result = -1;
	}
	return result;
}

static int
remove_cgroup(const struct kv_state_info *si, const char *id, unsigned int ms,
    struct kv_usage *usage, struct kv_error *err)
{
	struct kv_cgroup cgroup;

	if (si->info.cgroup_version == KV_CGROUP_NONE)
		return remove_guessed(id, ms, err);
	kv_state_cgroup(&si->info, &cgroup);
	if (kv_cgroup_kill(&cgroup, 0, ms, err) != 0)
		return -1;
	kv_cgroup_usage(&cgroup, usage);
	return kv_cgroup_remove(&cgroup, err);
}

/* Removes one claimed session. 1: removed, 0: another reaper is at it, -1: failed. */
static int
reap_one(int sessions_fd, const char *name, const struct kv_audit *audit, unsigned int ms,
    struct kv_error *err)
{
	kv_cleanup_close int dir = openat(sessions_fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct kv_usage usage = { .last_status = -1 };
	struct kv_state_info si;
	struct stat named, st;
	bool known;

	if (dir < 0)
		return 0;
	if (flock(dir, LOCK_EX | LOCK_NB) != 0) {
		/* A reaper that is stopped or frozen would leave what the dead session left, for as long. */
		kv_thaw_holder(dir);
		return 0;
	}
	/* Another one may have ended between the two. */
	if (fstatat(sessions_fd, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || fstat(dir, &st) != 0 ||
	    named.st_ino != st.st_ino || named.st_dev != st.st_dev)
		return 0;
	known = kv_state_read_info(dir, &si) == 0;
	if (remove_cgroup(&si, name + strlen(KV_DEAD_PREFIX), ms, &usage, err) != 0)
		return -1;
	kv_state_sandboxes(dir, &usage);
	kv_session_chain_end(dir, KV_CHAIN_SESSION, &usage.chain);
	kv_session_chain_end(dir, KV_CHAIN_EGRESS, &usage.egress);
	if (kv_state_remove(sessions_fd, name) != 0)
		return kv_error_sys(err, "cannot remove the state of a dead session");
	if (!known)
		return 1;
	usage.duration_ms = (kv_boottime_ns() - si.opened_ns) / 1000000;
	if (audit != NULL)
		record(audit, &si, &usage);
	return 1;
}

int
kv_reap_within(int sessions_fd, const struct kv_audit *audit, unsigned int ms, struct kv_error *err)
{
	uint64_t end = kv_boottime_ns() + (uint64_t)ms * 1000000u;
	int copy, count = 0, failed = 0;
	kv_cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (claim_dead(sessions_fd, err) != 0)
		return -1;
	copy = openat(sessions_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0 || (dir = fdopendir(copy)) == NULL) {
		(void)kv_error_sys(err, "%s", KV_SESSIONS_DIR);
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	while (kv_boottime_ns() < end && (entry = readdir(dir)) != NULL) {
		int one;

		if (strncmp(entry->d_name, KV_DEAD_PREFIX, strlen(KV_DEAD_PREFIX)) != 0 ||
		    !kv_state_is_id(entry->d_name + strlen(KV_DEAD_PREFIX)))
			continue;
		one = reap_one(sessions_fd, entry->d_name, audit, ms, err);
		if (one < 0)
			failed++;
		else
			count += one;
	}
	return failed > 0 ? -1 : count;
}

int
kv_session_reap(const struct kv_audit *audit, struct kv_error *err)
{
	kv_cleanup_close int sessions = -1;
	struct kv_error why = KV_ERROR_INIT;

	if (kv_state_open(false, &sessions, &why) != 0) {
		if (why.sys_errno == ENOENT)
			return 0;
		*err = why;
		return -1;
	}
	return kv_reap_within(sessions, audit, 5000, err);
}

/*
 * Open sessions as kavachctl shows, stops and ends them.
 */
#include "session/session.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/cgroup_impl.h"
#include "session/egress.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KILL_MS	5000u

static void
count_one(pid_t pid, void *arg)
{
	(void)pid;
	(*(uint32_t *)arg)++;
}

static int
count_tree(int parent, const char *name, int fd, void *arg)
{
	(void)parent;
	(void)name;
	(void)kv_cgroup_procs(fd, count_one, arg);
	return 0;
}

static int
look_for_frozen(int parent, const char *name, int fd, void *arg)
{
	bool *paused = arg;
	char state[32];

	(void)parent;
	if (strncmp(name, KV_CGROUP_SANDBOX, strlen(KV_CGROUP_SANDBOX)) != 0)
		return 0;
	if (kv_cgroup_keyed(fd, "cgroup.events", "frozen") == 1 ||
	    (kv_read_file(fd, "freezer.state", state, sizeof(state)) >= 0 &&
	    strcmp(state, "FROZEN") == 0))
		*paused = true;
	return 0;
}

static void
read_cgroup(struct kv_session_info *info)
{
	bool v2 = info->cgroup_version == KV_CGROUP_V2;
	kv_cleanup_close int memory = -1, pids = -1, freezer = -1;
	struct kv_cgroup cgroup;

	kv_state_cgroup(info, &cgroup);
	memory = kv_cgroup_open(&cgroup, KV_CG_MEMORY, ".");
	pids = kv_cgroup_open(&cgroup, KV_CG_PIDS, ".");
	freezer = kv_cgroup_open(&cgroup, KV_CG_FREEZER, ".");
	if (memory >= 0)
		info->memory = kv_cgroup_number(memory,
		    v2 ? "memory.current" : "memory.usage_in_bytes");
	if (pids >= 0)
		(void)kv_cgroup_walk(pids, ".", KV_CGROUP_DEPTH, count_tree, &info->processes);
	if (freezer >= 0)
		(void)kv_cgroup_walk(freezer, ".", KV_CGROUP_DEPTH, look_for_frozen, &info->paused);
}

static int
read_session(int sessions_fd, const char *id, struct kv_session_info *info)
{
	kv_cleanup_close int dir = openat(sessions_fd, id,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct kv_state_info si;

	if (dir < 0 || kv_state_read_info(dir, &si) != 0)
		return -1;
	*info = si.info;
	info->alive = kv_state_alive(&si);
	info->proxied = kv_egress_stats(dir, &info->egress) == 0;
	read_cgroup(info);
	return 0;
}

static int
by_start(const void *a, const void *b)
{
	const struct kv_session_info *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int
append(struct kv_session_info **list, size_t *count, size_t *room)
{
	if (*count == *room) {
		size_t more = *room == 0 ? 16 : 2 * *room;
		struct kv_session_info *bigger = reallocarray(*list, more, sizeof(**list));

		if (bigger == NULL)
			return -1;
		*list = bigger;
		*room = more;
	}
	return 0;
}

int
kv_session_list(struct kv_session_info **out, size_t *count, struct kv_error *err)
{
	kv_cleanup_close int sessions = -1;
	kv_cleanup_dir DIR *dir = NULL;
	kv_cleanup_free struct kv_session_info *list = NULL;
	struct kv_error why = KV_ERROR_INIT;
	struct dirent *entry;
	size_t room = 0;
	int copy;

	*out = NULL;
	*count = 0;
	if (kv_state_open(false, &sessions, &why) != 0) {
		if (why.sys_errno == ENOENT)
			return 0;
		*err = why;
		return -1;
	}
	copy = openat(sessions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0 || (dir = fdopendir(copy)) == NULL) {
		(void)kv_error_sys(err, "%s", KV_SESSIONS_DIR);
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!kv_state_is_id(entry->d_name))
			continue;
		if (append(&list, count, &room) != 0) {
			*count = 0;
			return kv_error_sys(err, "sessions");
		}
		if (read_session(sessions, entry->d_name, &list[*count]) == 0)
			(*count)++;
	}
	if (*count > 0)
		qsort(list, *count, sizeof(*list), by_start);
	*out = kv_steal_ptr(&list);
	return 0;
}

/* The one session whose id begins so. */
static int
find(const char *id, struct kv_session_info *out, struct kv_error *err)
{
	kv_cleanup_free struct kv_session_info *list = NULL;
	size_t count, found = 0, len = strlen(id);

	if (kv_session_list(&list, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count && len > 0; i++)
		if (strncmp(list[i].id, id, len) == 0) {
			*out = list[i];
			found++;
		}
	if (found == 0)
		return kv_error_set(err, KV_ERR_DENIED, "there is no such session");
	if (found > 1)
		return kv_error_set(err, KV_ERR_USAGE, "%zu sessions begin so", found);
	return 0;
}

static int
set_frozen(const char *id, bool frozen, struct kv_error *err)
{
	struct kv_session_info info;
	struct kv_cgroup cgroup;

	if (find(id, &info, err) != 0)
		return -1;
	kv_state_cgroup(&info, &cgroup);
	return kv_cgroup_freeze(&cgroup, frozen, err);
}

int
kv_session_pause(const char *id, struct kv_error *err)
{
	return set_frozen(id, true, err);
}

int
kv_session_resume(const char *id, struct kv_error *err)
{
	return set_frozen(id, false, err);
}

int
kv_session_kill(const char *id, struct kv_error *err)
{
	struct kv_session_info info;
	struct kv_cgroup cgroup;

	if (find(id, &info, err) != 0)
		return -1;
	kv_state_cgroup(&info, &cgroup);
	/* The opener is spared: it sees its child die, and closes the session. */
	return kv_cgroup_kill(&cgroup, info.alive ? info.opener : 0, KILL_MS, err);
}

/*
 * Stage two: the sandboxes' cgroups, found below KV_SELF_CGROUP, which stage
 * one mounted in the session's view. libc only: part of the wrapper. The
 * caller holds CAP_DAC_OVERRIDE around these calls.
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_MAX 64	/* of a session's folders, for what they have counted */

/* The session's folder in one hierarchy; -1 with ENOENT: not used. */
static int
open_hierarchy(const struct kv_ticket *ticket, unsigned int hierarchy)
{
	kv_cleanup_close int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[KV_PATH_MAX];
	int n;

	if (top < 0)
		return -1;
	if (ticket->cgroup_version == KV_CGROUP_V2)
		n = kv_format(path, sizeof(path), "%s", KV_SELF_CGROUP + 1);
	else
		n = kv_format(path, sizeof(path), "%s/%s", KV_SELF_CGROUP + 1,
		    kv_cgroup_v1_names[hierarchy]);
	if (n != 0)
		return -1;
	return kv_openat(top, path, O_RDONLY | O_DIRECTORY, 0, true);
}

static int
sandbox_name(char *name, size_t size, unsigned int n)
{
	return kv_format(name, size, "%s%u", KV_CGROUP_SANDBOX, n);
}

static bool
has_sandboxes(const struct kv_ticket *ticket)
{
	/* Without a capability the session's folders cannot be written. */
	return ticket->cgroup_version != KV_CGROUP_NONE && ticket->privilege != KV_PRIV_USERNS;
}

void
kv_cgroup_sandbox_close(struct kv_cgroup_entry *entry)
{
	if (entry->folder >= 0)
		(void)close(kv_steal_fd(&entry->folder));
	for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES; i++) {
		if (entry->tasks[i] >= 0)
			(void)close(kv_steal_fd(&entry->tasks[i]));
	}
}

/* The way into sandbox.N in one hierarchy, which is made. */
static int
open_entry(const struct kv_ticket *ticket, unsigned int hierarchy, const char *name,
    struct kv_cgroup_entry *out)
{
	bool v1 = ticket->cgroup_version == KV_CGROUP_V1;
	kv_cleanup_close int dir = open_hierarchy(ticket, hierarchy);
	char path[KV_PATH_MAX];

	if (dir < 0)
		return errno == ENOENT && v1 ? 0 : -1;
	if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST)
		return -1;
	if (!v1) {
		out->folder = kv_openat(dir, name, O_RDONLY | O_DIRECTORY, 0, true);
		return out->folder < 0 ? -1 : 0;
	}
	if (kv_format(path, sizeof(path), "%s/tasks", name) != 0)
		return -1;
	out->tasks[hierarchy] = kv_openat(dir, path, O_WRONLY, 0, true);
	return out->tasks[hierarchy] < 0 ? -1 : 0;
}

int
kv_cgroup_sandbox_open(const struct kv_ticket *ticket, unsigned int n, struct kv_cgroup_entry *out,
    struct kv_error *err)
{
	unsigned int count = kv_cgroup_hierarchies((enum kv_cgroup_version)ticket->cgroup_version);
	char name[KV_NAME_MAX];

	out->folder = -1;
	for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES; i++)
		out->tasks[i] = -1;
	if (!has_sandboxes(ticket))
		return 0;
	if (sandbox_name(name, sizeof(name), n) != 0)
		return kv_error_sys(err, "sandbox %u", n);
	for (unsigned int i = 0; i < count; i++) {
		if (open_entry(ticket, i, name, out) == 0)
			continue;
		(void)kv_error_sys(err, "cannot make the sandbox's cgroup");
		kv_cgroup_sandbox_close(out);
		(void)kv_cgroup_sandbox_remove(ticket, n);
		return -1;
	}
	return 0;
}

int
kv_cgroup_sandbox_enter(const struct kv_cgroup_entry *entry)
{
	for (unsigned int i = 0; i < KV_CGROUP_HIERARCHIES; i++) {
		if (entry->tasks[i] >= 0 && kv_write_all(entry->tasks[i], "0", 1) != 0)
			return -1;
	}
	return 0;
}

int
kv_cgroup_sandbox_freeze(const struct kv_ticket *ticket, unsigned int n, bool frozen, struct kv_error *err)
{
	bool v2 = ticket->cgroup_version == KV_CGROUP_V2;
	const char *text = v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
	kv_cleanup_close int top = -1;
	char path[KV_PATH_MAX];

	if (!has_sandboxes(ticket))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the sandbox has no cgroup");
	top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || kv_format(path, sizeof(path), "%s/%s%s%u/%s", KV_SELF_CGROUP + 1, v2 ? "" : "freezer/",
	    KV_CGROUP_SANDBOX, n, v2 ? "cgroup.freeze" : "freezer.state") != 0 ||
	    kv_write_file(top, path, text) != 0)
		return kv_error_sys(err, "cannot %s the sandbox", frozen ? "freeze" : "thaw");
	return 0;
}

/* keep: whether one that has counted something stays. */
static int
remove_one(int parent, const char *name, int fd, void *keep)
{
	/* v1 counts where it happens, and the count goes with its folder: that one is left for the close to read. */
	if (*(const bool *)keep && (kv_cgroup_keyed(fd, "memory.oom_control", "oom_kill") > 0 || kv_cgroup_keyed(fd, "pids.events", "max") > 0))
		return 0;
	return unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT ? -1 : 0;
}

int
kv_cgroup_sandbox_remove(const struct kv_ticket *ticket, unsigned int n)
{
	unsigned int count = kv_cgroup_hierarchies((enum kv_cgroup_version)ticket->cgroup_version);
	char name[KV_NAME_MAX];
	bool keep = true;
	int result = 0;

	if (!has_sandboxes(ticket) || sandbox_name(name, sizeof(name), n) != 0)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		kv_cleanup_close int dir = open_hierarchy(ticket, i);

		if (dir >= 0 &&
		    kv_cgroup_walk(dir, name, KV_CGROUP_DEPTH, remove_one, &keep) != 0)
			result = -1;
	}
	return result;
}

static void
sweep(int dir, kv_cgroup_is_over *is_over, void *arg)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_dir DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
	const size_t prefix = strlen(KV_CGROUP_SANDBOX);
	unsigned int seen = 0;
	struct dirent *entry;
	uint64_t n;

	if (list == NULL && copy >= 0)
		(void)close(copy);
	while (list != NULL && (entry = readdir(list)) != NULL) {
		bool keep = seen < KEPT_MAX;

		if (strncmp(entry->d_name, KV_CGROUP_SANDBOX, prefix) != 0 ||
		    kv_parse_u64(entry->d_name + prefix, 1, UINT32_MAX, &n) != 0)
			continue;
		seen++;
		/* One with processes is busy, and stays. */
		if (is_over((unsigned int)n, arg))
			(void)kv_cgroup_walk(dir, entry->d_name, KV_CGROUP_DEPTH, remove_one, &keep);
	}
}

void
kv_cgroup_sandbox_sweep(const struct kv_ticket *ticket, kv_cgroup_is_over *is_over, void *arg)
{
	unsigned int count = kv_cgroup_hierarchies((enum kv_cgroup_version)ticket->cgroup_version);

	for (unsigned int i = 0; i < count && has_sandboxes(ticket); i++) {
		kv_cleanup_close int dir = open_hierarchy(ticket, i);

		if (dir >= 0)
			sweep(dir, is_over, arg);
	}
}

int
kv_cgroup_readback(const struct kv_ticket *ticket, struct kv_error *err)
{
	struct kv_limits limits = {
		.memory = ticket->memory_limit,
		.cpu_milli = ticket->cpu_limit_milli,
		.processes = ticket->process_limit,
	};
	int fd[3] = { -1, -1, -1 }, result;

	if (limits.memory == 0 && limits.cpu_milli == 0 && limits.processes == 0)
		return 0;
	if (ticket->cgroup_version == KV_CGROUP_NONE)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the limits have no cgroup");
	for (unsigned int i = 0; i < 3; i++)
		fd[i] = open_hierarchy(ticket, i);
	result = kv_cgroup_limits_check((enum kv_cgroup_version)ticket->cgroup_version, fd,
	    &limits, err);
	for (unsigned int i = 0; i < 3; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	return result;
}

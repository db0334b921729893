/*
 * What a session has used, read from its cgroup. A number that this host does
 * not keep is 0.
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "session/session.h"

#include <unistd.h>

static void
usage_v2(const struct kv_cgroup *cgroup, struct kv_usage *usage)
{
	kv_cleanup_close int dir = kv_cgroup_open(cgroup, 0, ".");

	if (dir < 0)
		return;
	usage->cpu_ms = kv_cgroup_keyed(dir, "cpu.stat", "usage_usec") / 1000;
	usage->memory_peak = kv_cgroup_number(dir, "memory.peak");	/* 5.19 */
	usage->oom_kills = kv_cgroup_keyed(dir, "memory.events", "oom_kill");
	usage->pids_max_hits = kv_cgroup_keyed(dir, "pids.events", "max");
}

static int
add_oom_kills(int parent, const char *name, int fd, void *arg)
{
	(void)parent;
	(void)name;
	*(uint64_t *)arg += kv_cgroup_keyed(fd, "memory.oom_control", "oom_kill");
	return 0;
}

static int
add_pids_hits(int parent, const char *name, int fd, void *arg)
{
	(void)parent;
	(void)name;
	*(uint64_t *)arg += kv_cgroup_keyed(fd, "pids.events", "max");
	return 0;
}

static void
usage_v1(const struct kv_cgroup *cgroup, struct kv_usage *usage)
{
	kv_cleanup_close int memory = kv_cgroup_open(cgroup, KV_CG_MEMORY, ".");
	kv_cleanup_close int pids = kv_cgroup_open(cgroup, KV_CG_PIDS, ".");
	kv_cleanup_close int cpuacct = kv_cgroup_open(cgroup, KV_CG_CPUACCT, ".");

	if (memory >= 0) {
		usage->memory_peak = kv_cgroup_number(memory, "memory.max_usage_in_bytes");
		/* v1 counts these where they happen, not up the tree. */
		(void)kv_cgroup_walk(memory, ".", KV_CGROUP_DEPTH, add_oom_kills, &usage->oom_kills);
	}
	if (pids >= 0)
		(void)kv_cgroup_walk(pids, ".", KV_CGROUP_DEPTH, add_pids_hits, &usage->pids_max_hits);
	if (cpuacct >= 0)
		usage->cpu_ms = kv_cgroup_number(cpuacct, "cpuacct.usage") / 1000000;
}

void
kv_cgroup_usage(const struct kv_cgroup *cgroup, struct kv_usage *usage)
{
	usage->cpu_ms = usage->memory_peak = usage->oom_kills = usage->pids_max_hits = 0;
	if (cgroup->version == KV_CGROUP_V2)
		usage_v2(cgroup, usage);
	else if (cgroup->version == KV_CGROUP_V1)
		usage_v1(cgroup, usage);
}

/*
 * The session's cgroup: v2 first, v1 where that is what the host has, a
 * transient systemd scope where systemd runs.
 *
 * v2: SESSION/ holds the limits and the opener's processes in SESSION/main; each
 * sandbox is SESSION/sandbox.N. No controller is enabled below SESSION, so the
 * limits of SESSION bind all of them together.
 * v1: the same, kavach/ID with main and sandbox.N below it, in each of memory, pids, cpu,
 * freezer and cpuacct that the host has.
 */
#ifndef KV_SESSION_CGROUP_H
#define KV_SESSION_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "session/ticket.h"

struct kv_usage;

struct kv_limits {
	uint64_t memory;	/* bytes; 0: none */
	uint32_t cpu_milli;	/* thousandths of a core; 0: none */
	uint32_t processes;	/* 0: none */
};

#define KV_CGROUP_HIERARCHIES 5	/* of v1, at most: memory pids cpu freezer cpuacct */

struct kv_cgroup {
	enum kv_cgroup_version version;
	char path[KV_PATH_MAX];	/* as /proc/PID/cgroup shows it: "/kavach/ID" or the scope's */
	char mount[KV_PATH_MAX];	/* v2 mount point or the folder of the v1 hierarchies */
	char origin[KV_CGROUP_HIERARCHIES][KV_PATH_MAX];	/* where the opener came from; "": unknown */
};

/*
 * Makes the cgroup and sets the limits, reading each back. root is normally
 * NULL: /sys/fs/cgroup, v2 if it is a cgroup2 mount. A limit that is asked for and cannot be set is
 * KV_ERR_UNAVAILABLE and leaves nothing behind; where even that fails, *out is what is left, for
 * kv_cgroup_remove, and else empty. Without any limit and without a usable hierarchy: version NONE. Root.
 */
int kv_cgroup_create(const char *root, const char *id, const struct kv_limits *limits,
    struct kv_cgroup *out, struct kv_error *err);

/*
 * Closes it to all but root. A sandbox's folder belongs to whoever made it, the user: who may reach it could
 * freeze it, and make more below it than the close removes. Not where the wrapper has no capability to
 * reach it by; it makes none there. Root.
 */
int kv_cgroup_shut(const struct kv_cgroup *cgroup, struct kv_error *err);

/* Moves a process (0: the caller) into the session's main part. Root. */
int kv_cgroup_enter(const struct kv_cgroup *cgroup, pid_t pid, struct kv_error *err);

/* Freezes or thaws the sandboxes. */
int kv_cgroup_freeze(const struct kv_cgroup *cgroup, bool frozen, struct kv_error *err);

/* SIGKILLs all but the calling process and its parent `spare` (0: none); waits up to timeout_ms until they are gone. */
int kv_cgroup_kill(const struct kv_cgroup *cgroup, pid_t spare, unsigned int timeout_ms, struct kv_error *err);

/* CPU, peak memory, oom kills, pids.max hits so far. Unknown ones are 0. */
void kv_cgroup_usage(const struct kv_cgroup *cgroup, struct kv_usage *usage);

/* Moves the caller (and sshd's other processes) back to the parent and removes all. */
int kv_cgroup_remove(const struct kv_cgroup *cgroup, struct kv_error *err);

struct kv_cgroup_entry {
	int folder;				/* v2; -1: none */
	int tasks[KV_CGROUP_HIERARCHIES];	/* v1; -1: not used */
};

/*
 * Stage two, by descriptors below KV_SELF_CGROUP (needs CAP_DAC_OVERRIDE
 * effective): makes sandbox.N and opens the way into it. v2: a descriptor for clone3's
 * CLONE_INTO_CGROUP; v1: files by which the new process moves itself with
 * kv_cgroup_sandbox_enter (no privilege; 0, or -1 with errno), before it does anything else.
 * privilege = userns holds no capability: *fd is -1 and the sandbox stays in main.
 * readback: do the limit files still say what the ticket says. 0 or -1.
 */
int kv_cgroup_sandbox_open(const struct kv_ticket *ticket, unsigned int n, struct kv_cgroup_entry *out, struct kv_error *err);
int kv_cgroup_sandbox_enter(const struct kv_cgroup_entry *entry);
void kv_cgroup_sandbox_close(struct kv_cgroup_entry *entry);
int kv_cgroup_sandbox_freeze(const struct kv_ticket *ticket, unsigned int n, bool frozen, struct kv_error *err);
int kv_cgroup_sandbox_remove(const struct kv_ticket *ticket, unsigned int n);

/* Removes the empty folders of those sandboxes that are over; on v1 some stay for what they have counted. */
typedef bool kv_cgroup_is_over(unsigned int n, void *arg);
void kv_cgroup_sandbox_sweep(const struct kv_ticket *ticket, kv_cgroup_is_over *is_over, void *arg);

int kv_cgroup_readback(const struct kv_ticket *ticket, struct kv_error *err);

#endif

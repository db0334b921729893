/*
 * What the files of the session's cgroup share. Private to session/.
 */
#ifndef KV_SESSION_CGROUP_IMPL_H
#define KV_SESSION_CGROUP_IMPL_H

#include "session/cgroup.h"

#define KV_CGROUP_ROOT		"/sys/fs/cgroup"
#define KV_CGROUP_PARENT	"kavach"	/* what our cgroups lie below */
#define KV_CGROUP_MAIN		"main"		/* the opener and what it forks */
#define KV_CGROUP_SPARED	"spared"	/* who survives a kill, during it */
#define KV_CGROUP_SANDBOX	"sandbox."
#define KV_CGROUP_DEPTH		8		/* how deep we look for cgroups that a session made */

/* The v1 hierarchies that we use; v2 has one, and every index means it. */
enum { KV_CG_MEMORY, KV_CG_PIDS, KV_CG_CPU, KV_CG_FREEZER, KV_CG_CPUACCT };
extern const char *const kv_cgroup_v1_names[KV_CGROUP_HIERARCHIES];

/* How many hierarchies a version has. Pure. */
unsigned int kv_cgroup_hierarchies(enum kv_cgroup_version version);

/*
 * Limits on open session folders: fd[] by KV_CG_MEMORY, _PIDS, _CPU; v2: three
 * times the same. set reads back what it wrote. KV_ERR_UNAVAILABLE names the
 * limit. 0 or -1. libc only.
 */
int kv_cgroup_limits_set(enum kv_cgroup_version version, const int fd[3],
    const struct kv_limits *limits, struct kv_error *err);
int kv_cgroup_limits_check(enum kv_cgroup_version version, const int fd[3],
    const struct kv_limits *limits, struct kv_error *err);

/*
 * The session's folder, or sub of it, in one hierarchy. A descriptor that can
 * be read as a folder; -1 with errno (ENOENT: this hierarchy is not used).
 */
int kv_cgroup_open(const struct kv_cgroup *cgroup, unsigned int hierarchy, const char *sub);

/*
 * Calls visit for dirfd and for each cgroup below it, children first; stops at
 * the first that returns non-zero and returns that.
 */
typedef int kv_cgroup_visit(int parent, const char *name, int fd, void *arg);
int kv_cgroup_walk(int parent, const char *name, unsigned int depth, kv_cgroup_visit *visit, void *arg);

/* Writes pid (0: the caller) into sub/cgroup.procs of dirfd. 0 or -1 with errno. */
int kv_cgroup_move(int dirfd, const char *sub, pid_t pid);

/* Calls each for every pid in fd/cgroup.procs that can be named here. 0, or -1 with errno. */
typedef void kv_cgroup_each(pid_t pid, void *arg);
int kv_cgroup_procs(int fd, kv_cgroup_each *each, void *arg);

/* The value of "KEY N" in a flat keyed file; 0 if it is not there. */
uint64_t kv_cgroup_keyed(int dirfd, const char *file, const char *key);
uint64_t kv_cgroup_number(int dirfd, const char *file);

/* cgroup_systemd.c: a transient scope. Fills path and mount. 0 or -1. */
bool kv_cgroup_systemd_here(void);
int kv_cgroup_systemd_create(const char *id, const struct kv_limits *limits,
    struct kv_cgroup *out, struct kv_error *err);

#endif

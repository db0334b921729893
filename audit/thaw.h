/*
 * A lock whose holder does not go on. audit/hold.h keeps signals from root's own holders; a cgroup that su's caller
 * owns (service managers give users one) freezes without any.
 *
 * Programs that only write to their own session's chain (wrapper, proxy) link thaw_none.c instead: they could move nobody.
 */
#ifndef KV_AUDIT_THAW_H
#define KV_AUDIT_THAW_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Looks for the process that holds the flock(2) of lock_fd's file. One that a cgroup freezes is moved to the root of that
 * hierarchy, which nothing freezes; one that is stopped is continued. Only a process that has this very file open with
 * the lock on it, and nobody whom this process does not see in its pid namespace. Best effort, 1.5 s at the most; errno stays. Root.
 */
void kv_thaw_holder(int lock_fd);

/* thaw_cgroup.c. proc: a procfs. Does a cgroup freeze this process. */
bool kv_thaw_is_frozen(int proc, pid_t pid);

/*
 * The caller itself goes to the root of every hierarchy that can be mounted: out of what freezes, starves or bounds
 * the one who started it. Best effort.
 */
void kv_thaw_leave(int proc);

/* Moves it to the root of each hierarchy in which it is frozen. 0, or -1 where one move failed. */
int kv_thaw_move(int proc, pid_t pid);

#endif

/*
 * The process that holds a PAM session (sshd, login, su, cron). A pid alone is not an
 * identity: with its start time it is, until the next boot.
 */
#ifndef KV_SESSION_OPENER_H
#define KV_SESSION_OPENER_H

#include <stdint.h>
#include <sys/types.h>

struct kv_error;

/*
 * proc: a procfs (kv_proc_open), or AT_FDCWD for /proc.
 * Start time in clock ticks since boot (proc(5), stat, field 22). 0, or -1: no such process.
 */
int kv_opener_start(int proc, pid_t pid, uint64_t *start, struct kv_error *err);

/*
 * A pidfd (close-on-exec) of the process with this pid and start time; -1 with
 * KV_ERR_DENIED when it is gone. proc -1: there is none to compare the start time in. Readable when it ends. No privilege.
 */
int kv_opener_open(int proc, pid_t pid, uint64_t start, struct kv_error *err);

#endif

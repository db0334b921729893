/*
 * Processes that are started out of somebody else's: sshd's, login's, su's or cron's, which loaded the PAM module. It
 * must hear nothing of them: no SIGCHLD, and no pid that its own wait(2) finds.
 *
 * execve(2) gives whoever calls it an exit signal again: what is to execute a program is forked by a silent process once more.
 */
#ifndef KV_COMMON_SILENT_H
#define KV_COMMON_SILENT_H

#include <stdint.h>
#include <sys/types.h>

/* fork(2) without an exit signal (clone3(2)). flags: CLONE_*. pidfd: NULL, or where a close-on-exec pidfd of it goes. -1 with errno. */
pid_t kv_silent_fork(uint64_t flags, int *pidfd);

/* Waits for its end; its wait status goes to *status, unless that is NULL. 0, or -1 with errno. */
int kv_silent_wait(pid_t pid, int *status);

/* In the child: handlers and mask are the host process's; what it ignores would stay ignored by a program. 0 or -1. */
int kv_default_signals(void);

#endif

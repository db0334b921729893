/* The terminal that a process was started on, and its part in job control. No privilege. */
#ifndef KV_COMMON_TERMINAL_H
#define KV_COMMON_TERMINAL_H

#include <stdbool.h>

/* Is fd open, and otherwise than O_RDONLY or O_WRONLY (denied)? */
bool kv_terminal_can(int fd, int denied);

/*
 * The caller's terminal among descriptors 0-2. in: the first that is a terminal and can be
 * read (if none can, the first terminal); out: 1 if that is a terminal that can be written,
 * else in. 0, or -1 with both -1 where there is no terminal.
 */
int kv_terminal_find(int *in, int *out);

/*
 * Gives up the controlling terminal, so that another session can take it. No-op without one.
 * SIGHUP and SIGCONT must be blocked; those that this makes are taken.
 */
void kv_terminal_release(void);

/*
 * Stops this process as a job stops (SIGSTOP); returns when it was let go on. SIGCONT must be
 * blocked: one that is pending already means not to stop.
 */
void kv_terminal_stop(void);

#endif

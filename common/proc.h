/*
 * A procfs to read from. In a session's view /proc shows no process (session/view.h): who
 * needs to know something of a process, and may, makes a procfs of his own that nobody else sees.
 */
#ifndef KV_COMMON_PROC_H
#define KV_COMMON_PROC_H

#include <stdint.h>

struct kv_error;

/*
 * A descriptor (O_PATH, close-on-exec) of a procfs in which "self" is the caller: /proc
 * where it is the kernel's and shows the caller, else a detached one, which takes
 * CAP_SYS_ADMIN effective. -1 where neither can be had.
 */
int kv_proc_open(struct kv_error *err);

/* The inode of the caller's namespace ("user", "mnt", "net" ...). 0 or -1. */
int kv_proc_namespace(int proc, const char *name, uint64_t *inode, struct kv_error *err);

#endif

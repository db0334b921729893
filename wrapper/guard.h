/*
 * The process as the caller left it is not to be trusted: this makes it sound
 * before anything else is done, or says why it cannot be.
 */
#ifndef KV_WRAPPER_GUARD_H
#define KV_WRAPPER_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_error;

/*
 * First thing in main, before argv is looked into: signals blocked and at their
 * defaults, not dumpable, umask 077, descriptors 0-2 open and not directories, all others
 * closed, resource limits that leave room to work, argv and environment of bounded size.
 * *mask: the umask that the caller had, for the command. 0, or -1 with KV_ERR_DENIED or KV_ERR_SYSTEM.
 */
int kv_guard_enter(int argc, char *const argv[], char *const envp[], mode_t *mask,
    struct kv_error *err);

/* KV_ERR_DENIED when a tracer is attached (proc(5), status, TracerPid). proc: kv_proc_open. */
int kv_guard_untraced(int proc, struct kv_error *err);

/*
 * A terminal on descriptors 0-2 must be the user's own, the controlling terminal, or the
 * opener's (rdev; su(1) keeps its caller's). KV_ERR_DENIED otherwise. *any: there is one.
 */
int kv_guard_terminal(uint64_t rdev, bool *any, struct kv_error *err);

#endif

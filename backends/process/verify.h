/*
 * The confinement read back from inside, by the sandbox's first process after
 * the last layer and before the command is started. The score that is recorded
 * is the one that comes out here.
 */
#ifndef KV_BACKENDS_PROCESS_VERIFY_H
#define KV_BACKENDS_PROCESS_VERIFY_H

#include "backends/backend.h"

/*
 * Compares what the kernel says (/proc/self/status, mountinfo or statvfs, interfaces, an
 * attempt that Landlock must refuse) with the ticket. KV_ERR_UNAVAILABLE naming the layer
 * that is missing; else fills *out. limits_ok: the wrapper's readback of the cgroup files.
 * Allocates nothing, runs under the session's own seccomp filter.
 */
int kv_process_verify(const struct kv_ticket *ticket, bool limits_ok, struct kv_verified *out, struct kv_error *err);

#endif

/*
 * The backends that run a command in a container: oci (crun, runc), gvisor (runsc) and
 * sy-agnos (podman). One way for all; what differs is in runtime.h and shim_bundle.h.
 *
 *   wrapper ─clone3─► first process: in the cgroup, mounts, then the session's user namespace, as its root
 *                      └─execve─► kavach-shim ─► runtime ─► container: kavach-init ─► command
 *
 * The wrapper's part is start.c; it links nothing of a runtime. Everything below the first
 * process is in its pid namespace and ends with it.
 */
#ifndef KV_BACKENDS_CONTAINER_CONTAINER_H
#define KV_BACKENDS_CONTAINER_CONTAINER_H

#include "backends/backend.h"

extern const struct kv_backend kv_oci_backend;
extern const struct kv_backend kv_gvisor_backend;
extern const struct kv_backend kv_syagnos_backend;

/* The descriptors that kavach-shim is started with, besides 0, 1 and 2 of the caller. */
enum { KV_SHIM_CONTROL = 3, KV_SHIM_OPENER, KV_SHIM_TICKET, KV_SHIM_LAUNCH, KV_SHIM_PROFILE, KV_SHIM_FDS };

#define KV_SHIM_PROGRAM	KV_PKGLIBEXECDIR "/kavach-shim"
#define KV_INIT_PROGRAM	KV_PKGLIBEXECDIR "/kavach-init"
#define KV_PRELOAD_PROGRAM KV_PKGLIBEXECDIR "/kavach-no-automount.so"

#endif

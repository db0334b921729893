/*
 * The first process of a sandbox: pid 1 of its pid namespace.
 *
 * MUST be entered right after clone3, single-threaded, with CAP_SYS_ADMIN and
 * CAP_SETPCAP effective in the namespaces' user namespace. MUST NOT start anything of the
 * user's before it holds every layer, has verified them, and was told to go.
 * It holds no capability, no descriptor of the user's but its control socket and a
 * pidfd, and is not dumpable; it runs under the command's own Landlock and seccomp layers.
 */
#ifndef KV_BACKENDS_PROCESS_INIT_H
#define KV_BACKENDS_PROCESS_INIT_H

#include <stdbool.h>

#include "backends/backend.h"

struct kv_cgroup_entry;

struct kv_init {
	const struct kv_launch *launch;
	int control;		/* SOCK_SEQPACKET to the wrapper */
	const struct kv_cgroup_entry *cgroup;	/* the way into the sandbox's own */
	int terminal;		/* kv_process_terminal_tree(), or -1 */
	bool namespaces;	/* false: noop, which has its own mounts only */
};

_Noreturn void kv_init_run(const struct kv_init *init);

#endif

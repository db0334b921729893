/*
 * Programs of others that a backend starts: where they are. What one is told to do is its
 * backend's (container/runtime.h, wasm/line.h); whether it works here, the probe's (container/probe.h).
 */
#ifndef KV_BACKENDS_RUNTIME_H
#define KV_BACKENDS_RUNTIME_H

#include "policy/policy.h"

enum kv_runtime {
	KV_RUNTIME_CRUN, KV_RUNTIME_RUNC, KV_RUNTIME_RUNSC, KV_RUNTIME_PODMAN,	/* containers */
	KV_RUNTIME_WASMTIME, KV_RUNTIME_WASMI,					/* WebAssembly */
	KV_RUNTIME_COUNT,
};

/* "crun", "runc", "runsc", "podman", "wasmtime", "wasmi". */
const char *kv_runtime_name(enum kv_runtime runtime);

/* By the last part of a program's path; -1 if it is none of them. */
int kv_runtime_of(const char *path, enum kv_runtime *out);

/*
 * Finds the program in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin: an executable
 * regular file of root's, in a folder of root's, to neither of which anybody else writes; a link
 * counts as what it leads to. 0 with out = the path in that folder; -1 where there is none.
 */
int kv_runtime_find(enum kv_runtime runtime, char out[KV_RUNTIME_MAX]);

/* The same in folders of one's own, ended by NULL; for tests. */
int kv_runtime_find_in(const char *const *folders, enum kv_runtime runtime, char out[KV_RUNTIME_MAX]);

#endif

/*
 * Runs a real runtime for a test as stage two does: uid 0 of a user namespace that is an id nobody has,
 * pid, mount and cgroup namespaces of its own. Root; part of no program.
 */
#ifndef KV_BACKENDS_CONTAINER_TESTBUNDLE_H
#define KV_BACKENDS_CONTAINER_TESTBUNDLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/container/runtime.h"

#define BUNDLE_UID	4242U	/* the user; mapped to itself with the group of that number */

struct bundle_run {
	enum kv_runtime runtime;
	const char *option;	/* of the runtime */
	const char *config;	/* config.json */
	const char *bad_root;	/* name of the folder that is taken away from the bundle; NULL: none */
};

struct bundle_result {
	int runtime_status;	/* wait status of the runtime that started the container and returned */
	int container_status;	/* of the container's first process, where it is a process of this kernel; -1: none */
	bool written;		/* there is a file "new" in the folder data */
	bool left;		/* the runtime's state folder was not empty, or a process was left */
	char output[32768];	/* of all of them */
};

/*
 * Bundle, root and state are on a tmpfs that goes with the namespaces. rootfs has
 * /probe (the static testprobe), empty /proc, /dev, /tmp, /data, /fixed; beside rootfs are the folders
 * data (the user's), fixed (with the file "given"); the bundle's path is BUNDLE_PATH.
 */
#define BUNDLE_PATH "/tmp/bundle"
void bundle_run(const struct bundle_run *run, struct bundle_result *out);

#endif

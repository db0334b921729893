/*
 * A launch as bytes, so that it can go through a memfd to the shim and through a
 * socket to the container's init. Strings with their zero bytes behind a fixed head; no
 * pointer, nothing to parse but counts that are checked. libc only.
 */
#ifndef KV_BACKENDS_CONTAINER_PACK_H
#define KV_BACKENDS_CONTAINER_PACK_H

#include <stddef.h>

#include "backends/backend.h"

struct kv_error;

#define KV_PACK_MAX	(4u << 20)	/* above what execve(2) takes */

struct kv_packed {
	struct kv_launch launch;	/* points into bytes and vectors; ticket is NULL, descriptors are -1 */
	char *bytes;			/* owned */
	char **vectors;			/* owned: argv, then envp */
	size_t size;
};

/* A sealed memfd with the launch, which the caller closes; -1 on error. */
int kv_pack(const struct kv_launch *launch, struct kv_error *err);

/* Takes bytes (malloc) over, also on error. 0 or -1. Release with kv_unpack_release. */
int kv_unpack(char *bytes, size_t size, struct kv_packed *out, struct kv_error *err);
void kv_unpack_release(struct kv_packed *packed);

#endif

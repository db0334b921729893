/*
 * Inside kavach-shim: the process around a container. It is root of the session's
 * user namespace only, in a pid namespace that ends with it, and has no
 * privilege on the host. See container.h for how it is started.
 */
#ifndef KV_BACKENDS_CONTAINER_SHIM_H
#define KV_BACKENDS_CONTAINER_SHIM_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/container/oci_config.h"
#include "backends/container/pack.h"
#include "backends/container/runtime.h"
#include "session/ticket.h"

struct kv_error;

/* What the shim has below KV_RUN_DIR, on a tmpfs of its own. */
#define KV_SHIM_BUNDLE	KV_RUN_DIR "/bundle"
#define KV_SHIM_STATE	KV_RUN_DIR "/state"
#define KV_SHIM_INSIDE	KV_RUN_DIR "/inside"	/* what is KV_RUN_DIR in the container */
#define KV_SHIM_CONSOLE	KV_RUN_DIR "/console"

#define KV_SHIM_MOUNTS	8
#define KV_SHIM_TOPS	8

struct kv_shim_mounts {
	struct kv_oci_mount all[KV_SHIM_MOUNTS];
	size_t count;
};

struct kv_shim {
	struct kv_ticket ticket;
	struct kv_packed packed;
	enum kv_runtime runtime;
	struct kv_shim_mounts mounts;
	struct kv_oci_spec spec;	/* points into the others */
	char hostname[65];	/* the host's, as without a container */
	char *profile;		/* with seccomp = FILE: its text */
	bool terminal;		/* the runtime makes the pty */
	int listener;		/* for the container's init */
	int console;		/* for the runtime's pty; -1 */
	pid_t child;		/* the runtime's command */
	int said;		/* what it says on its standard error */
};

/* shim_bundle.c: mounts, config.json, sockets. 0 or -1. */
int kv_shim_bundle(struct kv_shim *shim, struct kv_error *err);

/*
 * shim_root.c: lays what is the session's over a root of the policy's own, which is mounted at path. Needs the
 * view's own files at their names still. 0, or -1 with KV_ERR_UNAVAILABLE where the root lacks a folder.
 */
int kv_shim_own_root(const struct kv_shim *shim, const char *path, struct kv_error *err);

/* shim_runtime.c: starts the runtime's command. Fills child and said. 0 or -1. */
int kv_shim_spawn(struct kv_shim *shim, struct kv_error *err);

/* The runtime failed: its own words, as the error. Returns -1. */
int kv_shim_failed(struct kv_shim *shim, int status, struct kv_error *err);

/* shim_channel.c: the socket at KV_SHIM_INSIDE. Returns a listening descriptor or -1. */
int kv_shim_listen(const char *path, struct kv_error *err);

/* Accepts the init's connection, tells it all, hands it to the wrapper with the pty's master (-1: none). 0 or -1. */
int kv_shim_introduce(struct kv_shim *shim, bool limits_ok, struct kv_error *err);

#endif

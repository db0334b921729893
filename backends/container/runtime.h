/*
 * The container runtimes: how each is told to start a bundle. Pure.
 *
 * What all are started in is made by the caller: a user namespace in which uid 0 is
 * an id that nobody has on the host, a pid and mount namespace of its own, the session's cgroup
 * and network namespace. So no runtime has to make a network, a cgroup or a user namespace.
 */
#ifndef KV_BACKENDS_CONTAINER_RUNTIME_H
#define KV_BACKENDS_CONTAINER_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/runtime.h"

struct kv_error;
struct kv_oci_spec;

/*
 * The option of runsc is "PLATFORM[,FLAG...]": a platform's name as `--platform` takes it (systrap,
 * ptrace, kvm), then, in any order, what `runsc flags` of this release lists, for the
 * releases differ and refuse what they do not know:
 *   uds		--host-uds; without the word: --fsgofer-host-uds (2022 and before)
 *   overlay2	--overlay2, which newer releases put over the root unless told "none";
 *			they refuse it together with shared files
 *   noautomount	nothing here: AT_NO_AUTOMOUNT is an error inside (no_automount.c)
 *   directfs	--directfs, on by default in newer releases; the gofer is to open all files
 * podman's is the path of the crun that it is to use. The other runtimes have no options: "" or NULL.
 */

/* What a start is told. All borrowed. */
struct kv_runtime_start {
	const char *program;	/* the runtime's path */
	const char *state;	/* folder for its state (--root) */
	const char *bundle;	/* folder with config.json and rootfs */
	const char *id;		/* the container's id */
	const char *option;	/* kv_backend_fact.runtime_option */
	const char *console;	/* socket that takes the pty's master; NULL: no terminal */
	enum kv_network network;
	const struct kv_oci_spec *spec;	/* podman only, which reads no config.json (podman.c) */
	bool debug;
};

#define KV_RUNTIME_ARGV	200

/*
 * The command line that creates and starts the container and returns, leaving it to run
 * (its pid 1 goes to the nearest subreaper). The strings of argv live in text; argv ends with NULL.
 * 0, or -1: KV_ERR_SYSTEM where they do not fit, KV_ERR_USAGE (an id that is not
 * letters, digits, "_", "." or "-", or begins with "." or "-"; a path that is not absolute),
 * KV_ERR_UNAVAILABLE (an option that this program does not know).
 */
int kv_runtime_argv(enum kv_runtime runtime, const struct kv_runtime_start *start,
    const char *argv[KV_RUNTIME_ARGV], char *text, size_t size, struct kv_error *err);

/*
 * Of what a runtime said on its standard error, the line that tells why it failed: the last, without time stamps. Alters text;
 * no control character is left in what is returned, which points into it.
 */
const char *kv_runtime_words(char *text);

#endif

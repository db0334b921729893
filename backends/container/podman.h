/* What podman needs to find in its state folder (kv_runtime_start.state). See podman.c. */
#ifndef KV_BACKENDS_CONTAINER_PODMAN_H
#define KV_BACKENDS_CONTAINER_PODMAN_H

#define KV_PODMAN_PTS		"pts"		/* a devpts of its own */
#define KV_PODMAN_SECCOMP	"seccomp.json"	/* the profile, unless seccomp is off */

#endif

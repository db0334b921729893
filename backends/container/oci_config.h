/*
 * config.json of the OCI runtime specification 1.0 (config.md, config-linux.md),
 * written with json-c. No privilege; nothing of the host is looked at.
 *
 * What is always there: capabilities empty in all five sets, no_new_privs, the paths of
 * /proc that are masked or read-only, /proc itself, new namespaces pid, ipc, uts and mount, from which no
 * mount propagates. No user, network or cgroup namespace and no cgroup path: a
 * bundle runs in those that the caller has made (runtime.h).
 *
 * What a runtime would pass over in silence is refused here. Seen: crun 1.8, runsc (20240729) and the kernel ignore an
 * unknown option of a bind mount, so that a misspelt "ro" leaves it writable; runsc (20221219) ignores unknown
 * types, and options of other mounts; it and crun start in a relative folder. Strings must be UTF-8 (json.h): a mount, a
 * root or a host name with other bytes is KV_ERR_CONFIG. What a user chooses freely
 * (his command, his environment) belongs into kavach-init's message, not here.
 */
#ifndef KV_BACKENDS_CONTAINER_OCI_CONFIG_H
#define KV_BACKENDS_CONTAINER_OCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct kv_error;

/*
 * type "bind" with an option bind or rbind; or devpts, mqueue, proc, sysfs, tmpfs. Options are the words of
 * mount(8): ro rw suid nosuid dev nodev exec noexec atime noatime diratime nodiratime relatime strictatime
 * [r]private [r]slave; for a file system also size= mode= uid= gid= nr_inodes= nr_blocks=
 * ptmxmode= max= and newinstance. "ro" of an rbind is that of its topmost mount, as with mount(8). runc 1.1
 * gives a tmpfs the mode of the folder that it covers, whatever mode= says; runsc shows no nosuid.
 */
struct kv_oci_mount {
	const char *destination, *type, *source;	/* destination is absolute */
	const char *const *options;	/* ended by NULL */
};

/* All borrowed. */
struct kv_oci_spec {
	const char *root;		/* root.path, relative to the bundle or absolute */
	bool read_only_root;
	const char *hostname;		/* NULL: as it is */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t group_count;
	const char *const *args;	/* ended by NULL */
	const char *const *env;		/* "NAME=value", ended by NULL */
	const char *cwd;		/* absolute */
	bool terminal;
	uint32_t open_files;		/* RLIMIT_NOFILE, soft and hard; 0: as it is; nobody can raise it here */
	/*
	 * In order, after /proc. The list is complete: without a bind at /dev runc and crun make
	 * device nodes and links below rootfs/dev.
	 */
	const struct kv_oci_mount *mounts;
	size_t mount_count;
	enum kv_seccomp seccomp;
	const char *seccomp_text;	/* with KV_SECCOMP_FILE: the profile's text */
	/* Resources, for a runtime that has a cgroup of its own to limit; 0: not written. */
	uint64_t memory_limit;
	uint32_t cpu_limit_milli;
	uint32_t process_limit;
};

/*
 * The text, owned by the caller (free). 0, or -1: KV_ERR_NOMEM, KV_ERR_CONFIG (a
 * broken profile, a string that is not UTF-8, an option that is not known, a path that is
 * relative, nothing to execute, a number out of range).
 */
int kv_oci_config(const struct kv_oci_spec *spec, char **out, struct kv_error *err);

#endif

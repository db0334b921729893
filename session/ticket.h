/*
 * The ticket: the frozen decision, written by stage one (root) and read by
 * stage two (the wrapper). A plain struct of fixed size, so that the program
 * that holds capabilities parses nothing.
 *
 * Trust: the file lies in the session's state directory (root, 0700), which
 * stage one mounts at KV_SELF_DIR in the session's own mount namespace, and
 * nowhere else. A process finds a ticket there only if it was put into
 * that namespace; no name, variable or parent decides which one it is.
 */
#ifndef KV_SESSION_TICKET_H
#define KV_SESSION_TICKET_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct kv_error;

#define KV_RUN_DIR	KV_RUNSTATEDIR "/kavach"
#define KV_SESSIONS_DIR	KV_RUN_DIR "/sessions"	/* root, 0700; host's view only */
#define KV_SELF_DIR	KV_RUN_DIR "/self"	/* session's view: its state directory */
#define KV_SELF_USERNS	KV_RUN_DIR "/userns"	/* session's view: the user namespace of its containers */
#define KV_SELF_ROOTFS	KV_RUN_DIR "/rootfs"	/* session's view: the containers' root, unless it is the view itself */
#define KV_SELF_PROFILE	"profile"		/* in KV_SELF_DIR: text of a seccomp profile of the administrator's own, for containers */
#define KV_SELF_SECRETS	KV_RUN_DIR "/secrets"	/* session's view: a tmpfs with KV_SECRETS_NAME; there with secrets_count only */
#define KV_SECRETS_NAME	"values"		/* in KV_SELF_SECRETS: root 0400, 0444 with privilege = userns */
#define KV_SELF_CGROUP	KV_RUN_DIR "/cgroup"	/* session's view: its cgroup (v2), or a folder for each v1 controller */

#define KV_EGRESS_PORT	3128		/* KV_NET_PROXY: where the session's proxy listens, on 127.0.0.1 inside */

#define KV_ID_LEN	16	/* lower-case hexadecimal digits */
#define KV_TICKET_MAGIC	0x6b617663683031ULL
#define KV_TICKET_FILTER_MAX 4096
#define KV_NOEXEC_MAX	64
#define KV_LOGIN_GROUPS_MAX 2048
#define KV_GROUPS_MAX	64	/* supplementary groups that a container's user keeps */

enum kv_cgroup_version { KV_CGROUP_NONE, KV_CGROUP_V1, KV_CGROUP_V2 };

struct kv_ticket_landlock {
	char path[KV_PATH_MAX];
	bool writable;
	bool preopen;			/* wasm: a folder that the module itself sees */
};

/* A credential that the wrapper gives to a command: size bytes at offset of KV_SECRETS_NAME, then a NUL. */
struct kv_ticket_secret {
	char variable[KV_NAME_MAX];	/* ""; its standard input; one at most */
	uint32_t offset, size;
};

struct kv_ticket {
	uint64_t magic;
	uint64_t size;			/* sizeof(struct kv_ticket) of the writer */

	char session[KV_ID_LEN + 1];
	char user[KV_NAME_MAX];
	char service[KV_NAME_MAX];
	char from[256];
	char rule[KV_NAME_MAX];
	char policy[KV_NAME_MAX];
	uint32_t uid, gid;
	uint32_t login_groups_count;	/* supplementary, as the session's processes have them in stage one's user namespace: */
	uint32_t login_groups[KV_LOGIN_GROUPS_MAX];	/* ascending, each once, without gid */

	int32_t backend, inner;		/* enum kv_backend_id */
	int32_t base_score;		/* of the backend, before its layers */
	int32_t score;			/* what was decided */
	int32_t min_strength;
	int32_t privilege;		/* enum kv_privilege */
	int32_t audit_format;		/* enum kv_audit_format */
	bool audit_required;

	/* Where the session runs; compared before anything is trusted. */
	uint64_t userns_ino;		/* of stage one */
	uint64_t host_netns_ino;	/* before stage one */
	uint64_t mntns_ino;		/* of the session */
	int32_t opener_pid;		/* the process that holds the PAM session ... */
	uint64_t tty_rdev;		/* of the opener's own terminal (su, login); 0: none */
	uint64_t opener_start;		/* ... and its start time (proc(5), stat, field 22) */

	char home[KV_PATH_MAX];
	char shell[KV_PATH_MAX];	/* the policy's */
	char command[KV_COMMAND_MAX];	/* forced; "": none */
	char contact[128];
	uint32_t environment_count;
	char environment[32][64];	/* names kept besides the built-in list */
	uint32_t secrets_count;
	struct kv_ticket_secret secrets[KV_CREDENTIALS_MAX];
	uint32_t secrets_size;		/* bytes of KV_SECRETS_NAME */
	bool credentials_dir;		/* there is a KV_CREDENTIALS_DIR */
	uint32_t wrapped_count;		/* paths over which stage one bound the wrapper (cron) */
	char wrapped[16][KV_PATH_MAX];
	uint32_t noexec_count;		/* mounts that were noexec before stage one made all so */
	char noexec[KV_NOEXEC_MAX][KV_PATH_MAX];

	/* A container (backends/container). */
	uint32_t container_root;	/* host id, of a user and a group, that is root in KV_SELF_USERNS; 0: no container */
	uint32_t groups_count;
	uint32_t groups[KV_GROUPS_MAX];	/* supplementary, all mapped in KV_SELF_USERNS */
	char runtime[KV_RUNTIME_MAX];	/* the runtime's program, as the probe found it */
	char runtime_option[KV_RUNTIME_MAX];	/* what the probe found besides (gVisor: the platform) */
	bool own_rootfs;		/* the root is KV_SELF_ROOTFS, not the view */
	uint32_t data_count;		/* data_dir of the policy, resolved; for a root of its own */
	char data[KV_DATA_MAX][KV_PATH_MAX];

	/* The layers. */
	int32_t network;		/* enum kv_network */
	uint32_t proxy_uid;		/* KV_NET_PROXY: whom the proxy runs as */
	int32_t seccomp;		/* enum kv_seccomp */
	bool read_only_root;
	int32_t home_mode;		/* enum kv_home */
	uint64_t memory_limit;		/* bytes; 0: none */
	uint32_t cpu_limit_milli;
	uint32_t process_limit;
	uint32_t open_files_limit;
	int32_t cgroup_version;		/* enum kv_cgroup_version */
	char cgroup[KV_PATH_MAX];	/* path of the session's cgroup as /proc/PID/cgroup shows it */
	uint32_t landlock_count;	/* 0: only scopes and ports */
	struct kv_ticket_landlock landlock[KV_LANDLOCK_MAX + KV_DATA_MAX + 32];
	uint64_t wasm_memory;		/* bytes of one memory of a module; 0: no limit */
	uint64_t wasm_fuel;		/* 0: no limit */
	uint32_t wasm_timeout_ms;	/* 0: none */
	uint32_t ports_count;
	uint16_t ports[KV_PORTS_MAX];
	uint32_t filter_count;		/* 0: no seccomp filter */
	struct sock_filter filter[KV_TICKET_FILTER_MAX];
};

/* Writes dirfd/"ticket", mode 0400 (0444 for privilege = userns). Root. 0 or -1. */
int kv_ticket_write(int dirfd, const struct kv_ticket *ticket, struct kv_error *err);

/*
 * Maps the ticket at KV_SELF_DIR read-only. proc: from kv_proc_open; -1: none, which only a ticket with
 * privilege = userns allows. *found is false, and -1 is
 * returned, where there is no KV_SELF_DIR at all: no session was opened. A ticket that is
 * there and cannot be read, is of another size, owner, mode, user or user namespace is an
 * error with *found true. Needs CAP_DAC_OVERRIDE effective, unless the ticket's privilege
 * is userns. The caller unmaps it with kv_ticket_unmap.
 */
int kv_ticket_map(int proc, const struct kv_ticket **out, bool *found, struct kv_error *err);
/* Is there a KV_SELF_DIR: was this process put into a session. No privilege; true when in doubt. */
bool kv_ticket_present(void);
void kv_ticket_unmap(const struct kv_ticket *ticket);

/*
 * Maps the values of the ticket's secrets read-only, for the life of the process; *out is NULL where there are none.
 * Each is within the file, ended by a NUL, and, for a variable, without another. Needs CAP_DAC_OVERRIDE as kv_ticket_map. 0 or -1.
 */
int kv_ticket_secrets_map(const struct kv_ticket *ticket, const char **out, struct kv_error *err);

#endif

/*
 * The policy: what /etc/kavach says, as data. Made by policy/load.h, chosen
 * from by policy/decide.h. Pure: nothing in this header touches the host.
 */
#ifndef KV_POLICY_POLICY_H
#define KV_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_credential;
struct kv_error;

#define KV_NAME_MAX	64	/* bytes of a policy, rule, user or service name, with NUL */
#define KV_PATH_MAX	512	/* bytes of a path in a policy, with NUL */
#define KV_COMMAND_MAX	4096	/* bytes of a forced command, with NUL */
#define KV_LANDLOCK_MAX	64	/* Landlock rules of one policy, bases included */
#define KV_PORTS_MAX	64	/* allowed TCP ports of one policy */
#define KV_DATA_MAX	16	/* data directories of one policy */
#define KV_RUNTIME_MAX	128	/* bytes of the path of a container runtime, with NUL */
#define KV_IMAGE_MAX	64	/* bytes of an image's name, with NUL */
#define KV_CREDENTIALS_MAX 32	/* credentials of one policy */
#define KV_CREDENTIALS_DIR KV_RUNSTATEDIR "/credentials"	/* session's view: those that are files */
#define KV_SYAGNOS_IMAGE "sy-agnos"	/* what sy-agnos runs where the policy names no image */

enum kv_network { KV_NET_OFF, KV_NET_LOOPBACK, KV_NET_PROXY, KV_NET_HOST };
enum kv_seccomp { KV_SECCOMP_OFF, KV_SECCOMP_BASIC, KV_SECCOMP_DESKTOP, KV_SECCOMP_STRICT, KV_SECCOMP_FILE };
enum kv_home { KV_HOME_RW, KV_HOME_RO, KV_HOME_PRIVATE, KV_HOME_OVERLAY };
enum kv_privilege { KV_PRIV_CAPS, KV_PRIV_USERNS };
/* How much of an sy-agnos image is proven; the order counts. */
enum kv_tier { KV_TIER_MINIMAL, KV_TIER_DMVERITY, KV_TIER_TPM };
enum kv_audit_format { KV_AUDIT_LOGFMT, KV_AUDIT_JSON };

/* The registry's order. The values are indices. */
enum kv_backend_id {
	KV_BACKEND_PROCESS,
	KV_BACKEND_GVISOR,
	KV_BACKEND_FIRECRACKER,
	KV_BACKEND_WASM,
	KV_BACKEND_OCI,
	KV_BACKEND_SGX,
	KV_BACKEND_SEV,
	KV_BACKEND_TDX,
	KV_BACKEND_SYAGNOS,
	KV_BACKEND_NOOP,
	KV_BACKEND_COUNT,
	KV_BACKEND_AUTO = -1,	/* policy: choose; inner_backend: none */
};

/* A list of words; owned by what holds it. */
struct kv_list {
	char **item;		/* owned, each owned */
	size_t count;
};

struct kv_landlock_path {
	char path[KV_PATH_MAX];	/* absolute; "~" at the start is the user's home */
	bool writable;
};

/*
 * One [policy NAME] with its bases merged in. The long tables are no longer than they
 * are used: there may be a thousand policies, and each login reads them all.
 */
struct kv_policy {
	char name[KV_NAME_MAX];
	enum kv_backend_id backend;		/* AUTO: the strongest */
	enum kv_backend_id inner_backend;	/* AUTO: none */
	int min_strength;			/* 0-100 */
	bool allow_noop;
	enum kv_privilege privilege;

	enum kv_seccomp seccomp;
	char seccomp_file[KV_PATH_MAX];		/* with KV_SECCOMP_FILE */
	struct kv_landlock_path *landlock;	/* owned; at most KV_LANDLOCK_MAX */
	size_t landlock_count;
	enum kv_network network;
	struct kv_list allowed_hosts;		/* empty: no restriction by host in a merge; see kavach.conf(5) */
	uint16_t allowed_ports[KV_PORTS_MAX];	/* TCP; count 0: no restriction */
	size_t allowed_ports_count;
	struct kv_list allowed_methods;		/* HTTP, upper case; empty: any. network = proxy only, as the next */
	struct kv_list allowed_paths;		/* prefixes of an HTTP path, each with its / at the beginning; empty: any */
	bool read_only_root;
	uint64_t memory_limit;			/* bytes; 0: none */
	uint32_t cpu_limit_milli;		/* thousandths of a core; 0: none */
	uint32_t process_limit;			/* 0: none */
	uint32_t open_files_limit;		/* RLIMIT_NOFILE; 0: as it is */
	uint64_t tmp_size;			/* bytes for /tmp; 0: the default of 64 MiB */

	char (*data_dir)[KV_PATH_MAX];		/* owned; writable, made visible; at most KV_DATA_MAX */
	size_t data_dir_count;
	enum kv_home home;
	bool protect_dotfiles;
	char rootfs[KV_PATH_MAX];		/* containers: "": the host's files (rootfs = host), else a folder */
	char image[KV_IMAGE_MAX];		/* containers: an image by its name; "": none. Not with rootfs */
	enum kv_tier image_tier;		/* sy-agnos: the least that is accepted */
	uint64_t wasm_fuel;			/* wasm: about one for each instruction; 0: no limit */
	uint32_t wasm_timeout_ms;		/* wasm: of the module, by its runtime; 0: none */
	char shell[KV_PATH_MAX];		/* absolute; default /bin/bash */
	struct kv_list credentials;		/* names; at most KV_CREDENTIALS_MAX. See policy/credential.h */
	struct kv_list environment;		/* names kept besides the built-in list; a trailing * matches any end */
};

/* One [rule NAME]. An empty list matches everything. */
struct kv_rule {
	char name[KV_NAME_MAX];
	struct kv_list user, group, service, from, tty;
	char policy[KV_NAME_MAX];
	char *command;			/* owned; forced; NULL: none */
	char file[KV_PATH_MAX];		/* where it stands */
	unsigned int line;
};

/* All of /etc/kavach. */
struct kv_config {
	struct kv_list exempt_groups;	/* default: root */
	enum kv_audit_format audit_format;
	bool audit_required;		/* default yes */
	bool require_pam;		/* default yes */
	struct kv_list wrap_services;	/* default: cron crond atd; see kavach.conf(5) */
	char contact[128];		/* whom a refused user is told to ask; default "your administrator" */
	struct kv_policy *policies;	/* owned; presets first */
	size_t policy_count;
	struct kv_rule *rules;		/* owned; in order */
	size_t rule_count;
	struct kv_credential *credentials;	/* owned */
	size_t credential_count;
	bool credentials_unread;	/* credentials.d was not looked at: what policies name of it is not checked */
};

/*
 * Presets: "minimal", "basic", "strict". Returns 0 and
 * fills *out, which the caller releases; -1 if there is no such preset.
 */
int kv_policy_preset(const char *name, struct kv_policy *out);

/* Deep copy; 0, or -1 when out of memory (out is then empty). */
int kv_policy_copy(const struct kv_policy *from, struct kv_policy *out);
void kv_policy_release(struct kv_policy *policy);
void kv_config_release(struct kv_config *config);

/* Room for one more, which the caller fills; he looks at the maximum. NULL when out of memory. */
struct kv_landlock_path *kv_policy_add_landlock(struct kv_policy *policy);
char *kv_policy_add_data_dir(struct kv_policy *policy);	/* KV_PATH_MAX bytes */

/* The policy of this name (exact), borrowed; NULL if there is none. */
const struct kv_policy *kv_config_policy(const struct kv_config *config, const char *name);

/*
 * The merge for a composite: the stricter of each field.
 * 0; -1 with KV_ERR_CONFIG where the joined rules do not fit, or KV_ERR_NOMEM.
 */
int kv_policy_merge(const struct kv_policy *outer, const struct kv_policy *inner,
    struct kv_policy *out, struct kv_error *err);

/* Lists. kv_list_add copies the word; 0, or -1 when out of memory. */
int kv_list_add(struct kv_list *list, const char *word);
bool kv_list_has(const struct kv_list *list, const char *word);
void kv_list_release(struct kv_list *list);

/* Names for enum values, for messages, records and --json. Total: "?" is never returned for a valid value. */
const char *kv_network_name(enum kv_network v);
const char *kv_seccomp_name(enum kv_seccomp v);
const char *kv_home_name(enum kv_home v);
const char *kv_privilege_name(enum kv_privilege v);
const char *kv_tier_name(enum kv_tier v);

#endif

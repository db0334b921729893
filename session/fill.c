/*
 * The frozen decision: policy, account and request become the ticket.
 */
#include "session/fill.h"
#include "session/idmap.h"

#include "backends/process/landlock.h"
#include "backends/process/seccomp.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "policy/credential.h"
#include "session/fill_groups.h"
#include "session/fill_wasm.h"
#include "session/opener.h"
#include "session/walk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
kv_own_namespace(const char *name, uint64_t *ino, struct kv_error *err)
{
	kv_cleanup_close int proc = kv_proc_open(err);

	return proc < 0 ? -1 : kv_proc_namespace(proc, name, ino, err);
}

static int
put(char *to, size_t size, const char *from, const char *what, struct kv_error *err)
{
	if (kv_format(to, size, "%s", from == NULL ? "" : from) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "%s is too long", what);
	return 0;
}

static int
fill_names(const struct kv_config *config, const struct kv_decision *d,
    const struct kv_request *r, const struct kv_account *a, struct kv_ticket *t, struct kv_error *err)
{
	const char *rule = d->rule != NULL ? d->rule->name : "";
	const char *command = d->rule != NULL ? d->rule->command : "";

	if (put(t->user, sizeof(t->user), a->user, "the user name", err) != 0 ||
	    put(t->service, sizeof(t->service), r->service, "the service", err) != 0 ||
	    put(t->from, sizeof(t->from), r->from, "the source address", err) != 0 ||
	    put(t->rule, sizeof(t->rule), rule, "the rule's name", err) != 0 ||
	    put(t->policy, sizeof(t->policy), d->policy.name, "the policy's name", err) != 0 ||
	    put(t->home, sizeof(t->home), a->home, "the home directory", err) != 0 ||
	    put(t->shell, sizeof(t->shell), d->policy.shell, "the shell", err) != 0 ||
	    put(t->command, sizeof(t->command), command, "the command", err) != 0 ||
	    put(t->contact, sizeof(t->contact), config->contact, "the contact", err) != 0)
		return -1;
	if (d->policy.environment.count > sizeof(t->environment) / sizeof(t->environment[0]))
		return kv_error_set(err, KV_ERR_CONFIG, "policy %s keeps too many variables", t->policy);
	for (size_t i = 0; i < d->policy.environment.count; i++)
		if (put(t->environment[i], sizeof(t->environment[i]), d->policy.environment.item[i],
		    "a variable's name", err) != 0)
			return -1;
	t->environment_count = (uint32_t)d->policy.environment.count;
	return 0;
}

/*
 * The name of a path without links. Home and what the view makes anew are other
 * files there than here: they keep their names, and the wrapper follows no link.
 */
static int
without_links(const char *home, const char *path, char *out, size_t size, struct kv_error *err)
{
	char full[2 * KV_PATH_MAX];
	bool is_home = path[0] == '~' && (path[1] == '/' || path[1] == '\0');
	int root, fd;

	if (kv_format(full, sizeof(full), "%s%s", is_home ? home : "", is_home ? path + 1 : path) != 0)
		return kv_error_sys(err, "%s", path);
	if (kv_walk_own(full, home))
		return put(out, size, full, "a Landlock path", err);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return kv_error_sys(err, "/");
	fd = kv_walk(root, full, out, size, err);
	(void)close(root);
	if (fd < 0)
		return kv_error_wrap(err, "landlock");
	(void)close(fd);
	return 0;
}

struct kv_ticket_landlock *
kv_fill_name(struct kv_ticket *t, const char *full, bool writable, struct kv_error *err)
{
	struct kv_ticket_landlock *rule = t->landlock;

	for (; rule < t->landlock + t->landlock_count; rule++)
		if (strcmp(rule->path, full) == 0) {
			rule->writable |= writable;
			return rule;
		}
	if (t->landlock_count >= sizeof(t->landlock) / sizeof(t->landlock[0])) {
		(void)kv_error_set(err, KV_ERR_CONFIG, "policy %s has too many paths", t->policy);
		return NULL;
	}
	if (put(rule->path, sizeof(rule->path), full, "a Landlock path", err) != 0)
		return NULL;
	rule->writable = writable;
	t->landlock_count++;
	return rule;
}

struct kv_ticket_landlock *
kv_fill_path(struct kv_ticket *t, const char *home, const char *path, bool writable, struct kv_error *err)
{
	char full[KV_PATH_MAX];

	return without_links(home, path, full, sizeof(full), err) != 0 ? NULL : kv_fill_name(t, full, writable, err);
}

/* A path of the policy's own. A module sees it too, if it is a folder; what cannot be told from here (a home) may be one. */
static int
add_path(struct kv_ticket *t, const char *home, const char *path, bool writable, struct kv_error *err)
{
	struct kv_ticket_landlock *rule = kv_fill_path(t, home, path, writable, err);
	struct stat st;

	if (rule == NULL)
		return -1;
	rule->preopen = lstat(rule->path, &st) != 0 || S_ISDIR(st.st_mode);
	return 0;
}

/*
 * The policy's Landlock rules; the data directories with them, which would be
 * visible and dead otherwise; then what no session works without. A module's runtime works without
 * most of that, and what is ro for the module must be so for the runtime.
 */
static int
fill_landlock(const struct kv_decision *d, const struct kv_request *r, const char *home, struct kv_ticket *t,
    struct kv_error *err)
{
	const struct kv_policy *p = &d->policy;

	for (size_t i = 0; i < p->landlock_count; i++)
		if (add_path(t, home, p->landlock[i].path, p->landlock[i].writable, err) != 0)
			return -1;
	for (size_t i = 0; i < p->data_dir_count && t->landlock_count > 0; i++)
		if (add_path(t, home, p->data_dir[i], true, err) != 0)
			return -1;
	if (t->landlock_count == 0)
		return 0;
	return d->backend == KV_BACKEND_WASM ? kv_fill_runtime(kv_request_command(d->rule, r),
	    d->rule != NULL && d->rule->command != NULL, t, err) : kv_landlock_implied(t, err);
}

/* A container with a root of its own has the data directories mounted in it one by one; a module sees them. */
static int
fill_data(const struct kv_policy *p, const char *home, struct kv_ticket *t, struct kv_error *err)
{
	for (size_t i = 0; i < p->data_dir_count; i++) {
		if (without_links(home, p->data_dir[i], t->data[i], sizeof(t->data[i]), err) != 0)
			return -1;
		t->data_count++;
	}
	return 0;
}

/*
 * The limit is the user's. What a container runtime needs besides lives in the same cgroup: gVisor's kernel
 * and its file server are threads of this kernel, 60 to 120 for each channel
 * of a connection, of which sshd allows ten; podman's are its monitor's, wasmtime's wait for files and clocks. A proxy is one process.
 */
static uint32_t
own_tasks(enum kv_backend_id backend, enum kv_network network)
{
	uint32_t proxy = network == KV_NET_PROXY ? 1 : 0;

	if (backend == KV_BACKEND_GVISOR)
		return 1024 + proxy;
	return (kv_idmap_wanted(backend) || backend == KV_BACKEND_WASM ? 32 : 0) + proxy;
}

static int
fill_layers(const struct kv_decision *d, const struct kv_request *r, const struct kv_account *a,
    struct kv_ticket *t, struct kv_error *err)
{
	const struct kv_policy *p = &d->policy;
	size_t count = 0;

	t->network = (int32_t)p->network;
	t->seccomp = (int32_t)p->seccomp;
	t->read_only_root = p->read_only_root;
	t->home_mode = (int32_t)p->home;
	t->memory_limit = p->memory_limit;
	t->cpu_limit_milli = p->cpu_limit_milli;
	t->process_limit = p->process_limit == 0 ? 0 : p->process_limit + own_tasks(d->backend, p->network);
	t->open_files_limit = p->open_files_limit;
	t->wasm_memory = p->memory_limit;
	t->wasm_fuel = p->wasm_fuel;
	t->wasm_timeout_ms = p->wasm_timeout_ms;
	/* With a proxy they are what that may connect to. */
	if (p->network == KV_NET_HOST) {
		t->ports_count = (uint32_t)p->allowed_ports_count;
		memcpy(t->ports, p->allowed_ports, sizeof(t->ports));
	}
	if (p->network == KV_NET_PROXY && kv_idmap_proxy(a->uid, &t->proxy_uid, err) != 0)
		return -1;
	if (fill_landlock(d, r, a->home, t, err) != 0 || fill_data(p, a->home, t, err) != 0)
		return -1;
	if (p->seccomp == KV_SECCOMP_OFF)
		return 0;
	if (kv_seccomp_compile(p->seccomp, p->seccomp_file, t->filter, KV_TICKET_FILTER_MAX,
	    &count, err) != 0)
		return -1;
	if (count == 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "the seccomp profile compiled to nothing");
	t->filter_count = (uint32_t)count;
	return 0;
}

/* Does the session have credentials as files: Landlock must let it read them. */
static bool
has_files(const struct kv_config *config, const struct kv_policy *policy)
{
	for (size_t i = 0; i < policy->credentials.count; i++) {
		const struct kv_credential *one = kv_config_credential(config, policy->credentials.item[i]);

		if (one != NULL && one->delivery == KV_DELIVERY_FILE)
			return true;
	}
	return false;
}

/* The terminal that su(1) or login(1) was started on: its session keeps it. */
static uint64_t
own_terminal(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (isatty(fd) && fstat(fd, &st) == 0)
			return st.st_rdev;
	}
	return 0;
}

int
kv_ticket_fill(const struct kv_config *config, const struct kv_decision *decision,
    const struct kv_request *request, const struct kv_account *account,
    const char *id, struct kv_ticket *t, struct kv_error *err)
{
	memset(t, 0, sizeof(*t));
	t->magic = KV_TICKET_MAGIC;
	t->size = sizeof(*t);
	memcpy(t->session, id, sizeof(t->session));
	t->uid = account->uid;
	t->gid = account->gid;
	t->backend = (int32_t)decision->backend;
	t->inner = (int32_t)decision->inner;
	t->base_score = decision->base_score;
	t->score = decision->score;
	t->min_strength = decision->policy.min_strength;
	memcpy(t->runtime, decision->runtime, sizeof(t->runtime));
	memcpy(t->runtime_option, decision->runtime_option, sizeof(t->runtime_option));
	t->own_rootfs = decision->policy.rootfs[0] != '\0' || decision->policy.image[0] != '\0';
	t->privilege = (int32_t)decision->policy.privilege;
	t->audit_format = (int32_t)config->audit_format;
	t->audit_required = config->audit_required;
	t->credentials_dir = has_files(config, &decision->policy);
	t->opener_pid = getpid();
	t->tty_rdev = own_terminal();
	if (kv_opener_start(AT_FDCWD, getpid(), &t->opener_start, err) != 0 ||
	    kv_own_namespace("user", &t->userns_ino, err) != 0 ||
	    kv_own_namespace("net", &t->host_netns_ino, err) != 0)
		return -1;
	if (fill_names(config, decision, request, account, t, err) != 0)
		return -1;
	if (kv_idmap_wanted(decision->backend) && kv_idmap_fill(account, t, err) != 0)
		return -1;
	if (kv_fill_groups(account, t, err) != 0)
		return -1;
	return fill_layers(decision, request, account, t, err);
}

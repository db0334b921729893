#include "backends/container/oci_config.h"

#include <json-c/json.h>
#include <string.h>

#include "backends/container/json.h"
#include "backends/container/oci_seccomp.h"
#include "common/error.h"

#define CPU_PERIOD_US 100000U	/* the kernel's default (cgroup-v2, "cpu.max") */

static bool
one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

/* What tmpfs(5) and devpts are told, as a word or "key=value". */
static bool
is_data(const char *option)
{
	static const char *const keys[] = {
		"gid", "max", "mode", "nr_blocks", "nr_inodes", "ptmxmode", "size", "uid", NULL,
	};
	const char *equals = strchr(option, '=');

	if (equals == NULL)
		return strcmp(option, "newinstance") == 0;
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strlen(keys[i]) == (size_t)(equals - option) &&
		    memcmp(keys[i], option, strlen(keys[i])) == 0)
			return true;
	}
	return false;
}

static int
check_mount(const struct kv_oci_mount *mount, struct kv_error *err)
{
	/* No "shared": nothing that happens in a container is to be seen outside. */
	static const char *const flags[] = {
		"ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime",
		"diratime", "nodiratime", "relatime", "strictatime",
		"private", "rprivate", "slave", "rslave", NULL,
	};
	static const char *const binds[] = { "bind", "rbind", NULL };
	static const char *const types[] = { "bind", "devpts", "mqueue", "proc", "sysfs", "tmpfs", NULL };
	bool is_bind = strcmp(mount->type, "bind") == 0, bound = false;

	if (mount->destination[0] != '/' || (is_bind && mount->source[0] != '/'))
		return kv_error_set(err, KV_ERR_CONFIG, "container: a mount's path is not absolute: %.128s",
		    mount->destination);
	if (!one_of(mount->type, types))
		return kv_error_set(err, KV_ERR_CONFIG, "container: %.128s: no type of mount: %.64s",
		    mount->destination, mount->type);
	for (const char *const *option = mount->options; option != NULL && *option != NULL; option++) {
		if (is_bind && one_of(*option, binds))
			bound = true;
		else if (!one_of(*option, flags) && (is_bind || !is_data(*option)))
			return kv_error_set(err, KV_ERR_CONFIG, "container: %.128s: no mount option: %.64s",
			    mount->destination, *option);
	}
	if (is_bind != bound)
		return kv_error_set(err, KV_ERR_CONFIG, "container: %.128s: neither bind nor rbind",
		    mount->destination);
	return 0;
}

static int
check_spec(const struct kv_oci_spec *spec, struct kv_error *err)
{
	if (spec->root == NULL || spec->root[0] == '\0')
		return kv_error_set(err, KV_ERR_CONFIG, "container: no root");
	if (spec->args == NULL || spec->args[0] == NULL || spec->args[0][0] == '\0')
		return kv_error_set(err, KV_ERR_CONFIG, "container: nothing to execute");
	if (spec->cwd == NULL || spec->cwd[0] != '/')
		return kv_error_set(err, KV_ERR_CONFIG, "container: the working directory is not absolute");
	for (const char *const *env = spec->env; env != NULL && *env != NULL; env++) {
		if (strchr(*env, '=') == NULL || **env == '=')
			return kv_error_set(err, KV_ERR_CONFIG, "container: no NAME=value: %.64s", *env);
	}
	/* The specification has int64, and -1 for "no limit". */
	if (spec->memory_limit > INT64_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "container: the memory limit is out of range");
	for (size_t i = 0; i < spec->mount_count; i++) {
		if (check_mount(&spec->mounts[i], err) != 0)
			return -1;
	}
	return 0;
}

static void
add_user(struct kv_json *j, struct json_object *process, const struct kv_oci_spec *spec)
{
	struct json_object *user = kv_oci_json_object(j, process, "user");
	struct json_object *groups;

	kv_oci_json_number(j, user, "uid", spec->uid);
	kv_oci_json_number(j, user, "gid", spec->gid);
	groups = kv_oci_json_array(j, user, "additionalGids");
	for (size_t i = 0; i < spec->group_count; i++)
		kv_oci_json_number(j, groups, NULL, spec->groups[i]);
}

static void
add_process(struct kv_json *j, struct json_object *root, const struct kv_oci_spec *spec)
{
	struct json_object *process = kv_oci_json_object(j, root, "process");
	struct json_object *sets, *limits;

	kv_oci_json_bool(j, process, "terminal", spec->terminal);
	add_user(j, process, spec);
	kv_oci_json_strings(j, process, "args", spec->args);
	kv_oci_json_strings(j, process, "env", spec->env);
	kv_oci_json_string(j, process, "cwd", spec->cwd);
	sets = kv_oci_json_object(j, process, "capabilities");
	kv_oci_json_strings(j, sets, "bounding", NULL);
	kv_oci_json_strings(j, sets, "effective", NULL);
	kv_oci_json_strings(j, sets, "inheritable", NULL);
	kv_oci_json_strings(j, sets, "permitted", NULL);
	kv_oci_json_strings(j, sets, "ambient", NULL);
	kv_oci_json_bool(j, process, "noNewPrivileges", true);
	limits = kv_oci_json_array(j, process, "rlimits");
	if (spec->open_files != 0) {
		struct json_object *limit = kv_oci_json_object(j, limits, NULL);

		kv_oci_json_string(j, limit, "type", "RLIMIT_NOFILE");
		kv_oci_json_number(j, limit, "hard", spec->open_files);
		kv_oci_json_number(j, limit, "soft", spec->open_files);
	}
}

static void
add_mount(struct kv_json *j, struct json_object *mounts, const struct kv_oci_mount *mount)
{
	struct json_object *object = kv_oci_json_object(j, mounts, NULL);

	kv_oci_json_string(j, object, "destination", mount->destination);
	kv_oci_json_string(j, object, "type", mount->type);
	kv_oci_json_string(j, object, "source", mount->source);
	kv_oci_json_strings(j, object, "options", mount->options);
}

static void
add_mounts(struct kv_json *j, struct json_object *root, const struct kv_oci_spec *spec)
{
	static const char *const options[] = { "nosuid", "noexec", "nodev", NULL };
	static const struct kv_oci_mount proc = {
		.destination = "/proc", .type = "proc", .source = "proc", .options = options,
	};
	struct json_object *mounts = kv_oci_json_array(j, root, "mounts");

	add_mount(j, mounts, &proc);
	for (size_t i = 0; i < spec->mount_count; i++)
		add_mount(j, mounts, &spec->mounts[i]);
}

static void
add_namespaces(struct kv_json *j, struct json_object *linux_)
{
	static const char *const types[] = { "pid", "ipc", "uts", "mount", NULL };
	struct json_object *namespaces = kv_oci_json_array(j, linux_, "namespaces");

	for (size_t i = 0; types[i] != NULL; i++)
		kv_oci_json_string(j, kv_oci_json_object(j, namespaces, NULL), "type", types[i]);
}

static void
add_paths(struct kv_json *j, struct json_object *linux_)
{
	/* What docker and podman mask, and sysrq-trigger, which the process backend masks too. */
	static const char *const masked[] = {
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/sysrq-trigger",
		"/proc/timer_list", "/proc/timer_stats", NULL,
	};
	static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", NULL };

	kv_oci_json_strings(j, linux_, "maskedPaths", masked);
	kv_oci_json_strings(j, linux_, "readonlyPaths", read_only);
}

static void
add_resources(struct kv_json *j, struct json_object *linux_, const struct kv_oci_spec *spec)
{
	struct json_object *resources, *one;

	if (spec->memory_limit == 0 && spec->cpu_limit_milli == 0 && spec->process_limit == 0)
		return;
	resources = kv_oci_json_object(j, linux_, "resources");
	if (spec->memory_limit != 0) {
		one = kv_oci_json_object(j, resources, "memory");
		kv_oci_json_number(j, one, "limit", spec->memory_limit);
	}
	if (spec->cpu_limit_milli != 0) {
		one = kv_oci_json_object(j, resources, "cpu");
		kv_oci_json_number(j, one, "quota", (uint64_t)spec->cpu_limit_milli * (CPU_PERIOD_US / 1000));
		kv_oci_json_number(j, one, "period", CPU_PERIOD_US);
	}
	if (spec->process_limit != 0) {
		one = kv_oci_json_object(j, resources, "pids");
		kv_oci_json_number(j, one, "limit", spec->process_limit);
	}
}

static void
add_linux(struct kv_json *j, struct json_object *root, const struct kv_oci_spec *spec)
{
	struct json_object *linux_ = kv_oci_json_object(j, root, "linux");

	add_namespaces(j, linux_);
	kv_oci_json_string(j, linux_, "rootfsPropagation", "rprivate");
	add_paths(j, linux_);
	add_resources(j, linux_, spec);
	if (spec->seccomp != KV_SECCOMP_OFF && !j->failed) {
		struct json_object *section = kv_oci_seccomp(spec->seccomp, spec->seccomp_text, j->err);

		j->failed = section == NULL;
		kv_oci_json_value(j, linux_, "seccomp", section);
	}
}

static void
add_all(struct kv_json *j, struct json_object *root, const struct kv_oci_spec *spec)
{
	struct json_object *object;

	kv_oci_json_string(j, root, "ociVersion", "1.0.2");
	add_process(j, root, spec);
	object = kv_oci_json_object(j, root, "root");
	kv_oci_json_string(j, object, "path", spec->root);
	kv_oci_json_bool(j, object, "readonly", spec->read_only_root);
	if (spec->hostname != NULL)
		kv_oci_json_string(j, root, "hostname", spec->hostname);
	add_mounts(j, root, spec);
	add_linux(j, root, spec);
}

int
kv_oci_config(const struct kv_oci_spec *spec, char **out, struct kv_error *err)
{
	struct kv_json j = { .err = err };
	struct json_object *root;
	const char *text;

	if (check_spec(spec, err) != 0)
		return -1;
	root = json_object_new_object();
	if (root == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "container: out of memory");
	add_all(&j, root, spec);
	if (!j.failed) {
		text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
		*out = text != NULL ? strdup(text) : NULL;
		if (*out == NULL) {
			(void)kv_error_set(err, KV_ERR_NOMEM, "container: out of memory");
			j.failed = true;
		}
	}
	(void)json_object_put(root);
	return j.failed ? -1 : 0;
}

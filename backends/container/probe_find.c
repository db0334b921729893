/* All that is to be known of one runtime, found by asking it and by starting it. */
#include "backends/container/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/io.h"

#define ANSWER_MAX	32768	/* runsc's flags are 10 kB */
#define REASON_MAX	sizeof(((struct kv_probe *)0)->reason)

/* "NAME version VERSION ...", or "NAME VERSION ...". */
static void
read_version(const char *text, const char *before, char *out, size_t size)
{
	const char *at = strstr(text, before);
	size_t len = 0;

	if (at != NULL) {
		at += strlen(before);
		len = strcspn(at, " \t\r\n,;");
	}
	(void)snprintf(out, size, "%.*s", at == NULL ? 0 : (int)(len < size ? len : size - 1), at == NULL ? "" : at);
}

static void
give_reason(enum kv_runtime runtime, const struct kv_error *err, struct kv_probe *out)
{
	const char *name = kv_runtime_name(runtime), *msg = err->msg;

	/* The shim names it too. */
	if (strncmp(msg, name, strlen(name)) == 0 && strncmp(msg + strlen(name), ": ", 2) == 0)
		msg += strlen(name) + 2;
	(void)snprintf(out->reason, REASON_MAX, "%.*s", (int)REASON_MAX - 1, msg[0] != '\0' ? msg : "no reason is known");
	out->starts = false;
	if (err->sys_errno == ETIMEDOUT)
		out->when -= out->when < KV_PROBE_FAILED_S - KV_PROBE_LATE_S ? out->when : KV_PROBE_FAILED_S - KV_PROBE_LATE_S;
}

/* Does `runsc flags` list it: a line "  -NAME" with or without the kind of its value. */
static bool
has_flag(const char *help, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = help; (at = strstr(at, name)) != NULL; at += len) {
		const char *dash = at;

		while (dash > help && dash[-1] == '-')
			dash--;
		if (dash < at && (dash == help || strchr(" \t\n", dash[-1]) != NULL) && strchr(" \t\n=", at[len]) != NULL)
			return true;
	}
	return false;
}

/* What this release knows, as runtime.h names it; each word with a comma before it. */
static void
read_flags(const char *help, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s%s", has_flag(help, "host-uds") ? ",uds" : "",
	    has_flag(help, "overlay2") ? ",overlay2" : "", has_flag(help, "directfs") ? ",directfs" : "");
}

/* One platform. A kernel that does not know a flag of every ls(1) is started again with what helps. */
static int
start_runsc(const char *program, const char *platform, const char *flags, struct kv_probe *out, struct kv_error *err)
{
	char words[64];

	if (kv_format(out->option, sizeof(out->option), "%s%s", platform, flags) != 0)
		return kv_error_sys(err, "%s", platform);
	if (kv_probe_start(KV_RUNTIME_RUNSC, program, out->option, words, sizeof(words), err) != 0)
		return -1;
	if (strstr(words, "noautomount") == NULL)
		return 0;
	if (kv_format(out->option, sizeof(out->option), "%s%s,noautomount", platform, flags) != 0)
		return kv_error_sys(err, "%s", platform);
	return kv_probe_start(KV_RUNTIME_RUNSC, program, out->option, words, sizeof(words), err);
}

/* The runtime is nobody on the host: what is root's or a group's is not for it. */
static bool
kvm_is_open(void)
{
	struct stat st;

	return stat("/dev/kvm", &st) == 0 && S_ISCHR(st.st_mode) && (st.st_mode & 06) == 06;
}

static void
find_runsc(const char *program, const char *help, struct kv_probe *out)
{
	static const char *const platforms[] = { "systrap", "kvm", "ptrace" };
	struct kv_error all = KV_ERROR_INIT;
	char flags[32], said[sizeof(all.msg)] = "";
	bool late = false;

	read_flags(help, flags, sizeof(flags));
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_probe before = *out;

		if (strcmp(platforms[i], "kvm") == 0 && !kvm_is_open())
			continue;
		if (start_runsc(program, platforms[i], flags, out, &err) == 0) {
			out->starts = true;
			return;
		}
		*out = before;
		late = late || err.sys_errno == ETIMEDOUT;
		(void)snprintf(said, sizeof(said), "%s", all.msg);
		(void)kv_error_set(&all, err.code, "%.150s%s%s: %.100s", said, said[0] != '\0' ? "; " : "", platforms[i], err.msg);
	}
	all.sys_errno = late ? ETIMEDOUT : 0;
	give_reason(KV_RUNTIME_RUNSC, &all, out);
}

static void
find_modules(enum kv_runtime runtime, const char *program, struct kv_probe *out)
{
	struct kv_error err = KV_ERROR_INIT;

	out->starts = kv_probe_modules(program, out->option, sizeof(out->option), &err) == 0;
	if (!out->starts)
		give_reason(runtime, &err, out);
}

void
kv_probe_find(enum kv_runtime runtime, const char *program, struct kv_probe *out)
{
	bool modules = runtime == KV_RUNTIME_WASMTIME || runtime == KV_RUNTIME_WASMI;
	static char text[ANSWER_MAX];
	struct kv_error err = KV_ERROR_INIT;
	char words[64], crun[KV_RUNTIME_MAX];

	*out = (struct kv_probe){ .when = kv_probe_uptime_s() };
	if (kv_probe_ask(program, "--version", text, sizeof(text), &err) != 0) {
		give_reason(runtime, &err, out);
		return;
	}
	read_version(text, modules ? " " : "version ", out->version, sizeof(out->version));
	if (modules) {
		find_modules(runtime, program, out);
		return;
	}
	if (runtime == KV_RUNTIME_RUNSC) {
		if (kv_probe_ask(program, "flags", text, sizeof(text), &err) == 0)
			find_runsc(program, text, out);
		else
			give_reason(runtime, &err, out);
		return;
	}
	/* podman's crun: runtime.h. */
	if (runtime == KV_RUNTIME_PODMAN && (kv_runtime_find(KV_RUNTIME_CRUN, crun) != 0 ||
	    kv_format(out->option, sizeof(out->option), "%s", crun) != 0)) {
		(void)kv_error_set(&err, KV_ERR_UNAVAILABLE, "it needs crun, which is not installed");
		give_reason(runtime, &err, out);
		return;
	}
	out->starts = kv_probe_start(runtime, program, out->option, words, sizeof(words), &err) == 0;
	if (!out->starts)
		give_reason(runtime, &err, out);
}

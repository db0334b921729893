#include "backends/container/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "backends/container/runtime_line.h"
#include "common/error.h"
#include "common/io.h"

void
kv_line_add(struct kv_line *line, const char *key, const char *value)
{
	size_t used;

	if (line->full || line->count + 1 == KV_RUNTIME_ARGV ||
	    kv_format(line->text, line->room, "%s%s", key, value) != 0) {
		line->full = true;
		return;
	}
	used = strlen(line->text) + 1;
	line->argv[line->count++] = line->text;
	line->text += used;
	line->room -= used;
}

static bool
good_id(const char *id)
{
	if (!isalnum((unsigned char)*id) && *id != '_')
		return false;
	for (; *id != '\0'; id++) {
		if (!isalnum((unsigned char)*id) && strchr("_.-", *id) == NULL)
			return false;
	}
	return true;
}

static int
check(const struct kv_runtime_start *start, struct kv_error *err)
{
	if (!good_id(start->id))
		return kv_error_set(err, KV_ERR_USAGE, "container: not a good id: %.64s", start->id);
	if (start->program[0] != '/' || start->state[0] != '/' || start->bundle[0] != '/' ||
	    (start->console != NULL && start->console[0] != '/'))
		return kv_error_set(err, KV_ERR_USAGE, "container: a path of the start is not absolute");
	return 0;
}

static int
no_option(const struct kv_runtime_start *start, struct kv_error *err)
{
	if (start->option == NULL || start->option[0] == '\0')
		return 0;
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "container: %s has no option %.32s", start->program,
	    start->option);
}

/* crun(1), runc(8): the same words, but for the cgroup that crun is told to leave alone. */
static void
add_run(struct kv_line *line, const struct kv_runtime_start *start)
{
	if (start->debug)
		kv_line_add(line, "--debug", "");
	kv_line_add(line, "--root", "");
	kv_line_add(line, start->state, "");
	kv_line_add(line, "run", "");
	kv_line_add(line, "--detach", "");
	kv_line_add(line, "--bundle", "");
	kv_line_add(line, start->bundle, "");
	if (start->console != NULL) {
		kv_line_add(line, "--console-socket", "");
		kv_line_add(line, start->console, "");
	}
}

struct runsc_option {
	char platform[32];
	bool uds, overlay2, directfs;
};

static int
read_runsc_option(const char *text, struct runsc_option *out, struct kv_error *err)
{
	size_t len = text != NULL ? strcspn(text, ",") : 0;

	*out = (struct runsc_option){ .uds = false };
	if (len == 0 || len >= sizeof(out->platform))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "container: runsc's platform is not known");
	memcpy(out->platform, text, len);
	for (text += len; *text == ','; text += len) {
		text++;
		len = strcspn(text, ",");
		if (len == 3 && memcmp(text, "uds", 3) == 0)
			out->uds = true;
		else if (len == 8 && memcmp(text, "overlay2", 8) == 0)
			out->overlay2 = true;
		else if (len == 8 && memcmp(text, "directfs", 8) == 0)
			out->directfs = true;
		else if (len == 11 && memcmp(text, "noautomount", 11) == 0)
			continue;	/* of the bundle, not of the command line */
		else
			return kv_error_set(err, KV_ERR_UNAVAILABLE,
			    "container: runsc has no option %.32s", text);
	}
	return 0;
}

/*
 * runsc: files are shared with the other channels of the session, which write to them behind its
 * back, so nothing of them is kept (--file-access); sockets in the session's files may
 * be connected to but not made (kavach-init's is one of them).
 */
static int
add_runsc(struct kv_line *line, const struct kv_runtime_start *start, struct kv_error *err)
{
	struct runsc_option option;
	char log[PATH_MAX];

	if (read_runsc_option(start->option, &option, err) != 0)
		return -1;
	if (start->debug) {
		line->full |= kv_format(log, sizeof(log), "%s/log/", start->state) != 0;
		kv_line_add(line, "--debug", "");
		kv_line_add(line, "--debug-log=", log);
		kv_line_add(line, "--debug-log-format=", "text");
	}
	kv_line_add(line, "--root=", start->state);
	kv_line_add(line, "--rootless", "");
	kv_line_add(line, "--ignore-cgroups", "");
	kv_line_add(line, "--network=", start->network == KV_NET_HOST || start->network == KV_NET_PROXY ? "host" : "none");
	kv_line_add(line, "--platform=", option.platform);
	kv_line_add(line, "--oci-seccomp", "");
	kv_line_add(line, option.uds ? "--host-uds=open" : "--fsgofer-host-uds", "");
	kv_line_add(line, "--file-access=", "shared");
	kv_line_add(line, "--file-access-mounts=", "shared");
	if (option.overlay2)
		kv_line_add(line, "--overlay2=", "none");
	if (option.directfs)
		kv_line_add(line, "--directfs=", "false");
	kv_line_add(line, "run", "");
	kv_line_add(line, "-detach", "");
	kv_line_add(line, "-bundle=", start->bundle);
	if (start->console != NULL)
		kv_line_add(line, "-console-socket=", start->console);
	return 0;
}

int
kv_runtime_argv(enum kv_runtime runtime, const struct kv_runtime_start *start,
    const char *argv[KV_RUNTIME_ARGV], char *text, size_t size, struct kv_error *err)
{
	struct kv_line line = { .argv = argv, .text = text, .room = size };

	if (check(start, err) != 0)
		return -1;
	if (runtime != KV_RUNTIME_RUNSC && runtime != KV_RUNTIME_PODMAN && no_option(start, err) != 0)
		return -1;
	kv_line_add(&line, start->program, "");
	switch (runtime) {
	case KV_RUNTIME_CRUN:
		kv_line_add(&line, "--cgroup-manager=", "disabled");
		add_run(&line, start);
		break;
	case KV_RUNTIME_RUNC:
		add_run(&line, start);
		break;
	case KV_RUNTIME_RUNSC:
		if (add_runsc(&line, start, err) != 0)
			return -1;
		break;
	case KV_RUNTIME_PODMAN:
		if (kv_podman_add(&line, start, err) != 0)
			return -1;
		break;
	case KV_RUNTIME_WASMTIME:
	case KV_RUNTIME_WASMI:
	case KV_RUNTIME_COUNT:
	default:
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "container: %s cannot start a bundle",
		    kv_runtime_name(runtime));
	}
	if (runtime != KV_RUNTIME_PODMAN)
		kv_line_add(&line, start->id, "");
	if (line.full) {
		errno = E2BIG;
		return kv_error_sys(err, "container: the command line of %s", start->program);
	}
	argv[line.count] = NULL;
	return 0;
}

/*
 * podman(1) takes no bundle: what config.json says to the others is said in its command
 * line (podman-run(1)). Nothing of podman's configuration on the host counts, and nothing
 * of its storage is used: its state lies on the shim's tmpfs, the image is a tree (--rootfs).
 *
 * Tried with podman 4.3.1: its own devpts has an option gid=5 that is not mapped here, so one is
 * made by the caller (KV_PODMAN_PTS); it hands crun's own flags to the runtime, so that runtime is crun.
 */
#include <stdio.h>
#include <string.h>

#include "backends/container/oci_config.h"
#include "backends/container/podman.h"
#include "backends/container/runtime.h"
#include "backends/container/runtime_line.h"
#include "common/error.h"
#include "common/io.h"

#define CONMON "/usr/bin/conmon"

static bool
has(const char *const *options, const char *word)
{
	for (; *options != NULL; options++)
		if (strcmp(*options, word) == 0)
			return true;
	return false;
}

static int
add_bind(struct kv_line *line, const struct kv_oci_mount *m, struct kv_error *err)
{
	char text[2 * KV_PATH_MAX + 64];

	/* The words of --mount are fields of CSV. */
	if (strpbrk(m->source, ",\"\n") != NULL || strpbrk(m->destination, ",\"\n") != NULL)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "podman cannot mount %.64s", m->destination);
	if (kv_format(text, sizeof(text), "type=bind,src=%s,target=%s%s", m->source, m->destination,
	    has(m->options, "ro") ? ",ro=true" : "") != 0)
		return kv_error_sys(err, "podman: %s", m->destination);
	kv_line_add(line, "--mount", "");
	kv_line_add(line, text, "");
	return 0;
}

static int
add_mount(struct kv_line *line, const struct kv_runtime_start *start, const struct kv_oci_mount *m,
    struct kv_error *err)
{
	char pts[KV_PATH_MAX];

	/* podman makes a /dev of its own; of the view's, what is not a device. */
	if (strcmp(m->destination, "/dev") == 0) {
		const struct kv_oci_mount shm = {
			.destination = "/dev/shm", .type = "bind", .source = "/dev/shm", .options = m->options,
		};

		return add_bind(line, &shm, err);
	}
	if (strcmp(m->type, "devpts") == 0) {
		const struct kv_oci_mount devpts = {
			.destination = m->destination, .type = "bind", .source = pts,
			.options = (const char *const[]){ NULL },
		};

		if (kv_format(pts, sizeof(pts), "%s/" KV_PODMAN_PTS, start->state) != 0)
			return kv_error_sys(err, "podman: /dev/pts");
		return add_bind(line, &devpts, err);
	}
	if (strcmp(m->type, "tmpfs") == 0) {
		kv_line_add(line, "--tmpfs", "");
		kv_line_add(line, m->destination, ":notmpcopyup,mode=755,size=65536");
		return 0;
	}
	return add_bind(line, m, err);
}

/* Before the subcommand: where all of podman's own state is. */
static int
add_storage(struct kv_line *line, const struct kv_runtime_start *start, struct kv_error *err)
{
	static const char *const folders[][2] = {
		{ "--root=", "/store" }, { "--runroot=", "/run" }, { "--tmpdir=", "/tmp" },
		{ "--runtime-flag=root=", "/crun" },
	};
	char path[KV_PATH_MAX];

	if (start->option == NULL || start->option[0] != '/')
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "podman: its runtime is not known");
	kv_line_add(line, "--conmon=", CONMON);
	kv_line_add(line, "--runtime=", start->option);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (kv_format(path, sizeof(path), "%s%s", start->state, folders[i][1]) != 0)
			return kv_error_sys(err, "podman: its state");
		kv_line_add(line, folders[i][0], path);
	}
	kv_line_add(line, "--storage-driver=", "vfs");
	kv_line_add(line, "--events-backend=", "none");
	kv_line_add(line, "--cgroup-manager=", "cgroupfs");
	return 0;
}

/* The user's own, by number, as config.json has them elsewhere; without any, none of what the image's /etc/group says. */
static void
add_groups(struct kv_line *line, const struct kv_oci_spec *spec)
{
	char text[16];

	if (spec->group_count == 0)
		kv_line_add(line, "--group-add=", "keep-groups");
	for (size_t i = 0; i < spec->group_count; i++) {
		(void)snprintf(text, sizeof(text), "%u", spec->groups[i]);
		kv_line_add(line, "--group-add=", text);
	}
}

int
kv_podman_add(struct kv_line *line, const struct kv_runtime_start *start, struct kv_error *err)
{
	static const char *const words[] = {
		"run", "--detach", "--rootfs", "--cgroups=disabled", "--network=host", "--log-driver=none",
		"--security-opt=no-new-privileges", "--cap-drop=all",
		"--read-only-tmpfs=false", "--ulimit=host", "--passwd=false", "--no-hosts",
	};
	const struct kv_oci_spec *spec = start->spec;
	char user[32], text[KV_PATH_MAX];

	if (spec == NULL)
		return kv_error_set(err, KV_ERR_USAGE, "podman takes no bundle");
	if (add_storage(line, start, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		kv_line_add(line, words[i], "");
	(void)snprintf(user, sizeof(user), "%u:%u", spec->uid, spec->gid);
	kv_line_add(line, "--user=", user);
	add_groups(line, spec);
	kv_line_add(line, "--hostname=", spec->hostname);
	kv_line_add(line, "--read-only=", spec->read_only_root ? "true" : "false");
	if (kv_format(text, sizeof(text), "%s/" KV_PODMAN_SECCOMP, start->state) != 0)
		return kv_error_sys(err, "podman: its seccomp profile");
	kv_line_add(line, "--security-opt=seccomp=", spec->seccomp == KV_SECCOMP_OFF ? "unconfined" : text);
	for (size_t i = 0; i < spec->mount_count; i++)
		if (add_mount(line, start, &spec->mounts[i], err) != 0)
			return -1;
	kv_line_add(line, "--name=", start->id);
	if (kv_format(text, sizeof(text), "%s/rootfs", start->bundle) != 0)
		return kv_error_sys(err, "podman: its root");
	kv_line_add(line, text, "");
	for (size_t i = 0; spec->args[i] != NULL; i++)
		kv_line_add(line, spec->args[i], "");
	return 0;
}

/* What the host says of the container backends, from what is known of their runtimes. */
#include "backends/container/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/probe.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "images/image.h"
#include "session/session.h"

static void
not_known(struct kv_probe *out, const char *reason)
{
	*out = (struct kv_probe){ .starts = false };
	(void)kv_format(out->reason, sizeof(out->reason), "%s", reason);
}

/* Nothing fits: a probe is needed. */
static void
find_out(const struct kv_probe_place *place, enum kv_runtime runtime, const char *program, int64_t until,
    struct kv_probe *out)
{
	char key[KV_PROBE_KEY];
	int run;

	if (geteuid() != 0) {
		not_known(out, "not known yet: root probes it (kavachctl backends)");
		return;
	}
	run = kv_probe_run(place, runtime, until);
	if (kv_probe_key(place, runtime, program, key) == 0 && kv_probe_read(place->folder, runtime, key, out) == 0)
		return;
	not_known(out, run == 1 ? "still being probed" : "the probe ended without an answer");
}

void
kv_probe_look(const struct kv_probe_place *place, enum kv_runtime runtime, int64_t until,
    char program[KV_RUNTIME_MAX], struct kv_probe *out)
{
	char key[KV_PROBE_KEY];

	program[0] = '\0';
	if ((place->runtimes == NULL ? kv_runtime_find(runtime, program) :
	    kv_runtime_find_in(place->runtimes, runtime, program)) != 0) {
		program[0] = '\0';
		not_known(out, "not installed");
		return;
	}
	if (kv_probe_key(place, runtime, program, key) != 0 ||
	    kv_probe_read(place->folder, runtime, key, out) != 0)
		find_out(place, runtime, program, until, out);
	else if (!out->starts && geteuid() == 0 && kv_probe_uptime_s() - out->when >= KV_PROBE_FAILED_S)
		(void)kv_probe_run(place, runtime, 0);
}

int
kv_probe_forget(struct kv_error *err)
{
	kv_cleanup_close int folder = -1;

	if (kv_session_probe_folder(true, &folder, err) != 0)
		return -1;
	for (int i = 0; i < KV_RUNTIME_COUNT; i++)
		if (unlinkat(folder, kv_runtime_name((enum kv_runtime)i), 0) != 0 && errno != ENOENT)
			return kv_error_sys(err, "%s/%s", KV_PROBE_DIR, kv_runtime_name((enum kv_runtime)i));
	return 0;
}

static void
accept_it(enum kv_runtime runtime, const struct kv_probe *probe, struct kv_backend_fact *fact, char *version, size_t size)
{
	fact->available = true;
	fact->accepts[KV_SESSION_SHELL] = fact->accepts[KV_SESSION_COMMAND] = true;
	(void)kv_format(fact->runtime_option, sizeof(fact->runtime_option), "%s", probe->option);
	if (version != NULL && runtime == KV_RUNTIME_RUNSC)
		(void)snprintf(version, size, "%s %.30s, %.*s", kv_runtime_name(runtime), probe->version,
		    (int)strcspn(probe->option, ","), probe->option);
	else if (version != NULL)
		(void)snprintf(version, size, "%s %s", kv_runtime_name(runtime), probe->version);
}

/* crun where it starts, else runc. */
static void
probe_oci(int64_t until, struct kv_backend_fact *fact, char *version, size_t size)
{
	static const enum kv_runtime choice[] = { KV_RUNTIME_CRUN, KV_RUNTIME_RUNC };
	struct kv_probe probes[2];

	for (size_t i = 0; i < 2; i++) {
		kv_probe_look(&kv_probe_host, choice[i], until, fact->runtime, &probes[i]);
		if (probes[i].starts) {
			accept_it(choice[i], &probes[i], fact, version, size);
			return;
		}
	}
	(void)snprintf(fact->reason, sizeof(fact->reason), "crun: %.118s; runc: %.118s", probes[0].reason,
	    probes[1].reason);
}

static void
probe_one(enum kv_runtime runtime, int64_t until, struct kv_backend_fact *fact, char *version, size_t size)
{
	struct kv_probe probe;

	kv_probe_look(&kv_probe_host, runtime, until, fact->runtime, &probe);
	if (probe.starts)
		accept_it(runtime, &probe, fact, version, size);
	else
		(void)snprintf(fact->reason, sizeof(fact->reason), "%s: %.246s", kv_runtime_name(runtime), probe.reason);
}

/* A daemon starts containers outside of the session that asks for them. */
static void
mention_docker(struct kv_backend_fact *fact)
{
	if (fact->runtime[0] == '\0' && (access("/usr/bin/docker", X_OK) == 0 || access("/usr/local/bin/docker", X_OK) == 0))
		(void)snprintf(fact->reason, sizeof(fact->reason),
		    "podman: not installed; docker is not used: its daemon starts containers outside of the session");
}

/*
 * What its image proves is its base score; without one podman is not even looked for. Who may
 * not read images leaves it to those who can.
 */
static bool
has_image(struct kv_backend_fact *fact)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_image_proof proof;

	if (geteuid() != 0)
		return true;
	if (kv_image_check(KV_SYAGNOS_IMAGE, KV_TIER_MINIMAL, &proof, &err) == 0) {
		fact->base_score = proof.base_score;
		return true;
	}
	(void)snprintf(fact->reason, sizeof(fact->reason), "%.255s", err.msg);
	return false;
}

void
kv_container_probe(enum kv_backend_id id, int64_t until, struct kv_backend_fact *fact, char *version, size_t size)
{
	fact->lacks = KV_LACKS_USERNS;
	if (id == KV_BACKEND_GVISOR)
		fact->lacks |= KV_LACKS_LANDLOCK | KV_LACKS_PORTS;
	if (id == KV_BACKEND_OCI) {
		probe_oci(until, fact, version, size);
		return;
	}
	if (id == KV_BACKEND_SYAGNOS && !has_image(fact))
		return;
	probe_one(id == KV_BACKEND_GVISOR ? KV_RUNTIME_RUNSC : KV_RUNTIME_PODMAN, until, fact, version, size);
	if (id == KV_BACKEND_SYAGNOS && !fact->available)
		mention_docker(fact);
}

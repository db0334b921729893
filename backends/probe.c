#include "backends/probe.h"

#include <sys/utsname.h>
#include <time.h>

#include "backends/backend.h"
#include "backends/process/landlock.h"
#include "common/io.h"

/* Absent is an answer too, with its reason; it never pretends. */
#define NOT_BUILT "not part of this version of kavach"

static void
probe_process(struct kv_backend_fact *fact, char *version, size_t size)
{
	struct utsname host;

	fact->available = true;
	fact->accepts[KV_SESSION_SHELL] = fact->accepts[KV_SESSION_COMMAND] = true;
	fact->lacks = KV_LACKS_ROOTFS;
	if (version != NULL && uname(&host) == 0)
		(void)kv_format(version, size, "Linux %.32s, Landlock ABI %d", host.release, kv_landlock_probe());
}

static void
probe_noop(struct kv_backend_fact *fact)
{
	fact->available = true;
	fact->accepts[KV_SESSION_SHELL] = fact->accepts[KV_SESSION_COMMAND] = true;
	fact->lacks = KV_LACKS_ROOTFS;
}

static void
probe_one(enum kv_backend_id id, int64_t until, struct kv_backend_fact *fact, char *version, size_t size)
{
	switch (id) {
	case KV_BACKEND_PROCESS:
		probe_process(fact, version, size);
		break;
	case KV_BACKEND_NOOP:
		probe_noop(fact);
		break;
	case KV_BACKEND_OCI:
	case KV_BACKEND_GVISOR:
	case KV_BACKEND_SYAGNOS:
		kv_container_probe(id, until, fact, version, size);
		break;
	case KV_BACKEND_WASM:
		kv_wasm_probe(until, fact, version, size);
		break;
	case KV_BACKEND_FIRECRACKER:
	case KV_BACKEND_SGX:
	case KV_BACKEND_SEV:
	case KV_BACKEND_TDX:
	case KV_BACKEND_COUNT:
	case KV_BACKEND_AUTO:
		(void)kv_format(fact->reason, sizeof(fact->reason), NOT_BUILT);
		break;
	}
}

void
kv_backend_probe(unsigned int wanted, unsigned int wait_ms, struct kv_backend_fact *facts, char (*versions)[64])
{
	struct timespec now = { 0 };
	int64_t until;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	until = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + wait_ms;
	for (int id = 0; id < KV_BACKEND_COUNT; id++) {
		struct kv_backend_fact *fact = &facts[id];

		*fact = (struct kv_backend_fact){ .base_score = kv_backend_base_score((enum kv_backend_id)id) };
		if (versions != NULL)
			versions[id][0] = '\0';
		if ((wanted & 1U << id) != 0)
			probe_one((enum kv_backend_id)id, until, fact, versions == NULL ? NULL : versions[id],
			    versions == NULL ? 0 : sizeof(versions[id]));
		else
			(void)kv_format(fact->reason, sizeof(fact->reason), "not looked at");
	}
}

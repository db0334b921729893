/* What the host says of the wasm backend, from what is known of its runtimes. */
#include "backends/probe.h"

#include <stdio.h>

#include "backends/container/probe.h"
#include "backends/wasm/line.h"
#include "common/io.h"

static void
accept_it(enum kv_runtime runtime, const struct kv_probe *probe, struct kv_backend_fact *fact, char *version, size_t size)
{
	fact->available = true;
	fact->accepts[KV_SESSION_WASM] = true;
	(void)kv_format(fact->runtime_option, sizeof(fact->runtime_option), "%s", probe->option);
	fact->lacks |= (kv_wasm_can(probe->option, "fuel") ? 0U : KV_LACKS_FUEL) |
	    (kv_wasm_can(probe->option, "timeout") ? 0U : KV_LACKS_TIMEOUT);
	if (version != NULL)
		(void)snprintf(version, size, "%s %.20s%s", kv_runtime_name(runtime), probe->version,
		    kv_wasm_can(probe->option, "component") ? ", components" : "");
}

/* The one that can most, where it starts. */
void
kv_wasm_probe(int64_t until, struct kv_backend_fact *fact, char *version, size_t size)
{
	static const enum kv_runtime choice[] = { KV_RUNTIME_WASMTIME, KV_RUNTIME_WASMI };
	struct kv_probe probes[2];

	fact->lacks = KV_LACKS_ROOTFS;
	for (size_t i = 0; i < 2; i++) {
		kv_probe_look(&kv_probe_host, choice[i], until, fact->runtime, &probes[i]);
		if (probes[i].starts) {
			accept_it(choice[i], &probes[i], fact, version, size);
			return;
		}
	}
	(void)snprintf(fact->reason, sizeof(fact->reason), "wasmtime: %.117s; wasmi: %.116s", probes[0].reason,
	    probes[1].reason);
}

#include "backends/backend.h"

#include "backends/container/container.h"
#include "backends/process/process.h"
#include "backends/wasm/wasm.h"

/* Named, and nothing more; backends/probe.c says why. */
#define ABSENT(id, title)	static const struct kv_backend absent_##id = { .name = title }

ABSENT(firecracker, "firecracker");
ABSENT(sgx, "sgx");
ABSENT(sev, "sev");
ABSENT(tdx, "tdx");

static const struct kv_backend *const registry[KV_BACKEND_COUNT] = {
	[KV_BACKEND_PROCESS] = &kv_process_backend,
	[KV_BACKEND_GVISOR] = &kv_gvisor_backend,
	[KV_BACKEND_FIRECRACKER] = &absent_firecracker,
	[KV_BACKEND_WASM] = &kv_wasm_backend,
	[KV_BACKEND_OCI] = &kv_oci_backend,
	[KV_BACKEND_SGX] = &absent_sgx,
	[KV_BACKEND_SEV] = &absent_sev,
	[KV_BACKEND_TDX] = &absent_tdx,
	[KV_BACKEND_SYAGNOS] = &kv_syagnos_backend,
	[KV_BACKEND_NOOP] = &kv_noop_backend,
};

const struct kv_backend *
kv_backend_get(enum kv_backend_id id)
{
	if (id < 0 || id >= KV_BACKEND_COUNT)
		return NULL;
	return registry[id];
}

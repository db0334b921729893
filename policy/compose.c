/*
 * One backend inside another: which may, under which policy. Pure.
 */
#include "policy/decide.h"

#include "common/error.h"
#include "common/io.h"

#include <string.h>

/*
 * Those that start a process of ours in what they made, which then confines itself; and wasm, whose
 * runtime is started by such a process.
 */
static bool
can_hold(enum kv_backend_id id)
{
	return id == KV_BACKEND_GVISOR || id == KV_BACKEND_OCI || id == KV_BACKEND_SYAGNOS || id == KV_BACKEND_WASM;
}

int
kv_composite_check(enum kv_backend_id outer, enum kv_backend_id inner, struct kv_error *err)
{
	if (inner != KV_BACKEND_PROCESS)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "only process can run inside another backend: inner_backend = %s is refused",
		    kv_backend_name(inner));
	if (outer != KV_BACKEND_AUTO && !can_hold(outer))
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s cannot run another backend inside", kv_backend_name(outer));
	return 0;
}

int
kv_composite_merge(struct kv_policy *policy, struct kv_error *err)
{
	struct kv_policy strict, merged;
	int rc;

	(void)kv_policy_preset("strict", &strict);
	rc = kv_policy_merge(policy, &strict, &merged, err);
	kv_policy_release(&strict);
	if (rc != 0)
		return -1;
	kv_policy_release(policy);
	*policy = merged;
	return 0;
}

int
kv_choose_outer(const struct kv_policy *merged, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id *out, int *score, struct kv_error *err)
{
	struct kv_backend_fact outer[KV_BACKEND_COUNT];

	memcpy(outer, facts, sizeof(outer));
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		if (can_hold((enum kv_backend_id)i) || !outer[i].available)
			continue;
		outer[i].available = false;
		(void)kv_format(outer[i].reason, sizeof(outer[i].reason),
		    "it cannot run another backend inside");
	}
	return kv_choose(merged, kind, outer, out, score, err);
}

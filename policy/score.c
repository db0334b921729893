/*
 * Scores. Pure.
 */
#include "policy/decide.h"

#include <string.h>
#include <strings.h>

/* The registry's names and base scores, in its order. */
static const struct {
	const char *name;
	int base_score;
} backends[KV_BACKEND_COUNT] = {
	[KV_BACKEND_PROCESS] = { "process", 50 },
	[KV_BACKEND_GVISOR] = { "gvisor", 70 },
	[KV_BACKEND_FIRECRACKER] = { "firecracker", 90 },
	[KV_BACKEND_WASM] = { "wasm", 65 },
	[KV_BACKEND_OCI] = { "oci", 55 },
	[KV_BACKEND_SGX] = { "sgx", 80 },
	[KV_BACKEND_SEV] = { "sev", 82 },
	[KV_BACKEND_TDX] = { "tdx", 85 },
	[KV_BACKEND_SYAGNOS] = { "sy-agnos", 80 },
	[KV_BACKEND_NOOP] = { "noop", 0 },
};

const char *
kv_backend_name(enum kv_backend_id id)
{
	if ((int)id < 0 || id >= KV_BACKEND_COUNT)
		return "auto";
	return backends[id].name;
}

int
kv_backend_base_score(enum kv_backend_id id)
{
	if ((int)id < 0 || id >= KV_BACKEND_COUNT)
		return 0;
	return backends[id].base_score;
}

int
kv_backend_parse(const char *name, enum kv_backend_id *out)
{
	if (strcasecmp(name, "syagnos") == 0) {
		*out = KV_BACKEND_SYAGNOS;
		return 0;
	}
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		if (strcasecmp(name, backends[i].name) == 0) {
			*out = (enum kv_backend_id)i;
			return 0;
		}
	}
	return -1;
}

void
kv_score_items(const struct kv_policy *policy, struct kv_score_item out[KV_SCORE_ITEMS])
{
	const struct kv_score_item items[KV_SCORE_ITEMS] = {
		{ "seccomp", 5, policy->seccomp != KV_SECCOMP_OFF, "seccomp = basic" },
		{ "landlock", 3, policy->landlock_count > 0, "landlock_ro = /" },
		{ "network", 5, policy->network == KV_NET_OFF, "network = off" },
		{ "read_only_root", 3, policy->read_only_root, "read_only_root = yes" },
		{ "limits", 2, policy->memory_limit != 0 || policy->cpu_limit_milli != 0,
		    "memory_limit = 512M" },
	};

	memcpy(out, items, sizeof(items));
}

static int
clamp(int score)
{
	return score < 0 ? 0 : score > 100 ? 100 : score;
}

/* The layers count alike for each backend; which of them it can enforce is its own promise. */
int
kv_score(int base_score, enum kv_backend_id backend, const struct kv_policy *policy)
{
	struct kv_score_item items[KV_SCORE_ITEMS];
	int score = base_score;

	(void)backend;
	kv_score_items(policy, items);
	for (size_t i = 0; i < KV_SCORE_ITEMS; i++)
		score += items[i].earned ? items[i].points : 0;
	return clamp(score);
}

int
kv_score_composite(int outer, int inner)
{
	return clamp((outer > inner ? outer : inner) + 5);
}

const char *
kv_score_label(int score)
{
	if (score < 30)
		return "minimal";
	if (score < 50)
		return "basic";
	if (score < 70)
		return "standard";
	return score < 85 ? "hardened" : "fortress";
}

/*
 * Which backend may run a session under a policy, and what it would score. Pure.
 */
#include "policy/decide.h"

#include "common/error.h"

#include <string.h>

/* What of this policy not every backend can give: KV_LACKS_*. */
static unsigned int
asks_for(const struct kv_policy *policy)
{
	return (policy->landlock_count > 0 ? KV_LACKS_LANDLOCK : 0U) |
	    (policy->allowed_ports_count > 0 && policy->network != KV_NET_PROXY ? KV_LACKS_PORTS : 0U) |
	    (policy->privilege == KV_PRIV_USERNS ? KV_LACKS_USERNS : 0U) |
	    (policy->wasm_fuel != 0 ? KV_LACKS_FUEL : 0U) |
	    (policy->wasm_timeout_ms != 0 ? KV_LACKS_TIMEOUT : 0U) |
	    (policy->rootfs[0] != '\0' || policy->image[0] != '\0' ? KV_LACKS_ROOTFS : 0U);
}

/* Each layer that is lacking has its key named: the policy is mended there. */
static int
has_layers(const struct kv_policy *policy, const struct kv_backend_fact *fact,
    enum kv_backend_id id, struct kv_error *err)
{
	unsigned int missing = fact->lacks & asks_for(policy);
	const char *name = kv_backend_name(id);

	if ((missing & KV_LACKS_LANDLOCK) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s cannot enforce landlock_ro/landlock_rw", name);
	if ((missing & KV_LACKS_PORTS) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s cannot enforce allowed_ports", name);
	if ((missing & KV_LACKS_USERNS) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s needs privilege = caps, not userns", name);
	if ((missing & (KV_LACKS_FUEL | KV_LACKS_TIMEOUT)) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "backend %s cannot enforce %s: %.130s has no such limit",
		    name, (missing & KV_LACKS_FUEL) != 0 ? "wasm_fuel" : "wasm_timeout", fact->runtime);
	if ((missing & KV_LACKS_ROOTFS) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s cannot give a session a root of its own (%s = %.160s)", name,
		    policy->image[0] != '\0' ? "image" : "rootfs",
		    policy->image[0] != '\0' ? policy->image : policy->rootfs);
	return 0;
}

/*
 * The probe proves the image that sy-agnos runs by itself. Of another one nothing is
 * proven before it is opened.
 */
int
kv_base_on(const struct kv_policy *policy, const struct kv_backend_fact *facts, enum kv_backend_id id)
{
	const struct kv_backend_fact *fact = &facts[id];
	int table = kv_backend_base_score(id);

	if (id == KV_BACKEND_SYAGNOS && policy->image[0] != '\0' &&
	    strcmp(policy->image, KV_SYAGNOS_IMAGE) != 0 && fact->base_score > table)
		return table;
	return fact->base_score;
}

static enum kv_tier
proven_tier(int score)
{
	return score >= KV_TIER_SCORE_TPM ? KV_TIER_TPM :
	    score >= KV_TIER_SCORE_DMVERITY ? KV_TIER_DMVERITY : KV_TIER_MINIMAL;
}

/* Only sy-agnos proves an image: with any other backend a tier would be a promise without a proof. */
static int
has_image(const struct kv_policy *policy, const struct kv_backend_fact *facts,
    enum kv_backend_id id, struct kv_error *err)
{
	enum kv_tier proven;

	if (id != KV_BACKEND_SYAGNOS)
		return policy->image_tier == KV_TIER_MINIMAL ? 0 : kv_error_set(err,
		    KV_ERR_UNAVAILABLE, "backend %s cannot prove image_tier = %s",
		    kv_backend_name(id), kv_tier_name(policy->image_tier));
	if (policy->rootfs[0] != '\0')
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s runs an image, not rootfs = %.160s", kv_backend_name(id), policy->rootfs);
	proven = proven_tier(kv_base_on(policy, facts, id));
	if (policy->image_tier > proven)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "backend %s: the policy asks for image_tier = %s; image %s is proven to be %s",
		    kv_backend_name(id), kv_tier_name(policy->image_tier),
		    policy->image[0] != '\0' ? policy->image : KV_SYAGNOS_IMAGE, kv_tier_name(proven));
	return 0;
}

int
kv_present(enum kv_session_kind kind, const struct kv_backend_fact *facts, enum kv_backend_id id,
    struct kv_error *err)
{
	static const char *const kinds[] = {
		[KV_SESSION_SHELL] = "an interactive shell",
		[KV_SESSION_COMMAND] = "a command",
		[KV_SESSION_WASM] = "a WebAssembly module",
	};

	if (!facts[id].available)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "backend %s is not available: %.200s",
		    kv_backend_name(id), facts[id].reason[0] != '\0' ? facts[id].reason : "absent");
	if (!facts[id].accepts[kind])
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "backend %s cannot run %s",
		    kv_backend_name(id), kinds[kind]);
	return 0;
}

int
kv_eligible(const struct kv_policy *policy, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id id, struct kv_error *err)
{
	if (id == KV_BACKEND_NOOP && !policy->allow_noop)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s: backend noop needs allow_noop = yes", policy->name);
	if (kv_present(kind, facts, id, err) != 0)
		return -1;
	/* The tier first: it tells more than that there is no root of one's own. */
	if (has_image(policy, facts, id, err) != 0)
		return -1;
	return has_layers(policy, &facts[id], id, err);
}

int
kv_score_on(const struct kv_policy *policy, const struct kv_backend_fact *facts, enum kv_backend_id id)
{
	return kv_score(kv_base_on(policy, facts, id), id, policy);
}

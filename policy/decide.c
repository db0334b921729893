/*
 * The choice of a backend and the whole decision. Pure.
 */
#include "policy/decide.h"

#include "common/error.h"
#include "common/io.h"
#include "common/words.h"

#include <stdio.h>
#include <string.h>

int
kv_choose(const struct kv_policy *policy, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id *out, int *score, struct kv_error *err)
{
	enum kv_backend_id best = KV_BACKEND_AUTO;
	struct kv_error why = KV_ERROR_INIT, absent = KV_ERROR_INIT;
	int best_score = -1;

	if (policy->backend != KV_BACKEND_AUTO) {
		best = policy->backend;
		if (kv_eligible(policy, kind, facts, best, err) != 0)
			return -1;
		best_score = kv_score_on(policy, facts, best);
	}
	for (int i = 0; policy->backend == KV_BACKEND_AUTO && i < KV_BACKEND_NOOP; i++) {
		enum kv_backend_id id = (enum kv_backend_id)i;
		int s;

		/* Only one backend runs modules: why it does not is what counts. */
		if (kv_eligible(policy, kind, facts, id, (kind == KV_SESSION_WASM ? id == KV_BACKEND_WASM :
		    facts[id].available) ? &why : &absent) != 0)
			continue;
		s = kv_score_on(policy, facts, id);
		if (s >= best_score) {	/* equal scores go to the later */
			best = id;
			best_score = s;
		}
	}
	if (best == KV_BACKEND_AUTO)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "no backend on this host can run this session%s%.200s",
		    why.code != KV_ERR_NONE ? ": " : "", why.msg);
	if (best_score < policy->min_strength)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s asks for strength %d; backend %s reaches %d (%s)", policy->name,
		    policy->min_strength, kv_backend_name(best), best_score,
		    kv_score_label(best_score));
	*out = best;
	*score = best_score;
	return 0;
}

const char *
kv_request_command(const struct kv_rule *rule, const struct kv_request *request)
{
	return rule != NULL && rule->command != NULL ? rule->command : request->command;
}

static bool
ends_with(const char *word, const char *end)
{
	size_t len = strlen(word), end_len = strlen(end);

	return len > end_len && strcmp(word + len - end_len, end) == 0;
}

enum kv_session_kind
kv_request_kind(const struct kv_rule *rule, const struct kv_request *request)
{
	const char *command = kv_request_command(rule, request);
	struct kv_error ignored = KV_ERROR_INIT;
	char word[KV_COMMAND_MAX];

	if (command == NULL || command[0] == '\0')
		return KV_SESSION_SHELL;
	if (kv_word_next(&command, word, sizeof(word), &ignored) == 1 &&
	    (ends_with(word, ".wasm") || ends_with(word, ".wat")))
		return KV_SESSION_WASM;
	return KV_SESSION_COMMAND;
}

/* No shell reads the command of a module: what only a shell could do is refused, not handed on as it stands. */
static int
check_words(const char *command, struct kv_error *err)
{
	char word[KV_COMMAND_MAX];
	int got;

	do
		got = kv_word_next(&command, word, sizeof(word), err);
	while (got == 1);
	return got;
}

/* Outer and inner, under the merge with the inner's strict preset; the floor is the composite's. */
static int
choose_composite(enum kv_session_kind kind, const struct kv_backend_fact *facts,
    struct kv_decision *out, struct kv_error *err)
{
	enum kv_backend_id inner = out->policy.inner_backend;
	int floor = out->policy.min_strength, outer_score, rc;

	/* Of a module's session it is the runtime that process confines. */
	if (kv_present(kind == KV_SESSION_WASM ? KV_SESSION_COMMAND : kind, facts, inner, err) != 0)
		return kv_error_wrap(err, "inner_backend");
	if (kv_composite_merge(&out->policy, err) != 0)
		return -1;
	out->policy.min_strength = 0;
	rc = kv_choose_outer(&out->policy, kind, facts, &out->backend, &outer_score, err);
	out->policy.min_strength = floor;
	if (rc != 0)
		return -1;
	out->inner = inner;
	out->score = kv_score_composite(outer_score, kv_score_on(&out->policy, facts, inner));
	if (out->score < floor)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s asks for strength %d; backend %s with %s inside reaches %d (%s)",
		    out->policy.name, floor, kv_backend_name(out->backend), kv_backend_name(inner),
		    out->score, kv_score_label(out->score));
	return 0;
}

int
kv_policy_supported(const struct kv_policy *policy, struct kv_error *err)
{
	if (policy->inner_backend != KV_BACKEND_AUTO)
		return kv_composite_check(policy->backend, policy->inner_backend, err);
	return 0;
}

/* What stage one and the ticket need of the choice; sy-agnos has an image, named or not. */
static void
settle(const struct kv_backend_fact *facts, struct kv_decision *out)
{
	const struct kv_backend_fact *fact = &facts[out->backend];

	out->base_score = kv_base_on(&out->policy, facts, out->backend);
	memcpy(out->runtime, fact->runtime, sizeof(out->runtime));
	memcpy(out->runtime_option, fact->runtime_option, sizeof(out->runtime_option));
	if (out->backend == KV_BACKEND_SYAGNOS && out->policy.image[0] == '\0')
		memcpy(out->policy.image, KV_SYAGNOS_IMAGE, sizeof(KV_SYAGNOS_IMAGE));
}

static int
confine(const struct kv_config *config, const struct kv_request *request,
    const struct kv_backend_fact *facts, struct kv_decision *out, struct kv_error *err)
{
	const struct kv_policy *policy = kv_config_policy(config, out->rule->policy);
	enum kv_session_kind kind = kv_request_kind(out->rule, request);

	if (policy == NULL)
		return kv_error_set(err, KV_ERR_CONFIG, "rule %s: no such policy: %s",
		    out->rule->name, out->rule->policy);
	if (kv_policy_copy(policy, &out->policy) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	if (kv_policy_supported(&out->policy, err) != 0 ||
	    (kind == KV_SESSION_WASM && check_words(kv_request_command(out->rule, request), err) != 0))
		return -1;
	if (out->policy.inner_backend != KV_BACKEND_AUTO ?
	    choose_composite(kind, facts, out, err) != 0 :
	    kv_choose(&out->policy, kind, facts, &out->backend, &out->score, err) != 0)
		return -1;
	settle(facts, out);
	return 0;
}

unsigned int
kv_backends_wanted(const struct kv_config *config, const struct kv_request *request)
{
	const struct kv_rule *rule = kv_exempt(config, request) ? NULL : kv_rule_match(config, request);
	const struct kv_policy *policy = rule != NULL ? kv_config_policy(config, rule->policy) : NULL;
	unsigned int inner;

	if (policy == NULL)
		return 0;
	inner = policy->inner_backend != KV_BACKEND_AUTO ? 1U << policy->inner_backend : 0;
	if (policy->backend != KV_BACKEND_AUTO)
		return inner | 1U << policy->backend;
	/* Left to choose, it never chooses noop, and wasm for modules only. */
	if (kv_request_kind(rule, request) == KV_SESSION_WASM)
		return inner | 1U << KV_BACKEND_WASM;
	return inner | (((1U << KV_BACKEND_NOOP) - 1) & ~(1U << KV_BACKEND_WASM));
}

int
kv_decide(const struct kv_config *config, const struct kv_request *request,
    const struct kv_backend_fact *facts, struct kv_decision *out, struct kv_error *err)
{
	struct kv_error why = KV_ERROR_INIT;

	memset(out, 0, sizeof(*out));
	out->verdict = KV_VERDICT_REFUSE;
	out->backend = KV_BACKEND_AUTO;
	out->inner = KV_BACKEND_AUTO;
	if (kv_exempt(config, request)) {
		out->verdict = KV_VERDICT_PASS;
		(void)snprintf(out->reason, sizeof(out->reason), "exempt");
		return 0;
	}
	out->rule = kv_rule_match(config, request);
	if (out->rule == NULL) {
		out->verdict = KV_VERDICT_PASS;
		(void)snprintf(out->reason, sizeof(out->reason), "no rule matches");
		return 0;
	}
	if (confine(config, request, facts, out, &why) == 0) {
		out->verdict = KV_VERDICT_CONFINE;
		return 0;
	}
	(void)snprintf(out->reason, sizeof(out->reason), "%.255s", why.msg);
	if (why.code != KV_ERR_NOMEM)
		return 0;
	*err = why;
	return -1;
}

void
kv_decision_release(struct kv_decision *decision)
{
	kv_policy_release(&decision->policy);
}

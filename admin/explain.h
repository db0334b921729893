/* Why a decision came out as it did. Pure: everything is given. */
#ifndef KV_ADMIN_EXPLAIN_H
#define KV_ADMIN_EXPLAIN_H

#include "policy/decide.h"

/* One rule that did not decide, and why. */
struct kv_loser {
	const struct kv_rule *rule;	/* borrowed */
	bool would_match;		/* it matches, but stands after the one that decides */
	char reason[256];
};

/*
 * All rules but the winner (NULL: none matched), in order. Returns an array of *count, which
 * the caller frees; NULL with *count 0 when there is none or memory is out.
 */
struct kv_loser *kv_explain_rules(const struct kv_config *config, const struct kv_request *request,
    const struct kv_rule *winner, size_t *count);

/* Is there a rule for this user at all, be it for another service or place. */
bool kv_explain_any_rule(const struct kv_config *config, const struct kv_request *request);

/*
 * Why a backend was not chosen under the decision's policy; "" for the one that was.
 * *score: what it would reach.
 */
void kv_explain_backend(const struct kv_decision *decision, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id id, int *score,
    char *reason, size_t size);

/*
 * What decides besides the policy: the account's login shell. shell is that of the passwd
 * entry, wraps whether it is kavach-session. Turns a verdict that the PAM module or the wrapper
 * would not keep into a refusal with its reason.
 */
void kv_explain_shell(const struct kv_config *config, const struct kv_request *request,
    const char *shell, bool wraps, struct kv_decision *decision);

#endif

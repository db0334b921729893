#include "admin/explain.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list as "a, b, c", cut with "..." where it does not fit. */
static void
join(const struct kv_list *list, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", list->item[i]);

		if (n < 0 || (size_t)n >= size - used) {
			(void)snprintf(out + size - 4, 4, "...");
			return;
		}
		used += (size_t)n;
	}
}

/* Does a rule with this one list match? The matcher itself is asked, so that it cannot be misreported. */
static bool
matches(const struct kv_request *request, const struct kv_rule *only)
{
	struct kv_rule copy = *only;
	const struct kv_config config = { .rules = &copy, .rule_count = 1 };

	return kv_rule_match(&config, request) != NULL;
}

bool
kv_explain_any_rule(const struct kv_config *config, const struct kv_request *request)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct kv_rule names = {
			.user = config->rules[i].user, .group = config->rules[i].group,
		};

		if (matches(request, &names))
			return true;
	}
	return false;
}

static void
why_not(const struct kv_request *request, const struct kv_rule *rule, struct kv_loser *out)
{
	const struct {
		const char *name, *value;
		struct kv_rule only;
		const struct kv_list *list;
	} field[] = {
		{ "user", request->user, { .user = rule->user }, &rule->user },
		{ "group", "of the user", { .group = rule->group }, &rule->group },
		{ "service", request->service, { .service = rule->service }, &rule->service },
		{ "from", request->from, { .from = rule->from }, &rule->from },
		{ "tty", request->tty, { .tty = rule->tty }, &rule->tty },
	};
	char words[160];

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		if (matches(request, &field[i].only))
			continue;
		join(field[i].list, words, sizeof(words));
		(void)snprintf(out->reason, sizeof(out->reason), "%s %.60s is not in: %s",
		    field[i].name, field[i].value != NULL ? field[i].value : "(unknown)", words);
		return;
	}
	out->would_match = true;
	(void)snprintf(out->reason, sizeof(out->reason), "matches too, but stands later");
}

struct kv_loser *
kv_explain_rules(const struct kv_config *config, const struct kv_request *request,
    const struct kv_rule *winner, size_t *count)
{
	struct kv_loser *out;

	*count = 0;
	if (config->rule_count == 0)
		return NULL;
	out = calloc(config->rule_count, sizeof(*out));
	for (size_t i = 0; out != NULL && i < config->rule_count; i++) {
		if (&config->rules[i] == winner)
			continue;
		out[*count].rule = &config->rules[i];
		why_not(request, &config->rules[i], &out[*count]);
		(*count)++;
	}
	return out;
}

/* The row names the backend already. */
static const char *
without_name(const char *reason, enum kv_backend_id id)
{
	const char *name = kv_backend_name(id);
	size_t len = strlen(name);

	if (strncmp(reason, "backend ", 8) != 0 || strncmp(reason + 8, name, len) != 0)
		return reason;
	reason += 8 + len;
	return reason[0] == ':' ? reason + 2 : reason + 1;
}

void
kv_explain_backend(const struct kv_decision *decision, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id id, int *score,
    char *reason, size_t size)
{
	const struct kv_policy *policy = &decision->policy;
	bool composite = policy->inner_backend != KV_BACKEND_AUTO;
	struct kv_error why = KV_ERROR_INIT;

	*score = kv_score_on(policy, facts, id);
	reason[0] = '\0';
	/* Also where the login is refused for another reason, as the account's shell is. */
	if (decision->backend == id)
		return;
	if (decision->backend != KV_BACKEND_AUTO && decision->inner == id)
		(void)snprintf(reason, size, "runs inside the other, as inner_backend");
	else if (id == KV_BACKEND_NOOP && policy->backend != id)
		(void)snprintf(reason, size, "isolates nothing: never chosen by itself");
	else if (policy->backend != KV_BACKEND_AUTO && policy->backend != id)
		(void)snprintf(reason, size, "the policy names %s", kv_backend_name(policy->backend));
	else if ((composite && kv_composite_check(id, policy->inner_backend, &why) != 0) ||
	    kv_eligible(policy, kind, facts, id, &why) != 0)
		(void)snprintf(reason, size, "%.250s", without_name(why.msg, id));
	else if (!composite && *score < policy->min_strength)
		(void)snprintf(reason, size, "%d is below min_strength %d", *score,
		    policy->min_strength);
	else if (decision->verdict == KV_VERDICT_CONFINE)
		(void)snprintf(reason, size, "not stronger than %s", kv_backend_name(decision->backend));
	else
		(void)snprintf(reason, size, "the login is refused");
}

void
kv_explain_shell(const struct kv_config *config, const struct kv_request *request,
    const char *shell, bool wraps, struct kv_decision *decision)
{
	if (decision->verdict == KV_VERDICT_CONFINE && !wraps &&
	    (request->service == NULL || !kv_list_has(&config->wrap_services, request->service))) {
		decision->verdict = KV_VERDICT_REFUSE;
		(void)snprintf(decision->reason, sizeof(decision->reason),
		    "the login shell is %.60s, not kavach-session (kavachctl enroll %.60s)", shell,
		    request->user);
	} else if (decision->verdict == KV_VERDICT_PASS && wraps) {
		decision->verdict = KV_VERDICT_REFUSE;
		(void)snprintf(decision->reason, sizeof(decision->reason),
		    "the login shell is kavach-session, but %s (kavachctl unenroll %.60s)",
		    kv_exempt(config, request) ? "a group of the user is exempt" : "no rule matches",
		    request->user);
	}
}

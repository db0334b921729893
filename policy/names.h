/*
 * The words of the policy file for enum values. Internal to policy/.
 */
#ifndef KV_POLICY_NAMES_H
#define KV_POLICY_NAMES_H

#include "policy/policy.h"

struct kv_word {
	const char *text;	/* NULL ends a table */
	int value;
};

extern const struct kv_word kv_network_words[], kv_seccomp_words[], kv_home_words[];
extern const struct kv_word kv_privilege_words[], kv_tier_words[], kv_audit_format_words[], kv_bool_words[];

/* Exact, case included. 0, or -1 if there is no such word. */
int kv_word_find(const struct kv_word *words, const char *text, int *out);

#endif

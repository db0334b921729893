/*
 * The keys of the policy file: one table that drives the scanner, the parser
 * and kv_keys(). Internal to policy/.
 */
#ifndef KV_POLICY_KEYS_H
#define KV_POLICY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/load.h"
#include "policy/names.h"

struct kv_error;

enum kv_scope { KV_SCOPE_KAVACH, KV_SCOPE_POLICY, KV_SCOPE_RULE, KV_SCOPE_CREDENTIAL, KV_SCOPE_COUNT };

struct kv_keydef {
	const char *name;
	enum kv_scope scope;
	/*
	 * Parses value into the struct of the key's section at base, over what a
	 * base policy left there. 0 or -1; err is set only where there is more to say
	 * than that the value is not what the key expects.
	 */
	int (*parse)(const struct kv_keydef *key, const char *value, void *base, struct kv_error *err);
	size_t offset;			/* of the field in the section's struct */
	size_t size;			/* of the field, for texts */
	const struct kv_word *words;	/* for words */
	uint64_t min, max;		/* for numbers */
	bool (*item_ok)(const char *);	/* for lists of words */
	bool quoted;			/* the value is free text: quotes are required */
	bool may_be_empty;		/* a list that may be "" */
};

#define KV_KEYS_TOTAL 54

extern const struct kv_keydef kv_keydefs[KV_KEYS_TOTAL];

/* The index of a key in its section, or -1. */
int kv_key_find(enum kv_scope scope, const char *name, size_t len);
const char *kv_scope_name(enum kv_scope scope);

#endif

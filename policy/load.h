/*
 * /etc/kavach -> struct kv_config. An error anywhere voids the whole policy.
 *
 * Trust: each file is opened once, and owner and mode are checked on that
 * descriptor and on every folder above it up to / (hostile.md C1, C2). The files of credentials.d
 * must be closed to all but root besides, and nothing but credentials stands in them; to a caller who is
 * not root they may be (kv_config.credentials_unread).
 */
#ifndef KV_POLICY_LOAD_H
#define KV_POLICY_LOAD_H

#include "policy/policy.h"

/* The main file; conf.d and credentials.d stand beside it. */
#define KV_CONF_FILE KV_SYSCONFDIR "/kavach/kavach.conf"

struct kv_load_options {
	const char *file;	/* NULL: KV_CONF_FILE. Its folder's conf.d is read after it, then credentials.d */
	bool alone;		/* read this file only (kavachctl check FILE) */
	bool any_owner;		/* no trust check (kavachctl check FILE as a user) */
};

/*
 * Loads all. 0, or -1 with KV_ERR_CONFIG and a message "FILE:LINE: key: what
 * was expected". On failure *out holds nothing but exempt_groups, contact, audit_format and
 * wrap_services: those of the main file where it could be trusted and they are sound by
 * themselves, else the defaults; so that a broken policy never locks the
 * administrator out. The caller releases *out in either case.
 */
int kv_config_load(const struct kv_load_options *options, struct kv_config *out, struct kv_error *err);

/* One key of the file, for the parser, `explain` and the manual's test. */
struct kv_key {
	const char *section;	/* "kavach", "policy", "rule" or "credential" */
	const char *name;
	const char *expects;	/* in words: "yes or no", "bytes, with k, M or G" */
	const char *fallback;	/* the default, as text */
};
const struct kv_key *kv_keys(size_t *count);

/*
 * What the policy has for a key of kv_keys(), as the file would say it ("512M", "a, b"); an empty
 * list reads as the key's fallback. The caller frees it. NULL for a key that is none of a policy's own
 * (base included: it is merged in), or when out of memory.
 */
char *kv_policy_value(const struct kv_policy *policy, size_t key);

#endif

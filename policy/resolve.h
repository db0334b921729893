/*
 * Sections -> policies and rules: names, bases, values, what must hold together. Internal to policy/.
 */
#ifndef KV_POLICY_RESOLVE_H
#define KV_POLICY_RESOLVE_H

#include "policy/text.h"

/* Fills the policies and the rules of *out. 0 or -1; *out is then to be released all the same. */
int kv_resolve(const struct kv_doc *doc, struct kv_config *out, struct kv_error *err);

/* KV_ERR_CONFIG "FILE:LINE: ..." with a line of the section's file. -1. */
int kv_resolve_wrong(const struct kv_doc *doc, const struct kv_section *section, unsigned int line,
    struct kv_error *err, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The entry of the section with this key, or NULL. */
const struct kv_entry *kv_resolve_entry(const struct kv_doc *doc, const struct kv_section *section, const char *name);

/* Parses the entries of one section over what base holds. 0 or -1. */
int kv_resolve_entries(const struct kv_doc *doc, const struct kv_section *section, void *base,
    struct kv_error *err);

/* One credential; *out is zeroed, and released by the caller in either case. 0 or -1. */
int kv_resolve_credential(const struct kv_doc *doc, const struct kv_section *section, struct kv_credential *out,
    struct kv_error *err);

/* Do the credentials of the policy's list exist, and go together in one session. 0 or -1. */
int kv_resolve_policy_credentials(const struct kv_doc *doc, const struct kv_section *section,
    const struct kv_config *config, struct kv_policy *policy, struct kv_error *err);

#endif

/*
 * Sections -> policies and rules: names, bases, values, what must hold together. Internal to policy/.
 */
#ifndef KV_POLICY_RESOLVE_H
#define KV_POLICY_RESOLVE_H

#include "policy/text.h"

/* Fills the policies and the rules of *out. 0 or -1; *out is then to be released all the same. */
int kv_resolve(const struct kv_doc *doc, struct kv_config *out, struct kv_error *err);

/* Parses the entries of one section over what base holds. 0 or -1. */
int kv_resolve_entries(const struct kv_doc *doc, const struct kv_section *section, void *base,
    struct kv_error *err);

#endif

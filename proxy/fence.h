/* The proxy's Landlock ruleset. */
#ifndef KV_PROXY_FENCE_H
#define KV_PROXY_FENCE_H

struct kv_egress_config;
struct kv_error;

/* Puts it in force; no_new_privs must be set. 0, or -1: KV_ERR_UNAVAILABLE on a kernel without Landlock. */
int kv_fence_enforce(const struct kv_egress_config *config, int audit, struct kv_error *err);
/* Tries what it must refuse. 0, or -1. */
int kv_fence_verify(const struct kv_egress_config *config, struct kv_error *err);

#endif

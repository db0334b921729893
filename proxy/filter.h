/* The proxy's seccomp filter. */
#ifndef KV_PROXY_FILTER_H
#define KV_PROXY_FILTER_H

struct kv_error;

/* Puts it in force; no_new_privs must be set. 0 or -1. */
int kv_filter_enforce(struct kv_error *err);
/* Tries what it must refuse. 0, or -1. */
int kv_filter_verify(struct kv_error *err);

#endif

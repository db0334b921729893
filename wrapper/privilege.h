/*
 * The wrapper's few capabilities: held as permitted, effective only around the
 * step that needs them. doc/architecture.md gives the reason for each.
 */
#ifndef KV_WRAPPER_PRIVILEGE_H
#define KV_WRAPPER_PRIVILEGE_H

#include <stdbool.h>

struct kv_error;

/*
 * Keeps the wrapper's set as permitted, with nothing effective. The setuid build
 * comes here as root and becomes the user first, and proves that it cannot go
 * back. *held tells whether the whole set is held; holding only a part counts as
 * none, and that part is dropped. 0 or -1.
 */
int kv_privilege_take(bool *held, struct kv_error *err);

/* Makes the whole set effective, or nothing of it; no-ops when it is not held. 0 or -1. */
int kv_privilege_raise(struct kv_error *err);
int kv_privilege_lower(struct kv_error *err);

/* The sandbox has started: only what the last record needs stays permitted. 0 or -1. */
int kv_privilege_shrink(struct kv_error *err);

/* Drops all. 0 or -1. */
int kv_privilege_drop(struct kv_error *err);

#endif

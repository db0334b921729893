/* What the commands ask of this host: the policy, the backends, the account. */
#ifndef KV_ADMIN_HOST_H
#define KV_ADMIN_HOST_H

#include <stdbool.h>

#include "policy/decide.h"

struct kv_error;

/* What each backend says, by enum kv_backend_id. */
struct kv_host {
	struct kv_backend_fact fact[KV_BACKEND_COUNT];
	char version[KV_BACKEND_COUNT][64];
};

/* Of all backends; waits so long for what is not known yet. */
void kv_host_probe(unsigned int wait_ms, struct kv_host *host);

/*
 * Loads the policy: the installed one, or file (with its conf.d), whose owner
 * counts only when root asks. As kv_config_load.
 */
int kv_host_config(const char *file, struct kv_config *out, struct kv_error *err);

/*
 * The policy of this name. A preset needs no file, so that `score --policy
 * strict` answers on a host without configuration. 0; -1 with KV_ERR_USAGE where there is none of
 * this name, KV_ERR_CONFIG where the configuration is broken. The caller releases it.
 */
int kv_host_policy(const char *file, const char *name, struct kv_policy *out, struct kv_error *err);

/* "65 (standard)". buf has 32 bytes. */
#define KV_SCORE_TEXT 32
void kv_score_text(int score, char buf[KV_SCORE_TEXT]);

/* --backend and --inner: KV_ERR_USAGE "unknown backend: X". */
int kv_backend_option(const char *name, enum kv_backend_id *out, struct kv_error *err);

#endif

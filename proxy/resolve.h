/*
 * Names to addresses: c-ares, in the same thread and loop. It asks /etc/hosts and the name servers of
 * /etc/resolv.conf (read at the start); no search domains: an allowed name is the whole name.
 *
 * Answers are kept for their time to live, but for a minute at the most. Whoever asks checks the addresses each time
 * anew (kv_egress_address): what is kept is an answer, not a permission.
 */
#ifndef KV_PROXY_RESOLVE_H
#define KV_PROXY_RESOLVE_H

#include "proxy/host.h"

struct kv_error;
struct kv_loop;
struct kv_resolver;

#define KV_ADDRESSES_MAX 8

struct kv_addresses {
	struct kv_address at[KV_ADDRESSES_MAX];
	size_t count;		/* 0: the name has none */
};

/* A question under way; the caller's, inside of what asks. */
struct kv_question {
	void *pending;		/* private; NULL: none */
	struct kv_addresses answer;
	/* From the loop or from within kv_resolver_ask. */
	void (*answered)(struct kv_question *question);
};

/* NULL with err. */
struct kv_resolver *kv_resolver_new(struct kv_loop *loop, struct kv_error *err);
void kv_resolver_free(struct kv_resolver *resolver);

/* An address answers for itself. After KV_RESOLVE_MS at the latest there is an answer, maybe an empty one. */
#define KV_RESOLVE_MS	10000
void kv_resolver_ask(struct kv_resolver *resolver, const struct kv_host *host, struct kv_question *question);
/* No answer is wanted any more. */
void kv_resolver_cancel(struct kv_question *question);

#endif

/* Between upstream.c (the multi interface) and easy.c (one request's options and callbacks). */
#ifndef KV_PROXY_UPSTREAM_IMPL_H
#define KV_PROXY_UPSTREAM_IMPL_H

#include <curl/curl.h>

#include "proxy/loop.h"
#include "proxy/upstream.h"

#define KV_EASY_IDLE_MAX 32

struct socket_watch;

struct kv_upstream {
	struct kv_loop *loop;
	CURLM *multi;
	struct kv_timer timer;
	struct kv_task finished;
	struct socket_watch *spare;	/* owned */
	CURL *idle[KV_EASY_IDLE_MAX];	/* owned */
	size_t idle_count;
};

struct kv_exchange {
	struct kv_upstream *upstream;
	const struct kv_exchange_calls *calls;
	void *owner;
	CURL *easy;			/* owned, of the pool */
	struct curl_slist *connect_to;	/* owned */
	struct kv_address address;
	bool running;			/* it is in the multi handle */
	bool sent;			/* the request may have left */
	bool stopped;			/* a callback said so */
	bool receive_waits, send_waits;
};

/* What is the same for all requests. 0 or -1. */
int kv_easy_prepare(CURL *easy);
/* What is of this one. 0 or -1. */
int kv_easy_request(struct kv_exchange *exchange, const struct kv_upstream_request *request);

#endif

/*
 * Requests to upstream servers by libcurl's multi interface: HTTP/1.1, HTTP/2 where TLS negotiates it, connections
 * kept for later requests.
 *
 * An exchange goes to exactly one address, which the caller has checked. A connection is used again only
 * for the same host, port, scheme and that very address (CURLOPT_CONNECT_TO is part of what libcurl compares); the address
 * is looked at again when the socket is made and before the request is sent. One
 * exchange at a time on a connection, HTTP/2 too: a slow reader must not hold up another's body, and what is
 * buffered stays bounded. libcurl resolves nothing, follows no redirect, keeps no cookies, reads no file of the user.
 */
#ifndef KV_PROXY_UPSTREAM_H
#define KV_PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/host.h"

struct curl_slist;
struct kv_error;
struct kv_exchange;
struct kv_loop;
struct kv_upstream;

enum kv_exchange_end {
	KV_END_GOOD,		/* the whole response was told */
	KV_END_CONNECT,		/* nothing was sent: the address cannot be reached */
	KV_END_TLS,		/* the same: the server is not who it should be, or speaks no TLS */
	KV_END_TIMEOUT,		/* reached, but not in time */
	KV_END_BROKEN,		/* what was told is not the whole, or makes no sense */
	KV_END_STOPPED,		/* a callback said so */
};

#define KV_EXCHANGE_WAIT	(-2L)	/* nothing now: until kv_exchange_continue */
#define KV_EXCHANGE_STOP	(-1L)

/* Called from within libcurl: they note, send, and schedule; none of them may call a kv_exchange function. */
struct kv_exchange_calls {
	/* A line of a head, with its end. 0 or KV_EXCHANGE_STOP. */
	long (*head)(void *owner, const char *line, size_t len);
	/* Bytes of the body: all are taken (0), none (KV_EXCHANGE_WAIT), or KV_EXCHANGE_STOP. */
	long (*body)(void *owner, const char *data, size_t len);
	/* Wants bytes of the request's body: how many, 0 at its end, KV_EXCHANGE_WAIT or KV_EXCHANGE_STOP. */
	long (*give)(void *owner, char *data, size_t room);
	/* Once; the exchange is to be given back by kv_exchange_free, not from within this call. */
	void (*done)(void *owner, enum kv_exchange_end end);
};

struct kv_upstream_request {
	const char *method;
	const char *target;		/* path and query as they are sent; NUL-ended; copied by libcurl */
	const char *host;		/* canonical */
	bool host_v6;			/* host is an IPv6 address */
	uint16_t port;
	bool tls;
	struct kv_address address;	/* where to */
	struct curl_slist *headers;	/* borrowed until the end */
	bool has_body;
	int64_t length;			/* with has_body; -1: not known */
};

/* NULL with err. */
struct kv_upstream *kv_upstream_new(struct kv_loop *loop, struct kv_error *err);
/* After all exchanges. */
void kv_upstream_free(struct kv_upstream *upstream);

/* NULL when there is no memory. Never calls back at once. */
struct kv_exchange *kv_exchange_start(struct kv_upstream *upstream, const struct kv_upstream_request *request,
    const struct kv_exchange_calls *calls, void *owner);
/* After KV_EXCHANGE_WAIT: tries again with body (receive) or give (send). Calls back. */
void kv_exchange_continue(struct kv_exchange *exchange, bool receive, bool send);
/* Ends it, whatever state it is in; its callbacks are not called any more. Not from within one. NULL is taken. */
void kv_exchange_free(struct kv_exchange *exchange);

/* The folder and file of the system's roots, for confinement; NULL: libcurl was built without. */
const char *kv_upstream_roots(void);

#endif

/*
 * A client's connection, between the files that make up its life:
 *
 *   client.c     the socket, the states, the end
 *   request.c    a head is read, decided on, its name resolved, its addresses checked
 *   exchange.c   a request by libcurl and its response
 *   connect.c    CONNECT and SOCKS5: dialling and the tunnel
 *   refuse.c     what the proxy itself answers
 *
 * A step (kv_step) is done from the loop's bottom, in the state that the client is in, until there is nothing more to do.
 */
#ifndef KV_PROXY_CLIENT_IMPL_H
#define KV_PROXY_CLIENT_IMPL_H

#include "proxy/answer.h"
#include "proxy/buffer.h"
#include "proxy/client.h"
#include "proxy/dial.h"
#include "proxy/journal.h"
#include "proxy/proxy.h"
#include "proxy/resolve.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"

#define KV_HEAD_WAIT_MS		60000	/* for a head to come in, and between two requests */
#define KV_LINGER_MS		2000	/* for a client to read what it was told before the end */
#define KV_STALL_MS		300000	/* for an exchange in which nothing moves */

enum kv_client_state {
	KV_CLIENT_HEAD,		/* a head is awaited */
	KV_CLIENT_SOCKS,	/* a SOCKS5 request is awaited, its greeting was answered */
	KV_CLIENT_RESOLVE,
	KV_CLIENT_EXCHANGE,
	KV_CLIENT_DIAL,
	KV_CLIENT_TUNNEL,
	KV_CLIENT_FLUSH,	/* the response is complete: it goes out */
	KV_CLIENT_LINGER,	/* all was said; what still comes in is thrown away */
};

enum kv_step { KV_STEP_WAIT, KV_STEP_AGAIN, KV_STEP_CLOSE, KV_STEP_CUT };

struct kv_client {
	struct kv_proxy *proxy;
	struct kv_client *next, *previous;
	enum kv_client_state state;
	struct kv_watch watch;
	struct kv_timer timer;
	struct kv_task task;
	bool readable;		/* since it was last read to its end */
	bool gone;		/* the client has closed or is lost */
	bool late;		/* the timer has expired */
	bool stuck;		/* it takes no more now; in out is what waits */
	bool again;		/* not its first request */
	bool keep;		/* another request may follow */
	bool paced;		/* it waits until the session's refusals are paid for, and is not read */
	struct kv_buffer in, out;

	/* The request. */
	struct kv_head *head;	/* borrows from in while head_len is not 0; owned; NULL: none, or SOCKS */
	size_t head_len;	/* at the start of in */
	bool http10;
	struct kv_egress_verdict verdict;
	struct kv_event_egress event;	/* what its record will say */
	bool recorded;		/* or not to be */
	long long since;	/* its head was there */
	struct kv_question question;
	struct kv_addresses addresses;	/* checked */
	size_t next_address;

	/* An exchange. */
	struct curl_slist *headers;	/* owned: one block (forward.h) */
	const char *target;	/* path and query, in headers */
	struct kv_exchange *exchange;
	struct kv_answer answer;
	enum kv_framing framing;
	struct kv_chunks chunks;	/* of the request's body */
	uint64_t body_left;		/* of the request's body, with KV_BODY_LENGTH */
	bool body_done, body_waits, continued, malformed;
	bool response_waits;
	bool ended;
	enum kv_exchange_end how;
	long long moved;		/* when something moved last */

	/* A tunnel. */
	struct kv_dial dial;
	bool dialled;
	int upstream_fd;
	struct kv_tunnel tunnel;
};

/* Does what there is to do, later. */
void kv_client_wake(struct kv_client *client);
/* Starts to wait for something: the timer, anew. */
void kv_client_patience(struct kv_client *client, long long ms);

/* Must what this client has sent wait (pace.h): then it is woken again. */
bool kv_client_waits_its_turn(struct kv_client *client);

enum kv_step kv_step_head(struct kv_client *client);
enum kv_step kv_step_socks(struct kv_client *client);
enum kv_step kv_step_resolve(struct kv_client *client);
enum kv_step kv_step_exchange(struct kv_client *client);
enum kv_step kv_step_dial(struct kv_client *client);

/* Begins a request: what it is stands in event. */
void kv_request_begin(struct kv_client *client, const struct kv_host *host, uint16_t port, const char *method);
/* It was allowed: asks for the addresses. */
enum kv_step kv_request_resolve(struct kv_client *client, const struct kv_host *host);

enum kv_step kv_exchange_begin(struct kv_client *client);
enum kv_step kv_connect_begin(struct kv_client *client);
/* Is the client to be read now, for its request's body. */
bool kv_exchange_reads(const struct kv_client *client);

enum kv_failure {
	KV_FAIL_RECORDS, KV_FAIL_NAME, KV_FAIL_CONNECT, KV_FAIL_TLS, KV_FAIL_TIMEOUT, KV_FAIL_NONSENSE, KV_FAIL_MEMORY,
};

/* Answers the request itself, in the client's protocol: refused by a rule, which is recorded at once; failed; or no request. */
enum kv_step kv_refuse(struct kv_client *client, const char *why, const char *by);
enum kv_step kv_fail(struct kv_client *client, enum kv_failure what);
enum kv_step kv_refuse_malformed(struct kv_client *client, int status, const char *what);
/* The head is not needed any more; what follows it is now at the start of in. */
void kv_request_forget_head(struct kv_client *client);
/* The request is over: its record, once, and what it held. */
void kv_request_end(struct kv_client *client);

#endif

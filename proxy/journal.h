/*
 * What the proxy records and counts: one audit record for each exchange, tunnel and refusal, and one line of numbers
 * for kavachctl show. Never a path, a query or a header: secrets stand there.
 *
 * A record that could not be written is kept and tried again each second, in order. With audit_required no
 * new request is taken until all of them are out.
 */
#ifndef KV_PROXY_JOURNAL_H
#define KV_PROXY_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/config.h"

struct kv_error;
struct kv_journal;
struct kv_loop;

/* What happened; texts are copied. */
struct kv_event_egress {
	bool allowed;
	char host[KV_HOST_MAX];		/* "": it was not understood */
	uint16_t port;			/* 0: the same */
	char method[KV_METHOD_MAX];	/* "CONNECT", "SOCKS" or the request's; "": the same */
	int status;			/* allowed: what the client was told; 0: nothing */
	uint64_t up, down;		/* allowed: bytes of the bodies, or of the tunnel */
	long long ms;			/* allowed: from the head's end to the end */
	const char *why;		/* refused; static */
	char by[KV_HOST_MAX + 18];	/* refused: the rule's text; "": none */
};

/* config: borrowed. chain: folder of the audit chain, or -1; counts: the file for the numbers, or -1; both borrowed. NULL with err. */
struct kv_journal *kv_journal_new(struct kv_loop *loop, const struct kv_egress_config *config, int chain, int counts,
    struct kv_error *err);
/* Tries once more what is still to be written, and writes the numbers. */
void kv_journal_free(struct kv_journal *journal);

void kv_journal_write(struct kv_journal *journal, const struct kv_event_egress *event);
/* May a new request be taken. */
bool kv_journal_ready(const struct kv_journal *journal);

#endif

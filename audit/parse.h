/*
 * Reads what record.c wrote, out of a line of a log. The line may be anything: nothing here
 * trusts a length, allocates, or reads past the end.
 */
#ifndef KV_AUDIT_PARSE_H
#define KV_AUDIT_PARSE_H

#include "audit/chain.h"

enum kv_line_kind {
	KV_LINE_OTHER,		/* another program's */
	KV_LINE_BROKEN,		/* ours by its tag, and no whole record */
	KV_LINE_UNSIGNED,	/* mac=none */
	KV_LINE_SIGNED,
};

struct kv_line {
	const char *text;	/* borrowed: the record in the line */
	size_t len;
	size_t covered;		/* bytes that the MAC covers */
	uint8_t mac[KV_MAC_SIZE];
};

/* Finds the record in a line (without its newline) and cuts off the MAC. */
enum kv_line_kind kv_parse_line(const char *line, size_t len, struct kv_line *out);

#define KV_LINK_ID 33	/* bytes of a session's id, with NUL, at most */

/*
 * What the chains need of a record. Before its MAC has verified only chain and session count: they
 * tell which key to try.
 */
struct kv_link {
	uint64_t seq, unsure;
	enum kv_chain_kind chain;	/* chain=session, chain=egress; none: the host's */
	bool opens, closes;		/* event=session-open, session-close */
	char session[KV_LINK_ID];	/* "": none */
	struct kv_link_end {		/* a close that tells of this chain of the session */
		bool known;
		uint64_t seq, unsure;
		uint8_t mac[KV_MAC_SIZE];
	} end[KV_CHAIN_KINDS];
	bool resumed;
	char reset[16];
	uint8_t prev[KV_MAC_SIZE];
};

/* 0, or -1 when a field is missing or malformed. */
int kv_parse_link(const char *text, size_t len, struct kv_link *out);

#endif

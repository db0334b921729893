/*
 * The text of one record: escaped, bounded, in logfmt or JSON. Pure. Whatever came
 * from outside enters the line through kv_record_text() and nowhere else.
 */
#ifndef KV_AUDIT_RECORD_H
#define KV_AUDIT_RECORD_H

#include "audit/audit.h"

/* Bytes of the longest record. RFC 3164 relays may cut a packet at 1024. */
#define KV_RECORD_MAX	960
/* What the seal needs at the end of the longest record (JSON is the longer form). */
#define KV_RECORD_TAIL	192
/* Hex digits of a MAC in a record: see chain.h. */
#define KV_MAC_HEX	32

struct kv_record {
	char text[KV_RECORD_MAX + 1];
	size_t used;
	size_t limit;		/* fields must end before this */
	bool json;
	bool truncated;
};

/* The chain's part of a record. */
struct kv_seal {
	uint64_t seq;		/* 0: unsigned */
	uint64_t unsure;	/* first number that may be missing before seq; 0: none */
	enum kv_chain_kind chain;
	bool resumed;		/* first record since the host started */
	const char *reset;	/* why the chain began anew; NULL: it did not */
	char prev[KV_MAC_HEX + 1];
};

void kv_record_begin(struct kv_record *record, enum kv_audit_format format);
void kv_record_text(struct kv_record *record, const char *key, const char *value, size_t max);
void kv_record_number(struct kv_record *record, const char *key, long long value);

/* All fields of the record up to and with prev; what is then in text is what the MAC covers. */
void kv_record_fill(struct kv_record *record, enum kv_event event,
    const struct kv_audit_subject *subject, const struct kv_audit_pair *pairs, size_t count,
    const struct kv_seal *seal, long long now);

/* Appends the MAC (hex digits, or "none") and closes the record. */
void kv_record_end(struct kv_record *record, const char *mac);

#endif

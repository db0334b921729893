/* kavachctl audit verify: is the chain of a log file whole. */
#ifndef KV_AUDIT_VERIFY_H
#define KV_AUDIT_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct kv_error;

struct kv_verify_result {
	uint64_t records;	/* chained records seen */
	uint64_t unsigned_records;	/* mac=none: written without access to the key */
	uint64_t interrupted;	/* numbers that a killed writer or a power cut left open; no finding */
	uint64_t first_seq, last_seq;
	uint64_t findings;	/* how many in all; the first is told below */
	uint64_t bad_line;	/* line of the first finding; 0: none */
	char finding[256];	/* "line 12: altered", "seq 7 missing" ... */
};

/*
 * Reads syslog lines (either format, other programs' lines are passed over)
 * and checks MACs and order with the key. If head is not NULL (the stored head
 * file), the last record must be the head, so that a cut tail is found too.
 * 0 with a result (sound or not: bad_line), -1 when it cannot be read.
 */
int kv_audit_verify(FILE *log, const uint8_t *key, size_t key_len, const char *head_dir,
    struct kv_verify_result *out, struct kv_error *err);

#endif

#include "audit/record.h"

#include "policy/decide.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Bytes of one value after escaping. Names are short; a pair may hold a command. */
#define NAME_ROOM	64
#define FROM_ROOM	128
#define PAIR_ROOM	384

static bool
plain(const char *value)
{
	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++) {
		char c = *value;

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || strchr("._:/@+-", c) != NULL))
			return false;
	}
	return true;
}

/* One byte as it stands in a record; returns the count, at most 6. */
static size_t
escape(unsigned char c, bool json, char out[8])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (c == '"' || c == '\\') {
		out[n++] = '\\';
		out[n++] = (char)c;
		return n;
	}
	if (c >= 0x20 && c < 0x7f) {
		out[n++] = (char)c;
		return n;
	}
	out[n++] = '\\';
	out[n++] = json ? 'u' : 'x';
	if (json) {
		out[n++] = '0';
		out[n++] = '0';
	}
	out[n++] = hex[c >> 4];
	out[n++] = hex[c & 15];
	return n;
}

static void
put(struct kv_record *r, const char *text, size_t len)
{
	if (len > KV_RECORD_MAX - r->used)
		return;		/* cannot be: every caller has counted */
	memcpy(r->text + r->used, text, len);
	r->used += len;
	r->text[r->used] = '\0';
}

static void
put_key(struct kv_record *r, const char *key)
{
	if (r->json) {
		put(r, r->used > 1 ? ",\"" : "\"", r->used > 1 ? 2 : 1);
		put(r, key, strlen(key));
		put(r, "\":", 2);
		return;
	}
	if (r->used > 0)
		put(r, " ", 1);
	put(r, key, strlen(key));
	put(r, "=", 1);
}

/* Room that is left for a value of this key; 0: none. */
static size_t
room_for(const struct kv_record *r, const char *key)
{
	size_t frame = strlen(key) + 6;		/* ,"key":"" */

	return r->used + frame < r->limit ? r->limit - r->used - frame : 0;
}

void
kv_record_begin(struct kv_record *record, enum kv_audit_format format)
{
	memset(record, 0, sizeof(*record));
	record->limit = KV_RECORD_MAX - KV_RECORD_TAIL;
	record->json = format == KV_AUDIT_JSON;
	if (record->json)
		put(record, "{", 1);
}

void
kv_record_text(struct kv_record *record, const char *key, const char *value, size_t max)
{
	bool quote = record->json || !plain(value);
	size_t room = room_for(record, key), len = 0;

	if (room == 0) {
		record->truncated = true;
		return;
	}
	if (max < room)
		room = max;
	put_key(record, key);
	if (quote)
		put(record, "\"", 1);
	for (; *value != '\0'; value++) {
		char one[8];
		size_t n = escape((unsigned char)*value, record->json, one);

		if (n > room - len) {
			record->truncated = true;
			break;
		}
		put(record, one, n);
		len += n;
	}
	if (quote)
		put(record, "\"", 1);
}

void
kv_record_number(struct kv_record *record, const char *key, long long value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", value);

	if (n < 0 || (size_t)n > room_for(record, key)) {
		record->truncated = true;
		return;
	}
	put_key(record, key);
	put(record, digits, (size_t)n);
}

static void
name_field(struct kv_record *r, const char *key, const char *value)
{
	if (value != NULL)
		kv_record_text(r, key, value, NAME_ROOM);
}

static void
time_field(struct kv_record *r, long long now)
{
	time_t seconds = (time_t)now;
	struct tm tm;
	char text[40];

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	kv_record_text(r, "time", text, sizeof(text));
}

static void
subject_fields(struct kv_record *r, const struct kv_audit_subject *subject)
{
	name_field(r, "user", subject->user);
	if (subject->uid >= 0)
		kv_record_number(r, "uid", subject->uid);
	name_field(r, "service", subject->service);
	if (subject->from != NULL)
		kv_record_text(r, "from", subject->from, FROM_ROOM);
	name_field(r, "rule", subject->rule);
	name_field(r, "policy", subject->policy);
	name_field(r, "backend", subject->backend);
	if (subject->score >= 0) {
		kv_record_number(r, "score", subject->score);
		name_field(r, "label", kv_score_label(subject->score));
	}
}

void
kv_record_fill(struct kv_record *record, enum kv_event event,
    const struct kv_audit_subject *subject, const struct kv_audit_pair *pairs, size_t count,
    const struct kv_seal *seal, long long now)
{
	name_field(record, "event", kv_event_name(event));
	name_field(record, "session", subject->session);
	if (seal->seq != 0)
		kv_record_number(record, "seq", (long long)seal->seq);
	if (seal->chain != KV_CHAIN_HOST)
		kv_record_text(record, "chain", kv_chain_name(seal->chain), NAME_ROOM);
	time_field(record, now);
	subject_fields(record, subject);
	for (size_t i = 0; i < count; i++)
		if (pairs[i].value != NULL)
			kv_record_text(record, pairs[i].key, pairs[i].value, PAIR_ROOM);

	record->limit = KV_RECORD_MAX;	/* the tail was kept free for what follows */
	if (record->truncated)
		kv_record_number(record, "truncated", 1);
	if (seal->seq == 0)
		return;
	if (seal->unsure != 0)
		kv_record_number(record, "unsure", (long long)seal->unsure);
	if (seal->resumed)
		kv_record_text(record, "resume", "boot", NAME_ROOM);
	if (seal->reset != NULL)
		kv_record_text(record, "reset", seal->reset, NAME_ROOM);
	kv_record_text(record, "prev", seal->prev, NAME_ROOM);
}

void
kv_record_end(struct kv_record *record, const char *mac)
{
	kv_record_text(record, "mac", mac, NAME_ROOM);
	if (record->json)
		put(record, "}", 1);
}

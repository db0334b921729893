#include "audit/verify.h"

#include "audit/chain.h"
#include "audit/parse.h"
#include "audit/session_chain.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/memops.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A line longer than this is none of ours: record, prefix and a long host name. */
#define LINE_ROOM	4096

struct seen {
	uint64_t seq;
	uint8_t mac[KV_MAC_SIZE];
};

/* One chain as far as it was read: the host's, or a session's. */
struct track {
	char session[KV_LINK_ID];		/* "": the host's */
	enum kv_chain_kind kind;
	bool opened;				/* its session-open is in this log */
	struct seen recent[KV_CHAIN_RECENT];	/* a ring; the last is at count - 1 */
	uint64_t count;
};

struct verifier {
	const uint8_t *key;
	size_t key_len;
	struct track host;
	struct track **sessions;	/* owned, each owned: those that are open */
	size_t session_count;
	char (*closed)[KV_LINK_ID];	/* owned: the sessions that this log closes */
	size_t closed_count;
	bool check_head, head_seen;
	struct kv_head head;
	struct kv_verify_result *out;
};

static void __attribute__((format(printf, 3, 4)))
finding(struct verifier *v, uint64_t line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (v->out->findings++ != 0)
		return;
	v->out->bad_line = line;
	n = snprintf(v->out->finding, sizeof(v->out->finding), "line %" PRIu64 ": ", line);
	if (n < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(v->out->finding + n, sizeof(v->out->finding) - (size_t)n, fmt, ap);
	va_end(ap);
}

static const struct seen *
last_seen(const struct track *t)
{
	return t->count == 0 ? NULL : &t->recent[(t->count - 1) % KV_CHAIN_RECENT];
}

static const struct seen *
find_recent(const struct track *t, const uint8_t mac[KV_MAC_SIZE])
{
	uint64_t have = t->count < KV_CHAIN_RECENT ? t->count : KV_CHAIN_RECENT;

	for (uint64_t i = 1; i <= have; i++) {
		const struct seen *s = &t->recent[(t->count - i) % KV_CHAIN_RECENT];

		if (memcmp(s->mac, mac, KV_MAC_SIZE) == 0)
			return s;
	}
	return NULL;
}

/* Why the record does not follow the one before. NULL: it does. */
static const char *
out_of_place(struct verifier *v, const struct track *t, const struct kv_link *link,
    const uint8_t mac[KV_MAC_SIZE], const struct seen *last)
{
	const struct seen *parent = find_recent(t, link->prev);

	if (find_recent(t, mac) != NULL)
		return "is there a second time";
	if (link->seq == last->seq + 1)
		return parent == last ? NULL : "does not continue the record before it";
	if (link->resumed && parent != NULL && parent->seq + 1 == link->seq) {
		v->out->interrupted += last->seq - parent->seq;
		return NULL;
	}
	if (link->seq > last->seq && link->unsure != 0 && link->unsure <= last->seq + 1) {
		v->out->interrupted += link->seq - last->seq - 1;
		return NULL;
	}
	if (link->seq > last->seq)
		return "";	/* told by its numbers */
	return parent != NULL ? "forks the chain" : "is out of order";
}

static void
place(struct verifier *v, const struct track *t, uint64_t line, const struct kv_link *link,
    const uint8_t mac[KV_MAC_SIZE])
{
	static const uint8_t none[KV_MAC_SIZE];
	const struct seen *last = last_seen(t);
	const char *why = NULL;

	if (link->reset[0] != '\0')
		finding(v, line, "the chain began anew here: state lost (%s)", link->reset);
	else if (link->seq == 1 && memcmp(link->prev, none, sizeof(none)) != 0)
		finding(v, line, "the first record continues another");
	else if (last != NULL)
		why = out_of_place(v, t, link, mac, last);
	else if (t->opened && link->seq != 1 && (link->unsure == 0 || link->unsure > 1))
		finding(v, line, "session %s: the records before %" PRIu64 " are missing", t->session, link->seq);
	if (why != NULL && why[0] != '\0')
		finding(v, line, "record %" PRIu64 " %s", link->seq, why);
	else if (why != NULL && last != NULL)
		finding(v, line, "records %" PRIu64 " to %" PRIu64 " are missing%s", last->seq + 1,
		    link->seq - 1, link->resumed ? " (before a restart of the host)" : "");
}

/* The track of one of a session's chains, made when it is new. NULL when out of memory. */
static struct track *
find_session(struct verifier *v, const char *id, enum kv_chain_kind kind, size_t *index)
{
	struct track **grown, *t;

	for (*index = 0; *index < v->session_count; (*index)++)
		if (v->sessions[*index]->kind == kind && strcmp(v->sessions[*index]->session, id) == 0)
			return v->sessions[*index];
	grown = realloc(v->sessions, (v->session_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	v->sessions = grown;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	memcpy(t->session, id, strlen(id) + 1);
	t->kind = kind;
	v->sessions[v->session_count++] = t;
	return t;
}

static int
remember_closed(struct verifier *v, const char *id)
{
	char (*grown)[KV_LINK_ID];

	if ((v->closed_count & (v->closed_count - 1)) == 0) {
		grown = realloc(v->closed, (v->closed_count == 0 ? 1 : v->closed_count * 2) * sizeof(*grown));
		if (grown == NULL)
			return -1;
		v->closed = grown;
	}
	memcpy(v->closed[v->closed_count++], id, strlen(id) + 1);
	return 0;
}

static bool
was_closed(const struct verifier *v, const char *id)
{
	for (size_t i = 0; i < v->closed_count; i++)
		if (strcmp(v->closed[i], id) == 0)
			return true;
	return false;
}

/* A session ends: each of its chains must have ended where the close says. */
static int
close_chain(struct verifier *v, uint64_t line, const struct kv_link *link, enum kv_chain_kind kind)
{
	const struct kv_link_end *end = &link->end[kind];
	size_t index;
	struct track *t = find_session(v, link->session, kind, &index);
	const struct seen *last = t == NULL ? NULL : last_seen(t);
	uint64_t seq = last == NULL ? 0 : last->seq;

	if (t == NULL)
		return -1;
	/* Of a session that began before this log there may be none. */
	if (end->known && (t->opened || last != NULL)) {
		bool whole = seq == end->seq && (seq == 0 || memcmp(last->mac, end->mac, KV_MAC_SIZE) == 0);
		bool pending = end->unsure != 0 && seq + 1 >= end->unsure && seq <= end->seq;

		if (!whole && !pending)
			finding(v, line, "session %s: its records end at %" PRIu64 ", the close says %" PRIu64,
			    t->session, seq, end->seq);
	} else if (!end->known && last != NULL) {
		finding(v, line, "session %s: the close does not say where its records end", t->session);
	}
	free(t);
	v->sessions[index] = v->sessions[--v->session_count];
	return 0;
}

static int
close_session(struct verifier *v, uint64_t line, const struct kv_link *link)
{
	for (int kind = KV_CHAIN_SESSION; kind < KV_CHAIN_KINDS; kind++)
		if (close_chain(v, line, link, (enum kv_chain_kind)kind) != 0)
			return -1;
	return remember_closed(v, link->session);
}

/* Both chains begin with the session, whether it comes to have records in them or not. */
static int
open_session(struct verifier *v, const struct kv_link *link)
{
	for (int kind = KV_CHAIN_SESSION; kind < KV_CHAIN_KINDS; kind++) {
		size_t index;
		struct track *t = find_session(v, link->session, (enum kv_chain_kind)kind, &index);

		if (t == NULL)
			return -1;
		t->opened = t->count == 0;
	}
	return 0;
}

/* What a record of the host's chain says of sessions. */
static int
follow_session(struct verifier *v, uint64_t line, const struct kv_link *link)
{
	if (link->session[0] == '\0' || (!link->opens && !link->closes))
		return 0;
	return link->closes ? close_session(v, line, link) : open_session(v, link);
}

static void
remember(struct track *t, uint64_t seq, const uint8_t mac[KV_MAC_SIZE])
{
	struct seen *slot = &t->recent[t->count++ % KV_CHAIN_RECENT];

	slot->seq = seq;
	memcpy(slot->mac, mac, KV_MAC_SIZE);
}

static void
sign(const struct verifier *v, const struct kv_line *record, const struct kv_link *link,
    uint8_t mac[KV_MAC_SIZE])
{
	uint8_t key[KV_KEY_SIZE];

	if (link->chain == KV_CHAIN_HOST) {
		kv_chain_mac(v->key, v->key_len, record->text, record->covered, mac);
		return;
	}
	kv_session_chain_key(v->key, v->key_len, link->session, link->chain, key);
	kv_chain_mac(key, sizeof(key), record->text, record->covered, mac);
	explicit_bzero(key, sizeof(key));
}

static int
take_host(struct verifier *v, uint64_t line, const struct kv_link *link, const uint8_t mac[KV_MAC_SIZE])
{
	place(v, &v->host, line, link, mac);
	if (v->host.count == 0)
		v->out->first_seq = link->seq;
	v->out->last_seq = link->seq;
	remember(&v->host, link->seq, mac);
	/* A pending head may name records that never went out. */
	if (v->check_head && ((link->seq == v->head.seq && memcmp(mac, v->head.mac, KV_MAC_SIZE) == 0) ||
	    (v->head.unsure != 0 && link->seq + 1 >= v->head.unsure && link->seq < v->head.seq)))
		v->head_seen = true;
	return follow_session(v, line, link);
}

/* 0, or -1 when out of memory. */
static int
take_record(struct verifier *v, uint64_t line, const struct kv_line *record)
{
	uint8_t mac[KV_MAC_SIZE];
	struct kv_link link;
	struct track *t;
	size_t index;
	int sound = kv_parse_link(record->text, record->covered, &link);

	if (sound == 0 && link.chain != KV_CHAIN_HOST && link.session[0] == '\0')
		sound = -1;
	if (sound == 0)
		sign(v, record, &link, mac);
	else
		kv_chain_mac(v->key, v->key_len, record->text, record->covered, mac);
	if (memeql_sec(mac, record->mac, KV_MAC_SIZE) == 0) {
		finding(v, line, "altered or added: the MAC is wrong");
		return 0;
	}
	if (sound != 0) {
		finding(v, line, "signed, but no record of a chain");
		return 0;
	}
	v->out->records++;
	if (link.chain == KV_CHAIN_HOST)
		return take_host(v, line, &link, mac);
	t = find_session(v, link.session, link.chain, &index);
	if (t == NULL)
		return -1;
	if (t->count == 0 && !t->opened && was_closed(v, link.session))
		finding(v, line, "session %s: a record after its close", link.session);
	place(v, t, line, &link, mac);
	remember(t, link.seq, mac);
	return 0;
}

/*
 * Reads one line without its newline; bytes beyond the room are counted, not
 * kept. 1, 0 at the end, -1.
 */
static int
read_line(FILE *log, char *line, size_t room, size_t *len)
{
	int c;

	*len = 0;
	while ((c = getc_unlocked(log)) != EOF && c != '\n') {
		if (*len < room)
			line[*len] = (char)c;
		*len += *len <= room;
	}
	if (c == EOF && ferror(log) != 0)
		return -1;
	return c != EOF || *len > 0;
}

/* The head is read before the log: records that arrive meanwhile do no harm. */
static int
read_head(struct verifier *v, const char *head_dir, struct kv_error *err)
{
	kv_cleanup_close int dir = open(head_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_close int fd = -1;
	uint8_t bytes[KV_HEAD_SIZE];
	ssize_t n;

	if (dir < 0)
		return kv_error_sys(err, "audit: %s", head_dir);
	fd = kv_openat(dir, "audit.head", O_RDONLY | O_NOFOLLOW, 0, true);
	if (fd < 0 && errno == ENOENT) {
		finding(v, 1, "the stored head is absent");
		return 0;
	}
	n = fd < 0 ? -1 : kv_read_all(fd, bytes, sizeof(bytes));
	if (n < 0)
		return kv_error_sys(err, "audit: %s/audit.head", head_dir);
	if (n != KV_HEAD_SIZE || kv_head_decode(bytes, v->key, v->key_len, &v->head) != 0)
		finding(v, 1, "the stored head is torn, or was made with another key");
	else
		v->check_head = v->head.seq != 0;
	return 0;
}

static void
release(struct verifier *v)
{
	for (size_t i = 0; i < v->session_count; i++)
		free(v->sessions[i]);
	free(v->sessions);
	free(v->closed);
}

int
kv_audit_verify(FILE *log, const uint8_t *key, size_t key_len, const char *head_dir,
    struct kv_verify_result *out, struct kv_error *err)
{
	struct verifier v = { .key = key, .key_len = key_len, .out = out };
	char line[LINE_ROOM];
	uint64_t number = 0;
	size_t len;
	int more;

	memset(out, 0, sizeof(*out));
	if (head_dir != NULL && read_head(&v, head_dir, err) != 0)
		return -1;
	while ((more = read_line(log, line, sizeof(line), &len)) == 1) {
		struct kv_line record;
		enum kv_line_kind kind;

		number++;
		kind = kv_parse_line(line, len < sizeof(line) ? len : sizeof(line), &record);
		if (kind == KV_LINE_SIGNED && len <= sizeof(line)) {
			if (take_record(&v, number, &record) != 0) {
				more = -1;
				break;
			}
		}
		else if (kind == KV_LINE_UNSIGNED && len <= sizeof(line))
			out->unsigned_records++;
		else if (kind != KV_LINE_OTHER)
			finding(&v, number, "not a whole record");
	}
	release(&v);
	if (more < 0)
		return kv_error_sys(err, "audit: reading the log");
	if (v.head.unsure == 1 && out->records == 0)
		v.head_seen = true;	/* the very first record of all may not have gone out */
	if (v.check_head && !v.head_seen)
		finding(&v, number + 1, "the end is missing: the last record is %" PRIu64
		    ", the stored head says %" PRIu64, out->last_seq, v.head.seq);
	return 0;
}

#include "proxy/journal.h"

#include "audit/audit.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "proxy/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS	1000
#define COUNTS_MS	1000
#define SYSLOG_MS	500	/* nothing else moves while syslog makes us wait */
/* All that can be under way at once, and the refusals of a second: more are counted only. */
#define WAITING_MAX	512

struct waiting {
	struct waiting *next;
	struct kv_event_egress event;
};

struct kv_journal {
	struct kv_loop *loop;
	struct kv_audit audit;
	struct kv_audit_subject subject;
	bool required;
	struct waiting *first, **last;	/* owned */
	size_t count;
	struct kv_timer retry, later;
	int counts;			/* borrowed, or -1 */
	long long counted_at;
	uint64_t allowed, denied, up, down;
};

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void write_waiting(struct kv_timer *timer);
static void write_counts(struct kv_timer *timer);

struct kv_journal *
kv_journal_new(struct kv_loop *loop, const struct kv_egress_config *config, int chain, int counts, struct kv_error *err)
{
	struct kv_journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL) {
		(void)kv_error_set(err, KV_ERR_NOMEM, "records");
		return NULL;
	}
	journal->loop = loop;
	journal->audit = (struct kv_audit){
		.state_fd = chain, .chain = KV_CHAIN_EGRESS, .timeout_ms = SYSLOG_MS,
		.format = config->json ? KV_AUDIT_JSON : KV_AUDIT_LOGFMT,
	};
	journal->subject = (struct kv_audit_subject){
		.session = or_null(config->session), .user = or_null(config->user), .uid = config->uid,
		.service = or_null(config->service), .from = or_null(config->from), .rule = or_null(config->rule),
		.policy = or_null(config->policy), .backend = or_null(config->backend), .score = config->score,
	};
	journal->required = config->audit_required;
	journal->last = &journal->first;
	journal->counts = counts;
	journal->retry.expired = write_waiting;
	journal->later.expired = write_counts;
	return journal;
}

/* 0, or -1 when syslog did not take it. */
static int
write_one(const struct kv_journal *journal, const struct kv_event_egress *event)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_audit_pair pairs[8];
	char port[8], status[16], up[24], down[24], ms[24];
	size_t count = 0;

	if (event->host[0] != '\0')
		pairs[count++] = (struct kv_audit_pair){ "host", event->host };
	(void)snprintf(port, sizeof(port), "%u", event->port);
	if (event->port != 0)
		pairs[count++] = (struct kv_audit_pair){ "port", port };
	if (event->method[0] != '\0')
		pairs[count++] = (struct kv_audit_pair){ "method", event->method };
	if (event->allowed) {
		(void)snprintf(status, sizeof(status), "%d", event->status);
		(void)snprintf(up, sizeof(up), "%llu", (unsigned long long)event->up);
		(void)snprintf(down, sizeof(down), "%llu", (unsigned long long)event->down);
		(void)snprintf(ms, sizeof(ms), "%lld", event->ms);
		pairs[count++] = (struct kv_audit_pair){ "status", status };
		pairs[count++] = (struct kv_audit_pair){ "up", up };
		pairs[count++] = (struct kv_audit_pair){ "down", down };
		pairs[count++] = (struct kv_audit_pair){ "ms", ms };
	} else {
		pairs[count++] = (struct kv_audit_pair){ "why", event->why };
		if (event->by[0] != '\0')
			pairs[count++] = (struct kv_audit_pair){ "by", event->by };
	}
	return kv_audit_write(&journal->audit, event->allowed ? KV_EVENT_EGRESS_ALLOW : KV_EVENT_EGRESS_DENY,
	    &journal->subject, pairs, count, &err);
}

static void
write_waiting(struct kv_timer *timer)
{
	struct kv_journal *journal = KV_OWNER(struct kv_journal, retry, timer);

	while (journal->first != NULL) {
		struct waiting *entry = journal->first;

		if (write_one(journal, &entry->event) != 0) {
			(void)kv_loop_timer(journal->loop, &journal->retry, RETRY_MS);
			return;
		}
		journal->first = entry->next;
		journal->count--;
		free(entry);
	}
	journal->last = &journal->first;
}

/* false: it cannot even be kept. */
static bool
keep(struct kv_journal *journal, const struct kv_event_egress *event)
{
	struct waiting *entry = journal->count < WAITING_MAX ? calloc(1, sizeof(*entry)) : NULL;

	if (entry == NULL)
		return false;
	entry->event = *event;
	*journal->last = entry;
	journal->last = &entry->next;
	journal->count++;
	return true;
}

static void
write_counts(struct kv_timer *timer)
{
	struct kv_journal *journal = KV_OWNER(struct kv_journal, later, timer);
	char line[160];
	int len = snprintf(line, sizeof(line), "allowed=%llu denied=%llu up=%llu down=%llu\n",
	    (unsigned long long)journal->allowed, (unsigned long long)journal->denied,
	    (unsigned long long)journal->up, (unsigned long long)journal->down);

	journal->counted_at = kv_loop_now(journal->loop);
	/* Numbers only grow, so the line is never shorter than the one before. */
	if (journal->counts >= 0)
		(void)!pwrite(journal->counts, line, (size_t)len, 0);
}

void
kv_journal_write(struct kv_journal *journal, const struct kv_event_egress *event)
{
	journal->allowed += event->allowed;
	journal->denied += !event->allowed;
	journal->up += event->up;
	journal->down += event->down;
	if (journal->later.place == 0) {
		long long since = kv_loop_now(journal->loop) - journal->counted_at;

		(void)kv_loop_timer(journal->loop, &journal->later, since >= COUNTS_MS ? 0 : COUNTS_MS - since);
	}
	if (journal->first == NULL && write_one(journal, event) == 0)
		return;
	(void)keep(journal, event);
	if (journal->retry.place == 0)
		(void)kv_loop_timer(journal->loop, &journal->retry, RETRY_MS);
}

bool
kv_journal_ready(const struct kv_journal *journal)
{
	return !journal->required || journal->first == NULL;
}

void
kv_journal_free(struct kv_journal *journal)
{
	if (journal == NULL)
		return;
	write_waiting(&journal->retry);
	write_counts(&journal->later);
	kv_loop_timer_stop(journal->loop, &journal->retry);
	kv_loop_timer_stop(journal->loop, &journal->later);
	while (journal->first != NULL) {
		struct waiting *entry = journal->first;

		journal->first = entry->next;
		free(entry);
	}
	free(journal);
}

#include "session/close_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>

#define PAIR_MAX 13

/* Pairs with room for the numbers in them. */
struct pairs {
	struct kv_audit_pair pair[PAIR_MAX];
	char text[PAIR_MAX][24];
	size_t count;
};

static void
add_text(struct pairs *p, const char *key, const char *value)
{
	if (p->count < PAIR_MAX)
		p->pair[p->count++] = (struct kv_audit_pair){ key, value };
}

static void
add_number(struct pairs *p, const char *key, uint64_t value)
{
	if (p->count >= PAIR_MAX)
		return;
	(void)snprintf(p->text[p->count], sizeof(p->text[p->count]), "%" PRIu64, value);
	add_text(p, key, p->text[p->count]);
}

static int
record_limit(const struct kv_audit *audit, const struct kv_audit_subject *subject,
    const char *limit, uint64_t hits, struct kv_error *err)
{
	struct pairs p = { .count = 0 };

	if (hits == 0)
		return 0;
	add_text(&p, "limit", limit);
	add_number(&p, "hits", hits);
	return kv_audit_write(audit, KV_EVENT_LIMIT_HIT, subject, p.pair, p.count, err);
}

/* Of the last sandbox, as sandbox-exit has it. */
static void
add_status(struct pairs *p, int status)
{
	if (status < 0)
		return;
	if (WIFSIGNALED(status))
		add_number(p, "signal", (uint64_t)WTERMSIG(status));
	else
		add_number(p, "status", (uint64_t)WEXITSTATUS(status));
}

static void
add_end(struct pairs *p, const struct kv_chain_end *end, const char *seq, const char *unsure, const char *mac)
{
	if (!end->known)
		return;
	add_number(p, seq, end->seq);
	if (end->unsure != 0)
		add_number(p, unsure, end->unsure);
	add_text(p, mac, end->mac);
}

int
kv_session_record_close(const struct kv_audit *audit, const struct kv_audit_subject *subject,
    const char *reason, const struct kv_usage *usage, struct kv_error *err)
{
	struct pairs p = { .count = 0 };
	int result = 0;

	if (record_limit(audit, subject, "memory", usage->oom_kills, err) != 0 ||
	    record_limit(audit, subject, "processes", usage->pids_max_hits, err) != 0)
		result = -1;
	add_text(&p, "reason", reason);
	add_number(&p, "duration_ms", usage->duration_ms);
	add_number(&p, "cpu_ms", usage->cpu_ms);
	add_number(&p, "memory_peak", usage->memory_peak);
	add_number(&p, "sandboxes", usage->sandboxes);
	add_status(&p, usage->last_status);
	add_end(&p, &usage->chain, "chain_seq", "chain_unsure", "chain_mac");
	add_end(&p, &usage->egress, "egress_seq", "egress_unsure", "egress_mac");
	if (kv_audit_write(audit, KV_EVENT_SESSION_CLOSE, subject, p.pair, p.count, err) != 0)
		result = -1;
	return result;
}

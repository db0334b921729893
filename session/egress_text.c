/*
 * What a session's proxy is told, and what it tells: proxy/config.h has the format. Pure but for the reading of the statistics.
 */
#include "session/egress.h"

#include "common/error.h"
#include "common/io.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at;
	size_t room;
	bool full;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->room) {
		t->full = true;
		return;
	}
	t->at += n;
	t->room -= (size_t)n;
}

/* A name from outside (the source's host name) may hold any byte: none makes a field or a line. */
static void
add_field(struct text *t, const char *value)
{
	add(t, "\t");
	for (; *value != '\0'; value++)
		add(t, "%c", (unsigned char)*value < ' ' || *value == 0x7f ? '?' : *value);
}

static void
add_list(struct text *t, const char *key, const struct kv_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		add(t, "%s\t%s\n", key, list->item[i]);
}

static void
add_subject(struct text *t, const struct kv_ticket *ticket)
{
	add(t, "subject\t%s", ticket->session);
	add_field(t, ticket->user);
	add(t, "\t%" PRIu32, ticket->uid);
	add_field(t, ticket->service);
	add_field(t, ticket->from);
	add_field(t, ticket->rule);
	add_field(t, ticket->policy);
	add(t, "\t%s\t%" PRId32 "\n", kv_backend_name((enum kv_backend_id)ticket->backend), ticket->score);
}

ssize_t
kv_egress_text(const struct kv_ticket *ticket, const struct kv_config *config, const struct kv_policy *policy,
    char *out, size_t size, struct kv_error *err)
{
	struct text t = { .at = out, .room = size, .full = false };

	add(&t, "format\t%s\n", config->audit_format == KV_AUDIT_JSON ? "json" : "logfmt");
	add(&t, "audit_required\t%s\n", config->audit_required ? "yes" : "no");
	add_subject(&t, ticket);
	add_list(&t, "host", &policy->allowed_hosts);
	for (size_t i = 0; i < policy->allowed_ports_count; i++)
		add(&t, "port\t%u\n", (unsigned int)policy->allowed_ports[i]);
	add(&t, "end\n");
	if (t.full)
		return kv_error_set(err, KV_ERR_CONFIG, "policy %s: its lists for the proxy are too long", policy->name);
	return (ssize_t)(size - t.room);
}

int
kv_egress_stats(int state_fd, struct kv_egress_stats *out)
{
	char line[256];

	if (kv_read_file(state_fd, KV_EGRESS_STATS, line, sizeof(line)) < 0)
		return -1;
	return sscanf(line, "allowed=%" SCNu64 " denied=%" SCNu64 " up=%" SCNu64 " down=%" SCNu64,
	    &out->allowed, &out->denied, &out->up, &out->down) == 4 ? 0 : -1;
}

/*
 * What a session's proxy is told, and what it tells. The policy and the credentials become proxy/config.h's struct, which
 * that folder writes as text. Pure but for the reading of the statistics.
 */
#include "session/egress.h"

#include "common/error.h"
#include "common/io.h"
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

/* A name from outside (the source's host name) may hold any byte: none makes a field or a line. */
static void
put(char *to, size_t size, const char *from)
{
	size_t used = 0;

	for (; *from != '\0' && used + 1 < size; from++) {
		char c = *from;

		if ((unsigned char)c < ' ' || c == 0x7f)
			c = '?';
		to[used++] = c;
	}
	to[used] = '\0';
}

static int
put_hosts(const struct kv_list *list, struct kv_host_rule **out, size_t *count)
{
	*out = calloc(list->count + 1, sizeof(**out));
	if (*out == NULL)
		return -1;
	*count = list->count;
	for (size_t i = 0; i < list->count; i++)
		if (kv_format((*out)[i].text, sizeof((*out)[i].text), "%s", list->item[i]) != 0)
			return -1;
	return 0;
}

static int
put_credential(const struct kv_secret *secret, struct kv_egress_credential *to)
{
	const struct kv_credential *c = secret->credential;

	if (kv_format(to->name, sizeof(to->name), "%s", c->name) != 0 ||
	    kv_format(to->header, sizeof(to->header), "%s", c->to) != 0)
		return -1;
	to->port = c->port;
	/* Lent for the writing; what is lent is not changed. */
	to->value = (char *)(uintptr_t)secret->value;
	return put_hosts(&c->hosts, &to->host, &to->host_count);
}

static int
put_credentials(const struct kv_secrets *secrets, struct kv_egress_config *to)
{
	to->credential = calloc(secrets->count + 1, sizeof(*to->credential));
	if (to->credential == NULL)
		return -1;
	for (size_t i = 0; i < secrets->count; i++)
		if (secrets->secret[i].credential->delivery == KV_DELIVERY_HEADER &&
		    put_credential(&secrets->secret[i], &to->credential[to->credential_count++]) != 0)
			return -1;
	return 0;
}

static int
put_policy(const struct kv_policy *policy, struct kv_egress_config *to)
{
	/* Both are lent. */
	to->port = (uint16_t *)(uintptr_t)policy->allowed_ports;
	to->port_count = policy->allowed_ports_count;
	to->method = policy->allowed_methods.item;
	to->method_count = policy->allowed_methods.count;
	to->path = policy->allowed_paths.item;
	to->path_count = policy->allowed_paths.count;
	return put_hosts(&policy->allowed_hosts, &to->host, &to->host_count);
}

static void
put_subject(const struct kv_ticket *ticket, struct kv_egress_config *to)
{
	put(to->session, sizeof(to->session), ticket->session);
	put(to->user, sizeof(to->user), ticket->user);
	put(to->service, sizeof(to->service), ticket->service);
	put(to->from, sizeof(to->from), ticket->from);
	put(to->rule, sizeof(to->rule), ticket->rule);
	put(to->policy, sizeof(to->policy), ticket->policy);
	put(to->backend, sizeof(to->backend), kv_backend_name((enum kv_backend_id)ticket->backend));
	to->uid = ticket->uid;
	to->score = ticket->score;
}

static void
release(struct kv_egress_config *c)
{
	for (size_t i = 0; i < c->credential_count; i++)
		free(c->credential[i].host);
	free(c->credential);
	free(c->host);
}

long
kv_egress_text(const struct kv_ticket *ticket, const struct kv_config *config, const struct kv_policy *policy,
    const struct kv_secrets *secrets, char *out, size_t size, struct kv_error *err)
{
	struct kv_egress_config c = {
		.json = config->audit_format == KV_AUDIT_JSON, .audit_required = config->audit_required,
	};
	long result = -1;

	put_subject(ticket, &c);
	if (put_policy(policy, &c) != 0 || put_credentials(secrets, &c) != 0)
		(void)kv_error_sys(err, "the proxy's policy");
	else if ((result = kv_egress_config_write(&c, out, size)) < 0)
		(void)kv_error_set(err, KV_ERR_CONFIG, "policy %s: its lists are too long for a proxy", policy->name);
	release(&c);
	return result;
}

int
kv_egress_stats(int state_fd, struct kv_egress_stats *out)
{
	const struct {
		const char *key;
		uint64_t *value;
	} parts[] = {
		{ "allowed=", &out->allowed }, { "denied=", &out->denied }, { "up=", &out->up }, { "down=", &out->down },
	};
	char line[256], *rest = line, *word;

	if (kv_read_file(state_fd, KV_EGRESS_STATS, line, sizeof(line)) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = strlen(parts[i].key);

		word = strsep(&rest, " ");
		if (word == NULL || strncmp(word, parts[i].key, len) != 0 ||
		    kv_parse_u64(word + len, 0, UINT64_MAX, parts[i].value) != 0)
			return -1;
	}
	return rest == NULL ? 0 : -1;
}

#include "proxy/config.h"

#include "proxy/syntax.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
	char *text;
	size_t size, used;
	bool bad;
};

/* One line: the key, then each value (NULL: an empty one) after a tab. */
static void
line(struct writer *writer, const char *key, const char *const *value, size_t count)
{
	size_t len = strlen(key);

	for (size_t i = 0; i <= count && !writer->bad; i++) {
		if (len + 1 > writer->size - writer->used) {
			writer->bad = true;
			return;
		}
		memcpy(writer->text + writer->used, i == 0 ? key : value[i - 1] != NULL ? value[i - 1] : "", len);
		for (size_t j = 0; j < len; j++)
			writer->bad = writer->bad || kv_byte_control(writer->text[writer->used + j]);
		writer->used += len;
		writer->text[writer->used++] = i < count ? '\t' : '\n';
		len = i < count && value[i] != NULL ? strlen(value[i]) : 0;
	}
}

static void
word(struct writer *writer, const char *key, const char *value)
{
	line(writer, key, &value, 1);
}

/* "" for what is unknown. */
static const char *
number(long long value, char out[24])
{
	out[0] = '\0';
	if (value >= 0)
		(void)snprintf(out, 24, "%lld", value);
	return out;
}

static void
credential(struct writer *writer, const struct kv_egress_credential *from)
{
	char port[24];
	const char *const values[] = { from->name, from->header, number(from->port, port), from->value };

	line(writer, "credential", values, 4);
	for (size_t i = 0; i < from->host_count; i++)
		word(writer, "for", from->host[i].text);
}

long
kv_egress_config_write(const struct kv_egress_config *config, char *text, size_t size)
{
	struct writer writer = { .text = text, .size = size < KV_EGRESS_TEXT_MAX ? size : KV_EGRESS_TEXT_MAX };
	char uid[24], score[24], port[24];
	const char *const subject[] = { config->session, config->user, number(config->uid, uid), config->service,
		config->from, config->rule, config->policy, config->backend, number(config->score, score) };

	word(&writer, "format", config->json ? "json" : "logfmt");
	word(&writer, "audit_required", config->audit_required ? "yes" : "no");
	line(&writer, "subject", subject, sizeof(subject) / sizeof(subject[0]));
	for (size_t i = 0; i < config->host_count; i++)
		word(&writer, "host", config->host[i].text);
	for (size_t i = 0; i < config->port_count; i++)
		word(&writer, "port", number(config->port[i], port));
	for (size_t i = 0; i < config->method_count; i++)
		word(&writer, "method", config->method[i]);
	for (size_t i = 0; i < config->path_count; i++)
		word(&writer, "path", config->path[i]);
	for (size_t i = 0; i < config->credential_count; i++)
		credential(&writer, &config->credential[i]);
	line(&writer, "end", NULL, 0);
	return writer.bad ? -1 : (long)writer.used;
}

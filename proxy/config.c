#include "proxy/config.h"

#include "common/error.h"
#include "proxy/syntax.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MAX	9	/* of a line: subject */
#define ITEMS_MAX	4096	/* of a list */

/* What of the text is read. Messages name the line and never quote it: it may hold a credential. */
struct reader {
	struct kv_egress_config *config;
	char *(*keep)(const char *value, size_t len);
	struct kv_slice value[VALUES_MAX];
	bool format, audit_required, subject;	/* were there */
	struct kv_error *err;
	unsigned int line;
};

static int
bad(struct reader *reader, const char *what)
{
	return kv_error_set(reader->err, KV_ERR_CONFIG, "proxy configuration, line %u: %s", reader->line, what);
}

static int
no_memory(struct reader *reader)
{
	return kv_error_set(reader->err, KV_ERR_NOMEM, "proxy configuration, line %u: no memory", reader->line);
}

/* Room for one more item behind count of them, zeroed. NULL with the error set. */
static void *
grow(struct reader *reader, void *list, size_t count, size_t size)
{
	void **at = list;
	char *grown;

	if (count >= ITEMS_MAX) {
		(void)bad(reader, "the list is too long");
		return NULL;
	}
	grown = reallocarray(*at, count + 1, size);
	if (grown == NULL) {
		(void)no_memory(reader);
		return NULL;
	}
	*at = grown;
	memset(grown + count * size, 0, size);
	return grown + count * size;
}

static int
copy(const struct kv_slice *from, char *to, size_t size)
{
	if (from->len >= size)
		return -1;
	memcpy(to, from->at, from->len);
	to[from->len] = '\0';
	return 0;
}

static int
number(const struct kv_slice *text, long long max, long long *out)
{
	long long n = 0;

	if (!kv_slice_only(text, KV_BYTE_DIGIT) || text->len > 18 || (text->at[0] == '0' && text->len > 1))
		return -1;
	for (size_t i = 0; i < text->len; i++)
		n = n * 10 + (text->at[i] - '0');
	if (n > max)
		return -1;
	*out = n;
	return 0;
}

/* One of two words; *out: is it the second. Once only. */
static int
choice(struct reader *reader, bool *seen, const char *no, const char *yes, bool *out)
{
	char word[16];

	if (*seen || copy(&reader->value[0], word, sizeof(word)) != 0 ||
	    (strcmp(word, no) != 0 && strcmp(word, yes) != 0))
		return bad(reader, *seen ? "stands twice" : "an unknown word");
	*seen = true;
	*out = strcmp(word, yes) == 0;
	return 0;
}

static int
take_format(struct reader *reader)
{
	return choice(reader, &reader->format, "logfmt", "json", &reader->config->json);
}

static int
take_audit_required(struct reader *reader)
{
	return choice(reader, &reader->audit_required, "no", "yes", &reader->config->audit_required);
}

static int
take_subject(struct reader *reader)
{
	struct kv_egress_config *config = reader->config;
	const struct kv_slice *v = reader->value;
	long long score = -1;

	if (reader->subject)
		return bad(reader, "stands twice");
	reader->subject = true;
	if (copy(&v[0], config->session, sizeof(config->session)) != 0 ||
	    copy(&v[1], config->user, sizeof(config->user)) != 0 ||
	    copy(&v[3], config->service, sizeof(config->service)) != 0 ||
	    copy(&v[4], config->from, sizeof(config->from)) != 0 ||
	    copy(&v[5], config->rule, sizeof(config->rule)) != 0 ||
	    copy(&v[6], config->policy, sizeof(config->policy)) != 0 ||
	    copy(&v[7], config->backend, sizeof(config->backend)) != 0)
		return bad(reader, "a value is too long");
	if ((v[2].len > 0 && number(&v[2], UINT32_MAX - 1, &config->uid) != 0) ||
	    (v[8].len > 0 && number(&v[8], 100, &score) != 0))
		return bad(reader, "not a number, or out of range");
	config->score = (int)score;
	return 0;
}

static int
read_rule(struct reader *reader, struct kv_host_rule *out)
{
	char text[1024];	/* not yet canonical: what is not ASCII may be longer than what it comes to */

	if (copy(&reader->value[0], text, sizeof(text)) != 0 || kv_host_rule_parse(text, out) != 0)
		return bad(reader, "not a host");
	return 0;
}

static int
take_host(struct reader *reader)
{
	struct kv_egress_config *config = reader->config;
	struct kv_host_rule *rule = grow(reader, &config->host, config->host_count, sizeof(*rule));

	if (rule == NULL || read_rule(reader, rule) != 0)
		return -1;
	config->host_count++;
	return 0;
}

static int
read_port(struct reader *reader, const struct kv_slice *text, uint16_t *out)
{
	long long port;

	if (number(text, UINT16_MAX, &port) != 0 || port == 0)
		return bad(reader, "not a port");
	*out = (uint16_t)port;
	return 0;
}

static int
take_port(struct reader *reader)
{
	struct kv_egress_config *config = reader->config;
	uint16_t *port = grow(reader, &config->port, config->port_count, sizeof(*port));

	if (port == NULL || read_port(reader, &reader->value[0], port) != 0)
		return -1;
	config->port_count++;
	return 0;
}

static int
add_text(struct reader *reader, char ***list, size_t *count)
{
	char **item = grow(reader, list, *count, sizeof(*item));

	if (item == NULL)
		return -1;
	*item = strndup(reader->value[0].at, reader->value[0].len);
	if (*item == NULL)
		return no_memory(reader);
	(*count)++;
	return 0;
}

static int
take_method(struct reader *reader)
{
	if (reader->value[0].len >= KV_METHOD_MAX || !kv_slice_only(&reader->value[0], KV_BYTE_TOKEN))
		return bad(reader, "not a method");
	return add_text(reader, &reader->config->method, &reader->config->method_count);
}

/* A prefix that kv_path_plain would never let match, or one with a query, is a mistake. */
static int
take_path(struct reader *reader)
{
	const struct kv_slice *path = &reader->value[0];

	if (path->len == 0 || memchr(path->at, '?', path->len) != NULL ||
	    memchr(path->at, '#', path->len) != NULL || memchr(path->at, ' ', path->len) != NULL ||
	    !kv_path_plain(path))
		return bad(reader, "not a path without dot segments");
	return add_text(reader, &reader->config->path, &reader->config->path_count);
}

static int
take_credential(struct reader *reader)
{
	struct kv_egress_config *config = reader->config;
	const struct kv_slice *v = reader->value;
	struct kv_egress_credential *credential = grow(reader, &config->credential, config->credential_count,
	    sizeof(*credential));

	if (credential == NULL)
		return -1;
	if (config->credential_count > 0 && config->credential[config->credential_count - 1].host_count == 0)
		return bad(reader, "the credential before is for no host");
	if (v[0].len == 0 || copy(&v[0], credential->name, sizeof(credential->name)) != 0)
		return bad(reader, "not a credential's name");
	if (!kv_slice_only(&v[1], KV_BYTE_TOKEN) || kv_header_is_hop(&v[1]) ||
	    copy(&v[1], credential->header, sizeof(credential->header)) != 0)
		return bad(reader, "not a header for a credential");
	if (read_port(reader, &v[2], &credential->port) != 0)
		return -1;
	if (v[3].len == 0 || v[3].len >= KV_EGRESS_VALUE_MAX)
		return bad(reader, "the credential is empty or too long");
	credential->value = reader->keep(v[3].at, v[3].len);
	if (credential->value == NULL)
		return no_memory(reader);
	config->credential_count++;
	return 0;
}

static int
take_for(struct reader *reader)
{
	struct kv_egress_config *config = reader->config;
	struct kv_egress_credential *credential;
	struct kv_host_rule *rule;

	if (config->credential_count == 0)
		return bad(reader, "no credential before it");
	credential = &config->credential[config->credential_count - 1];
	rule = grow(reader, &credential->host, credential->host_count, sizeof(*rule));
	if (rule == NULL || read_rule(reader, rule) != 0)
		return -1;
	if (rule->kind == KV_HOST_ANY)
		return bad(reader, "a credential for every host");
	credential->host_count++;
	return 0;
}

static const struct {
	const char *name;
	size_t values;
	int (*take)(struct reader *reader);
} keys[] = {
	{ "audit_required", 1, take_audit_required }, { "credential", 4, take_credential }, { "for", 1, take_for },
	{ "format", 1, take_format }, { "host", 1, take_host }, { "method", 1, take_method },
	{ "path", 1, take_path }, { "port", 1, take_port }, { "subject", VALUES_MAX, take_subject },
};

/* KEY TAB VALUE ...: cuts the line at its tabs. */
static int
take_line(struct reader *reader, struct kv_slice rest)
{
	struct kv_slice part[VALUES_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i < rest.len; i++)
		if (kv_byte_control(rest.at[i]) && rest.at[i] != '\t')
			return bad(reader, "a control byte");
	for (;;) {
		const char *tab = memchr(rest.at, '\t', rest.len);
		size_t len = tab != NULL ? (size_t)(tab - rest.at) : rest.len;

		if (count == VALUES_MAX + 1)
			return bad(reader, "too many values");
		part[count++] = (struct kv_slice){ rest.at, len };
		if (tab == NULL)
			break;
		rest.at += len + 1;
		rest.len -= len + 1;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (part[0].len != strlen(keys[i].name) || memcmp(part[0].at, keys[i].name, part[0].len) != 0)
			continue;
		if (count != keys[i].values + 1)
			return bad(reader, "not as many values as it must have");
		memcpy(reader->value, part + 1, keys[i].values * sizeof(part[0]));
		return keys[i].take(reader);
	}
	return bad(reader, "an unknown key");
}

static int
take_end(struct reader *reader, const struct kv_slice *rest)
{
	const struct kv_egress_config *config = reader->config;

	if (rest->len > 0)
		return bad(reader, "text after the end");
	if (!reader->format || !reader->audit_required || !reader->subject)
		return bad(reader, "format, audit_required or subject is missing");
	if (config->credential_count > 0 && config->credential[config->credential_count - 1].host_count == 0)
		return bad(reader, "the last credential is for no host");
	return 0;
}

static int
take_all(struct reader *reader, struct kv_slice rest)
{
	for (;;) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct kv_slice line;

		reader->line++;
		if (end == NULL)
			return bad(reader, "the end is missing");
		line = (struct kv_slice){ rest.at, (size_t)(end - rest.at) };
		rest.at += line.len + 1;
		rest.len -= line.len + 1;
		if (line.len == 3 && memcmp(line.at, "end", 3) == 0)
			return take_end(reader, &rest);
		if (take_line(reader, line) != 0)
			return -1;
	}
}

int
kv_egress_config_parse(const char *text, size_t len, char *(*keep)(const char *value, size_t len),
    void (*drop)(char *value), struct kv_egress_config *out, struct kv_error *err)
{
	struct reader reader = { .config = out, .keep = keep, .err = err };

	memset(out, 0, sizeof(*out));
	out->uid = -1;
	out->score = -1;
	if (len > KV_EGRESS_TEXT_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "proxy configuration: too large");
	if (take_all(&reader, (struct kv_slice){ text, len }) == 0)
		return 0;
	kv_egress_config_release(out, drop);
	return -1;
}

static void
release_texts(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void
kv_egress_config_release(struct kv_egress_config *config, void (*drop)(char *value))
{
	for (size_t i = 0; i < config->credential_count; i++) {
		drop(config->credential[i].value);
		free(config->credential[i].host);
	}
	free(config->credential);
	release_texts(config->method, config->method_count);
	release_texts(config->path, config->path_count);
	free(config->host);
	free(config->port);
	memset(config, 0, sizeof(*config));
}

/*
 * A credential's values, and what two of them are to each other.
 */
#include "policy/credential.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/match.h"
#include "policy/values.h"
#include "policy/variable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE " \t"

void
kv_credential_release(struct kv_credential *credential)
{
	kv_list_release(&credential->command);
	kv_list_release(&credential->hosts);
}

const struct kv_credential *
kv_config_credential(const struct kv_config *config, const char *name)
{
	for (size_t i = 0; i < config->credential_count; i++)
		if (strcmp(config->credentials[i].name, name) == 0)
			return &config->credentials[i];
	return NULL;
}

KV_VALUE(kv_value_source_file)
{
	((struct kv_credential *)base)->source = KV_SOURCE_FILE;
	return kv_value_path(key, value, base, err);
}

/* A file's name in a folder of systemd's: no slash, no dot first. */
static bool
file_name_ok(const char *name)
{
	return kv_word_span(name, "") > 0 && name[kv_word_span(name, "._-")] == '\0';
}

KV_VALUE(kv_value_source_systemd)
{
	((struct kv_credential *)base)->source = KV_SOURCE_SYSTEMD;
	return file_name_ok(value) ? kv_value_text(key, value, base, err) : -1;
}

/*
 * One word from *s on, its end in *s: up to a space, or between double quotes, which make no other
 * difference. There is no escape: a word cannot hold both kinds. NULL: a quote is missing, or stands within a word.
 */
static char *
next_word(char **s)
{
	char *word = *s, *end;

	if (*word == '"') {
		word++;
		end = strchr(word, '"');
		if (end == NULL || (end[1] != '\0' && strchr(SPACE, end[1]) == NULL))
			return NULL;
	} else {
		end = word + strcspn(word, SPACE "\"");
		if (*end == '"')
			return NULL;
	}
	*s = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

KV_VALUE(kv_value_source_command)
{
	struct kv_credential *credential = base;
	kv_cleanup_free char *copy = strdup(value);
	char *rest = copy;

	(void)key;
	if (copy == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	credential->source = KV_SOURCE_COMMAND;
	for (rest += kv_space_span(rest); *rest != '\0'; rest += kv_space_span(rest)) {
		const char *word = next_word(&rest);

		if (word == NULL)
			return kv_error_set(err, KV_ERR_CONFIG, "a double quote within a word, or without its other");
		if (credential->command.count == KV_CREDENTIAL_WORDS_MAX)
			return kv_error_set(err, KV_ERR_CONFIG, "more than %d words", KV_CREDENTIAL_WORDS_MAX);
		if (kv_list_add(&credential->command, word) != 0)
			return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	}
	if (credential->command.count == 0 || !kv_path_ok(credential->command.item[0], KV_PATH_MAX))
		return kv_error_set(err, KV_ERR_CONFIG, "no absolute path of a program; there is no shell and no PATH");
	return 0;
}

KV_VALUE(kv_value_variable)
{
	size_t len = strlen(value);

	((struct kv_credential *)base)->delivery = KV_DELIVERY_VARIABLE;
	if (!kv_variable_name_ok(value, len))
		return -1;
	if (kv_variable_reserved(value, len))
		return kv_error_set(err, KV_ERR_CONFIG, "kavach sets %.60s itself, or keeps it out of every session",
		    value);
	return kv_value_text(key, value, base, err);
}

KV_VALUE(kv_value_as_file)
{
	((struct kv_credential *)base)->delivery = KV_DELIVERY_FILE;
	return file_name_ok(value) ? kv_value_text(key, value, base, err) : -1;
}

KV_VALUE(kv_value_stdin)
{
	(void)key;
	(void)err;
	((struct kv_credential *)base)->delivery = KV_DELIVERY_STDIN;
	return strcmp(value, "yes") == 0 ? 0 : -1;
}

/* What the proxy speaks for itself, or what says where a request ends or goes. */
static bool
header_taken(const char *name)
{
	static const char *const taken[] = {
		"Connection", "Content-Length", "Expect", "Forwarded", "Host", "Keep-Alive", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "Via",
	};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcasecmp(taken[i], name) == 0)
			return true;
	return strncasecmp(name, "Proxy-", 6) == 0;
}

KV_VALUE(kv_value_header)
{
	((struct kv_credential *)base)->delivery = KV_DELIVERY_HEADER;
	if (kv_word_span(value, "") == 0 || value[kv_word_span(value, "!#$%&'*+-.^_`|~")] != '\0')
		return -1;
	if (header_taken(value))
		return kv_error_set(err, KV_ERR_CONFIG, "%.60s is the proxy's own to send", value);
	return kv_value_text(key, value, base, err);
}

KV_VALUE(kv_value_port)
{
	uint64_t port;

	(void)err;
	if (kv_parse_u64(value, 1, 65535, &port) != 0)
		return -1;
	*(uint16_t *)(void *)((char *)base + key->offset) = (uint16_t)port;
	return 0;
}

bool
kv_credential_header_byte(unsigned char c)
{
	return c >= ' ' && c != 0x7f;
}

static bool
hosts_meet(const struct kv_list *a, const struct kv_list *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (kv_match_suffix(a->item[i], b->item[j]) || kv_match_suffix(b->item[j], a->item[i]))
				return true;
	return false;
}

bool
kv_credential_clash(const struct kv_credential *a, const struct kv_credential *b)
{
	if (a->delivery != b->delivery)
		return false;
	switch (a->delivery) {
	case KV_DELIVERY_STDIN:
		return true;
	case KV_DELIVERY_HEADER:
		/* Whatever the headers and ports: http:// at port 80 is for either, and one request gets one of them. */
		return hosts_meet(&a->hosts, &b->hosts);
	case KV_DELIVERY_NONE:
	case KV_DELIVERY_VARIABLE:
	case KV_DELIVERY_FILE:
		break;
	}
	return strcmp(a->to, b->to) == 0;
}

static void
show_header(const struct kv_credential *credential, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "the header %s for", credential->to);

	for (size_t i = 0; i < credential->hosts.count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s %s", i == 0 ? "" : ",", credential->hosts.item[i]);
	if (used < size)
		(void)snprintf(out + used, size - used, ", port %u", credential->port);
}

void
kv_credential_show(const struct kv_credential *credential, char *out, size_t size)
{
	switch (credential->delivery) {
	case KV_DELIVERY_VARIABLE:
		(void)snprintf(out, size, "the variable %s", credential->to);
		break;
	case KV_DELIVERY_FILE:
		(void)snprintf(out, size, "the file " KV_CREDENTIALS_DIR "/%s", credential->to);
		break;
	case KV_DELIVERY_STDIN:
		(void)snprintf(out, size, "standard input");
		break;
	case KV_DELIVERY_HEADER:
		show_header(credential, out, size);
		break;
	case KV_DELIVERY_NONE:
		(void)snprintf(out, size, "nothing");
		break;
	}
}

#include "policy/values.h"

#include "common/error.h"
#include "common/io.h"

#include <stdlib.h>
#include <string.h>

static void *
field(const struct kv_keydef *key, void *base)
{
	return (char *)base + key->offset;
}

size_t
kv_word_span(const char *s, const char *more)
{
	size_t n = 0;

	while (s[n] != '\0') {
		char c = s[n];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr(more, c) != NULL))
			break;
		n++;
	}
	return n;
}

size_t
kv_space_span(const char *s)
{
	size_t n = 0;

	while (s[n] == ' ' || s[n] == '\t')
		n++;
	return n;
}

bool
kv_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < KV_NAME_MAX && name[0] != '-' && kv_word_span(name, "_-") == len;
}

KV_VALUE(kv_value_bool)
{
	int v;

	(void)err;
	if (kv_word_find(kv_bool_words, value, &v) != 0)
		return -1;
	*(bool *)field(key, base) = v != 0;
	return 0;
}

/* The enums of policy.h are all of the size of an int. */
KV_VALUE(kv_value_word)
{
	int v;

	(void)err;
	_Static_assert(sizeof(enum kv_network) == sizeof(int), "enum");
	if (kv_word_find(key->words, value, &v) != 0)
		return -1;
	memcpy(field(key, base), &v, sizeof(v));
	return 0;
}

KV_VALUE(kv_value_int)
{
	uint64_t v;

	(void)err;
	if (kv_parse_u64(value, key->min, key->max, &v) != 0)
		return -1;
	*(int *)field(key, base) = (int)v;
	return 0;
}

KV_VALUE(kv_value_count)
{
	uint64_t v = 0;

	(void)err;
	if (strcmp(value, "none") != 0 && kv_parse_u64(value, key->min, key->max, &v) != 0)
		return -1;
	*(uint32_t *)field(key, base) = (uint32_t)v;
	return 0;
}

KV_VALUE(kv_value_fuel)
{
	uint64_t v = 0;

	(void)err;
	if (strcmp(value, "none") != 0 && kv_parse_u64(value, key->min, key->max, &v) != 0)
		return -1;
	*(uint64_t *)field(key, base) = v;
	return 0;
}

/* Digits and at most one letter of k, K, M, G. */
static int
parse_size(const struct kv_keydef *key, const char *value, uint64_t *out)
{
	size_t len = strlen(value);
	unsigned int shift = 0;
	char digits[24];

	if (len == 0 || len >= sizeof(digits))
		return -1;
	switch (value[len - 1]) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		break;
	}
	memcpy(digits, value, len + 1);
	if (shift != 0)
		digits[len - 1] = '\0';
	if (kv_parse_u64(digits, 0, UINT64_MAX >> shift, out) != 0)
		return -1;
	*out <<= shift;
	return *out < key->min || *out > key->max ? -1 : 0;
}

KV_VALUE(kv_value_size)
{
	uint64_t v = 0;

	(void)err;
	if (strcmp(value, "none") != 0 && parse_size(key, value, &v) != 0)
		return -1;
	*(uint64_t *)field(key, base) = v;
	return 0;
}

/* There is no /tmp without a bound: it is memory. */
KV_VALUE(kv_value_tmp_size)
{
	if (strcmp(value, "none") == 0)
		return -1;
	return kv_value_size(key, value, base, err);
}

/* A number with at most three decimals, in thousandths. */
static int
parse_milli(const char *value, uint64_t *out)
{
	size_t whole_len = strcspn(value, "."), decimals = 0;
	uint64_t whole, part = 0;
	char digits[16];

	if (whole_len >= sizeof(digits))
		return -1;
	memcpy(digits, value, whole_len);
	digits[whole_len] = '\0';
	if (kv_parse_u64(digits, 0, 1000000, &whole) != 0)
		return -1;
	if (value[whole_len] == '.') {
		decimals = strlen(value + whole_len + 1);
		if (decimals > 3 || kv_parse_u64(value + whole_len + 1, 0, 999, &part) != 0)
			return -1;
		for (; decimals < 3; decimals++)
			part *= 10;
	}
	*out = whole * 1000 + part;
	return 0;
}

KV_VALUE(kv_value_cpu)
{
	uint64_t v = 0;

	(void)err;
	if (strcmp(value, "none") != 0 &&
	    (parse_milli(value, &v) != 0 || v < key->min || v > key->max))
		return -1;
	*(uint32_t *)field(key, base) = (uint32_t)v;
	return 0;
}

static int
parse_backend(const struct kv_keydef *key, const char *value, const char *none, void *base,
    struct kv_error *err)
{
	enum kv_backend_id id = KV_BACKEND_AUTO;

	if (strcmp(value, none) != 0 && kv_backend_parse(value, &id) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "unknown backend: %.60s", value);
	memcpy(field(key, base), &id, sizeof(id));
	return 0;
}

KV_VALUE(kv_value_backend)
{
	return parse_backend(key, value, "auto", base, err);
}

KV_VALUE(kv_value_inner)
{
	return parse_backend(key, value, "none", base, err);
}

KV_VALUE(kv_value_text)
{
	(void)err;
	if (value[0] == '\0' || strlen(value) >= key->size)
		return -1;
	memcpy(field(key, base), value, strlen(value) + 1);
	return 0;
}

KV_VALUE(kv_value_command)
{
	struct kv_rule *rule = base;

	if (value[0] == '\0' || strlen(value) >= key->size)
		return -1;
	free(rule->command);
	rule->command = strdup(value);
	return rule->command != NULL ? 0 : kv_error_set(err, KV_ERR_NOMEM, "out of memory");
}

KV_VALUE(kv_value_name)
{
	if (!kv_name_ok(value))
		return -1;
	return kv_value_text(key, value, base, err);
}

KV_VALUE(kv_value_base)
{
	(void)key;
	(void)base;
	(void)err;
	return kv_name_ok(value) ? 0 : -1;
}

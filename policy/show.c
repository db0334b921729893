/*
 * A policy's values as text: the way back from the struct to what the file says.
 * One function for each parser, so that a key has no second line to be kept.
 */
#include "policy/load.h"

#include "policy/keys.h"
#include "policy/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW(name) static void name(FILE *out, const struct kv_keydef *key, const struct kv_policy *policy)

static const void *
field(const struct kv_keydef *key, const struct kv_policy *policy)
{
	return (const char *)policy + key->offset;
}

SHOW(show_bool)
{
	(void)fputs(*(const bool *)field(key, policy) ? "yes" : "no", out);
}

SHOW(show_word)
{
	int value;

	memcpy(&value, field(key, policy), sizeof(value));
	for (const struct kv_word *word = key->words; word->text != NULL; word++)
		if (word->value == value)
			(void)fputs(word->text, out);
}

SHOW(show_int)
{
	(void)fprintf(out, "%d", *(const int *)field(key, policy));
}

SHOW(show_count)
{
	uint32_t count = *(const uint32_t *)field(key, policy);

	if (count == 0)
		(void)fputs("none", out);
	else
		(void)fprintf(out, "%u", count);
}

SHOW(show_fuel)
{
	uint64_t fuel = *(const uint64_t *)field(key, policy);

	if (fuel == 0)
		(void)fputs("none", out);
	else
		(void)fprintf(out, "%llu", (unsigned long long)fuel);
}

/* In the greatest unit that divides it. */
static void
show_bytes(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "", "k", "M", "G" };
	size_t unit = 0;

	while (unit < 3 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	(void)fprintf(out, "%llu%s", (unsigned long long)bytes, units[unit]);
}

SHOW(show_size)
{
	uint64_t bytes = *(const uint64_t *)field(key, policy);

	if (bytes == 0)
		(void)fputs("none", out);
	else
		show_bytes(out, bytes);
}

SHOW(show_tmp_size)
{
	uint64_t bytes = *(const uint64_t *)field(key, policy);

	show_bytes(out, bytes != 0 ? bytes : 64ULL << 20);
}

SHOW(show_cpu)
{
	uint32_t milli = *(const uint32_t *)field(key, policy);

	if (milli == 0)
		(void)fputs("none", out);
	else if (milli % 100 == 0)
		(void)fprintf(out, "%u.%u", milli / 1000, milli % 1000 / 100);
	else if (milli % 10 == 0)
		(void)fprintf(out, "%u.%02u", milli / 1000, milli % 1000 / 10);
	else
		(void)fprintf(out, "%u.%03u", milli / 1000, milli % 1000);
}

SHOW(show_backend)
{
	(void)fputs(kv_backend_name(*(const enum kv_backend_id *)field(key, policy)), out);
}

SHOW(show_inner)
{
	enum kv_backend_id id = *(const enum kv_backend_id *)field(key, policy);

	(void)fputs(id == KV_BACKEND_AUTO ? "none" : kv_backend_name(id), out);
}

SHOW(show_seccomp)
{
	(void)key;
	(void)fputs(policy->seccomp == KV_SECCOMP_FILE ? policy->seccomp_file :
	    kv_seccomp_name(policy->seccomp), out);
}

SHOW(show_text)
{
	(void)fputs(field(key, policy), out);
}

SHOW(show_rootfs)
{
	(void)key;
	(void)fputs(policy->rootfs[0] != '\0' ? policy->rootfs : "host", out);
}

SHOW(show_image)
{
	(void)key;
	(void)fputs(policy->image[0] != '\0' ? policy->image : "none", out);
}

static void
show_item(FILE *out, const char *item)
{
	(void)fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", item);
}

SHOW(show_list)
{
	const struct kv_list *list = field(key, policy);

	for (size_t i = 0; i < list->count; i++)
		show_item(out, list->item[i]);
}

SHOW(show_ports)
{
	(void)key;
	for (size_t i = 0; i < policy->allowed_ports_count; i++)
		(void)fprintf(out, "%s%u", i > 0 ? ", " : "", policy->allowed_ports[i]);
}

SHOW(show_landlock)
{
	for (size_t i = 0; i < policy->landlock_count; i++)
		if (policy->landlock[i].writable == (key->size == 1))
			show_item(out, policy->landlock[i].path);
}

SHOW(show_data_dir)
{
	(void)key;
	for (size_t i = 0; i < policy->data_dir_count; i++)
		show_item(out, policy->data_dir[i]);
}

static const struct {
	int (*parse)(const struct kv_keydef *, const char *, void *, struct kv_error *);
	void (*show)(FILE *, const struct kv_keydef *, const struct kv_policy *);
} shows[] = {
	{ kv_value_bool, show_bool }, { kv_value_word, show_word }, { kv_value_int, show_int },
	{ kv_value_count, show_count }, { kv_value_size, show_size },
	{ kv_value_tmp_size, show_tmp_size }, { kv_value_cpu, show_cpu },
	{ kv_value_fuel, show_fuel },
	{ kv_value_backend, show_backend }, { kv_value_inner, show_inner },
	{ kv_value_seccomp, show_seccomp }, { kv_value_path, show_text },
	{ kv_value_rootfs, show_rootfs }, { kv_value_image, show_image },
	{ kv_value_list, show_list }, { kv_value_environment, show_list },
	{ kv_value_credentials, show_list },
	{ kv_value_ports, show_ports }, { kv_value_landlock, show_landlock },
	{ kv_value_data_dir, show_data_dir },
};

char *
kv_policy_value(const struct kv_policy *policy, size_t key)
{
	const struct kv_keydef *def = &kv_keydefs[key];
	char *text = NULL;
	size_t size = 0, total;
	FILE *out;

	if (def->scope != KV_SCOPE_POLICY)
		return NULL;
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		if (shows[i].parse != def->parse)
			continue;
		out = open_memstream(&text, &size);
		if (out == NULL)
			return NULL;
		shows[i].show(out, def, policy);
		if (ftell(out) == 0)
			(void)fputs(kv_keys(&total)[key].fallback, out);
		if (fclose(out) == 0)
			return text;
		free(text);
		return NULL;
	}
	return NULL;
}

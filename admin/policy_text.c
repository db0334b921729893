#include "admin/policy_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/output.h"
#include "common/cleanup.h"
#include "policy/credential.h"
#include "policy/load.h"

static bool
chooses(const char *key)
{
	static const char *const keys[] = { "backend", "inner_backend", "min_strength", "allow_noop" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

char *
kv_policy_line(const struct kv_policy *policy)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);
	char *line = kv_asprintf("%s", "");

	for (size_t i = 0; i < count; i++) {
		kv_cleanup_free char *value = kv_policy_value(policy, i);
		char *longer;

		if (value == NULL || chooses(keys[i].name) || strcmp(value, "none") == 0 ||
		    strcmp(value, "any") == 0)
			continue;
		longer = kv_asprintf("%s%s%s = %s", line, line[0] != '\0' ? "; " : "", keys[i].name, value);
		free(line);
		line = longer;
	}
	return line;
}

struct json_object *
kv_policy_json(const struct kv_policy *policy)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);
	struct json_object *all = kv_json_object();

	for (size_t i = 0; i < count; i++) {
		kv_cleanup_free char *value = kv_policy_value(policy, i);

		if (value != NULL)
			kv_json_string(all, keys[i].name, value);
	}
	return all;
}

static size_t
count_of(const struct kv_config *config, const struct kv_list *names)
{
	return names != NULL ? names->count : config->credential_count;
}

/* Its name. *out is NULL where the definition could not be read. */
static const char *
nth(const struct kv_config *config, const struct kv_list *names, size_t i, const struct kv_credential **out)
{
	if (names == NULL) {
		*out = &config->credentials[i];
		return config->credentials[i].name;
	}
	*out = kv_config_credential(config, names->item[i]);
	return names->item[i];
}

void
kv_credentials_put(const struct kv_config *config, const struct kv_list *names)
{
	for (size_t i = 0; i < count_of(config, names); i++) {
		char how[512] = "defined where only root can read";
		const struct kv_credential *one;
		const char *name = nth(config, names, i, &one);
		kv_cleanup_free char *text = NULL;

		if (one != NULL)
			kv_credential_show(one, how, sizeof(how));
		text = kv_asprintf("%s: %s", name, how);
		kv_put_field("credential", KV_PLAIN, text);
	}
}

struct json_object *
kv_credentials_json(const struct kv_config *config, const struct kv_list *names)
{
	struct json_object *list = kv_json_array();

	for (size_t i = 0; i < count_of(config, names); i++) {
		struct json_object *entry = kv_json_object();
		const struct kv_credential *one;
		char how[512];

		kv_json_string(entry, "name", nth(config, names, i, &one));
		if (one != NULL) {
			kv_credential_show(one, how, sizeof(how));
			kv_json_int(entry, "line", one->line);
		}
		kv_json_string(entry, "delivery", one != NULL ? how : NULL);
		kv_json_string(entry, "file", one != NULL ? one->file : NULL);
		kv_json_append(list, entry);
	}
	return list;
}

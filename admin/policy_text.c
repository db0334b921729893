#include "admin/policy_text.h"

#include <stdlib.h>
#include <string.h>

#include "admin/output.h"
#include "common/cleanup.h"
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

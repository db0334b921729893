/* kavachctl check: is the policy sound; where not, which line and why. */
#include "admin/command.h"

#include <stdio.h>
#include <unistd.h>

#include "admin/host.h"
#include "admin/output.h"
#include "admin/policy_text.h"
#include "policy/load.h"

/* Sound, and refused all the same: what this version does not have. Returns an array, or NULL for text. */
static struct json_object *
warn(const struct kv_config *config, const char *name, bool json)
{
	struct json_object *list = json ? kv_json_array() : NULL;

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct kv_policy *policy = &config->policies[i];
		struct kv_error why = KV_ERROR_INIT;

		if (kv_policy_supported(policy, &why) == 0)
			continue;
		if (json) {
			struct json_object *one = kv_json_object();

			kv_json_string(one, "policy", policy->name);
			kv_json_string(one, "reason", why.msg);
			kv_json_append(list, one);
		} else {
			kv_complain("warning: %s: policy %s: its sessions are refused: %s", name,
			    policy->name, why.msg);
		}
	}
	return list;
}

/* Are there names of credentials that nothing was compared with. */
static bool
unchecked(const struct kv_config *config)
{
	for (size_t i = 0; config->credentials_unread && i < config->policy_count; i++)
		if (config->policies[i].credentials.count > 0)
			return true;
	return false;
}

/* file NULL: all that is installed. Returns whether it is sound. */
static bool
check_one(const char *file, struct json_object *list)
{
	struct kv_load_options options = { .file = file, .alone = file != NULL,
		.any_owner = file != NULL && geteuid() != 0 };
	struct kv_config config = { .policies = NULL };
	struct kv_error err = KV_ERROR_INIT;
	bool sound = kv_config_load(&options, &config, &err) == 0;
	const char *name = file != NULL ? file : KV_CONF_FILE;

	if (list != NULL) {
		struct json_object *one = kv_json_object();

		kv_json_string(one, "file", name);
		kv_json_bool(one, "sound", sound);
		kv_json_string(one, "reason", sound ? NULL : err.msg);
		kv_json_int(one, "policies", (int64_t)config.policy_count);
		kv_json_int(one, "rules", (int64_t)config.rule_count);
		kv_json_add(one, "credentials", kv_credentials_json(&config, NULL));
		kv_json_bool(one, "credentials_checked", !unchecked(&config));
		kv_json_add(one, "warnings", warn(&config, name, true));
		kv_json_append(list, one);
	} else if (sound) {
		kv_put(stdout, KV_PLAIN, name);
		(void)printf(": ");
		kv_put(stdout, KV_GOOD, "sound");
		(void)printf(" (%zu policies, %zu rules)\n", config.policy_count, config.rule_count);
		kv_credentials_put(&config, NULL);
		(void)fflush(stdout);
		(void)warn(&config, name, false);
		if (unchecked(&config))
			kv_complain("note: %s: the names in credentials were not looked for in credentials.d", name);
	} else {
		(void)fflush(stdout);
		kv_put(stderr, KV_BAD, err.msg);
		(void)fputc('\n', stderr);
	}
	kv_config_release(&config);
	return sound;
}

int
kv_cmd_check(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct json_object *list = NULL;
	bool json = false, sound = true;
	int c;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == '?')
			return KV_EXIT_USAGE;
		json = true;
	}
	if (json)
		list = kv_json_array();
	if (optind == argc)
		sound = check_one(NULL, list);
	for (int i = optind; i < argc; i++)
		sound = check_one(argv[i], list) && sound;
	if (json)
		kv_json_print(list);
	return sound ? KV_EXIT_OK : KV_EXIT_NO;
}

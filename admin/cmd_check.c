/* kavachctl check: is the policy sound; where not, which line and why. */
#include "admin/command.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/host.h"
#include "admin/output.h"
#include "admin/policy_text.h"
#include "backends/backend.h"
#include "common/cleanup.h"
#include "policy/credential.h"
#include "policy/load.h"
#include "policy/trust.h"

/* One warning: into the list, or on standard error. kind: what name is the name of. */
static void
warn(struct json_object *list, const char *file, const char *kind, const char *name, const char *reason)
{
	struct json_object *one;

	if (list == NULL) {
		kv_complain("warning: %s: %s %s: %s", file, kind, name, reason);
		return;
	}
	one = kv_json_object();
	kv_json_string(one, kind, name);
	kv_json_string(one, "reason", reason);
	kv_json_append(list, one);
}

/* Sound, and refused all the same: what this version or this host does not have. */
static void
warn_of_policies(const struct kv_config *config, const char *file, struct json_object *list)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct kv_policy *policy = &config->policies[i];
		struct kv_backend_fact fact[KV_BACKEND_COUNT];
		kv_cleanup_free char *words = NULL;
		struct kv_error why = KV_ERROR_INIT;

		if (kv_policy_supported(policy, &why) != 0) {
			words = kv_asprintf("its sessions are refused: %s", why.msg);
		} else if (policy->backend != KV_BACKEND_AUTO) {
			memset(fact, 0, sizeof(fact));
			kv_backend_probe(1U << policy->backend, KV_PROBE_LOGIN_MS, fact, NULL);
			if (!fact[policy->backend].available)
				words = kv_asprintf("its sessions are refused on this host: backend %s: %s",
				    kv_backend_name(policy->backend), fact[policy->backend].reason);
		}
		if (words != NULL)
			warn(list, file, "policy", policy->name, words);
	}
}

/* A database that does not answer counts as a yes. */
static bool
is_known(const char *name, bool group)
{
	errno = 0;
	return strchr(name, '*') != NULL ||
	    (group ? getgrnam(name) != NULL : getpwnam(name) != NULL) ||
	    (errno != 0 && errno != ENOENT && errno != ESRCH);
}

static void
warn_of_names(const struct kv_list *names, bool group, const char *file, const char *kind,
    const char *name, struct json_object *list)
{
	for (size_t i = 0; i < names->count; i++) {
		kv_cleanup_free char *words = NULL;

		if (is_known(names->item[i], group))
			continue;
		words = kv_asprintf("this host has no %s %s", group ? "group" : "user", names->item[i]);
		warn(list, file, kind, name, words);
	}
}

/* A misspelt name confines, or exempts, nobody, and nothing else would tell. */
static void
warn_of_rules(const struct kv_config *config, const char *file, struct json_object *list)
{
	warn_of_names(&config->exempt_groups, true, file, "key", "exempt_groups", list);
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct kv_rule *rule = &config->rules[i];
		kv_cleanup_free char *at = kv_asprintf("%s:%u", rule->file, rule->line);

		warn_of_names(&rule->user, false, at, "rule", rule->name, list);
		warn_of_names(&rule->group, true, at, "rule", rule->name, list);
		if (rule->user.count == 0 && rule->group.count == 0)
			warn(list, at, "rule", rule->name, "it names no user and no group, and so means "
			    "everybody who is not exempt");
	}
}

/* The file's owner, mode and folders, or that the program is there; what they give is for the login to ask. */
static int
look_at_source(const struct kv_credential *credential, struct kv_error *err)
{
	kv_cleanup_close int dir = -1, fd = -1;
	const char *name;
	struct stat st;

	if (credential->source == KV_SOURCE_COMMAND)
		return access(credential->command.item[0], X_OK) == 0 ? 0 :
		    kv_error_sys(err, "%s", credential->command.item[0]);
	if (credential->source != KV_SOURCE_FILE)
		return 0;
	dir = kv_trust_parent(credential->from, true, &name, err);
	if (dir < 0)
		return -1;
	fd = kv_trust_open(dir, name, credential->from, KV_TRUST_CLOSED, &st, err);
	return fd < 0 ? -1 : 0;
}

/* As root, who alone can see: the first to notice would be a user, at the login. */
static void
warn_of_credentials(const struct kv_config *config, struct json_object *list)
{
	for (size_t i = 0; geteuid() == 0 && i < config->credential_count; i++) {
		const struct kv_credential *credential = &config->credentials[i];
		kv_cleanup_free char *at = kv_asprintf("%s:%u", credential->file, credential->line);
		kv_cleanup_free char *words = NULL;
		struct kv_error why = KV_ERROR_INIT;

		if (look_at_source(credential, &why) == 0)
			continue;
		words = kv_asprintf("sessions that it is given to are refused: %s", why.msg);
		warn(list, at, "credential", credential->name, words);
	}
}

static void
warn_of_all(const struct kv_config *config, const char *file, struct json_object *list)
{
	warn_of_policies(config, file, list);
	warn_of_rules(config, file, list);
	warn_of_credentials(config, list);
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
		struct json_object *one = kv_json_object(), *warnings;

		kv_json_string(one, "file", name);
		kv_json_bool(one, "sound", sound);
		kv_json_string(one, "reason", sound ? NULL : err.msg);
		kv_json_int(one, "policies", (int64_t)config.policy_count);
		kv_json_int(one, "rules", (int64_t)config.rule_count);
		kv_json_add(one, "credentials", kv_credentials_json(&config, NULL));
		kv_json_bool(one, "credentials_checked", !unchecked(&config));
		warnings = kv_json_array();
		if (sound)
			warn_of_all(&config, name, warnings);
		kv_json_add(one, "warnings", warnings);
		kv_json_append(list, one);
	} else if (sound) {
		kv_put(stdout, KV_PLAIN, name);
		(void)printf(": ");
		kv_put(stdout, KV_GOOD, "sound");
		(void)printf(" (%zu policies, %zu rules)\n", config.policy_count, config.rule_count);
		kv_credentials_put(&config, NULL);
		(void)fflush(stdout);
		warn_of_all(&config, name, NULL);
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

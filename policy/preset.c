/*
 * Presets, copying and releasing of policies.
 */
#include "policy/policy.h"

#include "common/io.h"
#include "policy/credential.h"

#include <stdlib.h>
#include <string.h>

int
kv_policy_preset(const char *name, struct kv_policy *out)
{
	bool strict = strcmp(name, "strict") == 0, basic = strcmp(name, "basic") == 0;

	if (!strict && !basic && strcmp(name, "minimal") != 0)
		return -1;
	memset(out, 0, sizeof(*out));
	(void)kv_format(out->name, sizeof(out->name), "%s", name);
	(void)kv_format(out->shell, sizeof(out->shell), "/bin/bash");
	out->backend = KV_BACKEND_AUTO;
	out->inner_backend = KV_BACKEND_AUTO;
	out->network = KV_NET_OFF;
	out->home = KV_HOME_RW;
	if (basic) {
		out->seccomp = KV_SECCOMP_BASIC;
		out->protect_dotfiles = true;
	}
	if (strict) {
		out->seccomp = KV_SECCOMP_STRICT;
		out->protect_dotfiles = true;
		out->read_only_root = true;
		out->memory_limit = 512ULL << 20;
		out->cpu_limit_milli = 1000;
		out->process_limit = 64;
	}
	return 0;
}

static int
list_copy(const struct kv_list *from, struct kv_list *to)
{
	for (size_t i = 0; i < from->count; i++)
		if (kv_list_add(to, from->item[i]) != 0)
			return -1;
	return 0;
}

/* The first bytes of a table. NULL when out of memory. */
static void *
table_copy(const void *from, size_t count, size_t size)
{
	void *to = reallocarray(NULL, count, size);

	if (to != NULL)
		memcpy(to, from, count * size);
	return to;
}

int
kv_policy_copy(const struct kv_policy *from, struct kv_policy *out)
{
	*out = *from;
	out->landlock = NULL;
	out->data_dir = NULL;
	memset(&out->allowed_hosts, 0, sizeof(out->allowed_hosts));
	memset(&out->allowed_methods, 0, sizeof(out->allowed_methods));
	memset(&out->allowed_paths, 0, sizeof(out->allowed_paths));
	memset(&out->credentials, 0, sizeof(out->credentials));
	memset(&out->environment, 0, sizeof(out->environment));
	if (from->landlock_count > 0)
		out->landlock = table_copy(from->landlock, from->landlock_count, sizeof(*from->landlock));
	if (from->data_dir_count > 0)
		out->data_dir = table_copy(from->data_dir, from->data_dir_count, sizeof(*from->data_dir));
	if ((from->landlock_count > 0 && out->landlock == NULL) ||
	    (from->data_dir_count > 0 && out->data_dir == NULL) ||
	    list_copy(&from->allowed_hosts, &out->allowed_hosts) != 0 ||
	    list_copy(&from->allowed_methods, &out->allowed_methods) != 0 ||
	    list_copy(&from->allowed_paths, &out->allowed_paths) != 0 ||
	    list_copy(&from->credentials, &out->credentials) != 0 ||
	    list_copy(&from->environment, &out->environment) != 0) {
		kv_policy_release(out);
		return -1;
	}
	return 0;
}

struct kv_landlock_path *
kv_policy_add_landlock(struct kv_policy *policy)
{
	struct kv_landlock_path *bigger = reallocarray(policy->landlock, policy->landlock_count + 1,
	    sizeof(*bigger));

	if (bigger == NULL)
		return NULL;
	policy->landlock = bigger;
	return &bigger[policy->landlock_count++];
}

char *
kv_policy_add_data_dir(struct kv_policy *policy)
{
	char (*bigger)[KV_PATH_MAX] = reallocarray(policy->data_dir, policy->data_dir_count + 1,
	    sizeof(*bigger));

	if (bigger == NULL)
		return NULL;
	policy->data_dir = bigger;
	return bigger[policy->data_dir_count++];
}

void
kv_policy_release(struct kv_policy *policy)
{
	kv_list_release(&policy->allowed_hosts);
	kv_list_release(&policy->allowed_methods);
	kv_list_release(&policy->allowed_paths);
	kv_list_release(&policy->credentials);
	kv_list_release(&policy->environment);
	free(policy->landlock);
	free(policy->data_dir);
	policy->landlock = NULL;
	policy->data_dir = NULL;
	policy->landlock_count = 0;
	policy->data_dir_count = 0;
	policy->allowed_ports_count = 0;
}

void
kv_config_release(struct kv_config *config)
{
	for (size_t i = 0; i < config->policy_count; i++)
		kv_policy_release(&config->policies[i]);
	for (size_t i = 0; i < config->rule_count; i++) {
		kv_list_release(&config->rules[i].user);
		kv_list_release(&config->rules[i].group);
		kv_list_release(&config->rules[i].service);
		kv_list_release(&config->rules[i].from);
		kv_list_release(&config->rules[i].tty);
		free(config->rules[i].command);
	}
	for (size_t i = 0; i < config->credential_count; i++)
		kv_credential_release(&config->credentials[i]);
	free(config->credentials);
	free(config->policies);
	free(config->rules);
	kv_list_release(&config->exempt_groups);
	kv_list_release(&config->wrap_services);
	memset(config, 0, sizeof(*config));
}

const struct kv_policy *
kv_config_policy(const struct kv_config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++)
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	return NULL;
}

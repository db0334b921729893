#include "admin/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/backend.h"
#include "common/error.h"
#include "policy/load.h"

void
kv_host_probe(unsigned int wait_ms, struct kv_host *host)
{
	memset(host, 0, sizeof(*host));
	kv_backend_probe(KV_BACKEND_ALL, wait_ms, host->fact, host->version);
}

int
kv_host_config(const char *file, struct kv_config *out, struct kv_error *err)
{
	struct kv_load_options options = {
		.file = file,
		.alone = false,
		.any_owner = file != NULL && geteuid() != 0,
	};

	return kv_config_load(&options, out, err);
}

int
kv_host_policy(const char *file, const char *name, struct kv_policy *out, struct kv_error *err)
{
	struct kv_config config = { .policies = NULL };
	const struct kv_policy *found;
	int status = -1;

	if (kv_policy_preset(name, out) == 0)
		return 0;
	if (kv_host_config(file, &config, err) != 0) {
		kv_config_release(&config);
		return -1;
	}
	found = kv_config_policy(&config, name);
	if (found == NULL)
		(void)kv_error_set(err, KV_ERR_USAGE, "unknown policy: %s", name);
	else if (kv_policy_copy(found, out) != 0)
		(void)kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	else
		status = 0;
	kv_config_release(&config);
	return status;
}

void
kv_score_text(int score, char buf[KV_SCORE_TEXT])
{
	(void)snprintf(buf, KV_SCORE_TEXT, "%d (%s)", score, kv_score_label(score));
}

int
kv_backend_option(const char *name, enum kv_backend_id *out, struct kv_error *err)
{
	if (kv_backend_parse(name, out) == 0)
		return 0;
	return kv_error_set(err, KV_ERR_USAGE, "unknown backend: %s", name);
}

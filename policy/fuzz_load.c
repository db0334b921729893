/*
 * libFuzzer target: any bytes as a policy file, and as one of credentials. What is taken must hold together,
 * what is refused must say why, and deciding by it must not fail. Built by hand:
 * see policy/Makefile.am.inc.
 */
#include "policy/load.h"

#include "common/error.h"
#include "common/io.h"
#include "policy/credential.h"
#include "policy/decide.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A credential that was taken has one source, one delivery, and a program that is not empty. */
static void
show(const struct kv_credential *credential)
{
	char text[64];

	kv_credential_show(credential, text, sizeof(text));
	if (credential->source == KV_SOURCE_NONE || credential->delivery == KV_DELIVERY_NONE ||
	    (credential->source == KV_SOURCE_COMMAND && credential->command.count == 0) ||
	    (credential->delivery == KV_DELIVERY_HEADER && credential->hosts.count == 0) ||
	    kv_credential_clash(credential, credential) != (credential->hosts.count > 0 ||
	    credential->delivery != KV_DELIVERY_HEADER))
		abort();
}

static void
decide(const struct kv_config *config)
{
	static const char *const groups[] = { "staff" };
	const struct kv_request request = { .user = "a", .uid = 1000, .groups = groups,
		.group_count = 1, .service = "sshd", .from = "10.0.0.1", .tty = "pts/0" };
	static struct kv_backend_fact facts[KV_BACKEND_COUNT];
	struct kv_error err = KV_ERROR_INIT;
	struct kv_decision decision;

	size_t count;

	for (unsigned int i = 0; i < KV_BACKEND_COUNT; i++) {
		facts[i].available = facts[i].accepts[0] = facts[i].accepts[1] = true;
		facts[i].base_score = kv_backend_base_score((enum kv_backend_id)i);
		facts[i].lacks = i;	/* every mixture of two of them */
	}
	if (kv_decide(config, &request, facts, &decision, &err) != 0)
		abort();
	if (decision.verdict != KV_VERDICT_CONFINE && decision.reason[0] == '\0')
		abort();
	(void)kv_keys(&count);
	for (size_t i = 0; decision.verdict == KV_VERDICT_CONFINE && i < count; i++)
		free(kv_policy_value(&decision.policy, i));
	kv_decision_release(&decision);
}

/* Loads the bytes as the file at path, and judges what came of it. */
static void
load(const char *path, const uint8_t *data, size_t size)
{
	struct kv_load_options options = { .file = path, .alone = true, .any_owner = true };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	int fd;

	fd = kv_openat(-1, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, false);
	if (fd < 0 || kv_write_all(fd, data, size) != 0)
		abort();
	(void)close(fd);
	if (kv_config_load(&options, &config, &err) == 0) {
		for (size_t i = 0; i < config.rule_count; i++)
			if (kv_config_policy(&config, config.rules[i].policy) == NULL)
				abort();
		for (size_t i = 0; i < config.credential_count; i++)
			show(&config.credentials[i]);
		decide(&config);
	} else if (err.msg[0] == '\0' || config.policy_count != 0 || config.rule_count != 0 ||
	    config.credential_count != 0) {
		abort();
	}
	kv_config_release(&config);
	(void)unlink(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char policy[64], above[80], folder[96], credentials[128];

	if (policy[0] == '\0') {
		(void)kv_format(policy, sizeof(policy), "/dev/shm/kavach-fuzz.%ld", (long)getpid());
		(void)kv_format(above, sizeof(above), "%s.d", policy);
		(void)kv_format(folder, sizeof(folder), "%s/" KV_CREDENTIALS_FOLDER, above);
		(void)kv_format(credentials, sizeof(credentials), "%s/x.conf", folder);
	}
	load(policy, data, size);
	if (mkdir(above, 0700) != 0 || mkdir(folder, 0700) != 0)
		abort();
	load(credentials, data, size);
	(void)rmdir(folder);
	(void)rmdir(above);
	return 0;
}

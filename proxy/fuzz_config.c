/*
 * libFuzzer target: a configuration to its "end" line, then a request's head, which is decided on. Written again the
 * configuration is the same; and no verdict says more than the lists do.
 */
#include "common/error.h"
#include "proxy/config.h"
#include "proxy/fuzz.h"

static long held;	/* credentials that were kept and not dropped */

static char *
keep(const char *value, size_t len)
{
	char *copy = malloc(len + 1);

	MUST(copy != NULL && len > 0);
	memcpy(copy, value, len);
	copy[len] = '\0';
	held++;
	return copy;
}

static void
drop(char *value)
{
	MUST(value != NULL);
	free(value);
	held--;
}

/* Writes, reads and writes again. */
static void
write_again(const struct kv_egress_config *config)
{
	static char first[KV_EGRESS_TEXT_MAX], second[KV_EGRESS_TEXT_MAX];
	struct kv_error err = KV_ERROR_INIT;
	struct kv_egress_config again;
	long n = kv_egress_config_write(config, first, sizeof(first)), m;

	MUST(n > 0);
	MUST(kv_egress_config_parse(first, (size_t)n, keep, drop, &again, &err) == 0);
	m = kv_egress_config_write(&again, second, sizeof(second));
	MUST(m == n && memcmp(first, second, (size_t)n) == 0);
	MUST(kv_egress_config_write(&again, second, (size_t)n) == n && kv_egress_config_write(&again, second, (size_t)n - 1) == -1);
	m = (long)fuzz_pick((const uint8_t *)first, (size_t)n, 0, (size_t)n - 1);
	kv_egress_config_release(&again, drop);
	MUST(kv_egress_config_parse(first, (size_t)m, keep, drop, &again, &err) == -1);
}

static bool
any_matches(const struct kv_host_rule *rule, size_t count, const struct kv_host *host)
{
	for (size_t i = 0; i < count; i++)
		if (kv_host_rule_matches(&rule[i], host))
			return true;
	return false;
}

/* What holds of every verdict. */
static void
judge(const struct kv_egress_config *config, const struct kv_host *host, const struct kv_egress_verdict *verdict)
{
	bool port = config->port_count == 0 && (verdict->port == 80 || verdict->port == 443);

	for (size_t i = 0; i < config->port_count; i++)
		port = port || config->port[i] == verdict->port;
	MUST(verdict->rule[0] != '\0' && memchr(verdict->rule, '\0', sizeof(verdict->rule)) != NULL);
	MUST(verdict->allowed == (verdict->why == NULL));
	MUST(verdict->allowed || verdict->credential == NULL);
	MUST(!verdict->allowed || (config->host_count > 0 && port && any_matches(config->host, config->host_count, host)));
}

static void
judge_request(const struct kv_egress_config *config, const struct kv_head *head, const struct kv_egress_verdict *verdict)
{
	const struct kv_egress_credential *credential = verdict->credential;
	bool method = config->method_count == 0, path = config->path_count == 0;

	judge(config, &head->host, verdict);
	if (!verdict->allowed)
		return;
	MUST(!head->tls || verdict->tls);
	for (size_t i = 0; i < config->method_count; i++)
		method = method || strcmp(config->method[i], head->method) == 0;
	for (size_t i = 0; i < config->path_count; i++)
		path = path || strncmp(config->path[i], head->path.at, strlen(config->path[i])) == 0;
	MUST(method && path && (config->path_count == 0 || kv_path_plain(&head->path)));
	if (credential == NULL) {
		MUST(verdict->port == head->port && verdict->tls == head->tls);
		return;
	}
	MUST(any_matches(credential->host, credential->host_count, &head->host));
	MUST(verdict->tls && verdict->port == credential->port && strcmp(head->method, "TRACE") != 0);
	MUST(head->port == credential->port || (head->port == 80 && !head->tls));
}

static void
decide(const struct kv_egress_config *config, const struct kv_head *head)
{
	static const struct kv_address loopback = { .bytes = { 127, 0, 0, 1 } };
	struct kv_egress_verdict verdict;
	bool listed = false;

	kv_egress_decide(config, head, &verdict);
	if (head->connect)
		judge(config, &head->host, &verdict);
	else
		judge_request(config, head, &verdict);
	kv_egress_decide_tunnel(config, &head->host, head->port, &verdict);
	judge(config, &head->host, &verdict);
	MUST(verdict.credential == NULL && !verdict.tls && verdict.port == head->port);
	MUST(!verdict.allowed || config->path_count == 0);
	for (size_t i = 0; i < config->host_count; i++)
		listed = listed || strcmp(config->host[i].text, "127.0.0.1") == 0;
	MUST((kv_egress_address(config, &loopback) == NULL) == listed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kv_head head;
	const char *text = (const char *)data, *end = memmem(data, size, "\nend\n", 5), *why;
	size_t len = end != NULL ? (size_t)(end + 5 - text) : size;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_egress_config config;
	char *copy = fuzz_copy(text, len);

	if (kv_egress_config_parse(copy, len, keep, drop, &config, &err) != 0) {
		MUST(err.code == KV_ERR_CONFIG && err.msg[0] != '\0');
		MUST(config.host_count == 0 && config.host == NULL && config.credential_count == 0);
	} else {
		write_again(&config);
		if (kv_head_parse(text + len, size - len, &head, &why) > 0)
			decide(&config, &head);
		kv_egress_config_release(&config, drop);
	}
	MUST(held == 0);
	free(copy);
	return 0;
}

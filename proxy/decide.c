#include "proxy/config.h"

#include "proxy/syntax.h"

#include <stdio.h>
#include <string.h>

/* Servers (frameworks, IIS) take the method or the path from a header instead of the request line; WebDAV, a second path. */
static const char *const method_headers[] = { "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override" };
static const char *const path_headers[] = { "X-Original-URL", "X-Rewrite-URL", "Destination" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
refuse(struct kv_egress_verdict *out, const char *why, const char *rule)
{
	out->allowed = false;
	out->credential = NULL;
	out->why = why;
	(void)snprintf(out->rule, sizeof(out->rule), "%s", rule);
}

static const struct kv_host_rule *
find_host(const struct kv_host_rule *rules, size_t count, const struct kv_host *host)
{
	for (size_t i = 0; i < count; i++)
		if (kv_host_rule_matches(&rules[i], host))
			return &rules[i];
	return NULL;
}

static bool
port_allowed(const struct kv_egress_config *config, uint16_t port)
{
	if (config->port_count == 0)
		return port == 80 || port == 443;
	for (size_t i = 0; i < config->port_count; i++)
		if (config->port[i] == port)
			return true;
	return false;
}

static bool
method_allowed(const struct kv_egress_config *config, const struct kv_slice *method)
{
	if (config->method_count == 0)
		return true;
	for (size_t i = 0; i < config->method_count; i++)
		if (strlen(config->method[i]) == method->len &&
		    memcmp(config->method[i], method->at, method->len) == 0)
			return true;
	return false;
}

static bool
path_allowed(const struct kv_egress_config *config, const struct kv_slice *path)
{
	if (config->path_count == 0)
		return true;
	if (!kv_path_plain(path))
		return false;
	for (size_t i = 0; i < config->path_count; i++)
		if (kv_path_below(path, config->path[i]))
			return true;
	return false;
}

static const struct kv_egress_credential *
find_credential(const struct kv_egress_config *config, const struct kv_head *head)
{
	for (size_t i = 0; i < config->credential_count; i++) {
		const struct kv_egress_credential *credential = &config->credential[i];

		if ((head->port == credential->port || (!head->tls && head->port == 80)) &&
		    find_host(credential->host, credential->host_count, &head->host) != NULL)
			return credential;
	}
	return NULL;
}

/* Host and port, which count for all that goes out. Sets allowed. */
static bool
decide_place(const struct kv_egress_config *config, const struct kv_host *host, struct kv_egress_verdict *out)
{
	const struct kv_host_rule *rule = find_host(config->host, config->host_count, host);

	if (rule == NULL) {
		refuse(out, "host", "allowed_hosts");
		return false;
	}
	if (!port_allowed(config, out->port)) {
		refuse(out, "port", "allowed_ports");
		return false;
	}
	out->allowed = true;
	(void)snprintf(out->rule, sizeof(out->rule), "allowed_hosts: %s", rule->text);
	return true;
}

/* TRACE answers with the request as it came, so with the credential. */
static bool
echoes(const struct kv_slice *method)
{
	return kv_slice_is(method, "TRACE") || kv_slice_is(method, "TRACK");
}

static void
decide_method(const struct kv_egress_config *config, const struct kv_slice *method, struct kv_egress_verdict *out)
{
	if (!method_allowed(config, method))
		refuse(out, "method", "allowed_methods");
	else if (out->credential != NULL && echoes(method))
		refuse(out, "method", "TRACE with a credential");
}

static bool
named_by(const struct kv_slice *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kv_name_is(name, list[i]))
			return true;
	return false;
}

void
kv_egress_decide(const struct kv_egress_config *config, const struct kv_head *head, struct kv_egress_verdict *out)
{
	const struct kv_slice method = { head->method, strlen(head->method) };

	if (head->connect) {
		kv_egress_decide_tunnel(config, &head->host, head->port, out);
		return;
	}
	memset(out, 0, sizeof(*out));
	out->credential = find_credential(config, head);
	out->tls = head->tls || out->credential != NULL;
	out->port = out->credential != NULL ? out->credential->port : head->port;
	if (!decide_place(config, &head->host, out))
		return;
	decide_method(config, &method, out);
	for (size_t i = 0; i < head->header_count && out->allowed; i++) {
		const struct kv_header *header = &head->header[i];

		if (named_by(&header->name, method_headers, COUNT(method_headers)))
			decide_method(config, &header->value, out);
		else if (config->path_count > 0 && named_by(&header->name, path_headers, COUNT(path_headers)))
			refuse(out, "path", "allowed_paths");
	}
	if (out->allowed && !path_allowed(config, &head->path))
		refuse(out, "path", "allowed_paths");
}

void
kv_egress_decide_tunnel(const struct kv_egress_config *config, const struct kv_host *host, uint16_t port,
    struct kv_egress_verdict *out)
{
	const struct kv_slice connect = { "CONNECT", 7 };

	memset(out, 0, sizeof(*out));
	out->port = port;
	if (!decide_place(config, host, out))
		return;
	if (config->path_count > 0)
		refuse(out, "tunnel", "allowed_paths");
	else if (!method_allowed(config, &connect))
		refuse(out, "tunnel", "allowed_methods");
}

bool
kv_egress_listed(const struct kv_egress_config *config, const struct kv_address *address)
{
	for (size_t i = 0; i < config->host_count; i++)
		if (config->host[i].kind == KV_HOST_ADDRESS &&
		    kv_address_equal(&config->host[i].host.address, address))
			return true;
	return false;
}

const char *
kv_egress_address(const struct kv_egress_config *config, const struct kv_address *address)
{
	return kv_egress_listed(config, address) ? NULL : kv_address_closed(address);
}

/*
 * [credential NAME] -> struct kv_credential, and what a policy may list of them.
 */
#include "policy/resolve.h"

#include "common/error.h"
#include "common/io.h"
#include "policy/credential.h"

#include <stdlib.h>
#include <string.h>

static const char *const sources[] = { "file", "systemd", "command" };
static const char *const deliveries[] = { "variable", "as_file", "stdin", "header" };
static const char *const of_header[] = { "prefix", "hosts", "port" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Exactly one of these keys; the words say which there are. */
static int
exactly_one(const struct kv_doc *doc, const struct kv_section *section, const char *const *names, size_t count,
    const char *words, struct kv_error *err)
{
	const struct kv_entry *found = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct kv_entry *entry = kv_resolve_entry(doc, section, names[i]);

		if (entry != NULL && found != NULL)
			return kv_resolve_wrong(doc, section, entry->line, err, "%s: expected one of %s only", names[i], words);
		found = entry != NULL ? entry : found;
	}
	return found != NULL ? 0 : kv_resolve_wrong(doc, section, section->line, err,
	    "[credential %s]: expected one of %s", section->name, words);
}

static int
check_header(const struct kv_doc *doc, const struct kv_section *section, const struct kv_credential *credential,
    struct kv_error *err)
{
	bool header = credential->delivery == KV_DELIVERY_HEADER;

	for (size_t i = 0; i < COUNT(of_header); i++) {
		const struct kv_entry *entry = kv_resolve_entry(doc, section, of_header[i]);

		if (entry != NULL && !header)
			return kv_resolve_wrong(doc, section, entry->line, err, "%s: expected header beside it", of_header[i]);
	}
	if (header && credential->hosts.count == 0)
		return kv_resolve_wrong(doc, section, section->line, err,
		    "[credential %s]: hosts: expected the hosts that the header is for", section->name);
	return 0;
}

int
kv_resolve_credential(const struct kv_doc *doc, const struct kv_section *section, struct kv_credential *out,
    struct kv_error *err)
{
	(void)kv_format(out->name, sizeof(out->name), "%s", section->name);
	if (kv_format(out->file, sizeof(out->file), "%s", doc->path[section->file]) != 0)
		return kv_resolve_wrong(doc, section, section->line, err, "a path that is too long");
	out->line = section->line;
	out->port = 443;
	if (exactly_one(doc, section, sources, COUNT(sources), "file, systemd and command", err) != 0 ||
	    exactly_one(doc, section, deliveries, COUNT(deliveries), "variable, as_file, stdin and header", err) != 0 ||
	    kv_resolve_entries(doc, section, out, err) != 0)
		return -1;
	return check_header(doc, section, out, err);
}

/* A header that a base's list has is of no use without the proxy: it goes, as allowed_hosts does. */
static void
drop_headers(const struct kv_config *config, struct kv_list *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++) {
		const struct kv_credential *one = kv_config_credential(config, names->item[i]);

		if (one != NULL && one->delivery == KV_DELIVERY_HEADER)
			free(names->item[i]);
		else
			names->item[kept++] = names->item[i];
	}
	names->count = kept;
}

static int
check_pair(const struct kv_doc *doc, const struct kv_section *section, unsigned int line,
    const struct kv_credential *one, const struct kv_credential *other, struct kv_error *err)
{
	char what[200];

	if (!kv_credential_clash(one, other))
		return 0;
	kv_credential_show(one, what, sizeof(what));
	return kv_resolve_wrong(doc, section, line, err, "credentials: %s and %s are both %s%s", other->name, one->name,
	    one->delivery == KV_DELIVERY_HEADER ? "for one host: " : "", what);
}

int
kv_resolve_policy_credentials(const struct kv_doc *doc, const struct kv_section *section,
    const struct kv_config *config, struct kv_policy *policy, struct kv_error *err)
{
	const struct kv_entry *entry = kv_resolve_entry(doc, section, "credentials");
	unsigned int line = entry != NULL ? entry->line : section->line;

	if (policy->network != KV_NET_PROXY && entry == NULL)
		drop_headers(config, &policy->credentials);
	for (size_t i = 0; i < policy->credentials.count; i++) {
		const char *name = policy->credentials.item[i];
		const struct kv_credential *one = kv_config_credential(config, name);

		if (one == NULL && config->credentials_unread)
			continue;
		if (one == NULL)
			return kv_resolve_wrong(doc, section, line, err, "credentials: no such credential: %s", name);
		if (one->delivery == KV_DELIVERY_HEADER && policy->network != KV_NET_PROXY)
			return kv_resolve_wrong(doc, section, line, err,
			    "credentials: expected network = proxy for %s, which is a header, not network = %s", name,
			    kv_network_name(policy->network));
		for (size_t j = 0; j < i; j++) {
			const struct kv_credential *other = kv_config_credential(config, policy->credentials.item[j]);

			if (other != NULL && check_pair(doc, section, line, one, other, err) != 0)
				return -1;
		}
	}
	return 0;
}

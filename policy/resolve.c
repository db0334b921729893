#include "policy/resolve.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/credential.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRESETS 3
#define BASE_DEPTH_MAX 32

static const char *const preset_names[PRESETS] = { "minimal", "basic", "strict" };

enum mark { NEW, BUSY, DONE };

struct resolve {
	const struct kv_doc *doc;
	struct kv_config *config;
	const struct kv_section **sorted;	/* owned; by scope and name */
	enum mark *mark;			/* owned; for each section */
	size_t *index;				/* owned; for each section: its policy */
};

int
kv_resolve_wrong(const struct kv_doc *doc, const struct kv_section *section, unsigned int line,
    struct kv_error *err, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return kv_error_set(err, KV_ERR_CONFIG, "%s:%u: %s", doc->path[section->file], line, what);
}

int
kv_resolve_entries(const struct kv_doc *doc, const struct kv_section *section, void *base,
    struct kv_error *err)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct kv_entry *entry = &doc->entry[section->first + i];
		const struct kv_keydef *key = &kv_keydefs[entry->key];
		struct kv_error why = KV_ERROR_INIT;
		size_t count;

		if (key->parse(key, entry->value, base, &why) == 0)
			continue;
		if (why.code == KV_ERR_NOMEM)
			return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
		if (why.code != KV_ERR_NONE)
			return kv_resolve_wrong(doc, section, entry->line, err, "%s: %.200s (expected %s)",
			    key->name, why.msg, kv_keys(&count)[entry->key].expects);
		return kv_resolve_wrong(doc, section, entry->line, err, "%s: expected %s, not '%.80s'",
		    key->name, kv_keys(&count)[entry->key].expects, entry->value);
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct kv_section *x = *(const struct kv_section *const *)a;
	const struct kv_section *y = *(const struct kv_section *const *)b;
	int order = x->scope != y->scope ? (int)x->scope - (int)y->scope : strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return x < y ? -1 : x > y;	/* the earlier first */
}

static const struct kv_section *
find_policy(const struct resolve *r, const char *name)
{
	size_t low = 0, high = r->doc->section_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct kv_section *section = r->sorted[middle];
		int order = section->scope != KV_SCOPE_POLICY ?
		    (int)section->scope - (int)KV_SCOPE_POLICY : strcmp(section->name, name);

		if (order == 0)
			return section;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int
preset_index(const char *name)
{
	for (int i = 0; i < PRESETS; i++)
		if (strcmp(preset_names[i], name) == 0)
			return i;
	return -1;
}

/* No name twice, in whichever files; no preset anew. */
static int
check_names(struct resolve *r, struct kv_error *err)
{
	const struct kv_doc *doc = r->doc;

	for (size_t i = 0; i < doc->section_count; i++)
		r->sorted[i] = &doc->section[i];
	qsort(r->sorted, doc->section_count, sizeof(*r->sorted), by_name);
	for (size_t i = 0; i < doc->section_count; i++) {
		const struct kv_section *section = r->sorted[i], *before = i > 0 ? r->sorted[i - 1] : NULL;
		const char *scope = kv_scope_name(section->scope);

		if (section->scope == KV_SCOPE_POLICY && preset_index(section->name) >= 0)
			return kv_resolve_wrong(doc, section, section->line, err,
			    "[policy %s]: a preset cannot be defined anew; choose another name",
			    section->name);
		if (before != NULL && before->scope == section->scope &&
		    strcmp(before->name, section->name) == 0)
			return kv_resolve_wrong(doc, section, section->line, err, "[%s %s]: stands at %.200s:%u already",
			    scope, section->name, doc->path[before->file], before->line);
	}
	return 0;
}

const struct kv_entry *
kv_resolve_entry(const struct kv_doc *doc, const struct kv_section *section, const char *name)
{
	int key = kv_key_find(section->scope, name, strlen(name));

	if (key < 0 || (section->seen & (1ULL << key)) == 0)
		return NULL;
	for (size_t i = 0; i < section->count; i++) {
		const struct kv_entry *entry = &doc->entry[section->first + i];

		if (entry->key == key)
			return entry;
	}
	return NULL;
}

/* One root at most. What a section says takes the place of either that its base had. */
static int
check_root(const struct kv_doc *doc, const struct kv_section *section, struct kv_policy *policy,
    struct kv_error *err)
{
	const struct kv_entry *rootfs = kv_resolve_entry(doc, section, "rootfs");
	const struct kv_entry *image = kv_resolve_entry(doc, section, "image");

	if (rootfs != NULL && image != NULL) {
		if (policy->rootfs[0] == '\0' || policy->image[0] == '\0')
			return 0;
		return kv_resolve_wrong(doc, section, image->line, err,
		    "image: expected without rootfs = %.200s beside it: a session has one root",
		    policy->rootfs);
	}
	if (rootfs != NULL)
		memset(policy->image, 0, sizeof(policy->image));
	else if (image != NULL && policy->image[0] != '\0')
		memset(policy->rootfs, 0, sizeof(policy->rootfs));
	return 0;
}

/* What the proxy looks at. */
static int
check_requests(const struct kv_doc *doc, const struct kv_section *section, struct kv_policy *policy,
    struct kv_error *err)
{
	static const char *const names[] = { "allowed_hosts", "allowed_methods", "allowed_paths" };
	struct kv_list *const lists[] = {
		&policy->allowed_hosts, &policy->allowed_methods, &policy->allowed_paths,
	};

	for (size_t i = 0; policy->network != KV_NET_PROXY && i < sizeof(names) / sizeof(names[0]); i++) {
		const struct kv_entry *entry = kv_resolve_entry(doc, section, names[i]);

		if (entry != NULL)
			return kv_resolve_wrong(doc, section, entry->line, err,
			    "%s: expected network = proxy beside it, not network = %s", names[i],
			    kv_network_name(policy->network));
		kv_list_release(lists[i]);
	}
	return 0;
}

/* What single values cannot show. An inherited list that has no use any more is dropped. */
static int
check_policy(const struct kv_doc *doc, const struct kv_section *section, struct kv_policy *policy,
    struct kv_error *err)
{
	const struct kv_entry *ports = kv_resolve_entry(doc, section, "allowed_ports");
	const struct kv_entry *noop = kv_resolve_entry(doc, section, "backend");
	bool by_port = policy->network == KV_NET_HOST || policy->network == KV_NET_PROXY;

	if (ports != NULL && !by_port)
		return kv_resolve_wrong(doc, section, ports->line, err,
		    "allowed_ports: expected network = proxy or host beside it, not network = %s",
		    kv_network_name(policy->network));
	if (check_requests(doc, section, policy, err) != 0)
		return -1;
	if (!by_port)
		policy->allowed_ports_count = 0;
	if (policy->backend == KV_BACKEND_NOOP && !policy->allow_noop)
		return kv_resolve_wrong(doc, section, noop != NULL ? noop->line : section->line, err,
		    "backend: expected allow_noop = yes beside noop");
	if (policy->inner_backend != KV_BACKEND_AUTO && policy->inner_backend == policy->backend)
		return kv_resolve_wrong(doc, section, section->line, err,
		    "inner_backend: expected another backend than backend");
	for (size_t i = 0; i < policy->landlock_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(policy->landlock[i].path, policy->landlock[j].path) == 0)
				return kv_resolve_wrong(doc, section, section->line, err,
				    "landlock_ro, landlock_rw: %.200s stands twice",
				    policy->landlock[i].path);
	return check_root(doc, section, policy, err);
}

/* Memoised; a base that is being resolved is a loop. */
static int
resolve_policy(struct resolve *r, const struct kv_section *section, unsigned int depth,
    struct kv_error *err)
{
	const struct kv_doc *doc = r->doc;
	size_t at = (size_t)(section - doc->section);
	const struct kv_entry *base = kv_resolve_entry(doc, section, "base");
	const char *name = base != NULL ? base->value : "strict";
	unsigned int line = base != NULL ? base->line : section->line;
	struct kv_policy *policy = &r->config->policies[r->index[at]], *from;
	int preset = preset_index(name);

	if (r->mark[at] == DONE)
		return 0;
	r->mark[at] = BUSY;
	if (preset >= 0) {
		from = &r->config->policies[preset];
	} else {
		const struct kv_section *below = find_policy(r, name);

		if (below == NULL)
			return kv_resolve_wrong(doc, section, line, err,
			    "base: expected minimal, basic, strict or another policy, not '%.80s'", name);
		if (r->mark[below - doc->section] == BUSY)
			return kv_resolve_wrong(doc, section, line, err, "base: %s and %s are each other's base",
			    section->name, name);
		if (depth == BASE_DEPTH_MAX)
			return kv_resolve_wrong(doc, section, line, err, "base: more than %d policies deep",
			    BASE_DEPTH_MAX);
		if (resolve_policy(r, below, depth + 1, err) != 0)
			return -1;
		from = &r->config->policies[r->index[below - doc->section]];
	}
	if (kv_policy_copy(from, policy) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	(void)kv_format(policy->name, sizeof(policy->name), "%s", section->name);
	if (kv_resolve_entries(doc, section, policy, err) != 0 ||
	    check_policy(doc, section, policy, err) != 0 ||
	    kv_resolve_policy_credentials(doc, section, r->config, policy, err) != 0)
		return -1;
	r->mark[at] = DONE;
	return 0;
}

static int
resolve_rule(struct resolve *r, const struct kv_section *section, struct kv_error *err)
{
	struct kv_rule *rule = &r->config->rules[r->config->rule_count++];
	const struct kv_entry *policy = kv_resolve_entry(r->doc, section, "policy");

	(void)kv_format(rule->name, sizeof(rule->name), "%s", section->name);
	if (kv_format(rule->file, sizeof(rule->file), "%s", r->doc->path[section->file]) != 0)
		return kv_resolve_wrong(r->doc, section, section->line, err, "a path that is too long");
	rule->line = section->line;
	if (kv_resolve_entries(r->doc, section, rule, err) != 0)
		return -1;
	if (policy == NULL)
		return kv_resolve_wrong(r->doc, section, section->line, err,
		    "[rule %s]: policy: expected the name of a policy", section->name);
	if (preset_index(rule->policy) < 0 && find_policy(r, rule->policy) == NULL)
		return kv_resolve_wrong(r->doc, section, policy->line, err, "policy: no such policy: %s",
		    rule->policy);
	return 0;
}

/* The arrays are made once and whole: calloc leaves what is never used untouched. */
static int
resolve_all(struct resolve *r, size_t policies, size_t rules, size_t credentials, struct kv_error *err)
{
	struct kv_config *config = r->config;
	const struct kv_doc *doc = r->doc;

	config->policies = calloc(PRESETS + policies, sizeof(*config->policies));
	config->rules = calloc(rules + 1, sizeof(*config->rules));
	config->credentials = calloc(credentials + 1, sizeof(*config->credentials));
	if (config->policies == NULL || config->rules == NULL || config->credentials == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < PRESETS; i++)
		(void)kv_policy_preset(preset_names[i], &config->policies[i]);
	config->policy_count = PRESETS + policies;
	for (size_t i = 0; i < doc->section_count; i++)
		if (doc->section[i].scope == KV_SCOPE_CREDENTIAL && kv_resolve_credential(doc, &doc->section[i],
		    &config->credentials[config->credential_count++], err) != 0)
			return -1;
	for (size_t i = 0; i < doc->section_count; i++)
		if (doc->section[i].scope == KV_SCOPE_POLICY &&
		    resolve_policy(r, &doc->section[i], 0, err) != 0)
			return -1;
	for (size_t i = 0; i < doc->section_count; i++)
		if (doc->section[i].scope == KV_SCOPE_RULE && resolve_rule(r, &doc->section[i], err) != 0)
			return -1;
	return 0;
}

int
kv_resolve(const struct kv_doc *doc, struct kv_config *out, struct kv_error *err)
{
	struct resolve r = { .doc = doc, .config = out };
	size_t policies = 0, rules = 0, credentials = 0, n = doc->section_count + 1;
	int rc = -1;

	r.sorted = calloc(n, sizeof(*r.sorted));
	r.mark = calloc(n, sizeof(*r.mark));
	r.index = calloc(n, sizeof(*r.index));
	if (r.sorted == NULL || r.mark == NULL || r.index == NULL) {
		(void)kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	} else {
		for (size_t i = 0; i < doc->section_count; i++) {
			r.index[i] = PRESETS + policies;
			policies += doc->section[i].scope == KV_SCOPE_POLICY;
			rules += doc->section[i].scope == KV_SCOPE_RULE;
			credentials += doc->section[i].scope == KV_SCOPE_CREDENTIAL;
		}
		rc = check_names(&r, err);
		if (rc == 0)
			rc = resolve_all(&r, policies, rules, credentials, err);
	}
	free(r.sorted);
	free(r.mark);
	free(r.index);
	return rc;
}

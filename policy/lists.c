/*
 * Values that are lists or paths. Items are separated by commas; spaces around
 * them do not count; an empty item is refused, and so is an empty list unless the key says
 * that it has only one meaning.
 */
#include "policy/values.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/match.h"
#include "policy/variable.h"

#include <string.h>
#include <strings.h>

#define ENVIRONMENT_MAX 32	/* what a ticket holds */
#define ENVIRONMENT_NAME 63
#define METHOD_MAX	24	/* bytes with NUL: KV_METHOD_MAX of the proxy */

static int
for_each(const struct kv_keydef *key, const char *value, int (*fn)(const char *, void *, const struct kv_keydef *, struct kv_error *), void *base,
    struct kv_error *err)
{
	kv_cleanup_free char *copy = strdup(value);
	char *rest = copy, *item;

	if (copy == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	if (copy[kv_space_span(copy)] == '\0')
		return key->may_be_empty ? 0 : kv_error_set(err, KV_ERR_CONFIG,
		    "an empty list would allow nothing or anything; leave the key out or name something");
	while ((item = strsep(&rest, ",")) != NULL) {
		size_t len;

		item += kv_space_span(item);
		len = strlen(item);
		while (len > 0 && (item[len - 1] == ' ' || item[len - 1] == '\t'))
			item[--len] = '\0';
		if (len == 0)
			return kv_error_set(err, KV_ERR_CONFIG, "an empty item in a list");
		if (fn(item, base, key, err) != 0)
			return -1;
	}
	return 0;
}

static bool
word_chars(const char *item, const char *more)
{
	return item[kv_word_span(item, more)] == '\0';
}

/* Names of users and groups may hold what directory services put there (dots, @, \, $). */
bool
kv_item_name(const char *item)
{
	return strlen(item) < KV_NAME_MAX && item[0] != '-' && word_chars(item, "_.-@+$\\/");
}

bool
kv_item_glob(const char *item)
{
	char bare[KV_NAME_MAX];
	size_t len = strlen(item);

	if (len >= sizeof(bare))
		return false;
	if (strcmp(item, "*") == 0)
		return true;
	memcpy(bare, item, len + 1);
	if (bare[len - 1] == '*')
		bare[len - 1] = '\0';
	else if (bare[0] == '*')
		bare[0] = '_';
	return kv_item_name(bare);
}

/* A label of 1 to 63 letters, digits, - (not at an end) and _. */
static bool
label_ok(const char *label, size_t len)
{
	return len > 0 && len < 64 && label[0] != '-' && label[len - 1] != '-' && kv_word_span(label, "-_") >= len;
}

/*
 * A name or *.suffix, without a dot at the end. What ends in a number (127.1, 0x7f.1) is an address to somebody: none is a name, here as in
 * kavach-proxy (proxy/host.c).
 */
static bool
host_name_ok(const char *item)
{
	const char *label = strncmp(item, "*.", 2) == 0 ? item + 2 : item, *dot;

	if (strlen(label) >= 254)
		return false;
	for (; (dot = strchr(label, '.')) != NULL; label = dot + 1)
		if (!label_ok(label, (size_t)(dot - label)))
			return false;
	if (!label_ok(label, strlen(label)) || label[strspn(label, "0123456789")] == '\0')
		return false;
	return strncasecmp(label, "0x", 2) != 0 || label[2 + strspn(label + 2, "0123456789abcdefABCDEF")] != '\0';
}

bool
kv_item_host(const char *item)
{
	struct kv_net net;
	int kind;

	if (strcmp(item, "*") == 0)
		return true;
	kind = kv_net_parse(item, &net);
	return kind == 0 ? strchr(item, '/') == NULL : kind == 1 && host_name_ok(item);
}

bool
kv_item_from(const char *item)
{
	struct kv_net net;
	int kind = kv_net_parse(item, &net);

	return kind == 0 || (kind == 1 && host_name_ok(item));
}

bool
kv_item_variable(const char *item)
{
	size_t len = strlen(item);

	if (len > ENVIRONMENT_NAME)
		return false;
	if (len > 1 && item[len - 1] == '*')
		len--;
	return kv_variable_name_ok(item, len);
}

/* A token of RFC 9110 in the form that all methods have. */
bool
kv_item_method(const char *item)
{
	size_t len = strlen(item);

	for (size_t i = 0; i < len; i++)
		if (!((item[i] >= 'A' && item[i] <= 'Z') || (i > 0 && item[i] == '-')))
			return false;
	return len > 0 && len < METHOD_MAX;
}

/* A path and nothing after it, in plain characters: no escapes, which could be written in two ways, and no dot segment. */
bool
kv_item_url_path(const char *item)
{
	const char *part = item;

	if (item[0] != '/' || strlen(item) >= KV_PATH_MAX || !word_chars(item, "/-._~!$&'()*+=:@"))
		return false;
	while ((part = strchr(part, '/')) != NULL) {
		size_t n = strcspn(++part, "/");

		if ((n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0) || (n == 0 && *part == '/'))
			return false;
	}
	return true;
}

bool
kv_item_credential(const char *item)
{
	return kv_name_ok(item);
}

/* A credential is for named hosts only. */
bool
kv_item_named_host(const char *item)
{
	return strcmp(item, "*") != 0 && kv_item_host(item);
}

static int
add_word(const char *item, void *base, const struct kv_keydef *key, struct kv_error *err)
{
	struct kv_list *list = (struct kv_list *)((char *)base + key->offset);

	if (!key->item_ok(item))
		return err->code != KV_ERR_NONE ? -1 : kv_error_set(err, KV_ERR_CONFIG,
		    "'%.80s' does not belong into a list of this kind", item);
	if (kv_list_add(list, item) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	return 0;
}

/* Replaces what a base policy or the default had. */
KV_VALUE(kv_value_list)
{
	kv_list_release((struct kv_list *)((char *)base + key->offset));
	return for_each(key, value, add_word, base, err);
}

KV_VALUE(kv_value_environment)
{
	const struct kv_list *list = (const struct kv_list *)((char *)base + key->offset);

	if (kv_value_list(key, value, base, err) != 0)
		return -1;
	return list->count <= ENVIRONMENT_MAX ? 0 : -1;
}

KV_VALUE(kv_value_credentials)
{
	const struct kv_list *list = (const struct kv_list *)((char *)base + key->offset);

	if (kv_value_list(key, value, base, err) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(list->item[i], list->item[j]) == 0)
				return kv_error_set(err, KV_ERR_CONFIG, "%s stands twice", list->item[i]);
	return list->count <= KV_CREDENTIALS_MAX ? 0 : -1;
}

static int
add_port(const char *item, void *base, const struct kv_keydef *key, struct kv_error *err)
{
	struct kv_policy *policy = base;
	uint64_t port;

	(void)key;
	if (kv_parse_u64(item, 1, 65535, &port) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "'%.40s' is no TCP port", item);
	for (size_t i = 0; i < policy->allowed_ports_count; i++)
		if (policy->allowed_ports[i] == port)
			return 0;
	if (policy->allowed_ports_count == KV_PORTS_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "more than %d ports", KV_PORTS_MAX);
	policy->allowed_ports[policy->allowed_ports_count++] = (uint16_t)port;
	return 0;
}

KV_VALUE(kv_value_ports)
{
	((struct kv_policy *)base)->allowed_ports_count = 0;
	return for_each(key, value, add_port, base, err);
}

/* Absolute, no "." or ".." in it, no empty component, and no : which mount options split at. */
bool
kv_path_ok(const char *path, size_t size)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len >= size || strchr(path, ':') != NULL)
		return false;
	if (len == 1)
		return true;
	for (const char *part = path; part != NULL; part = strchr(part, '/')) {
		size_t n;

		part++;
		n = strcspn(part, "/");
		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
			return false;
	}
	return true;
}

KV_VALUE(kv_value_path)
{
	if (!kv_path_ok(value, key->size) || strcmp(value, "/") == 0)
		return -1;
	return kv_value_text(key, value, base, err);
}

/* "" is the host's files; so that what a policy does not say and what it says are the same. */
KV_VALUE(kv_value_rootfs)
{
	if (strcmp(value, "host") != 0)
		return kv_value_path(key, value, base, err);
	memset((char *)base + key->offset, 0, key->size);
	return 0;
}

/* A file name below the folder of images: no slash, and no dot or dash first. */
KV_VALUE(kv_value_image)
{
	(void)err;
	if (strlen(value) >= key->size || kv_word_span(value, "") == 0 || !word_chars(value, "._-"))
		return -1;
	memset((char *)base + key->offset, 0, key->size);
	if (strcmp(value, "none") != 0)
		memcpy((char *)base + key->offset, value, strlen(value));
	return 0;
}

KV_VALUE(kv_value_seccomp)
{
	struct kv_policy *policy = base;
	int word;

	(void)key;
	(void)err;
	if (value[0] == '/') {
		if (!kv_path_ok(value, sizeof(policy->seccomp_file)) || strcmp(value, "/") == 0)
			return -1;
		policy->seccomp = KV_SECCOMP_FILE;
		memcpy(policy->seccomp_file, value, strlen(value) + 1);
		return 0;
	}
	if (kv_word_find(kv_seccomp_words, value, &word) != 0)
		return -1;
	policy->seccomp = (enum kv_seccomp)word;
	policy->seccomp_file[0] = '\0';
	return 0;
}

/* key->size says which of the two keys: 1 is landlock_rw. */
static int
add_landlock(const char *item, void *base, const struct kv_keydef *key, struct kv_error *err)
{
	struct kv_policy *policy = base;
	struct kv_landlock_path *path;
	const char *tail = item[0] == '~' ? item + 1 : item;

	if (!(item[0] == '~' && *tail == '\0') && !kv_path_ok(tail, KV_PATH_MAX - 1))
		return kv_error_set(err, KV_ERR_CONFIG, "'%.120s' is no absolute path without .. and :",
		    item);
	if (policy->landlock_count == KV_LANDLOCK_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "more than %d Landlock paths", KV_LANDLOCK_MAX);
	path = kv_policy_add_landlock(policy);
	if (path == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	memcpy(path->path, item, strlen(item) + 1);
	path->writable = key->size == 1;
	return 0;
}

KV_VALUE(kv_value_landlock)
{
	struct kv_policy *policy = base;
	size_t kept = 0;

	for (size_t i = 0; i < policy->landlock_count; i++) {
		if (policy->landlock[i].writable == (key->size == 1))
			continue;
		if (kept != i)
			policy->landlock[kept] = policy->landlock[i];
		kept++;
	}
	policy->landlock_count = kept;
	return for_each(key, value, add_landlock, base, err);
}

/* A writable folder must not be one that the confinement itself stands on. */
static bool
system_path(const char *path)
{
	static const char *const trees[] = {
		"/proc", "/sys", "/dev", "/etc", "/boot", "/usr", "/bin", "/sbin", "/lib",
		"/lib32", "/lib64", "/libx32", "/run/kavach", "/var/lib/kavach", NULL,
	};
	static const char *const exact[] = { "/", "/home", "/root", "/run", "/tmp", "/var", "/var/lib",
		NULL };

	for (size_t i = 0; exact[i] != NULL; i++)
		if (strcmp(path, exact[i]) == 0)
			return true;
	for (size_t i = 0; trees[i] != NULL; i++) {
		size_t len = strlen(trees[i]);

		if (strncmp(path, trees[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}

static int
add_data_dir(const char *item, void *base, const struct kv_keydef *key, struct kv_error *err)
{
	struct kv_policy *policy = base;
	char *path;

	(void)key;
	if (!kv_path_ok(item, KV_PATH_MAX))
		return kv_error_set(err, KV_ERR_CONFIG, "'%.120s' is no absolute path without .. and :",
		    item);
	if (system_path(item))
		return kv_error_set(err, KV_ERR_CONFIG, "'%.120s' belongs to the system", item);
	if (policy->data_dir_count == KV_DATA_MAX)
		return kv_error_set(err, KV_ERR_CONFIG, "more than %d folders", KV_DATA_MAX);
	path = kv_policy_add_data_dir(policy);
	if (path == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	memcpy(path, item, strlen(item) + 1);
	return 0;
}

KV_VALUE(kv_value_data_dir)
{
	((struct kv_policy *)base)->data_dir_count = 0;
	return for_each(key, value, add_data_dir, base, err);
}

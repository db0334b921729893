#include "policy/load.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/credential.h"
#include "policy/resolve.h"
#include "policy/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define CONF_D_MAX 65536	/* files */

static int
config_defaults(struct kv_config *out)
{
	static const char *const wrap[] = { "cron", "crond", "atd" };

	memset(out, 0, sizeof(*out));
	out->audit_required = true;
	out->require_pam = true;
	(void)kv_format(out->contact, sizeof(out->contact), "your administrator");
	if (kv_list_add(&out->exempt_groups, "root") != 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (kv_list_add(&out->wrap_services, wrap[i]) != 0)
			return -1;
	return 0;
}

static const struct kv_section *
kavach_section(const struct kv_doc *doc)
{
	for (size_t i = 0; i < doc->section_count; i++)
		if (doc->section[i].scope == KV_SCOPE_KAVACH)
			return &doc->section[i];
	return NULL;
}

/*
 * A broken policy: the four keys that let the administrator in and tell whom to
 * ask, each if it is sound by itself. Where [kavach] or a key of it stands
 * twice, none of them is.
 */
static void
salvage(const struct kv_doc *doc, struct kv_config *out)
{
	static const char *const kept[] = { "exempt_groups", "contact", "audit_format", "wrap_services" };
	const struct kv_section *section = kavach_section(doc);
	struct kv_error ignored = KV_ERROR_INIT;

	kv_config_release(out);
	(void)config_defaults(out);
	if (section == NULL || section->repeated || section->file != 0)
		return;
	for (size_t i = 0; i < section->count; i++) {
		const struct kv_entry *entry = &doc->entry[section->first + i];
		const struct kv_keydef *key = &kv_keydefs[entry->key];
		struct kv_config one;

		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++) {
			if (strcmp(kept[k], key->name) != 0 || config_defaults(&one) != 0)
				continue;
			/* Tried on a scratch copy: half a list must not stay. */
			if (key->parse(key, entry->value, &one, &ignored) == 0)
				(void)key->parse(key, entry->value, out, &ignored);
			kv_config_release(&one);
		}
	}
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Only NAME.conf: no dotfile, and none of what editors and packages leave beside it. */
static bool
wanted(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static int
list_folder(int fd, const char *shown, struct kv_list *names, struct kv_error *err)
{
	kv_cleanup_dir DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		(void)close(fd);
		return kv_error_sys(err, "%s", shown);
	}
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (!wanted(entry->d_name))
			continue;
		if (names->count == CONF_D_MAX)
			return kv_error_set(err, KV_ERR_CONFIG, "%s: more than %d files", shown, CONF_D_MAX);
		if (kv_list_add(names, entry->d_name) != 0)
			return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	}
	if (errno != 0)
		return kv_error_sys(err, "%s", shown);
	if (names->count > 1)
		qsort(names->item, names->count, sizeof(*names->item), by_bytes);
	return 0;
}

static int
read_one(struct kv_doc *doc, int dirfd, const char *name, const char *shown, enum kv_trust trust,
    struct kv_error *err)
{
	char *text = NULL;
	size_t size = 0;

	if (kv_trust_read(dirfd, name, shown, trust, &text, &size, err) != 0)
		return -1;
	return kv_doc_add(doc, shown, text, size, err);
}

/* dir: path of the folder `name` of parent, whose files are read. There may be none. */
static int
read_folder(struct kv_doc *doc, int parent, const char *name, const char *dir, enum kv_trust trust,
    struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	struct kv_error why = KV_ERROR_INIT;
	struct kv_list names = { 0 };
	bool missing = false;
	int rc = 0, again;

	fd = kv_trust_folder(parent, name, dir, trust != KV_TRUST_ANY, &missing, &why);
	if (fd < 0 && missing)
		return 0;
	if (fd < 0) {
		*err = why;
		return -1;
	}
	again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (again < 0)
		return kv_error_sys(err, "%s", dir);
	rc = list_folder(again, dir, &names, err);
	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		char shown[PATH_MAX];

		rc = kv_format(shown, sizeof(shown), "%s/%s", dir, names.item[i]) == 0 ? 0 :
		    kv_error_set(err, KV_ERR_CONFIG, "%.300s: too long", dir);
		if (rc == 0)
			rc = read_one(doc, fd, names.item[i], shown, trust, err);
	}
	kv_list_release(&names);
	return rc;
}

/*
 * The credentials' folder, last. It is closed to all but root: who looks at a policy as somebody else has the
 * rest of it checked. A session whose policy names a credential that was not read is refused.
 */
static int
read_credentials(struct kv_doc *doc, int parent, const char *dir, bool any_owner, bool *unread,
    struct kv_error *err)
{
	struct kv_error why = KV_ERROR_INIT;

	doc->credentials_from = doc->file_count;
	if (read_folder(doc, parent, KV_CREDENTIALS_FOLDER, dir, any_owner ? KV_TRUST_ANY : KV_TRUST_CLOSED, &why) == 0)
		return 0;
	*unread = geteuid() != 0 && why.sys_errno == EACCES;
	if (*unread)
		return 0;
	*err = why;
	return -1;
}

/* Does the file `name`, the end of path, lie in a folder of credentials. */
static bool
in_credentials(const char *path, const char *name)
{
	static const char folder[] = KV_CREDENTIALS_FOLDER "/";
	const char *at = name - (sizeof(folder) - 1);

	return (size_t)(name - path) >= sizeof(folder) - 1 && strncmp(at, folder, sizeof(folder) - 1) == 0 &&
	    (at == path || at[-1] == '/');
}

static int
read_all(struct kv_doc *doc, const struct kv_load_options *options, const char *path,
    bool *unread, struct kv_error *err)
{
	enum kv_trust trust = options->any_owner ? KV_TRUST_ANY : KV_TRUST_ROOT;
	kv_cleanup_close int parent = -1;
	const char *name = NULL;
	char dir[PATH_MAX];

	parent = kv_trust_parent(path, !options->any_owner, &name, err);
	if (parent < 0)
		return -1;
	*unread = options->alone;
	doc->all_credentials = options->alone && in_credentials(path, name);
	if (doc->all_credentials && trust == KV_TRUST_ROOT)
		trust = KV_TRUST_CLOSED;
	if (read_one(doc, parent, name, path, trust, err) != 0)
		return -1;
	if (options->alone)
		return 0;
	if (kv_format(dir, sizeof(dir), "%.*sconf.d", (int)(name - path), path) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%.300s: too long", path);
	if (read_folder(doc, parent, "conf.d", dir, trust, err) != 0)
		return -1;
	if (kv_format(dir, sizeof(dir), "%.*s" KV_CREDENTIALS_FOLDER, (int)(name - path), path) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%.300s: too long", path);
	return read_credentials(doc, parent, dir, options->any_owner, unread, err);
}

/* Credentials stand in files that are closed to others, and nothing else does. */
static int
check_places(const struct kv_doc *doc, struct kv_error *err)
{
	for (size_t i = 0; i < doc->section_count; i++) {
		const struct kv_section *section = &doc->section[i];
		bool credential = section->scope == KV_SCOPE_CREDENTIAL;
		bool closed = doc->all_credentials ||
		    (doc->credentials_from > 0 && section->file >= doc->credentials_from);

		if (credential && !closed)
			return kv_error_set(err, KV_ERR_CONFIG, "%s:%u: [credential %s] belongs into a file of "
			    KV_CREDENTIALS_FOLDER, doc->path[section->file], section->line, section->name);
		if (!credential && closed)
			return kv_error_set(err, KV_ERR_CONFIG, "%s:%u: expected nothing but credentials in a file of "
			    KV_CREDENTIALS_FOLDER, doc->path[section->file], section->line);
	}
	return 0;
}

static int
build(const struct kv_doc *doc, struct kv_config *out, struct kv_error *err)
{
	const struct kv_section *section = kavach_section(doc);

	if (kv_doc_confirm(doc, err) != 0 || check_places(doc, err) != 0)
		return -1;
	if (section != NULL && section->file != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "%s:%u: [kavach] belongs into the main file",
		    doc->path[section->file], section->line);
	if (section != NULL && kv_resolve_entries(doc, section, out, err) != 0)
		return -1;
	return kv_resolve(doc, out, err);
}

int
kv_config_load(const struct kv_load_options *options, struct kv_config *out, struct kv_error *err)
{
	const char *path = options->file != NULL ? options->file : KV_CONF_FILE;
	struct kv_doc doc = { 0 };
	char absolute[PATH_MAX], here[PATH_MAX];
	int rc;

	if (config_defaults(out) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	/* A relative path is trusted by its whole way from / like any other. */
	if (path[0] != '/' && !options->any_owner && getcwd(here, sizeof(here)) != NULL &&
	    kv_format(absolute, sizeof(absolute), "%s/%s", here, path) == 0)
		path = absolute;
	rc = read_all(&doc, options, path, &out->credentials_unread, err);
	if (rc == 0)
		rc = build(&doc, out, err);
	if (rc != 0)
		salvage(&doc, out);
	kv_doc_release(&doc);
	return rc;
}

/*
 * iniparser's reading of the sections, in portions: its dictionary is searched
 * linearly. It gets them from memory, by /proc/self/fd/N, as the bytes that were
 * checked, each value in quotes and each section under its number.
 */
#include "policy/text.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <iniparser/iniparser.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PORTION 16	/* sections */

/* Instead of its own, which writes to stderr: sshd's, or the user's. */
__attribute__((format(printf, 1, 2)))
static int
silent(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

static char *
put(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

/*
 * The sections as text; *size is its length. Without stdio: this is done for
 * every section at every login. Owned by the caller; NULL when out of memory.
 */
static char *
write_sections(const struct kv_doc *doc, size_t from, size_t to, size_t *size)
{
	size_t room = 1;
	char *text, *at;

	for (size_t i = from; i < to; i++) {
		const struct kv_section *section = &doc->section[i];

		room += 32;	/* [sN] */
		for (size_t j = 0; j < section->count; j++)
			room += strlen(kv_keydefs[doc->entry[section->first + j].key].name) +
			    strlen(doc->entry[section->first + j].value) + 8;
	}
	at = text = malloc(room);
	for (size_t i = from; text != NULL && i < to; i++) {
		const struct kv_section *section = &doc->section[i];

		at += snprintf(at, 32, "[s%zu]\n", i);
		for (size_t j = 0; j < section->count; j++) {
			const struct kv_entry *entry = &doc->entry[section->first + j];
			const char *quote = strchr(entry->value, '"') != NULL ? "'" : "\"";

			at = put(put(at, kv_keydefs[entry->key].name), " = ");
			at = put(put(put(put(at, quote), entry->value), quote), "\n");
		}
	}
	*size = (size_t)(at - text);
	return text;
}

static int
compare(const dictionary *dict, const struct kv_doc *doc, size_t from, size_t to,
    struct kv_error *err)
{
	for (size_t i = from; i < to; i++) {
		const struct kv_section *section = &doc->section[i];
		char key[32 + KV_NAME_MAX], *end = key + snprintf(key, 32, "s%zu:", i);

		for (size_t j = 0; j < section->count; j++) {
			const struct kv_entry *entry = &doc->entry[section->first + j];
			const char *name = kv_keydefs[entry->key].name, *value;

			*put(end, name) = '\0';
			value = iniparser_getstring(dict, key, NULL);
			if (value == NULL || strcmp(value, entry->value) != 0)
				return kv_error_set(err, KV_ERR_CONFIG,
				    "%s:%u: %s: a value that cannot be read without doubt",
				    doc->path[section->file], entry->line, name);
		}
	}
	return 0;
}

static int
confirm_portion(const struct kv_doc *doc, size_t from, size_t to, int fd, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	size_t size = 0;
	char path[32];
	dictionary *dict;
	int rc;

	text = write_sections(doc, from, to, &size);
	if (text == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 || kv_write_all(fd, text, size) != 0)
		return kv_error_sys(err, "memfd");
	(void)kv_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	dict = iniparser_load(path);
	if (dict == NULL)
		return kv_error_set(err, KV_ERR_CONFIG, "%s: iniparser cannot read it",
		    doc->path[doc->section[from].file]);
	rc = compare(dict, doc, from, to, err);
	iniparser_freedict(dict);
	return rc;
}

int
kv_doc_confirm(const struct kv_doc *doc, struct kv_error *err)
{
	kv_cleanup_close int fd = memfd_create("kavach-policy", MFD_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return kv_error_sys(err, "memfd");
	iniparser_set_error_callback(silent);
	for (size_t from = 0; rc == 0 && from < doc->section_count; from += PORTION) {
		size_t to = from + PORTION < doc->section_count ? from + PORTION : doc->section_count;

		rc = confirm_portion(doc, from, to, fd, err);
	}
	iniparser_set_error_callback(NULL);
	return rc;
}

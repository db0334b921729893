/*
 * The raw-line check: what iniparser would let through (cut values, duplicates,
 * folded names, joined lines ...) is refused here, with file and line. What is
 * left are sections and entries that point into the text. Internal to policy/.
 */
#ifndef KV_POLICY_TEXT_H
#define KV_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/keys.h"

#define KV_LINE_MAX 1000	/* bytes; iniparser's own bound is 1024 */

struct kv_entry {
	int key;			/* index in kv_keydefs */
	unsigned int line;
	const char *value;		/* borrowed from the file's text */
};

struct kv_section {
	enum kv_scope scope;
	const char *name;		/* "" for [kavach]; borrowed from the file's text */
	size_t file;			/* index in kv_doc.path */
	unsigned int line;
	size_t first, count;		/* entries */
	uint64_t seen;			/* a bit for each key */
	bool repeated;			/* [kavach] only: a key or the section stands twice */
};

struct kv_doc {
	char **path, **text;		/* owned, each owned */
	size_t file_count, file_room;
	struct kv_section *section;	/* owned */
	size_t section_count, section_room;
	struct kv_entry *entry;		/* owned */
	size_t entry_count, entry_room;
	size_t credentials_from;	/* path from which on files are of credentials.d; 0: none */
	bool all_credentials;		/* the one file there is, is one of these */
};

/*
 * Takes over text (size bytes and a NUL) and adds its sections. After a line
 * that is wrong it reads on, so that the sound part of [kavach] can be used; the
 * first error is the one reported. 0 or -1.
 */
int kv_doc_add(struct kv_doc *doc, const char *path, char *text, size_t size, struct kv_error *err);
void kv_doc_release(struct kv_doc *doc);

/*
 * Has iniparser read the same sections and compares: both must see the same
 * values. 0 or -1. Prints nothing.
 */
int kv_doc_confirm(const struct kv_doc *doc, struct kv_error *err);

#endif

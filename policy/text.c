#include "policy/text.h"

#include "common/error.h"
#include "policy/values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	struct kv_doc *doc;
	size_t file;
	unsigned int line;
	bool open;		/* in a section that is known */
	bool failed;
	struct kv_error *err;	/* the first error */
};

#define SPACE " \t"

__attribute__((format(printf, 2, 3)))
static void
wrong(struct scan *scan, const char *fmt, ...)
{
	char what[320];
	va_list ap;

	if (scan->failed)
		return;
	scan->failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)kv_error_set(scan->err, KV_ERR_CONFIG, "%s:%u: %s", scan->doc->path[scan->file],
	    scan->line, what);
}

/* Room for one more; doubles. 0 or -1. */
static int
grow(void **array, size_t count, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *bigger;

	if (count < *room)
		return 0;
	bigger = reallocarray(*array, more, size);
	if (bigger == NULL)
		return -1;
	*array = bigger;
	*room = more;
	return 0;
}

/* The length of the UTF-8 sequence at s, or 0 (Unicode 15, table 3-7). */
static size_t
utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 :
	    s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;	/* also at the NUL that ends the line */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Bytes that no line may hold, comments included. */
static bool
line_ok(struct scan *scan, const char *line, size_t len)
{
	const unsigned char *s = (const unsigned char *)line;

	if (strlen(line) != len)
		return wrong(scan, "a NUL byte"), false;
	if (scan->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		return wrong(scan, "a byte order mark at the beginning"), false;
	if (len > KV_LINE_MAX)
		return wrong(scan, "longer than %d bytes", KV_LINE_MAX), false;
	while (*s != '\0') {
		size_t n;

		if (*s >= ' ' && *s < 0x7f) {
			s++;
			continue;
		}
		n = utf8_length(s);
		if (*s == '\r')
			return wrong(scan, "a carriage return; lines end with a newline only"), false;
		if (n == 0)
			return wrong(scan, "not UTF-8"), false;
		if ((*s < 0x20 && *s != '\t') || *s == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
			return wrong(scan, "a control character"), false;
		s += n;
	}
	while (len > 0 && strchr(SPACE, line[len - 1]) != NULL)
		len--;
	if (len > 0 && line[len - 1] == '\\')
		return wrong(scan, "a backslash at the end; a line cannot be continued"), false;
	return true;
}

static bool
only_comment(const char *s)
{
	s += kv_space_span(s);
	return *s == '\0' || *s == ';' || *s == '#';
}

static void
add_section(struct scan *scan, enum kv_scope scope, const char *name)
{
	struct kv_doc *doc = scan->doc;
	void *array = doc->section;

	for (size_t i = 0; scope == KV_SCOPE_KAVACH && i < doc->section_count; i++) {
		if (doc->section[i].scope != scope)
			continue;
		doc->section[i].repeated = true;
		wrong(scan, "[kavach] stands at %s:%u already", doc->path[doc->section[i].file],
		    doc->section[i].line);
		return;
	}
	if (grow(&array, doc->section_count, &doc->section_room, sizeof(*doc->section)) != 0) {
		wrong(scan, "out of memory");
		return;
	}
	doc->section = array;
	doc->section[doc->section_count++] = (struct kv_section){ .scope = scope, .name = name,
		.file = scan->file, .line = scan->line, .first = doc->entry_count };
	scan->open = true;
}

#define SECTIONS "[kavach], [policy NAME], [rule NAME] or [credential NAME]"

/* One of SECTIONS; a comment may follow. */
static void
scan_section(struct scan *scan, char *s)
{
	char *end = strchr(s, ']'), *name;
	size_t len;

	scan->open = false;
	if (end == NULL || !only_comment(end + 1)) {
		wrong(scan, "expected " SECTIONS);
		return;
	}
	*end = '\0';
	s++;
	if (strcmp(s, "kavach") == 0) {
		add_section(scan, KV_SCOPE_KAVACH, "");
		return;
	}
	len = strcspn(s, SPACE);
	name = s + len + kv_space_span(s + len);
	for (int scope = KV_SCOPE_POLICY; scope < KV_SCOPE_COUNT; scope++) {
		const char *word = kv_scope_name((enum kv_scope)scope);

		if (strlen(word) != len || strncmp(word, s, len) != 0)
			continue;
		if (kv_name_ok(name))
			add_section(scan, (enum kv_scope)scope, name);
		else
			wrong(scan, "[%.80s]: expected a name of at most %d letters, digits, - and _ "
			    "after %s", s, KV_NAME_MAX - 1, word);
		return;
	}
	wrong(scan, "unknown section [%.80s]: expected " SECTIONS, s);
}

/*
 * Cuts s to the value. Quoted: up to the same quote, and nothing but a comment
 * after it. Else up to a comment that a space precedes. NULL where it is wrong.
 */
static const char *
scan_value(struct scan *scan, const char *key, char *s, bool must_quote)
{
	char *end;

	if (*s == '"' || *s == '\'') {
		end = strchr(s + 1, *s);
		if (end == NULL)
			return wrong(scan, "%s: the closing quote is missing", key), NULL;
		if (!only_comment(end + 1))
			return wrong(scan, "%s: text after the closing quote", key), NULL;
		*end = '\0';
		return s + 1;
	}
	for (end = s; *end != '\0' && *end != ';' && *end != '#'; end++)
		if (*end == '"' || *end == '\'')
			return wrong(scan, "%s: a quote within the value; quote all of it", key), NULL;
	if (*end != '\0' && (end == s || strchr(SPACE, end[-1]) == NULL))
		return wrong(scan, "%s: a value that holds %c needs quotes", key, *end), NULL;
	while (end > s && strchr(SPACE, end[-1]) != NULL)
		end--;
	*end = '\0';
	if (*s == '\0')
		return wrong(scan, "%s: a value is missing", key), NULL;
	if (must_quote)
		return wrong(scan, "%s: expected quotes around the text", key), NULL;
	return s;
}

static void
scan_entry(struct scan *scan, char *s)
{
	struct kv_doc *doc = scan->doc;
	struct kv_section *section;
	size_t len = kv_word_span(s, "_-.");
	char *rest = s + len + kv_space_span(s + len);
	void *array = doc->entry;
	const char *value;
	int key;

	if (len == 0 || *rest != '=') {
		wrong(scan, "expected KEY = VALUE, a [section] or a comment");
		return;
	}
	s[len] = '\0';
	rest++;
	if (doc->section_count == 0 || doc->section[doc->section_count - 1].file != scan->file ||
	    !scan->open) {
		wrong(scan, "%.60s: stands in no section", s);
		return;
	}
	section = &doc->section[doc->section_count - 1];
	key = kv_key_find(section->scope, s, len);
	if (key < 0) {
		wrong(scan, "%.60s: unknown key of [%s]", s, kv_scope_name(section->scope));
		return;
	}
	if ((section->seen & (1ULL << key)) != 0) {
		section->repeated = true;
		wrong(scan, "%s: stands twice in this section", s);
		return;
	}
	section->seen |= 1ULL << key;
	value = scan_value(scan, s, rest + kv_space_span(rest), kv_keydefs[key].quoted);
	if (value == NULL)
		return;
	if (grow(&array, doc->entry_count, &doc->entry_room, sizeof(*doc->entry)) != 0) {
		wrong(scan, "out of memory");
		return;
	}
	doc->entry = array;
	doc->entry[doc->entry_count++] = (struct kv_entry){ key, scan->line, value };
	section->count++;
}

static int
add_file(struct kv_doc *doc, const char *path, char *text)
{
	char **paths, **texts;
	char *copy = strdup(path);

	if (doc->file_count == doc->file_room) {
		size_t room = doc->file_room == 0 ? 16 : doc->file_room * 2;

		paths = reallocarray(doc->path, room, sizeof(*paths));
		if (paths != NULL)
			doc->path = paths;
		texts = reallocarray(doc->text, room, sizeof(*texts));
		if (texts != NULL)
			doc->text = texts;
		if (paths == NULL || texts == NULL) {
			free(copy);
			return -1;
		}
		doc->file_room = room;
	}
	if (copy == NULL)
		return -1;
	doc->path[doc->file_count] = copy;
	doc->text[doc->file_count++] = text;
	return 0;
}

int
kv_doc_add(struct kv_doc *doc, const char *path, char *text, size_t size, struct kv_error *err)
{
	struct scan scan = { .doc = doc, .file = doc->file_count, .err = err };
	char *next = text, *end = text + size;

	if (add_file(doc, path, text) != 0) {
		free(text);
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	}
	while (next < end) {
		char *line = next, *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len;

		if (stop == NULL)
			stop = end;
		next = stop + 1;
		len = (size_t)(stop - line);
		*stop = '\0';
		scan.line++;
		if (!line_ok(&scan, line, len))
			continue;
		line += kv_space_span(line);
		if (*line == '[')
			scan_section(&scan, line);
		else if (*line != '\0' && *line != '#' && *line != ';')
			scan_entry(&scan, line);
	}
	return scan.failed ? -1 : 0;
}

void
kv_doc_release(struct kv_doc *doc)
{
	for (size_t i = 0; i < doc->file_count; i++) {
		free(doc->path[i]);
		free(doc->text[i]);
	}
	free(doc->path);
	free(doc->text);
	free(doc->section);
	free(doc->entry);
	memset(doc, 0, sizeof(*doc));
}

#include "admin/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"
#include "common/cleanup.h"
#include "common/error.h"

static void *
need(void *p)
{
	if (p == NULL) {
		(void)fputs("kavachctl: out of memory\n", stderr);
		exit(KV_EXIT_SYSTEM);
	}
	return p;
}

static bool
colour_on(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(out)) == 1 && (no == NULL || *no == '\0') && term != NULL &&
	    *term != '\0' && strcmp(term, "dumb") != 0;
}

bool
kv_colour(void)
{
	return colour_on(stdout);
}

char *
kv_asprintf(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return need(n < 0 ? NULL : out);
}

/* May this character stand on a terminal line: no control, nothing that reorders or breaks lines. */
static bool
printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return false;
	return !(c == 0x061c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe007f));
}

char *
kv_text(const char *bytes, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	char *out = need(malloc(size * 4 + 1));
	size_t used = 0;

	for (size_t i = 0; i < size;) {
		uint32_t c = 0;
		size_t n = kv_utf8_next(bytes + i, size - i, &c);

		if (n > 0 && printable(c)) {
			memcpy(out + used, bytes + i, n);
			used += n;
			i += n;
			continue;
		}
		if (n == 1 && (c == '\n' || c == '\t')) {
			out[used++] = '\\';
			out[used++] = c == '\n' ? 'n' : 't';
			i++;
			continue;
		}
		for (n = n == 0 ? 1 : n; n > 0; n--, i++) {
			unsigned char b = (unsigned char)bytes[i];

			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[b >> 4];
			out[used++] = hex[b & 15];
		}
	}
	out[used] = '\0';
	return out;
}

char *
kv_utf8(const char *bytes, size_t size, size_t *out_size)
{
	char *out = need(malloc(size * 3 + 1));
	size_t used = 0;

	for (size_t i = 0; i < size;) {
		uint32_t c = 0;
		size_t n = kv_utf8_next(bytes + i, size - i, &c);

		if (n == 0) {
			memcpy(out + used, "\xef\xbf\xbd", 3);
			used += 3;
			i++;
			continue;
		}
		memcpy(out + used, bytes + i, n);
		used += n;
		i += n;
	}
	out[used] = '\0';
	*out_size = used;
	return out;
}

static const char *
style_code(enum kv_style style)
{
	switch (style) {
	case KV_GOOD:
		return "\033[32m";
	case KV_BAD:
		return "\033[31m";
	case KV_DIM:
		return "\033[2m";
	case KV_BOLD:
		return "\033[1m";
	case KV_PLAIN:
		break;
	}
	return NULL;
}

/* text is escaped already. */
static void
put_styled(FILE *out, enum kv_style style, const char *text)
{
	const char *code = colour_on(out) ? style_code(style) : NULL;

	if (code != NULL)
		(void)fprintf(out, "%s%s\033[0m", code, text);
	else
		(void)fputs(text, out);
}

void
kv_put(FILE *out, enum kv_style style, const char *text)
{
	kv_cleanup_free char *safe = kv_text(text, strlen(text));

	put_styled(out, style, safe);
}

void
kv_put_field(const char *label, enum kv_style style, const char *value)
{
	kv_cleanup_free char *head = NULL;

	if (value == NULL)
		return;
	head = kv_asprintf("%s:", label);
	(void)printf("%-11s ", head);
	kv_put(stdout, style, value);
	(void)putchar('\n');
}

void
kv_complain(const char *fmt, ...)
{
	kv_cleanup_free char *text = NULL;
	kv_cleanup_free char *safe = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	(void)need(text);
	safe = kv_text(text, strlen(text));
	(void)fflush(stdout);
	(void)fprintf(stderr, "kavachctl: %s\n", safe);
}

void
kv_table_add(struct kv_table *table, const struct kv_cell *cells)
{
	struct kv_row *row;

	table->row = need(reallocarray(table->row, table->rows + 1, sizeof(*table->row)));
	row = &table->row[table->rows++];
	memset(row, 0, sizeof(*row));
	for (size_t i = 0; i < table->columns; i++) {
		row->text[i] = kv_text(cells[i].text, strlen(cells[i].text));
		row->style[i] = cells[i].style;
	}
}

void
kv_table_print(struct kv_table *table)
{
	size_t width[KV_COLUMNS_MAX] = { 0 };

	for (size_t r = 0; r < table->rows; r++) {
		for (size_t i = 0; i < table->columns; i++) {
			size_t w = kv_utf8_width(table->row[r].text[i]);

			width[i] = w > width[i] ? w : width[i];
		}
	}
	for (size_t r = 0; r < table->rows; r++) {
		struct kv_row *row = &table->row[r];
		size_t last = table->columns;

		while (last > 1 && row->text[last - 1][0] == '\0')
			last--;
		for (size_t i = 0; i < table->columns; i++) {
			size_t pad = width[i] - kv_utf8_width(row->text[i]) + 2;

			if (i < last)
				put_styled(stdout, row->style[i], row->text[i]);
			for (; i + 1 < last && pad > 0; pad--)
				(void)putchar(' ');
			free(row->text[i]);
		}
		(void)putchar('\n');
	}
	free(table->row);
	*table = (struct kv_table){ .columns = table->columns };
}

struct json_object *
kv_json_object(void)
{
	return need(json_object_new_object());
}

struct json_object *
kv_json_array(void)
{
	return need(json_object_new_array());
}

void
kv_json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value) != 0)
		(void)need(NULL);
}

void
kv_json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value) != 0)
		(void)need(NULL);
}

void
kv_json_bytes(struct json_object *object, const char *key, const char *bytes, size_t size)
{
	size_t n = 0;
	kv_cleanup_free char *valid = kv_utf8(bytes, size, &n);

	if (n > INT32_MAX)
		n = INT32_MAX;
	kv_json_add(object, key, need(json_object_new_string_len(valid, (int)n)));
}

void
kv_json_string(struct json_object *object, const char *key, const char *value)
{
	if (value == NULL)
		kv_json_add(object, key, NULL);
	else
		kv_json_bytes(object, key, value, strlen(value));
}

void
kv_json_int(struct json_object *object, const char *key, int64_t value)
{
	kv_json_add(object, key, need(json_object_new_int64(value)));
}

void
kv_json_bool(struct json_object *object, const char *key, bool value)
{
	kv_json_add(object, key, need(json_object_new_boolean(value)));
}

void
kv_json_print(struct json_object *document)
{
	size_t size = 0;
	const char *text = need((void *)(uintptr_t)json_object_to_json_string_length(document,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &size));

	(void)fwrite(text, 1, size, stdout);
	(void)putchar('\n');
	(void)json_object_put(document);
}

int
kv_flush(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fprintf(stderr, "kavachctl: standard output: %s\n", strerror(errno));
	return KV_EXIT_SYSTEM;
}

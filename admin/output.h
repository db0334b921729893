/*
 * What kavachctl prints: for people, aligned columns, colour on a terminal
 * only; for programs, one JSON document.
 *
 * Trust: names, addresses and commands come from outside. All text goes through
 * kv_text(), so that none of it can move a terminal's cursor or forge a line.
 */
#ifndef KV_ADMIN_OUTPUT_H
#define KV_ADMIN_OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum kv_style { KV_PLAIN, KV_GOOD, KV_BAD, KV_DIM, KV_BOLD };

/* Is colour wanted: standard output is a terminal, TERM is not dumb, NO_COLOR is empty. */
bool kv_colour(void);

/*
 * A copy of size bytes in which control characters, what is not UTF-8, and the
 * characters that reorder a line are written as \xNN; a newline as \n. The
 * caller frees it. Ends the program when memory is out, as all of this header does.
 */
char *kv_text(const char *bytes, size_t size);

/* The same bytes as valid UTF-8: what is not becomes U+FFFD. The caller frees it. */
char *kv_utf8(const char *bytes, size_t size, size_t *out_size);

/* printf(3) into memory that the caller frees. */
char *kv_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints one escaped string in a style, without a newline. */
void kv_put(FILE *out, enum kv_style style, const char *text);

/* "Label:   value", the value escaped; nothing when value is NULL. */
void kv_put_field(const char *label, enum kv_style style, const char *value);

/* "kavachctl: MESSAGE" on standard error, escaped. */
void kv_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A table: rows are collected, then printed aligned. */
#define KV_COLUMNS_MAX 8

struct kv_cell {
	const char *text;	/* copied and escaped */
	enum kv_style style;
};

struct kv_row {
	char *text[KV_COLUMNS_MAX];	/* owned */
	enum kv_style style[KV_COLUMNS_MAX];
};

struct kv_table {
	size_t columns;
	struct kv_row *row;	/* owned */
	size_t rows;
};

void kv_table_add(struct kv_table *table, const struct kv_cell *cells);
/* Prints and releases. */
void kv_table_print(struct kv_table *table);

/* JSON. The value is taken over. */
void kv_json_string(struct json_object *object, const char *key, const char *value);
void kv_json_bytes(struct json_object *object, const char *key, const char *bytes, size_t size);
void kv_json_int(struct json_object *object, const char *key, int64_t value);
void kv_json_bool(struct json_object *object, const char *key, bool value);
void kv_json_add(struct json_object *object, const char *key, struct json_object *value);
void kv_json_append(struct json_object *array, struct json_object *value);
struct json_object *kv_json_object(void);
struct json_object *kv_json_array(void);
/* Prints the document and releases it. */
void kv_json_print(struct json_object *document);

/* Has all been written; else says so. The exit status to use: status, or KV_EXIT_SYSTEM. */
int kv_flush(int status);

#endif

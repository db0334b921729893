/* A runtime's command line while it grows. Private to the files that make them. */
#ifndef KV_BACKENDS_CONTAINER_RUNTIME_LINE_H
#define KV_BACKENDS_CONTAINER_RUNTIME_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct kv_error;
struct kv_runtime_start;

struct kv_line {
	const char **argv;
	size_t count;
	char *text;
	size_t room;
	bool full;		/* something did not fit */
};

/* Adds the word key followed by value. */
void kv_line_add(struct kv_line *line, const char *key, const char *value);

/* podman.c: all but the program. 0, or -1 for what podman cannot be told. */
int kv_podman_add(struct kv_line *line, const struct kv_runtime_start *start, struct kv_error *err);

#endif

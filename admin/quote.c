#include "admin/quote.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A single quote ends the quoted part, stands escaped, and begins the next. */
static const char escaped[] = "'\\''";

static size_t
room(char *const argv[])
{
	size_t size = 1;

	for (size_t i = 0; argv[i] != NULL; i++) {
		size += 3;
		for (const char *p = argv[i]; *p != '\0'; p++)
			size += *p == '\'' ? sizeof(escaped) - 1 : 1;
	}
	return size;
}

char *
kv_quote(char *const argv[])
{
	char *line = malloc(room(argv));
	char *to = line;

	if (line == NULL)
		return NULL;
	for (size_t i = 0; argv[i] != NULL; i++) {
		if (i > 0)
			*to++ = ' ';
		*to++ = '\'';
		for (const char *p = argv[i]; *p != '\0'; p++) {
			if (*p == '\'') {
				memcpy(to, escaped, sizeof(escaped) - 1);
				to += sizeof(escaped) - 1;
			} else {
				*to++ = *p;
			}
		}
		*to++ = '\'';
	}
	*to = '\0';
	return line;
}

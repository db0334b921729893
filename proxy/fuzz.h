/* What the fuzz targets of this folder share. How they are built and run: proxy/Makefile.am.inc. */
#ifndef KV_PROXY_FUZZ_H
#define KV_PROXY_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert(3) that NDEBUG does not take away. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline void
fuzz_fail(const char *file, int line, const char *condition)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* A copy of its own size, so that AddressSanitizer sees each byte read too much. The caller frees. */
static inline void *
fuzz_copy(const void *data, size_t size)
{
	void *copy = malloc(size > 0 ? size : 1);

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* Some number from 0 to limit, by the input alone. */
static inline size_t
fuzz_pick(const uint8_t *data, size_t size, size_t salt, size_t limit)
{
	uint64_t hash = 14695981039346656037ULL + salt * 2654435761U;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211ULL;
	return (size_t)((hash >> 20) % (limit + 1));
}

/* What must hold of every host that was taken. */
static inline void
fuzz_host(const struct kv_host *host)
{
	size_t len = strnlen(host->name, sizeof(host->name));
	struct kv_host again;
	char text[46];

	MUST(len > 0 && len < sizeof(host->name));
	MUST(kv_host_parse(host->name, len, host->is_address && host->address.v6, &again) == 0);
	MUST(strcmp(again.name, host->name) == 0 && again.is_address == host->is_address);
	MUST(!host->is_address || kv_address_equal(&again.address, &host->address));
	for (size_t i = 0; i < len; i++)
		MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_:", host->name[i]) != NULL);
	if (host->is_address) {
		kv_address_text(&host->address, text);
		MUST(strcmp(text, host->name) == 0);
	} else {
		MUST(strchr(host->name, ':') == NULL && host->name[len - 1] != '.');
	}
}

#endif

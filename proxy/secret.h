/*
 * Memory for credentials: locked (never swapped), left out of cores, not inherited by a child, wiped when it is
 * given back. Each piece is a mapping of its own, with nothing else in its pages.
 *
 * Copies that libraries make on the heap while a request is sent are wiped when they are freed (heap.c).
 */
#ifndef KV_PROXY_SECRET_H
#define KV_PROXY_SECRET_H

#include <stddef.h>

struct kv_error;

/*
 * Locks the heap too, where this process may lock as much as it likes (RLIMIT_MEMLOCK). Then as always: cores are off,
 * the process is not dumpable. 0 or -1.
 */
int kv_secret_start(struct kv_error *err);

/* Zeroed memory of this size; NULL with errno when it cannot be had or cannot be locked. */
void *kv_secret_new(size_t size);
/* Wipes it all, however much was asked for. NULL is taken. */
void kv_secret_free(void *memory);

/* For kv_egress_config_parse: a copy, ended with NUL, or NULL; and its end. */
char *kv_secret_keep(const char *value, size_t len);
void kv_secret_drop(char *value);

#endif

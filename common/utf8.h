/* UTF-8, strictly (RFC 3629). Pure. */
#ifndef KV_COMMON_UTF8_H
#define KV_COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character at s and its number; 0 where there is none that is valid. */
size_t kv_utf8_next(const char *s, size_t size, uint32_t *out);

/* How many characters a valid string has. */
size_t kv_utf8_width(const char *s);

#endif

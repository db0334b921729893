/*
 * What bytes are of which kind in HTTP, URIs and host names, and the parts of a request that head.c and its
 * neighbours share. Inner header of the proxy's parsers; pure. No function of ctype.h is used: none of this follows the locale.
 */
#ifndef KV_PROXY_SYNTAX_H
#define KV_PROXY_SYNTAX_H

#include "proxy/head.h"

enum {
	KV_BYTE_TOKEN = 1,	/* RFC 9110, 5.6.2 */
	KV_BYTE_URI = 2,	/* RFC 3986: unreserved, sub-delims and : / ? @; neither % nor # [ ] */
	KV_BYTE_HEX = 4,
	KV_BYTE_HOST = 8,	/* letter, digit, hyphen, underscore */
	KV_BYTE_DIGIT = 16,
};

extern const uint8_t kv_byte_kind[256];

static inline bool
kv_byte_is(char c, unsigned int kinds)
{
	return (kv_byte_kind[(uint8_t)c] & kinds) != 0;
}

/* A control byte, DEL with them; the tab too. */
static inline bool
kv_byte_control(char c)
{
	return (uint8_t)c < 0x20 || c == 0x7f;
}

static inline char
kv_byte_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The value of a hexadecimal digit, which c is. */
static inline unsigned int
kv_byte_hex(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : kv_byte_lower(c) - 'a' + 10);
}

/* Is it not empty, and all of these kinds. */
bool kv_slice_only(const struct kv_slice *slice, unsigned int kinds);
/* Without regard to the case of ASCII letters. */
bool kv_slice_is(const struct kv_slice *slice, const char *text);
bool kv_slice_same(const struct kv_slice *a, const struct kv_slice *b);
/* The same, of a header's name, to the laxest server: one that makes variables of names (CGI, WSGI) takes _ for -. */
bool kv_name_is(const struct kv_slice *name, const char *text);

/* host, host:port, [v6], [v6]:port; *port is 0 where there is none. NULL, or what is wrong (static). */
const char *kv_authority_parse(const struct kv_slice *text, struct kv_host *host, uint16_t *port);
/* The target by out->connect: sets host, port, tls, path. NULL, or what is wrong (static). */
const char *kv_target_parse(const struct kv_slice *target, struct kv_head *out);

/* Is a header of this name hop-by-hop by itself (struct kv_header). */
bool kv_header_is_hop(const struct kv_slice *name);

/*
 * Does the path begin with the prefix at the border of a segment: "/a/" has "/a/b"; "/a" has "/a", "/a/b" and "/a?b", not
 * "/ab". By bytes: for what it means kv_path_plain must hold.
 */
bool kv_path_below(const struct kv_slice *path, const char *prefix);

#endif

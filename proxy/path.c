#include "proxy/syntax.h"

#include <string.h>

/*
 * One character of a path as the laxest server comes to read it: with escapes undone as often as there are any
 * (%252e is '.' after two). Returns the bytes taken, 0 where an escape is broken.
 */
static size_t
decode(const char *at, size_t len, char *out)
{
	size_t used = 1;

	*out = at[0];
	if (at[0] != '%')
		return 1;
	while (len - used >= 4 && at[used] == '2' && at[used + 1] == '5' && kv_byte_is(at[used + 2], KV_BYTE_HEX) &&
	    kv_byte_is(at[used + 3], KV_BYTE_HEX))
		used += 2;
	if (len - used < 2 || !kv_byte_is(at[used], KV_BYTE_HEX) || !kv_byte_is(at[used + 1], KV_BYTE_HEX))
		return 0;
	*out = (char)(kv_byte_hex(at[used]) * 16 + kv_byte_hex(at[used + 1]));
	return used + 2;
}

/*
 * The segment that is being read. What servers take for a dot segment: dots, some with spaces about them (Windows), some
 * with parameters after a semicolon (Java), a stream's name (NTFS), or a query or fragment that is unescaped too early.
 */
struct segment {
	bool any;	/* a character was there */
	bool dots;	/* only dots and spaces so far */
	bool over;	/* one of these: the rest is no name */
};

static bool
segment_harmless(const struct segment *segment)
{
	return segment->any && !segment->dots;
}

/* Overlong forms of ASCII (RFC 3629, 10), which old servers read as '.' and '/'. previous is the byte before c. */
static bool
overlong(uint8_t previous, uint8_t c)
{
	return c == 0xc0 || c == 0xc1 || c >= 0xf8 || (previous == 0xe0 && c < 0xa0) || (previous == 0xf0 && c < 0x90);
}

bool
kv_path_plain(const struct kv_slice *path)
{
	const char *query = memchr(path->at, '?', path->len);
	size_t len = query != NULL ? (size_t)(query - path->at) : path->len, used;
	struct segment segment = { false, true, false };
	unsigned int percent = 0;
	char c = 0, previous;

	if (len == 0 || path->at[0] != '/')
		return false;
	for (size_t i = 1; i < len; i += used) {
		previous = c;
		used = decode(path->at + i, len - i, &c);
		if (used == 0 || kv_byte_control(c) || c == '\\' || overlong((uint8_t)previous, (uint8_t)c))
			return false;
		/* Escapes that come to a percent sign and two digits: one more escape, put together. */
		percent = c == '%' ? 1 : percent > 0 && kv_byte_is(c, KV_BYTE_HEX) ? percent + 1 : 0;
		if (percent == 3)
			return false;
		if (c == '/') {
			/* Nothing between two: the rest could be read as a path from the root. */
			if (!segment_harmless(&segment))
				return false;
			segment = (struct segment){ false, true, false };
			continue;
		}
		segment.over = segment.over || memchr(";:?#", c, 4) != NULL;
		segment.dots = segment.dots && (segment.over || c == '.' || c == ' ');
		segment.any = true;
	}
	return !segment.any || !segment.dots;
}

bool
kv_path_below(const struct kv_slice *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len == 0 || path->len < len || memcmp(path->at, prefix, len) != 0)
		return false;
	return path->len == len || prefix[len - 1] == '/' || path->at[len] == '/' || path->at[len] == '?';
}

#include "common/utf8.h"

#include <string.h>

size_t
kv_utf8_next(const char *s, size_t size, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char b = size > 0 ? (unsigned char)s[0] : 0xff;
	size_t n;
	uint32_t c;

	if (b < 0x80) {
		*out = b;
		return 1;
	}
	if (b >= 0xc2 && b <= 0xdf) {
		n = 2;
		c = b & 0x1fU;
	} else if (b >= 0xe0 && b <= 0xef) {
		n = 3;
		c = b & 0x0fU;
	} else if (b >= 0xf0 && b <= 0xf4) {
		n = 4;
		c = b & 0x07U;
	} else {
		return 0;
	}
	if (n > size)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (next & 0x3fU);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

size_t
kv_utf8_width(const char *s)
{
	size_t width = 0;

	for (; *s != '\0'; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

#include "proxy/syntax.h"

#include <string.h>

#define T KV_BYTE_TOKEN
#define U KV_BYTE_URI
#define X KV_BYTE_HEX
#define H KV_BYTE_HOST

const uint8_t kv_byte_kind[256] = {
	['0' ... '9'] = T | U | X | H | KV_BYTE_DIGIT,
	['A' ... 'F'] = T | U | X | H, ['G' ... 'Z'] = T | U | H,
	['a' ... 'f'] = T | U | X | H, ['g' ... 'z'] = T | U | H,
	['-'] = T | U | H, ['_'] = T | U | H,
	['!'] = T | U, ['$'] = T | U, ['&'] = T | U, ['\''] = T | U, ['*'] = T | U, ['+'] = T | U, ['.'] = T | U,
	['~'] = T | U,
	['#'] = T, ['%'] = T, ['^'] = T, ['`'] = T, ['|'] = T,
	['('] = U, [')'] = U, [','] = U, [';'] = U, ['='] = U, [':'] = U, ['/'] = U, ['?'] = U, ['@'] = U,
};

bool
kv_slice_only(const struct kv_slice *slice, unsigned int kinds)
{
	for (size_t i = 0; i < slice->len; i++)
		if (!kv_byte_is(slice->at[i], kinds))
			return false;
	return slice->len > 0;
}

bool
kv_slice_same(const struct kv_slice *a, const struct kv_slice *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (kv_byte_lower(a->at[i]) != kv_byte_lower(b->at[i]))
			return false;
	return true;
}

static char
plain(char c)
{
	return (char)(c == '_' ? '-' : kv_byte_lower(c));
}

bool
kv_name_is(const struct kv_slice *name, const char *text)
{
	if (strlen(text) != name->len)
		return false;
	for (size_t i = 0; i < name->len; i++)
		if (plain(name->at[i]) != plain(text[i]))
			return false;
	return true;
}

bool
kv_slice_is(const struct kv_slice *slice, const char *text)
{
	const struct kv_slice other = { text, strlen(text) };

	return kv_slice_same(slice, &other);
}

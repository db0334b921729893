#include "proxy/head.h"
#include "proxy/syntax.h"

#include <string.h>

#define LINE_MAX_BYTES		256	/* of a size with its extensions */
#define TRAILER_MAX_BYTES	8192

/*
 * Where the next byte stands. size *( ext ) CR LF data CR LF, until a size of 0; then trailer lines and an empty one.
 * A size has at least a digit; a trailer's name is a token.
 */
enum state { SIZE_FIRST, SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, NAME, VALUE, VALUE_LF, END_LF, BROKEN };

static int
digit(struct kv_chunks *chunks, char c)
{
	if (!kv_byte_is(c, KV_BYTE_HEX) || chunks->left > (uint64_t)INT64_MAX >> 4)
		return BROKEN;
	chunks->left = chunks->left << 4 | kv_byte_hex(c);
	return SIZE;
}

static int
after_size(struct kv_chunks *chunks, char c)
{
	if (c == '\r')
		return SIZE_LF;
	return c == ';' ? EXTENSION : digit(chunks, c);
}

/* One byte that is no data. Returns the next state. */
static int
step(struct kv_chunks *chunks, char c)
{
	bool text = c == '\t' || !kv_byte_control(c);

	switch ((enum state)chunks->state) {
	case SIZE_FIRST:
		return digit(chunks, c);
	case SIZE:
		return after_size(chunks, c);
	case EXTENSION:
		return c == '\r' ? SIZE_LF : text ? EXTENSION : BROKEN;
	case SIZE_LF:
		chunks->line = 0;
		return c != '\n' ? BROKEN : chunks->left > 0 ? DATA : TRAILER;
	case DATA_CR:
		return c == '\r' ? DATA_LF : BROKEN;
	case DATA_LF:
		return c == '\n' ? SIZE_FIRST : BROKEN;
	case TRAILER:
		return c == '\r' ? END_LF : kv_byte_is(c, KV_BYTE_TOKEN) ? NAME : BROKEN;
	case NAME:
		return c == ':' ? VALUE : kv_byte_is(c, KV_BYTE_TOKEN) ? NAME : BROKEN;
	case VALUE:
		return c == '\r' ? VALUE_LF : text ? VALUE : BROKEN;
	case VALUE_LF:
		return c == '\n' ? TRAILER : BROKEN;
	case END_LF:
		chunks->done = c == '\n';
		return BROKEN;	/* nothing is read after it */
	case DATA:
	case BROKEN:
		break;
	}
	return BROKEN;
}

/* Is the byte that comes one too many of its line or of the trailer. */
static bool
too_long(struct kv_chunks *chunks)
{
	switch ((enum state)chunks->state) {
	case SIZE_FIRST:
	case SIZE:
	case EXTENSION:
		return ++chunks->line > LINE_MAX_BYTES;
	case TRAILER:
	case NAME:
	case VALUE:
	case VALUE_LF:
		return ++chunks->trailer > TRAILER_MAX_BYTES;
	case SIZE_LF:
	case DATA:
	case DATA_CR:
	case DATA_LF:
	case END_LF:
	case BROKEN:
		break;
	}
	return false;
}

static size_t
copy_data(struct kv_chunks *chunks, const char *in, size_t len, char *out, size_t room)
{
	size_t count = len < room ? len : room;

	if (count > chunks->left)
		count = (size_t)chunks->left;
	if (count > 0)
		memmove(out, in, count);
	chunks->left -= count;
	if (chunks->left == 0)
		chunks->state = DATA_CR;
	return count;
}

long
kv_chunks_read(struct kv_chunks *chunks, const char *in, size_t len, size_t *used, char *out, size_t room)
{
	size_t i = 0, written = 0;

	while (i < len && !chunks->done) {
		size_t count;

		if (chunks->state != DATA) {
			chunks->state = too_long(chunks) ? BROKEN : step(chunks, in[i]);
			if (chunks->state == BROKEN && !chunks->done) {
				*used = i;
				return -1;
			}
			i++;
			continue;
		}
		if (written == room)
			break;
		count = copy_data(chunks, in + i, len - i, out + written, room - written);
		i += count;
		written += count;
	}
	*used = i;
	return (long)written;
}

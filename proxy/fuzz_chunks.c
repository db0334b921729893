/*
 * libFuzzer target: any bytes as a chunked body. What comes out is the same in one go, in place, and in pieces with
 * little room; and what is encoded comes back.
 */
#include "proxy/fuzz.h"
#include "proxy/head.h"

struct result {
	char *out;	/* owned */
	size_t written, used;
	bool done, bad;
};

/* Reads in pieces of at most step bytes, into at most room bytes at a time. */
static struct result
read_in(const uint8_t *data, size_t size, size_t step, size_t room, bool in_place)
{
	struct kv_chunks chunks = { 0 };
	char *in = fuzz_copy(data, size);
	struct result result = { .out = in_place ? in : malloc(size + 1) };

	MUST(result.out != NULL);
	while (!result.bad && !chunks.done) {
		size_t len = size - result.used < step ? size - result.used : step;
		size_t used = 0;
		long n = kv_chunks_read(&chunks, in + result.used, len, &used, result.out + result.written, room);

		MUST(used <= len && n >= -1 && n <= (long)room && (n < 0 || (size_t)n <= used));
		result.bad = n < 0;
		result.written += n > 0 ? (size_t)n : 0;
		result.used += used;
		if (len == 0 || (used == 0 && n == 0))
			break;
	}
	result.done = chunks.done;
	MUST(!result.done || !result.bad);
	if (!in_place)
		free(in);
	return result;
}

/* The data before the fault is not for use: it need not be the same. */
static void
same(const struct result *a, const struct result *b)
{
	MUST(a->bad == b->bad && a->done == b->done);
	MUST(a->bad || (a->used == b->used && a->written == b->written && memcmp(a->out, b->out, a->written) == 0));
}

/* A whole body stays one when bytes follow, and they are left alone. */
static void
round_trip(const uint8_t *data, size_t size)
{
	size_t first = fuzz_pick(data, size, 7, size), used = 0, len = 0;
	char *text = malloc(size + 128);
	struct kv_chunks chunks = { 0 };
	long n;

	MUST(text != NULL);
	if (first > 0) {
		len = (size_t)sprintf(text, "%zX;a=\"b\"\r\n", first);
		memcpy(text + len, data, first);
		len += first;
		len += (size_t)sprintf(text + len, "\r\n");
	}
	if (first < size) {
		len += (size_t)sprintf(text + len, "00%zx\r\n", size - first);
		memcpy(text + len, data + first, size - first);
		len += size - first;
		len += (size_t)sprintf(text + len, "\r\n");
	}
	len += (size_t)sprintf(text + len, "0\r\nA: b\r\n\r\n");
	n = kv_chunks_read(&chunks, text, len, &used, text, len);
	MUST(n == (long)size && used == len && chunks.done && (size == 0 || memcmp(text, data, size) == 0));
	MUST(kv_chunks_read(&chunks, "0\r\n", 3, &used, text, len) == 0 && used == 0);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole = read_in(data, size, size, size, false), other = read_in(data, size, size, size, true);

	same(&whole, &other);
	free(other.out);
	other = read_in(data, size, 1, 1, false);
	same(&whole, &other);
	free(other.out);
	other = read_in(data, size, 1 + fuzz_pick(data, size, 1, 16), 1 + fuzz_pick(data, size, 2, 16), true);
	same(&whole, &other);
	free(other.out);
	free(whole.out);
	round_trip(data, size);
	return 0;
}

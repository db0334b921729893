#include "proxy/head.h"

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

/* Reads a whole body in pieces. Returns its length; -1 malformed, -2 not all there. used: bytes taken. */
static long
read_body(const char *text, size_t len, size_t step, size_t room, char *out, size_t *used)
{
	struct kv_chunks chunks = { 0 };
	size_t written = 0;

	*used = 0;
	while (!chunks.done) {
		size_t piece = len - *used < step ? len - *used : step, taken;
		long n = kv_chunks_read(&chunks, text + *used, piece, &taken, out + written, room);

		if (n < 0)
			return -1;
		*used += taken;
		written += (size_t)n;
		if (taken == 0 && n == 0)
			return -2;
	}
	return (long)written;
}

#define A16	"aaaaaaaaaaaaaaaa"
#define A240	A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16

ATF_TC_WITHOUT_HEAD(bodies_are_strict);
ATF_TC_BODY(bodies_are_strict, tc)
{
	static const struct {
		const char *text;
		long length;
		const char *data;
	} samples[] = {
		{ "0\r\n\r\n", 0, "" }, { "5\r\nhello\r\n0\r\n\r\n", 5, "hello" }, { "1\r\na\r\n00B\r\nhello world\r\n000\r\n\r\n", 12, "ahello world" },
		{ "a\r\n0123456789\r\n0\r\n\r\n", 10, "0123456789" }, { "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", 5, "hello" },
		{ "2\r\n\r\n\r\n0\r\n\r\n", 2, "\r\n" }, { "0\r\nA: b\r\nC:\r\n\r\n", 0, "" },
		{ "", -2, NULL }, { "5", -2, NULL }, { "5\r\nhell", -2, NULL }, { "5\r\nhello\r\n", -2, NULL }, { "5\r\nhello\r\n0\r\n", -2, NULL },
		{ "7fffffffffffffff\r\n", -2, NULL }, { "8000000000000000\r\n", -1, NULL }, { "ffffffffffffffff\r\n", -1, NULL },
		{ "10000000000000005\r\nhello", -1, NULL },
		{ "\r\n", -1, NULL }, { " 5\r\n", -1, NULL }, { "5 \r\nhello", -1, NULL }, { "5 ;a\r\nhello", -1, NULL }, { "-5\r\n", -1, NULL }, { "+5\r\n", -1, NULL },
		{ "0x5\r\nhello", -1, NULL }, { "5g\r\n", -1, NULL }, { ";a\r\n", -1, NULL }, { "5\nhello", -1, NULL }, { "5\rhello", -1, NULL },
		{ "5;a\nhello", -1, NULL }, { "5;a\x01\r\n", -1, NULL }, { "5\r\nhello0\r\n\r\n", -1, NULL }, { "5\r\nhello\n0\r\n\r\n", -1, NULL },
		{ "5\r\nhello\r0\r\n\r\n", -1, NULL }, { "5\r\nhelloX\r\n", -1, NULL }, { "5\r\nhelloX\n0\r\n\r\n", -1, NULL },
		{ "0\r\n\n", -1, NULL }, { "0\r\n\rx", -1, NULL }, { "0\r\n a: b\r\n\r\n", -1, NULL }, { "0\r\na: b\r\n c\r\n\r\n", -1, NULL }, { "0\r\na\r\n\r\n", -1, NULL },
		{ "0\r\na : b\r\n\r\n", -1, NULL }, { "0\r\n: b\r\n\r\n", -1, NULL }, { "0\r\na: b\n\r\n", -1, NULL }, { "0\r\na: b\x7f\r\n\r\n", -1, NULL },
		{ "1;" A240 "aaaaaaaaaaaaa\r\nx\r\n0\r\n\r\n", 1, "x" }, { "1;" A240 "aaaaaaaaaaaaaa\r\nx\r\n0\r\n\r\n", -1, NULL },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		for (size_t step = 1; step < 400; step = step * 3 + 1) {
			char out[512];
			size_t used;
			long n = read_body(samples[i].text, strlen(samples[i].text), step, step, out, &used);

			ATF_CHECK_EQ_MSG(samples[i].length, n, "<%s> %zu: %ld", samples[i].text, step, n);
			if (n >= 0)
				ATF_CHECK_MSG(used == strlen(samples[i].text) && memcmp(out, samples[i].data, (size_t)n) == 0,
				    "<%s> %zu", samples[i].text, step);
		}
	}
}

ATF_TC_WITHOUT_HEAD(what_follows_is_left_alone);
ATF_TC_BODY(what_follows_is_left_alone, tc)
{
	char text[] = "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
	struct kv_chunks chunks = { 0 };
	size_t used;

	ATF_CHECK_EQ(5, kv_chunks_read(&chunks, text, strlen(text), &used, text, sizeof(text)));
	ATF_CHECK(chunks.done);
	ATF_CHECK_EQ(15, used);
	ATF_CHECK(memcmp(text, "hello", 5) == 0);
	ATF_CHECK_STREQ("GET / HTTP/1.1\r\n", text + used);
	ATF_CHECK_EQ(0, kv_chunks_read(&chunks, text + used, 5, &used, text, 5));
	ATF_CHECK_EQ(0, used);
}

ATF_TC_WITHOUT_HEAD(room_is_kept);
ATF_TC_BODY(room_is_kept, tc)
{
	char out[8] = "";
	struct kv_chunks chunks = { 0 };
	size_t used;

	ATF_CHECK_EQ(0, kv_chunks_read(&chunks, "5\r\nhello\r\n", 10, &used, out, 0));
	ATF_CHECK_EQ(3, used);
	ATF_CHECK_EQ(3, kv_chunks_read(&chunks, "hello\r\n", 7, &used, out, 3));
	ATF_CHECK_EQ(3, used);
	ATF_CHECK_STREQ("hel", out);
}

ATF_TC_WITHOUT_HEAD(broken_stays_broken);
ATF_TC_BODY(broken_stays_broken, tc)
{
	char out[8];
	struct kv_chunks chunks = { 0 };
	size_t used;

	ATF_CHECK_EQ(-1, kv_chunks_read(&chunks, "x", 1, &used, out, sizeof(out)));
	ATF_CHECK_EQ(-1, kv_chunks_read(&chunks, "0\r\n\r\n", 5, &used, out, sizeof(out)));
	ATF_CHECK(!chunks.done);
}

ATF_TC_WITHOUT_HEAD(trailers_are_bounded);
ATF_TC_BODY(trailers_are_bounded, tc)
{
	for (size_t count = 1000; count <= 2000; count += 1000) {
		struct kv_chunks chunks = { 0 };
		char out[8];
		size_t used;
		long n = kv_chunks_read(&chunks, "0\r\n", 3, &used, out, sizeof(out));

		for (size_t i = 0; i < count && n == 0; i++)
			n = kv_chunks_read(&chunks, "a: b\r\n", 6, &used, out, sizeof(out));
		if (n == 0)
			n = kv_chunks_read(&chunks, "\r\n", 2, &used, out, sizeof(out));
		ATF_CHECK_EQ(count == 1000 ? 0 : -1, n);
		ATF_CHECK_EQ(count == 1000, chunks.done);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, bodies_are_strict);
	ATF_TP_ADD_TC(tp, what_follows_is_left_alone);
	ATF_TP_ADD_TC(tp, room_is_kept);
	ATF_TP_ADD_TC(tp, broken_stays_broken);
	ATF_TP_ADD_TC(tp, trailers_are_bounded);
	return atf_no_error();
}

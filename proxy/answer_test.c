#include "proxy/answer.h"

#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds lines, each ended with CRLF. The result of the last. */
static int
feed(struct kv_answer *answer, const char *const *lines)
{
	int result = 0;

	for (; *lines != NULL && result == 0; lines++) {
		char *line = NULL;
		int len = asprintf(&line, "%s\r\n", *lines);

		ATF_REQUIRE(len > 0);
		result = kv_answer_line(answer, line, (size_t)len);
		free(line);
	}
	return result;
}

static void
check_written(const char *const *lines, bool to_head, bool http10, bool keep, const char *want)
{
	struct kv_answer answer = { .status = 0 };
	struct kv_buffer out = { .data = NULL };

	ATF_REQUIRE_EQ(0, feed(&answer, lines));
	ATF_REQUIRE(answer.complete);
	ATF_REQUIRE_EQ(0, kv_answer_write(&answer, kv_answer_framing(&answer, to_head, http10), keep, &out));
	ATF_CHECK_MSG(kv_buffer_used(&out) == strlen(want) && memcmp(kv_buffer_at(&out), want, strlen(want)) == 0,
	    "wrote:\n%.*s\nwanted:\n%s", (int)kv_buffer_used(&out), kv_buffer_at(&out), want);
	kv_buffer_free(&out);
	kv_answer_free(&answer);
}

#define LINES(...) (const char *const[]){ __VA_ARGS__, NULL }

ATF_TC_WITHOUT_HEAD(head_is_written_anew);
ATF_TC_BODY(head_is_written_anew, tc)
{
	check_written(LINES("HTTP/1.1 200 OK", "X:  a ", "content-length: 3", ""), false, false, true,
	    "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 3\r\n\r\n");
	check_written(LINES("HTTP/2 200", "x: a", ""), false, false, false,
	    "HTTP/1.1 200 \r\nx: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
	check_written(LINES("HTTP/1.1 200 OK", ""), false, true, false, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	check_written(LINES("HTTP/1.1 200 OK", "Content-Length: 9", ""), true, false, true,
	    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	check_written(LINES("HTTP/1.1 304 Same", "Content-Length: 9", ""), false, false, true,
	    "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n");
	check_written(LINES("HTTP/1.1 204 None", "Content-Length: 0", ""), false, false, true, "HTTP/1.1 204 None\r\n\r\n");
	/* A length beside a coding says nothing. */
	check_written(LINES("HTTP/1.1 200 OK", "Content-Length: 9", "Transfer-Encoding: chunked", ""), false, false, true,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

ATF_TC_WITHOUT_HEAD(hop_by_hop_is_dropped);
ATF_TC_BODY(hop_by_hop_is_dropped, tc)
{
	check_written(LINES("HTTP/1.1 200 OK", "X-One: 1", "Connection: close , x-one", "Keep-Alive: 5", "Connection: X-Two",
	    "X-Two: 2", "Proxy-Authenticate: Basic", "Upgrade: h2c", "TE: x", "Trailer: y", "X-Three: 3", "Content-Length: 0", ""),
	    false, false, true, "HTTP/1.1 200 OK\r\nX-Three: 3\r\nContent-Length: 0\r\n\r\n");
}

ATF_TC_WITHOUT_HEAD(interim_responses_and_trailers_are_dropped);
ATF_TC_BODY(interim_responses_and_trailers_are_dropped, tc)
{
	check_written(LINES("HTTP/1.1 100 Continue", "X: 1", "", "HTTP/1.1 103 Hints", "Link: x", "", "HTTP/1.1 200 OK", "Y: 2", "",
	    "Trailer: z", "not even a header", ""), false, false, true,
	    "HTTP/1.1 200 OK\r\nY: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
}

ATF_TC_WITHOUT_HEAD(nonsense_is_void);
ATF_TC_BODY(nonsense_is_void, tc)
{
	static const char *const bad[] = {
		"X: a\rb", " folded", "\tfolded", "no colon", ": no name", "X y: a", "X : a", "Content-Length: 1, 1",
		"Content-Length: -1", "Content-Length: +1", "Content-Length: 0x1", "Content-Length:", "X: \x01", "X: \x7f",
		"Content-Length: 9223372036854775808",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kv_answer answer = { .status = 0 };

		ATF_CHECK_MSG(feed(&answer, LINES("HTTP/1.1 200 OK", bad[i])) == -1, "taken: %s", bad[i]);
		kv_answer_free(&answer);
	}
	static const char *const first[] = {
		"", "X: a", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 099 Low", "HTTP/1.1 600 High", "HTTP/1.1 2x0 OK",
	};
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct kv_answer answer = { .status = 0 };

		ATF_CHECK_MSG(feed(&answer, LINES(first[i])) == -1, "taken: %s", first[i]);
		kv_answer_free(&answer);
	}
	struct kv_answer answer = { .status = 0 };
	ATF_CHECK_EQ(-1, kv_answer_line(&answer, "HTTP/1.1 200 O\0K\r\n", 18));
	ATF_CHECK_EQ(-1, feed(&answer, LINES("HTTP/1.1 101 Switch", "")));
	ATF_CHECK_EQ(-1, feed(&answer, LINES("HTTP/1.1 407 Who", "")));
	ATF_CHECK_EQ(-1, feed(&answer, LINES("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2")));
	ATF_CHECK_EQ(0, feed(&answer, LINES("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 1", "")));
	kv_answer_free(&answer);
}

ATF_TC_WITHOUT_HEAD(size_is_bounded);
ATF_TC_BODY(size_is_bounded, tc)
{
	struct kv_answer answer = { .status = 0 };
	char line[1000];
	int count = 0;

	memset(line, 'a', sizeof(line));
	line[1] = ':';
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	ATF_REQUIRE_EQ(0, feed(&answer, LINES("HTTP/1.1 200 OK")));
	while (kv_answer_line(&answer, line, sizeof(line)) == 0)
		count++;
	ATF_CHECK(count > 25 && count <= KV_ANSWER_MAX / 1000);
	ATF_REQUIRE_EQ(0, feed(&answer, LINES("HTTP/1.1 200 OK")));
	for (count = 0; kv_answer_line(&answer, "a: b\r\n", 6) == 0; count++)
		;
	ATF_CHECK_EQ(KV_ANSWER_LINES, count);
	kv_answer_free(&answer);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, head_is_written_anew);
	ATF_TP_ADD_TC(tp, hop_by_hop_is_dropped);
	ATF_TP_ADD_TC(tp, interim_responses_and_trailers_are_dropped);
	ATF_TP_ADD_TC(tp, nonsense_is_void);
	ATF_TP_ADD_TC(tp, size_is_bounded);
	return atf_no_error();
}

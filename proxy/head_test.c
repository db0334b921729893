#include "proxy/head.h"

#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET	"GET http://example.org/ HTTP/1.1\r\n"
#define POST	"POST http://example.org/ HTTP/1.1\r\n"
#define HOST	"Host: example.org\r\n"
#define END	"\r\n"

struct sample {
	const char *text;
	const char *why;	/* NULL: sound */
};

static void
check_samples(const struct sample *samples, size_t count)
{
	static struct kv_head head;
	const char *why;

	for (size_t i = 0; i < count; i++) {
		long taken = kv_head_parse(samples[i].text, strlen(samples[i].text), &head, &why);

		if (samples[i].why == NULL)
			ATF_CHECK_MSG(taken == (long)strlen(samples[i].text) && why == NULL, "<%s>: %ld, %s",
			    samples[i].text, taken, why != NULL ? why : "");
		else
			ATF_CHECK_MSG(taken == -1 && why != NULL && strcmp(why, samples[i].why) == 0, "<%s>: %ld, <%s>",
			    samples[i].text, taken, why != NULL ? why : "");
	}
}
#define CHECK(samples) check_samples(samples, sizeof(samples) / sizeof((samples)[0]))

/* A sound head, parsed. */
static const struct kv_head *
parsed(const char *text)
{
	static struct kv_head head;
	const char *why;

	ATF_REQUIRE_MSG(kv_head_parse(text, strlen(text), &head, &why) == (long)strlen(text), "<%s>: %s", text, why);
	return &head;
}

static bool
is(const struct kv_slice *slice, const char *text)
{
	return slice->len == strlen(text) && memcmp(slice->at, text, slice->len) == 0;
}

ATF_TC_WITHOUT_HEAD(request_line_is_strict);
ATF_TC_BODY(request_line_is_strict, tc)
{
	static const struct sample samples[] = {
		{ GET HOST END, NULL }, { "M-SEARCH http://example.org/ HTTP/1.1\r\n" HOST END, NULL },
		{ "get http://example.org/ HTTP/1.1\r\n" HOST END, NULL },
		{ "GET http://example.org/ HTTP/1.0\r\n" END, NULL },
		{ "GET http://example.org/ HTTP/1.2\r\n" HOST END, "version" },
		{ "GET http://example.org/ HTTP/2.0\r\n" HOST END, "version" },
		{ "GET http://example.org/ http/1.1\r\n" HOST END, "version" },
		{ "GET http://example.org/ HTTP/1.10\r\n" HOST END, "version" },
		{ "GET http://example.org/ HTTP/0.9\r\n" END, "version" }, { "GET http://example.org/ \r\n" HOST END, "version" },
		{ "GET http://example.org/\r\n" HOST END, "request line" }, { "GET\r\n" HOST END, "request line" },
		{ "GET  http://example.org/ HTTP/1.1\r\n" HOST END, "request line" },
		{ "GET http://example.org/  HTTP/1.1\r\n" HOST END, "request line" },
		{ "GET http://example.org/ HTTP/1.1 \r\n" HOST END, "request line" },
		{ "GET http://example.org/a b HTTP/1.1\r\n" HOST END, "request line" },
		{ "GET\thttp://example.org/\tHTTP/1.1\r\n" HOST END, "request line" },
		{ " GET http://example.org/ HTTP/1.1\r\n" HOST END, "method" },
		{ "G(T http://example.org/ HTTP/1.1\r\n" HOST END, "method" }, { "G\xc4T http://example.org/ HTTP/1.1\r\n" HOST END, "method" },
		{ "GET: http://example.org/ HTTP/1.1\r\n" HOST END, "method" },
		{ "ABCDEFGHIJKLMNOPQRSTUVW http://example.org/ HTTP/1.1\r\n" HOST END, NULL },
		{ "ABCDEFGHIJKLMNOPQRSTUVWX http://example.org/ HTTP/1.1\r\n" HOST END, "method" },
		{ "\r\n" GET HOST END, "empty line" }, { "\r\n\r\n", "empty line" },
		{ "PRI * HTTP/2.0\r\n\r\n", "version" },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(targets_are_strict);
ATF_TC_BODY(targets_are_strict, tc)
{
#define TARGET(target) "GET " target " HTTP/1.1\r\n" HOST END
#define NAMED(host) "GET http://" host "/ HTTP/1.1\r\nHost: " host "\r\n" END
	static const struct sample samples[] = {
		{ TARGET("http://example.org"), NULL }, { TARGET("HTTP://Example.ORG./a?b"), NULL },
		{ TARGET("http://example.org:80/"), NULL }, { TARGET("http://example.org/a?b[1]=c?/:@!$&'()*+,;=%20"), NULL },
		{ TARGET("/"), "target form" }, { TARGET("*"), "target form" }, { TARGET("//example.org/"), "target form" },
		{ TARGET("example.org"), "scheme" }, { TARGET("ftp://example.org/"), "scheme" }, { TARGET("http:/example.org/"), "scheme" },
		{ TARGET("http:example.org"), "scheme" }, { TARGET("ws://example.org/"), "scheme" }, { TARGET("file:///etc/passwd"), "scheme" },
		{ TARGET("http://user@example.org/"), "userinfo" }, { TARGET("http://a:b@example.org/"), "userinfo" },
		{ TARGET("http://@example.org/"), "userinfo" }, { TARGET("http://evil.example@example.org/"), "userinfo" },
		{ TARGET("http://example.org:80@evil.example/"), "userinfo" }, { TARGET("http://example.org/@a"), NULL },
		{ TARGET("http://example.org/#a"), "fragment" }, { TARGET("http://example.org#a"), "fragment" },
		{ TARGET("http://example.org/?a#b"), "fragment" },
		{ TARGET("http://example.org?a"), "path" },
		{ TARGET("http://"), "host" }, { TARGET("http:///a"), "host" }, { TARGET("http://:80/"), "host" },
		{ TARGET("http://exa%6dple.org/"), "host" }, { TARGET("http://example.org\\@evil.example/"), "userinfo" },
		{ TARGET("http://example.org\\evil.example/"), "host" }, { TARGET("http://b\xc3\xbc" "cher.example/"), "host" },
		{ TARGET("http://example.org,evil.example/"), "host" }, { TARGET("http://example..org/"), "host" },
		{ TARGET("http://example.org:/"), "port" }, { TARGET("http://example.org:0/"), "port" }, { TARGET("http://example.org:65536/"), "port" },
		{ TARGET("http://example.org:080/"), "port" }, { TARGET("http://example.org:+80/"), "port" }, { TARGET("http://example.org:80:80/"), "port" },
		{ TARGET("http://example.org:8a/"), "port" }, { TARGET("http://example.org:4294967376/"), "port" }, { TARGET("http://example.org:-1/"), "port" },
		{ TARGET("http://example.org/\xe4"), "target" }, { TARGET("http://example.org/\\"), "target" }, { TARGET("http://example.org/[a]"), "target" },
		{ TARGET("http://example.org/\""), "target" }, { TARGET("http://example.org/<>"), "target" }, { TARGET("http://example.org/{a}"), "target" },
		{ TARGET("http://example.org/|"), "target" }, { TARGET("http://example.org/^`"), "target" }, { TARGET("http://example.org/?|"), "target" },
		{ TARGET("http://example.org/%"), "escape" }, { TARGET("http://example.org/%2"), "escape" }, { TARGET("http://example.org/%zz"), "escape" },
		{ TARGET("http://example.org/%u002e"), "escape" }, { TARGET("http://example.org/?%"), "escape" }, { TARGET("http://example.org/%2E"), NULL },
		{ TARGET(""), "target" },
		{ NAMED("[::1]"), NULL }, { NAMED("[::1]:8080"), NULL }, { NAMED("127.0.0.1"), NULL }, { NAMED("[::ffff:10.0.0.1]"), NULL },
		{ NAMED("[[h]]"), "host" }, { NAMED("[h]"), "host" }, { NAMED("[::1"), "host" }, { NAMED("::1"), "host" }, { NAMED("[]"), "host" },
		{ NAMED("[::1]x"), "port" }, { NAMED("[::1]]"), "port" }, { NAMED("[127.0.0.1]"), "host" }, { NAMED("[fe80::1%25lo]"), "host" },
		{ NAMED("[v1.a]"), "host" }, { NAMED("0x7f000001"), "host" }, { NAMED("2130706433"), "host" }, { NAMED("0177.0.0.1"), "host" },
		{ NAMED("127.1"), "host" }, { NAMED("127.0.0.1."), "host" },
		{ "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", NULL },
		{ "CONNECT [2001:db8::1]:22 HTTP/1.1\r\nHost: [2001:db8::1]:22\r\n\r\n", NULL },
		{ "CONNECT example.org HTTP/1.1\r\n" HOST END, "port" }, { "CONNECT example.org:0 HTTP/1.1\r\n" HOST END, "port" },
		{ "CONNECT http://example.org:443 HTTP/1.1\r\n" HOST END, "port" }, { "CONNECT /a HTTP/1.1\r\n" HOST END, "host" },
		{ "CONNECT example.org:443/ HTTP/1.1\r\n" HOST END, "port" }, { "CONNECT a@example.org:443 HTTP/1.1\r\n" HOST END, "userinfo" },
		{ "CONNECT example.org:443?a HTTP/1.1\r\n" HOST END, "port" }, { "CONNECT * HTTP/1.1\r\n" HOST END, "host" },
		{ "connect example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", "scheme" },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(lines_are_strict);
ATF_TC_BODY(lines_are_strict, tc)
{
	static const struct sample samples[] = {
		{ GET HOST "A: b\r\nC:d\r\nE:\r\nF: \t g\th \t\r\nG: \xe4\r\n" END, NULL },
		{ "GET http://example.org/ HTTP/1.1\n" HOST END, "bare LF" }, { GET "Host: example.org\n" END, "bare LF" },
		{ GET HOST "A: b\nEvil: c\r\n" END, "bare LF" }, { GET HOST "\n", "bare LF" },
		{ GET HOST "A: b\rEvil: c\r\n" END, "bare CR" }, { GET HOST "A: b\r\r\n" END, "bare CR" },
		{ "GET http://example.org/\r HTTP/1.1\r\n" HOST END, "bare CR" },
		{ GET HOST "A: b\r\n c\r\n" END, "obs-fold" }, { GET HOST "A: b\r\n\tc: d\r\n" END, "obs-fold" }, { GET " " HOST END, "obs-fold" },
		{ GET HOST "A: b\r\n \r\n" END, "obs-fold" },
		{ GET HOST "A : b\r\n" END, "header name" }, { GET "Host : example.org\r\n" END, "header name" }, { GET HOST "A\t: b\r\n" END, "header name" },
		{ GET HOST ": b\r\n" END, "header name" }, { GET HOST "A(: b\r\n" END, "header name" }, { GET HOST "\xe4: b\r\n" END, "header name" },
		{ GET HOST "A b: c\r\n" END, "header name" }, { GET HOST "A\r\n" END, "header" }, { GET HOST "A\"b: c\r\n" END, "header name" },
		{ GET HOST "A: b\x01\r\n" END, "control byte" }, { GET HOST "A: b\x7f\r\n" END, "control byte" }, { GET HOST "A: \x1b[2J\r\n" END, "control byte" },
		{ "\x16\x03\x01", "control byte" },
	};
	static const char nul[] = GET HOST "A: b\0c\r\n\r\n";
	static struct kv_head head;
	const char *why;

	CHECK(samples);
	ATF_CHECK_EQ(-1, kv_head_parse(nul, sizeof(nul) - 1, &head, &why));
	ATF_CHECK_STREQ("control byte", why);
}

ATF_TC_WITHOUT_HEAD(host_says_what_the_target_says);
ATF_TC_BODY(host_says_what_the_target_says, tc)
{
	static const struct sample samples[] = {
		{ GET "Host: EXAMPLE.org.\r\n" END, NULL }, { GET "Host: example.org:80\r\n" END, NULL }, { GET "hOST:example.org \r\n" END, NULL },
		{ "GET https://example.org/ HTTP/1.1\r\nHost: example.org:443\r\n" END, NULL },
		{ "GET https://example.org:80/ HTTP/1.1\r\nHost: example.org:80\r\n" END, NULL },
		{ "GET http://example.org/ HTTP/1.0\r\n" HOST END, NULL },
		{ "GET http://[::ffff:1.2.3.4]/ HTTP/1.1\r\nHost: 1.2.3.4\r\n" END, NULL },
		{ "CONNECT example.org:443 HTTP/1.1\r\n" HOST END, NULL },
		{ GET END, "no Host" }, { "CONNECT example.org:443 HTTP/1.1\r\n" END, "no Host" }, { "CONNECT example.org:443 HTTP/1.0\r\n" END, NULL },
		{ GET HOST HOST END, "Host twice" }, { GET HOST "Host: evil.example\r\n" END, "Host twice" }, { GET HOST "host:\r\n" END, "Host twice" },
		{ GET "Host: evil.example\r\n" END, "Host differs" }, { GET "Host: example.org:8080\r\n" END, "Host differs" },
		{ GET "Host: example.org:443\r\n" END, "Host differs" }, { "GET http://example.org:443/ HTTP/1.1\r\n" HOST END, "Host differs" },
		{ "GET https://example.org:80/ HTTP/1.1\r\n" HOST END, "Host differs" },
		{ "GET https://example.org/ HTTP/1.1\r\nHost: example.org:80\r\n" END, "Host differs" },
		{ "GET http://example.org/ HTTP/1.0\r\nHost: evil.example\r\n" END, "Host differs" },
		{ "CONNECT example.org:22 HTTP/1.1\r\n" HOST END, "Host differs" },
		{ "CONNECT example.org:443 HTTP/1.1\r\nHost: evil.example:443\r\n" END, "Host differs" },
		{ GET "Host:\r\n" END, "Host" }, { GET "Host: b\xc3\xbc" "cher.example\r\n" END, "Host" }, { GET "Host: a@example.org\r\n" END, "Host" }, { GET "Host: example.org/\r\n" END, "Host" },
		{ GET "Host: example.org, evil.example\r\n" END, "Host" }, { GET "Host: example.org evil.example\r\n" END, "Host" },
		{ GET "Host: example.org:\r\n" END, "Host" }, { GET "Host: example.org:0\r\n" END, "Host" }, { GET "Host: http://example.org\r\n" END, "Host" },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(bodies_have_one_length);
ATF_TC_BODY(bodies_have_one_length, tc)
{
	static const struct sample samples[] = {
		{ POST HOST "Content-Length: 0\r\n" END, NULL }, { POST HOST "Content-Length: 9223372036854775807\r\n" END, NULL },
		{ POST HOST "Content-Length: 9223372036854775808\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: 18446744073709551616\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: 10000000000000000000000\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length:\r\n" END, "Content-Length" }, { POST HOST "Content-Length: -1\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: +5\r\n" END, "Content-Length" }, { POST HOST "Content-Length: 0x5\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: 5 5\r\n" END, "Content-Length" }, { POST HOST "Content-Length: 5, 5\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: 05\r\n" END, "Content-Length" }, { POST HOST "Content-Length: 5.0\r\n" END, "Content-Length" },
		{ POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END, "Content-Length twice" },
		{ POST HOST "Content-Length: 5\r\ncontent-length: 6\r\n" END, "Content-Length twice" },
		{ POST HOST "Transfer-Encoding: chunked\r\n" END, NULL },
		{ POST HOST "Transfer-Encoding: Chunked\r\n" END, "Transfer-Encoding" }, { POST HOST "Transfer-Encoding:\r\n" END, "Transfer-Encoding" },
		{ POST HOST "Transfer-Encoding: gzip, chunked\r\n" END, "Transfer-Encoding" }, { POST HOST "Transfer-Encoding: chunked, identity\r\n" END, "Transfer-Encoding" },
		{ POST HOST "Transfer-Encoding: identity\r\n" END, "Transfer-Encoding" }, { POST HOST "Transfer-Encoding: xchunked\r\n" END, "Transfer-Encoding" },
		{ POST HOST "Transfer-Encoding: chunked;a\r\n" END, "Transfer-Encoding" }, { POST HOST "Transfer-Encoding: \"chunked\"\r\n" END, "Transfer-Encoding" },
		{ POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END, "Transfer-Encoding twice" },
		{ POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END, "Transfer-Encoding twice" },
		{ POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END, "Transfer-Encoding with Content-Length" },
		{ POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, "Transfer-Encoding with Content-Length" },
		{ "POST http://example.org/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, "Transfer-Encoding with HTTP/1.0" },
		{ "POST http://example.org/ HTTP/1.0\r\nContent-Length: 5\r\n" END, NULL },
		{ "CONNECT example.org:443 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END, "CONNECT with a body" },
		{ "CONNECT example.org:443 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END, "CONNECT with a body" },
		{ "CONNECT example.org:443 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END, NULL },
		{ POST HOST "Content_Length: 5\r\n" END, "header name" }, { POST HOST "transfer_encoding: chunked\r\n" END, "header name" },
		{ POST HOST "Content_Lengths: 5\r\nContent_Type: a\r\n_: a\r\n" END, NULL },
		{ POST HOST "Expect: 100-Continue\r\n" END, NULL }, { POST HOST "Expect: 200-ok\r\n" END, "Expect" }, { POST HOST "Expect:\r\n" END, "Expect" },
		{ POST HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n" END, "Expect twice" },
		{ POST HOST "Expect: 100-continue, x\r\n" END, "Expect" },
		{ POST HOST "Connection: close, x\r\n" END, NULL }, { POST HOST "Connection: a b\r\n" END, "Connection" },
		{ POST HOST "Connection: close;x\r\n" END, "Connection" }, { POST HOST "Proxy-Connection: \"a\"\r\n" END, "Connection" },
	};

	CHECK(samples);
	ATF_CHECK_EQ(KV_BODY_NONE, parsed(GET HOST END)->body);
	ATF_CHECK_EQ(KV_BODY_CHUNKED, parsed(POST HOST "Transfer-Encoding: chunked\r\n" END)->body);
	ATF_CHECK_EQ(KV_BODY_LENGTH, parsed(POST HOST "Content-Length: 0\r\n" END)->body);
	ATF_CHECK_EQ(5, parsed(POST HOST "Content-Length: 5\r\n" END)->length);
	ATF_CHECK(parsed(POST HOST "Expect: 100-continue\r\n" END)->expect_continue);
	ATF_CHECK(!parsed(POST HOST END)->expect_continue);
	ATF_CHECK(!parsed("POST http://example.org/ HTTP/1.0\r\nExpect: 100-continue\r\n" END)->expect_continue);
}

ATF_TC_WITHOUT_HEAD(parts_are_told);
ATF_TC_BODY(parts_are_told, tc)
{
	const struct kv_head *head = parsed("PUT HTTPS://Example.ORG.:8443/a/b?c=d HTTP/1.1\r\nHost: example.org:8443\r\nX-A:  b c \r\n\r\n");

	ATF_CHECK_STREQ("PUT", head->method);
	ATF_CHECK(!head->connect && head->tls && head->keep_alive);
	ATF_CHECK_STREQ("example.org", head->host.name);
	ATF_CHECK_EQ(8443, head->port);
	ATF_CHECK(is(&head->path, "/a/b?c=d"));
	ATF_REQUIRE_EQ(2, head->header_count);
	ATF_CHECK(is(&head->header[1].name, "X-A") && is(&head->header[1].value, "b c"));
	ATF_CHECK(is(&parsed("GET http://example.org HTTP/1.1\r\n" HOST END)->path, "/"));
	ATF_CHECK_EQ(80, parsed(GET HOST END)->port);
	ATF_CHECK_EQ(443, parsed("GET https://example.org/ HTTP/1.1\r\n" HOST END)->port);
	head = parsed("CONNECT [::1]:22 HTTP/1.1\r\nHost: [::1]:22\r\n\r\n");
	ATF_CHECK(head->connect && !head->tls && head->path.len == 0 && head->host.is_address);
	ATF_CHECK_STREQ("::1", head->host.name);
	ATF_CHECK_EQ(22, head->port);
}

ATF_TC_WITHOUT_HEAD(keep_alive_ends);
ATF_TC_BODY(keep_alive_ends, tc)
{
	ATF_CHECK(parsed(GET HOST END)->keep_alive);
	ATF_CHECK(parsed(GET HOST "Connection: keep-alive\r\n" END)->keep_alive);
	ATF_CHECK(parsed(GET HOST "Connection: x-close, closed\r\n" END)->keep_alive);
	ATF_CHECK(!parsed(GET HOST "Connection: close\r\n" END)->keep_alive);
	ATF_CHECK(!parsed(GET HOST "Connection: keep-alive\r\nConnection: , x ,CLOSE,\r\n" END)->keep_alive);
	ATF_CHECK(!parsed(GET HOST "Proxy-Connection: close\r\n" END)->keep_alive);
	ATF_CHECK(!parsed("GET http://example.org/ HTTP/1.0\r\nConnection: keep-alive\r\n" END)->keep_alive);
}

ATF_TC_WITHOUT_HEAD(hop_by_hop_headers_are_known);
ATF_TC_BODY(hop_by_hop_headers_are_known, tc)
{
	static const struct {
		const char *line;
		bool hop;
	} samples[] = {
		{ "Connection: x", true }, { "Keep-Alive: 5", true }, { "Proxy-Authorization: x", true }, { "proxy-connection: x", true },
		{ "PROXY-X: x", true }, { "TE: trailers", true }, { "Trailer: A", true }, { "Upgrade: x", true }, { "Content-Length: 1", true },
		{ "Transfer-Encoding: chunked", true }, { "Expect: 100-continue", true }, { "X-Hop: named below", true },
		{ "Proxy: x", false }, { "Proxyx: x", false }, { "Authorization: x", false }, { "Content-Type: x", false }, { "X-Hop2: x", false },
		{ "Tes: x", false }, { "T: x", false }, { "Keep-Alive2: x", false }, { "Accept: x", false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[256];
		const struct kv_head *head;

		(void)snprintf(text, sizeof(text), POST HOST "%s\r\nConnection: a,\tx-hop ,b\r\n" END, samples[i].line);
		head = parsed(text);
		ATF_CHECK_EQ_MSG(samples[i].hop, head->header[1].hop, "<%s>", samples[i].line);
		ATF_CHECK(head->header[0].hop && head->header[2].hop);
	}
}

ATF_TC_WITHOUT_HEAD(size_is_bounded);
ATF_TC_BODY(size_is_bounded, tc)
{
	static char text[KV_HEAD_MAX + 64];
	static struct kv_head head;
	size_t start = strlen(GET HOST "A: ");
	const char *why;
	char *many;
	size_t len = 0;

	memset(text, 'x', sizeof(text));
	memcpy(text, GET HOST "A: ", start);
	ATF_CHECK_EQ(0, kv_head_parse(text, KV_HEAD_MAX - 1, &head, &why));
	ATF_CHECK_EQ(-1, kv_head_parse(text, KV_HEAD_MAX, &head, &why));
	ATF_CHECK_STREQ("too large", why);
	memcpy(text + KV_HEAD_MAX - 4, "\r\n\r\n", 4);
	ATF_CHECK_EQ(KV_HEAD_MAX, kv_head_parse(text, KV_HEAD_MAX, &head, &why));
	ATF_CHECK_EQ(KV_HEAD_MAX, kv_head_parse(text, sizeof(text), &head, &why));
	ATF_CHECK_EQ(0, kv_head_parse(text, KV_HEAD_MAX - 1, &head, &why));
	memcpy(text + KV_HEAD_MAX - 4, "x\r\n\r\n", 5);
	ATF_CHECK_EQ(-1, kv_head_parse(text, sizeof(text), &head, &why));
	ATF_CHECK_STREQ("too large", why);
	for (size_t count = KV_HEADERS_MAX - 1; count <= KV_HEADERS_MAX; count++) {
		many = text;
		len = (size_t)sprintf(many, GET HOST);
		for (size_t i = 0; i < count; i++)
			len += (size_t)sprintf(many + len, "A: b\r\n");
		len += (size_t)sprintf(many + len, END);
		ATF_CHECK_EQ(count == KV_HEADERS_MAX ? -1 : (long)len, kv_head_parse(text, len, &head, &why));
	}
	ATF_CHECK_STREQ("too many headers", why);
}

ATF_TC_WITHOUT_HEAD(pieces_come_to_the_same);
ATF_TC_BODY(pieces_come_to_the_same, tc)
{
	static const char sound[] = POST HOST "Content-Length: 5\r\n" END "hello", broken[] = GET HOST "A: b\rc\r\n" END;
	static struct kv_head head;
	size_t whole = sizeof(sound) - 1 - 5, fault = strlen(GET HOST "A: b\rc");
	const char *why;

	for (size_t len = 0; len < sizeof(sound); len++)
		ATF_CHECK_EQ_MSG(len < whole ? 0 : (long)whole, kv_head_parse(sound, len, &head, &why), "%zu", len);
	for (size_t len = 0; len < sizeof(broken); len++)
		ATF_CHECK_EQ_MSG(len < fault ? 0 : -1, kv_head_parse(broken, len, &head, &why), "%zu", len);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, request_line_is_strict);
	ATF_TP_ADD_TC(tp, targets_are_strict);
	ATF_TP_ADD_TC(tp, lines_are_strict);
	ATF_TP_ADD_TC(tp, host_says_what_the_target_says);
	ATF_TP_ADD_TC(tp, bodies_have_one_length);
	ATF_TP_ADD_TC(tp, parts_are_told);
	ATF_TP_ADD_TC(tp, keep_alive_ends);
	ATF_TP_ADD_TC(tp, hop_by_hop_headers_are_known);
	ATF_TP_ADD_TC(tp, size_is_bounded);
	ATF_TP_ADD_TC(tp, pieces_come_to_the_same);
	return atf_no_error();
}

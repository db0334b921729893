#include "proxy/socks.h"

#include <atf-c.h>
#include <string.h>

ATF_TC_WITHOUT_HEAD(greetings);
ATF_TC_BODY(greetings, tc)
{
	static const struct {
		const char *bytes;
		size_t len;
		long taken;
		uint8_t method;
	} samples[] = {
		{ "\x05\x01\x00", 3, 3, 0 }, { "\x05\x03\x02\x00\x01rest", 9, 5, 0 }, { "\x05\x02\x02\x01", 4, 4, 0xff },
		{ "\x05\x01\x02\x00", 4, 3, 0xff },
		{ "", 0, 0, 0xff }, { "\x05", 1, 0, 0xff }, { "\x05\x02\x00", 3, 0, 0xff },
		{ "\x05\x00", 2, -1, 0xff }, { "\x04\x01\x00", 3, -1, 0xff }, { "G", 1, -1, 0xff }, { "\x00", 1, -1, 0xff },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t method = 7;

		ATF_CHECK_EQ_MSG(samples[i].taken, kv_socks_greeting((const uint8_t *)samples[i].bytes, samples[i].len, &method), "%zu", i);
		ATF_CHECK_EQ_MSG(samples[i].method, method, "%zu", i);
	}
}

ATF_TC_WITHOUT_HEAD(requests);
ATF_TC_BODY(requests, tc)
{
	static const struct {
		const char *bytes;
		size_t len;
		long taken;
		uint8_t reply;
		const char *host;
		uint16_t port;
	} samples[] = {
#define S(text) text, sizeof(text) - 1
		{ S("\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"), 10, KV_SOCKS_OK, "127.0.0.1", 443 },
		{ S("\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x16"), 22, KV_SOCKS_OK, "2001:db8::1", 22 },
		{ S("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\xa9\xfe\xa9\xfe\x00\x50"), 22, KV_SOCKS_OK, "169.254.169.254", 80 },
		{ S("\x05\x01\x00\x03\x0c" "Example.ORG.\x00\x16more"), 19, KV_SOCKS_OK, "example.org", 22 },
		{ S("\x05\x01\x00\x03\x0f" "b\xc3\xbc" "cher.example\x00\x16"), 22, KV_SOCKS_OK, "xn--bcher-kva.example", 22 },
		{ S("\x05\x01\x00\x03\x09" "127.0.0.1\x00\x16"), 16, KV_SOCKS_OK, "127.0.0.1", 22 },
		{ S("\x05\x01\x00\x03\x05" "127.1\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x03" "::1\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x05" "[::1]\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x00\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x03" "a\0b\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x03" "a b\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x03" "a@b\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x03\x03" "b\xfc" "c\x00\x16"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00"), -1, KV_SOCKS_FAILURE, NULL, 0 },
		{ S("\x05\x02\x00\x01\x7f\x00\x00\x01\x01\xbb"), -1, KV_SOCKS_COMMAND, NULL, 0 },
		{ S("\x05\x03\x00\x01\x7f\x00\x00\x01\x01\xbb"), -1, KV_SOCKS_COMMAND, NULL, 0 },
		{ S("\x05\x00\x00\x01"), -1, KV_SOCKS_COMMAND, NULL, 0 },
		{ S("\x05\x01\x01\x01\x7f\x00\x00\x01\x01\xbb"), -1, KV_SOCKS_FAILURE, NULL, 0 },
		{ S("\x04\x01\x00\x50\x7f\x00\x00\x01\x00"), -1, KV_SOCKS_FAILURE, NULL, 0 },
		{ S("\x05\x01\x00\x02\x7f\x00\x00\x01\x01\xbb"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
		{ S("\x05\x01\x00\x00\x7f\x00\x00\x01\x01\xbb"), -1, KV_SOCKS_ADDRESS, NULL, 0 },
	};
	struct kv_host host;
	uint16_t port;
	uint8_t reply;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)samples[i].bytes;

		ATF_CHECK_EQ_MSG(samples[i].taken, kv_socks_request(bytes, samples[i].len, &host, &port, &reply), "%zu", i);
		ATF_CHECK_EQ_MSG(samples[i].reply, reply, "%zu", i);
		if (samples[i].taken <= 0)
			continue;
		ATF_CHECK_STREQ(samples[i].host, host.name);
		ATF_CHECK_EQ(samples[i].port, port);
		for (size_t len = 0; len < (size_t)samples[i].taken; len++)
			ATF_CHECK_EQ_MSG(0, kv_socks_request(bytes, len, &host, &port, &reply), "%zu %zu", i, len);
	}
}

ATF_TC_WITHOUT_HEAD(replies);
ATF_TC_BODY(replies, tc)
{
	uint8_t out[10];

	kv_socks_reply(KV_SOCKS_DENIED, out);
	ATF_CHECK(memcmp(out, "\x05\x02\x00\x01\0\0\0\0\0\0", 10) == 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, greetings);
	ATF_TP_ADD_TC(tp, requests);
	ATF_TP_ADD_TC(tp, replies);
	return atf_no_error();
}

#include "proxy/host.h"

#include <arpa/inet.h>
#include <atf-c.h>
#include <string.h>

static struct kv_address
address(const char *text)
{
	struct kv_address out;
	uint8_t bytes[16];
	bool v6 = strchr(text, ':') != NULL;

	ATF_REQUIRE_EQ_MSG(1, inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes), "<%s>", text);
	kv_address_set(&out, v6, bytes);
	return out;
}

/* Each block with its first and last address, and the public neighbours where it has any. */
ATF_TC_WITHOUT_HEAD(special_addresses_are_closed);
ATF_TC_BODY(special_addresses_are_closed, tc)
{
	static const struct {
		const char *text, *why;	/* NULL: public */
	} samples[] = {
		{ "0.0.0.0", "unspecified" }, { "0.255.255.255", "unspecified" }, { "1.0.0.0", NULL }, { "1.1.1.1", NULL },
		{ "9.255.255.255", NULL }, { "10.0.0.0", "private" }, { "10.255.255.255", "private" }, { "11.0.0.0", NULL },
		{ "100.63.255.255", NULL }, { "100.64.0.0", "shared" }, { "100.127.255.255", "shared" }, { "100.128.0.0", NULL },
		{ "100.100.100.200", "metadata" }, { "100.100.100.201", "shared" },
		{ "126.255.255.255", NULL }, { "127.0.0.0", "loopback" }, { "127.255.255.255", "loopback" }, { "128.0.0.0", NULL },
		{ "168.63.129.15", NULL }, { "168.63.129.16", "metadata" }, { "168.63.129.17", NULL },
		{ "169.253.255.255", NULL }, { "169.254.0.0", "link-local" }, { "169.254.169.254", "metadata" }, { "169.254.170.2", "metadata" },
		{ "169.254.170.23", "metadata" }, { "169.254.255.255", "link-local" }, { "169.255.0.0", NULL },
		{ "172.15.255.255", NULL }, { "172.16.0.0", "private" }, { "172.31.255.255", "private" }, { "172.32.0.0", NULL },
		{ "191.255.255.255", NULL }, { "192.0.0.0", "reserved" }, { "192.0.0.192", "metadata" }, { "192.0.0.255", "reserved" }, { "192.0.1.0", NULL },
		{ "192.0.2.0", "documentation" }, { "192.0.2.255", "documentation" }, { "192.0.3.0", NULL },
		{ "192.31.196.1", "reserved" }, { "192.52.193.1", "reserved" }, { "192.88.99.1", "reserved" }, { "192.88.98.1", NULL },
		{ "192.167.255.255", NULL }, { "192.168.0.0", "private" }, { "192.168.255.255", "private" }, { "192.169.0.0", NULL },
		{ "192.175.48.1", "reserved" }, { "198.17.255.255", NULL }, { "198.18.0.0", "reserved" }, { "198.19.255.255", "reserved" }, { "198.20.0.0", NULL },
		{ "198.51.100.1", "documentation" }, { "198.51.101.0", NULL }, { "203.0.113.1", "documentation" }, { "203.0.114.0", NULL },
		{ "223.255.255.255", NULL }, { "224.0.0.0", "multicast" }, { "239.255.255.255", "multicast" }, { "240.0.0.0", "reserved" },
		{ "255.255.255.255", "reserved" },
		{ "::", "unspecified" }, { "::1", "loopback" }, { "::2", "translated" }, { "::8.8.8.8", "reserved" }, { "::127.0.0.1", "translated" },
		{ "::ffff:127.0.0.1", "loopback" }, { "::ffff:169.254.169.254", "metadata" }, { "::ffff:8.8.8.8", NULL }, { "::ffff:10.1.1.1", "private" },
		{ "::ffff:0:10.0.0.1", "translated" }, { "::ffff:0:8.8.8.8", "reserved" },
		{ "64:ff9b::10.0.0.1", "translated" }, { "64:ff9b::a9fe:a9fe", "translated" }, { "64:ff9b::8.8.8.8", NULL }, { "64:ff9b:0:1::8.8.8.8", "reserved" },
		{ "64:ff9b:1::8.8.8.8", "translated" }, { "64:ff9b:1:ffff::1", "translated" }, { "64:ff9b:2::8.8.8.8", "reserved" },
		{ "100::1", "reserved" }, { "100:0:0:1::1", "reserved" },
		{ "2001::1", "translated" }, { "2001:0:808:808::f7f7:f7f7", "reserved" }, { "2001:0:808:808::80ff:fffe", "translated" },
		{ "2001:0:7f00:1::f7f7:f7f7", "translated" }, { "2001:1::1", "reserved" }, { "2001:2::1", "reserved" }, { "2001:20::1", "reserved" },
		{ "2001:1ff:ffff::1", "reserved" }, { "2001:200::1", NULL }, { "2001:db7::1", NULL }, { "2001:db8::1", "documentation" }, { "2001:db9::1", NULL },
		{ "2002:7f00:1::1", "translated" }, { "2002:a9fe:a9fe::", "translated" }, { "2002:808:808::1", NULL }, { "2003::1", NULL },
		{ "2606:4700:4700::1111", NULL }, { "2a00::1", NULL }, { "2620:4f:8000::1", "reserved" }, { "2620:4f:8001::1", NULL },
		{ "3ffe::1", NULL }, { "3fff::1", "documentation" }, { "3fff:fff:ffff::1", "documentation" }, { "3fff:1000::1", NULL },
		{ "1fff::1", "reserved" }, { "2000::1", NULL }, { "4000::1", "reserved" }, { "5f00::1", "reserved" }, { "200::1", "reserved" },
		{ "fbff::1", "reserved" }, { "fc00::1", "private" }, { "fd00::1", "private" }, { "fdff:ffff::1", "private" }, { "fe00::1", "reserved" },
		{ "fd00:ec2::254", "metadata" }, { "fd00:ec2::23", "metadata" }, { "fd20:ce::254", "metadata" }, { "fd00:42::42", "metadata" },
		{ "fe80::1", "link-local" }, { "febf::1", "link-local" }, { "fec0::1", "private" }, { "feff::1", "private" }, { "ff02::1", "multicast" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct kv_address a = address(samples[i].text);
		const char *why = kv_address_closed(&a);

		ATF_CHECK_STREQ_MSG(samples[i].why != NULL ? samples[i].why : "", why != NULL ? why : "", "<%s>", samples[i].text);
	}
}

/* Also when somebody sets the bytes himself. */
ATF_TC_WITHOUT_HEAD(mapped_is_v4);
ATF_TC_BODY(mapped_is_v4, tc)
{
	const struct kv_address raw = { .v6 = true, .bytes = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	const struct kv_address v4 = address("127.0.0.1"), v6 = address("::ffff:127.0.0.1"), other = address("127.0.0.2");
	const struct kv_address zero4 = address("0.0.0.0"), zero6 = address("::");
	char text[46];

	ATF_CHECK(!v6.v6 && kv_address_equal(&v4, &v6) && kv_address_equal(&v4, &raw) && kv_address_equal(&raw, &v6));
	ATF_CHECK(!kv_address_equal(&v4, &other) && !kv_address_equal(&raw, &other) && !kv_address_equal(&zero4, &zero6));
	ATF_CHECK_STREQ("loopback", kv_address_closed(&raw));
	kv_address_text(&raw, text);
	ATF_CHECK_STREQ("127.0.0.1", text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, special_addresses_are_closed);
	ATF_TP_ADD_TC(tp, mapped_is_v4);
	return atf_no_error();
}

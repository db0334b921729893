#include "proxy/host.h"

#include <atf-c.h>
#include <string.h>

/* Parses; "" where it is refused. */
static const char *
canonical(const char *text, size_t len, bool bracketed)
{
	static struct kv_host host;

	return kv_host_parse(text, len, bracketed, &host) == 0 ? host.name : "";
}

#define A63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz1"

ATF_TC_WITHOUT_HEAD(names_are_canonical);
ATF_TC_BODY(names_are_canonical, tc)
{
	static const struct {
		const char *text, *name;	/* "": refused */
	} samples[] = {
		{ "example.org", "example.org" }, { "Example.ORG.", "example.org" }, { "a", "a" },
		{ "_srv.x-y.example", "_srv.x-y.example" }, { "r3---sn.example", "r3---sn.example" },
		{ "1.example", "1.example" }, { "0x7f.example", "0x7f.example" }, { "a.0x1g", "a.0x1g" },
		{ A63 ".example", A63 ".example" }, { "a" A63 ".example", "" },
		{ A63 "." A63 "." A63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy",
		    A63 "." A63 "." A63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy" },
		{ A63 "." A63 "." A63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz", "" },
		{ "", "" }, { ".", "" }, { "..", "" }, { "a..b", "" }, { ".a", "" }, { "a..", "" },
		{ "-a.example", "" }, { "a-.example", "" }, { "a.-", "" },
		{ "a b", "" }, { " a", "" }, { "a@b", "" }, { "a%2eb", "" }, { "a/b", "" }, { "a\\b", "" }, { "a:b", "" },
		{ "a\tb", "" }, { "a\nb", "" }, { "a\x7f", "" }, { "a,b", "" }, { "[::1]", "" }, { "::1", "" }, { "*", "" },
		{ "a*", "" }, { "a?", "" }, { "a#b", "" },
		/* IDNA: UTS 46, non-transitional */
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" }, { "B\xc3\x9c" "CHER.example", "xn--bcher-kva.example" },
		{ "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" }, { "XN--Bcher-KVA.example", "xn--bcher-kva.example" },
		{ "fa\xc3\x9f.example", "xn--fa-hia.example" },
		{ "\xef\xbd\x85xample.org", "example.org" }, { "example\xe3\x80\x82org", "example.org" },
		{ "example.org\xe3\x80\x82", "example.org" }, { "exa\xc2\xadmple.org", "example.org" },
		{ "b\xc3\xbc" "cher..example", "" }, { "b\xfc" "cher.example", "" }, { "\xc0\xae.example", "" },
		{ "\xe2\x84\x80.example", "" }, { "a\xef\xbc\x8f" "b.example", "" }, { "a\xef\xbc\xa0" "b.example", "" },
		{ "\xef\xbc\x85" "2e.example", "" }, { "a\xe3\x80\x80" "b.example", "" }, { "\xe2\x80\xae" "a.example", "" },
		{ "a.b\xe2\x80\x8d.example", "" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ATF_CHECK_STREQ_MSG(samples[i].name, canonical(samples[i].text, strlen(samples[i].text), false),
		    "<%s>", samples[i].text);
	ATF_CHECK_STREQ("", canonical("a\0b", 3, false));
	ATF_CHECK_STREQ("", canonical("a\0", 2, false));
	ATF_CHECK_STREQ("", canonical("\0", 1, false));
}

ATF_TC_WITHOUT_HEAD(addresses_are_plain);
ATF_TC_BODY(addresses_are_plain, tc)
{
	static const struct {
		const char *text;
		bool bracketed;
		const char *name;
	} samples[] = {
		{ "127.0.0.1", false, "127.0.0.1" }, { "255.255.255.255", false, "255.255.255.255" },
		{ "127.1", false, "" }, { "0x7f000001", false, "" }, { "0X7F000001", false, "" }, { "017700000001", false, "" },
		{ "2130706433", false, "" }, { "127.0.0.1.", false, "" }, { "127.0.0.01", false, "" },
		{ "0177.0.0.1", false, "" }, { "256.1.1.1", false, "" }, { "1.2.3", false, "" }, { "1.2.3.4.5", false, "" },
		{ "127.0.0.0x1", false, "" }, { "0x7f.0.0.1", false, "" }, { "a.1", false, "" }, { "a.0x", false, "" },
		{ "1.", false, "" }, { "08.1", false, "" }, { "169.254.169.0xfe", false, "" },
		{ "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", false, "" }, { "127\xe3\x80\x82" "0.0.1", false, "" },
		{ "\xe2\x91\xa0.1.1.1", false, "" },
		{ "::1", true, "::1" }, { "2001:DB8:0:0::0001", true, "2001:db8::1" }, { "::ffff:127.0.0.1", true, "127.0.0.1" },
		{ "::FFFF:7f00:1", true, "127.0.0.1" }, { "0:0:0:0:0:ffff:a9fe:a9fe", true, "169.254.169.254" },
		{ "127.0.0.1", true, "" }, { "example.org", true, "" }, { "[::1]", true, "" }, { "[::1", true, "" }, { "", true, "" },
		{ "fe80::1%eth0", true, "" }, { "fe80::1%25eth0", true, "" }, { "v1.x", true, "" }, { "::1 ", true, "" }, { "::1.", true, "" },
		{ "1::2::3", true, "" }, { "::12345", true, "" }, { "::ffff:127.1", true, "" }, { "::ffff:127.0.0.01", true, "" },
		{ "1:2:3:4:5:6:7", true, "" }, { "1:2:3:4:5:6:7:8:9", true, "" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ATF_CHECK_STREQ_MSG(samples[i].name,
		    canonical(samples[i].text, strlen(samples[i].text), samples[i].bracketed), "<%s>", samples[i].text);
	ATF_CHECK_STREQ("", canonical("::1\0", 4, true));
}

static bool
rule_allows(const char *text, const char *name, bool bracketed)
{
	struct kv_host_rule rule;
	struct kv_host host;

	ATF_REQUIRE_MSG(kv_host_rule_parse(text, &rule) == 0, "<%s>", text);
	ATF_REQUIRE_MSG(kv_host_parse(name, strlen(name), bracketed, &host) == 0, "<%s>", name);
	return kv_host_rule_matches(&rule, &host);
}

ATF_TC_WITHOUT_HEAD(rules_match_what_they_say);
ATF_TC_BODY(rules_match_what_they_say, tc)
{
	static const struct {
		const char *rule, *host;
		bool bracketed, allows;
	} samples[] = {
		{ "example.org", "example.org", false, true }, { "Example.Org.", "eXample.org.", false, true },
		{ "example.org", "www.example.org", false, false }, { "example.org", "xexample.org", false, false },
		{ "example.org", "example.org.evil.example", false, false }, { "www.example.org", "example.org", false, false },
		{ "*.example.org", "www.example.org", false, true }, { "*.example.org", "a.b.example.org", false, true },
		{ "*.Example.org.", "WWW.example.org.", false, true }, { "*.example.org", "example.org", false, false },
		{ "*.example.org", "xexample.org", false, false }, { "*.example.org", "a.example.org.evil", false, false },
		{ "*.org", "example.org", false, true }, { "*.org", "org", false, false },
		{ "*.b\xc3\xbc" "cher.example", "www.xn--bcher-kva.example", false, true },
		{ "*", "example.org", false, true }, { "*", "127.0.0.1", false, false }, { "*", "::1", true, false },
		{ "*", "8.8.8.8", false, false },
		{ "127.0.0.1", "127.0.0.1", false, true }, { "127.0.0.1", "127.0.0.2", false, false },
		{ "127.0.0.1", "::ffff:127.0.0.1", true, true }, { "::ffff:127.0.0.1", "127.0.0.1", false, true },
		{ "::1", "0:0:0:0:0:0:0:1", true, true }, { "[::1]", "::1", true, true }, { "[::1]", "::2", true, false },
		{ "127.0.0.1", "::127.0.0.1", true, false }, { "127.0.0.1", "64:ff9b::127.0.0.1", true, false },
		{ "127.0.0.1", "127.0.0.1.example", false, false },
	};
	static const char *const none[] = { "", "*.", "**", "*a", "*.*", "*.*.example", "a.*", "*.1", "*.1.2.3.4", "*.[::1]", "*.::1",
		"127.1", "[127.0.0.1]", "[a]", "[", "[]", "[::1", "::1]", "a b", "a:80", "1.2.3.4:80", "[::1]:80", "10.0.0.0/8",
		"http://a", "a/b", "a@b", "*.a..b", "fe80::1%lo", ".example.org" };
	struct kv_host_rule rule;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ATF_CHECK_EQ_MSG(samples[i].allows, rule_allows(samples[i].rule, samples[i].host, samples[i].bracketed),
		    "<%s> <%s>", samples[i].rule, samples[i].host);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ATF_CHECK_EQ_MSG(-1, kv_host_rule_parse(none[i], &rule), "<%s>", none[i]);
}

ATF_TC_WITHOUT_HEAD(rules_are_shown_canonical);
ATF_TC_BODY(rules_are_shown_canonical, tc)
{
	static const char *const samples[][2] = { { "*", "*" }, { "*.B\xc3\xbc" "cher.Example.", "*.xn--bcher-kva.example" },
		{ "Example.ORG.", "example.org" }, { "[2001:DB8::0]", "2001:db8::" }, { "::ffff:1.2.3.4", "1.2.3.4" },
		{ "*." A63 "." A63 "." A63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy",
		    "*." A63 "." A63 "." A63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy" } };
	struct kv_host_rule rule;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		ATF_REQUIRE_EQ_MSG(0, kv_host_rule_parse(samples[i][0], &rule), "<%s>", samples[i][0]);
		ATF_CHECK_STREQ(samples[i][1], rule.text);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names_are_canonical);
	ATF_TP_ADD_TC(tp, addresses_are_plain);
	ATF_TP_ADD_TC(tp, rules_match_what_they_say);
	ATF_TP_ADD_TC(tp, rules_are_shown_canonical);
	return atf_no_error();
}

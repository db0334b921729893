#include "proxy/head.h"
#include "proxy/syntax.h"

#include <atf-c.h>
#include <string.h>

ATF_TC_WITHOUT_HEAD(plain_paths_leave_nothing);
ATF_TC_BODY(plain_paths_leave_nothing, tc)
{
	static const struct {
		const char *path;
		bool plain;
	} samples[] = {
		{ "/", true }, { "/a", true }, { "/a/", true }, { "/a/b.c/..d/e../.f", true }, { "/a/...b", true }, { "/%61/%20b/x%20y", true },
		{ "/@scope%2fname", true }, { "/a?../..", true }, { "/a?//", true }, { "/a?%", true }, { "/a;x/b", true }, { "/a;..", true },
		{ "/sha256:ab", true }, { "/caf%c3%a9", true }, { "/100%25", true }, { "/100%25x", true }, { "/%2561", true }, { "/a=b&c", true },
		{ "", false }, { "a", false }, { "*", false }, { "?a", false }, { "%2fa", false },
		{ "/.", false }, { "/..", false }, { "/a/./b", false }, { "/a/../b", false }, { "/a/..", false }, { "/a/.", false }, { "/../a", false },
		{ "/a/..?b", false }, { "/a/../?b", false }, { "/...", false }, { "/a/.../b", false },
		{ "/a/%2e%2e/b", false }, { "/a/%2E%2e", false }, { "/a/.%2e/b", false }, { "/a/%2e./b", false }, { "/a/%2e/b", false },
		{ "/a/..%2fb", false }, { "/a%2f..%2fb", false }, { "/a%2f%2e%2e", false }, { "/a%2F..", false }, { "/%2e%2e%2f", false },
		{ "/a\\..\\b", false }, { "/a\\b", false }, { "/a%5cb", false }, { "/a%5C..%5Cb", false }, { "/a/%255c", false },
		{ "//", false }, { "//a", false }, { "/a//b", false }, { "/a//", false }, { "/a/%2f", false }, { "/a%2f/b", false }, { "/a%2f%2fb", false },
		{ "/%2f", false }, { "/a/%2fetc", false },
		{ "/a/%252e%252e/b", false }, { "/a/%25252e%252e/b", false }, { "/a/..%252fb", false }, { "/a/%25%32e%2e/b", false },
		{ "/a/%25%32%65.", false }, { "/a/%2%65", false }, { "/a/%%32e", false },
		{ "/a/..;/b", false }, { "/a/..;x=y/b", false }, { "/a/.;/b", false }, { "/a/..%3b/b", false }, { "/a/;/b", false }, { "/a/%2e%2e;", false },
		{ "/a/..%3fb", false }, { "/a/..%23", false }, { "/a/..::b", false }, { "/a/%3fb", false }, { "/a/b%3f..", true }, { "/a/:b", false }, { "/a/b:", true },
		{ "/a/.. /b", false }, { "/a/..%20/b", false }, { "/a/%20/b", false }, { "/a/.%20./b", false },
		{ "/a%00", false }, { "/a/..%00/b", false }, { "/a%0d%0ab", false }, { "/a%09", false }, { "/a%7f", false }, { "/a\nb", false },
		{ "/a/%c0%ae%c0%ae/b", false }, { "/a/%c0%af", false }, { "/a/%c1%9c", false }, { "/a/%e0%80%ae", false }, { "/a/%f0%80%80%ae", false },
		{ "/a/%", false }, { "/a/%2", false }, { "/a/%zz", false }, { "/a/%u002e", false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct kv_slice path = { samples[i].path, strlen(samples[i].path) };

		ATF_CHECK_EQ_MSG(samples[i].plain, kv_path_plain(&path), "<%s>", samples[i].path);
	}
}

ATF_TC_WITHOUT_HEAD(prefixes_end_at_a_segment);
ATF_TC_BODY(prefixes_end_at_a_segment, tc)
{
	static const struct {
		const char *prefix, *path;
		bool below;
	} samples[] = {
		{ "/simple/", "/simple/", true }, { "/simple/", "/simple/x", true }, { "/simple/", "/simple/?x", true },
		{ "/simple/", "/simple", false }, { "/simple/", "/simplex", false }, { "/simple/", "/simple?x", false }, { "/simple/", "/", false },
		{ "/simple", "/simple", true }, { "/simple", "/simple/x", true }, { "/simple", "/simple?x", true }, { "/simple", "/simple/", true },
		{ "/simple", "/simplex", false }, { "/simple", "/simpl", false }, { "/simple", "/Simple", false }, { "/simple", "/simple;x", false },
		{ "/simple", "/simple%2fx", false }, { "/simple", "/%73imple", false }, { "/simple", "/a/simple", false }, { "/simple", "/simple.x", false },
		{ "/", "/", true }, { "/", "/x", true }, { "/", "/?x", true }, { "", "/", false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct kv_slice path = { samples[i].path, strlen(samples[i].path) };

		ATF_CHECK_EQ_MSG(samples[i].below, kv_path_below(&path, samples[i].prefix), "<%s> <%s>",
		    samples[i].prefix, samples[i].path);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, plain_paths_leave_nothing);
	ATF_TP_ADD_TC(tp, prefixes_end_at_a_segment);
	return atf_no_error();
}

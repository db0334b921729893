#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/output.h"
#include "admin/quote.h"
#include "common/utf8.h"

static void
text_is(const char *in, size_t size, const char *expected)
{
	char *out = kv_text(in, size);

	ATF_CHECK_STREQ(expected, out);
	free(out);
}

ATF_TC_WITHOUT_HEAD(control_bytes_are_escaped);
ATF_TC_BODY(control_bytes_are_escaped, tc)
{
	text_is("plain \xc3\xa9", 8, "plain \xc3\xa9");
	text_is("a\033[2Jb", 6, "a\\x1b[2Jb");
	text_is("a\nb\tc\r", 6, "a\\nb\\tc\\x0d");
	text_is("a\0b", 3, "a\\x00b");
	text_is("\x7f", 1, "\\x7f");
	text_is("\xc2\x9b" "31m", 5, "\\xc2\\x9b31m");	/* C1: CSI */
	text_is("\xe2\x80\xae", 3, "\\xe2\\x80\\xae");		/* right-to-left override */
	text_is("\xff\xc3", 2, "\\xff\\xc3");
}

ATF_TC_WITHOUT_HEAD(utf8_is_strict);
ATF_TC_BODY(utf8_is_strict, tc)
{
	static const char *const bad[] = {
		"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\x80", "\xe2\x82",
	};
	uint32_t c = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(0, kv_utf8_next(bad[i], strlen(bad[i]), &c), "%zu", i);
	ATF_CHECK_EQ(4, kv_utf8_next("\xf0\x9f\x94\x92", 4, &c));
	ATF_CHECK_EQ(0x1f512, c);
	ATF_CHECK_EQ(2, kv_utf8_width("\xc3\xa9x"));
}

ATF_TC_WITHOUT_HEAD(json_is_valid_utf8);
ATF_TC_BODY(json_is_valid_utf8, tc)
{
	size_t size = 0;
	char *out = kv_utf8("a\xff\0b", 4, &size);

	ATF_REQUIRE_EQ(6, size);
	ATF_CHECK_EQ(0, memcmp(out, "a\xef\xbf\xbd\0b", 6));
	free(out);
}

ATF_TC_WITHOUT_HEAD(a_shell_reads_back_what_was_quoted);
ATF_TC_BODY(a_shell_reads_back_what_was_quoted, tc)
{
	char all[257], first[] = "printf", format[] = "%s|", empty[] = "", quotes[] = "'a''\\'b\n$(x)`";
	char *argv[] = { first, format, empty, quotes, all, NULL };
	char command[4096], got[2048], expected[2048];
	char *line;
	FILE *pipe, *file;
	size_t n;

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	line = kv_quote(argv);
	ATF_REQUIRE(line != NULL);
	file = fopen("line.sh", "w");
	ATF_REQUIRE(file != NULL);
	ATF_REQUIRE(fputs(line, file) >= 0 && fclose(file) == 0);
	(void)snprintf(command, sizeof(command), "LC_ALL=C sh line.sh");
	pipe = popen(command, "r");
	ATF_REQUIRE(pipe != NULL);
	n = fread(got, 1, sizeof(got) - 1, pipe);
	got[n] = '\0';
	ATF_CHECK_EQ(0, pclose(pipe));
	(void)snprintf(expected, sizeof(expected), "|%s|%s|", quotes, all);
	ATF_CHECK_STREQ(expected, got);
	free(line);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, control_bytes_are_escaped);
	ATF_TP_ADD_TC(tp, utf8_is_strict);
	ATF_TP_ADD_TC(tp, json_is_valid_utf8);
	ATF_TP_ADD_TC(tp, a_shell_reads_back_what_was_quoted);
	return atf_no_error();
}

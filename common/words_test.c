#include "common/words.h"

#include <atf-c.h>
#include <string.h>

#include "common/error.h"

/* The words of a line, with | between them; NULL where it is no line of words. */
static const char *
split(const char *line)
{
	static char all[256];
	struct kv_error err = KV_ERROR_INIT;
	char word[64];
	int got;

	all[0] = '\0';
	while ((got = kv_word_next(&line, word, sizeof(word), &err)) == 1) {
		(void)strcat(all, word);
		(void)strcat(all, "|");
	}
	ATF_CHECK_EQ(got < 0, err.code == KV_ERR_USAGE);
	return got < 0 ? NULL : all;
}

ATF_TC_WITHOUT_HEAD(words_are_those_of_the_shell);
ATF_TC_BODY(words_are_those_of_the_shell, tc)
{
	static const struct { const char *line, *words; } samples[] = {
		{ "", "" }, { "  \t\n", "" }, { "a", "a|" }, { " a  b\tc\n", "a|b|c|" },
		{ "'a b' c", "a b|c|" }, { "\"a b\"c d", "a bc|d|" }, { "a'b'\"c\"d", "abcd|" },
		{ "''", "|" }, { "a '' b", "a||b|" }, { "'$x;*'", "$x;*|" }, { "a\\ b", "a b|" },
		{ "\\$x", "$x|" }, { "\"\\$x\\\"\\\\\\`\\n\"", "$x\"\\`\\n|" }, { "'\\'", "\\|" },
		{ "'it'\\''s'", "it's|" }, { "a~ b#c", "a~|b#c|" }, { "--x=y", "--x=y|" },
		{ "'a\nb'", "a\nb|" }, { "'~' \\#", "~|#|" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const char *words = split(samples[i].line);

		ATF_CHECK_MSG(words != NULL && strcmp(samples[i].words, words) == 0, "%s: %s", samples[i].line,
		    words == NULL ? "(refused)" : words);
	}
}

ATF_TC_WITHOUT_HEAD(what_a_shell_would_do_is_refused);
ATF_TC_BODY(what_a_shell_would_do_is_refused, tc)
{
	static const char *const samples[] = {
		"a | b", "a; b", "a;b", "a && b", "a > b", "a < b", "a $x", "a `b`", "a $(b)", "a *", "a b?", "[x]",
		"~/a", "a ~b", "# a", "a (b)", "'a", "\"a", "a\\", "a \\\nb", "\"$x\"", "\"a `b` c\"", "\"a\\",
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ATF_CHECK_MSG(split(samples[i]) == NULL, "%s", samples[i]);
}

ATF_TC_WITHOUT_HEAD(nothing_is_cut);
ATF_TC_BODY(nothing_is_cut, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	const char *line = "abcd e", *before = line;
	char word[5];

	ATF_CHECK_EQ(-1, kv_word_next(&line, word, 4, &err));
	ATF_CHECK(line == before);
	ATF_CHECK_EQ(1, kv_word_next(&line, word, 5, &err));
	ATF_CHECK_STREQ("abcd", word);
}

ATF_TC_WITHOUT_HEAD(all_words_at_once);
ATF_TC_BODY(all_words_at_once, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	char **words = kv_words("a 'b c' d", &err);

	ATF_REQUIRE_MSG(words != NULL, "%s", err.msg);
	ATF_CHECK(strcmp(words[0], "a") == 0 && strcmp(words[1], "b c") == 0 && strcmp(words[2], "d") == 0);
	ATF_CHECK(words[3] == NULL);
	kv_words_free(words);
	words = kv_words("", &err);
	ATF_CHECK(words != NULL && words[0] == NULL);
	kv_words_free(words);
	ATF_CHECK(kv_words("a 'b", &err) == NULL);
	ATF_CHECK_EQ(KV_ERR_USAGE, err.code);
	kv_words_free(NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, words_are_those_of_the_shell);
	ATF_TP_ADD_TC(tp, what_a_shell_would_do_is_refused);
	ATF_TP_ADD_TC(tp, nothing_is_cut);
	ATF_TP_ADD_TC(tp, all_words_at_once);
	return atf_no_error();
}

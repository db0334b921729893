#include "wrapper/command.h"

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/words.h"
#include "session/ticket.h"

static struct kv_ticket ticket = { .shell = "/bin/bash" };

static char **
build(const char *forced, size_t argc, const char *const words[])
{
	char **argv = calloc(argc + 1, sizeof(*argv));
	struct kv_error err = KV_ERROR_INIT;
	struct kv_asked asked;

	for (size_t i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	(void)strcpy(ticket.command, forced);
	ATF_REQUIRE_EQ_MSG(0, kv_command_parse((int)argc, argv, &asked, &err), "%s", err.msg);
	return kv_command_build(&ticket, &asked, &err);
}

#define WORDS(...) (const char *const[]){ __VA_ARGS__ }
#define COUNT(...) (sizeof(WORDS(__VA_ARGS__)) / sizeof(char *))
#define BUILD(forced, ...) build(forced, COUNT(__VA_ARGS__), WORDS(__VA_ARGS__))

ATF_TC_WITHOUT_HEAD(login_shell_gets_its_own_name);
ATF_TC_BODY(login_shell_gets_its_own_name, tc)
{
	char **argv = BUILD("", "-kavach-session");

	ATF_CHECK_STREQ("-bash", argv[0]);
	ATF_CHECK_EQ(NULL, argv[1]);
	argv = BUILD("", "kavach-session");
	ATF_CHECK_STREQ("bash", argv[0]);
	argv = BUILD("", "kavach-session", "-l");
	ATF_CHECK_STREQ("-bash", argv[0]);
}

ATF_TC_WITHOUT_HEAD(command_is_one_argument_untouched);
ATF_TC_BODY(command_is_one_argument_untouched, tc)
{
	static const char *const commands[] = {
		"", "--x", "a\\", "a\nb", "'\"$(id)`id`", "\xff\x01", "-c",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char copy[64];
		char **argv;

		(void)strcpy(copy, commands[i]);
		argv = BUILD("", "kavach-session", "-c", copy);
		ATF_CHECK_STREQ("-c", argv[1]);
		ATF_CHECK_STREQ(commands[i], argv[2]);
		ATF_CHECK_EQ(NULL, argv[3]);
	}
}

ATF_TC_WITHOUT_HEAD(words_behind_the_command_are_its_arguments);
ATF_TC_BODY(words_behind_the_command_are_its_arguments, tc)
{
	char **argv = BUILD("", "kavach-session", "-c", "echo $1", "zero", "-l");

	ATF_CHECK_STREQ("zero", argv[3]);
	ATF_CHECK_STREQ("-l", argv[4]);
	ATF_CHECK_EQ(NULL, argv[5]);
}

ATF_TC_WITHOUT_HEAD(forced_command_replaces_everything);
ATF_TC_BODY(forced_command_replaces_everything, tc)
{
	char **argv = BUILD("forced it", "kavach-session", "-c", "sh", "x");

	ATF_CHECK_STREQ("-c", argv[1]);
	ATF_CHECK_STREQ("forced it", argv[2]);
	ATF_CHECK_EQ(NULL, argv[3]);
	argv = BUILD("forced it", "-kavach-session");
	ATF_CHECK_STREQ("-bash", argv[0]);
	ATF_CHECK_STREQ("forced it", argv[2]);
}

ATF_TC_WITHOUT_HEAD(anything_else_is_wrong_usage);
ATF_TC_BODY(anything_else_is_wrong_usage, tc)
{
	static const char *const words[] = { "-c", "--x", "-i", "file", "-lc", "--", "-C", "" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char copy[16];
		char name[] = "kavach-session";
		char *argv[] = { name, copy, NULL };
		struct kv_error err = KV_ERROR_INIT;
		struct kv_asked asked;

		(void)strcpy(copy, words[i]);
		ATF_CHECK_EQ_MSG(-1, kv_command_parse(2, argv, &asked, &err), "'%s'", words[i]);
		ATF_CHECK_EQ(KV_ERR_USAGE, err.code);
	}
}

static char **
module(const char *forced, const char *asked, char *const *rest, char **file, struct kv_error *err)
{
	const struct kv_asked words = { .command = asked, .rest = rest };

	(void)strcpy(ticket.command, forced);
	(void)strcpy(ticket.home, "/home/a");
	return kv_command_module(&ticket, &words, file, err);
}

ATF_TC_WITHOUT_HEAD(a_module_gets_words);
ATF_TC_BODY(a_module_gets_words, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	char *file = NULL;
	char **argv = module("/m.wasm 'a b' -c", "ignored", NULL, &file, &err);

	ATF_REQUIRE_MSG(argv != NULL, "%s", err.msg);
	ATF_CHECK_STREQ("/m.wasm", file);
	ATF_CHECK_STREQ("/m.wasm", argv[0]);
	ATF_CHECK_STREQ("a b", argv[1]);
	ATF_CHECK_STREQ("-c", argv[2]);
	ATF_CHECK_EQ(NULL, argv[3]);
	kv_words_free(argv);
	free(file);
	argv = module("", "b/m.wat", NULL, &file, &err);
	ATF_REQUIRE_MSG(argv != NULL, "%s", err.msg);
	ATF_CHECK_STREQ("/home/a/b/m.wat", file);
	ATF_CHECK_STREQ("b/m.wat", argv[0]);
	ATF_CHECK_EQ(NULL, argv[1]);
	kv_words_free(argv);
	free(file);
	/* As many words as fit. */
	argv = module("a b c d e f g h", NULL, NULL, &file, &err);
	ATF_REQUIRE_MSG(argv != NULL, "%s", err.msg);
	ATF_CHECK_STREQ("h", argv[7]);
	ATF_CHECK_EQ(NULL, argv[8]);
	kv_words_free(argv);
	free(file);
}

ATF_TC_WITHOUT_HEAD(a_module_is_no_shell);
ATF_TC_BODY(a_module_is_no_shell, tc)
{
	static const char *const commands[] = { NULL, "", " ", "/m.wasm >x", "/m.wasm 'x", "/m.wasm $x" };
	struct kv_error err = KV_ERROR_INIT;
	char zero[] = "zero";
	char *file = NULL, *rest[] = { zero, NULL }, *none[] = { NULL };
	char **argv;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		err.code = KV_ERR_NONE;
		ATF_CHECK_MSG(module("", commands[i], NULL, &file, &err) == NULL, "%s", commands[i]);
		ATF_CHECK(err.code != KV_ERR_NONE);
	}
	ATF_CHECK(module("", "/m.wasm", rest, &file, &err) == NULL);
	argv = module("", "/m.wasm", none, &file, &err);
	ATF_CHECK(argv != NULL);
	kv_words_free(argv);
	free(file);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, login_shell_gets_its_own_name);
	ATF_TP_ADD_TC(tp, command_is_one_argument_untouched);
	ATF_TP_ADD_TC(tp, words_behind_the_command_are_its_arguments);
	ATF_TP_ADD_TC(tp, forced_command_replaces_everything);
	ATF_TP_ADD_TC(tp, anything_else_is_wrong_usage);
	ATF_TP_ADD_TC(tp, a_module_gets_words);
	ATF_TP_ADD_TC(tp, a_module_is_no_shell);
	return atf_no_error();
}

#include "wrapper/environment.h"

#include <atf-c.h>
#include <stdbool.h>
#include <string.h>

#include "common/error.h"
#include "session/ticket.h"

static struct kv_ticket ticket = {
	.user = "u", .home = "/home/u", .shell = "/bin/sh",
	.environment_count = 3, .environment = { "GIT_*", "LD_PRELOAD", "PATH" },
};

static bool
has(char *const *list, const char *variable)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, variable) == 0)
			return true;
	}
	return false;
}

static char **
build(const char *variable, const char *original)
{
	struct kv_error err = KV_ERROR_INIT;
	char copy[512];
	char *envp[] = { copy, NULL };
	char **list;

	ATF_REQUIRE(strlen(variable) < sizeof(copy));
	(void)strcpy(copy, variable);
	list = kv_environment_build(&ticket, envp, original, NULL, &err);
	ATF_REQUIRE(list != NULL);
	return list;
}

ATF_TC_WITHOUT_HEAD(own_variables_come_from_the_ticket);
ATF_TC_BODY(own_variables_come_from_the_ticket, tc)
{
	char **list = build("HOME=/root", "asked for");

	ATF_CHECK(has(list, "HOME=/home/u"));
	ATF_CHECK(!has(list, "HOME=/root"));
	ATF_CHECK(has(list, "USER=u"));
	ATF_CHECK(has(list, "LOGNAME=u"));
	ATF_CHECK(has(list, "SHELL=/bin/sh"));
	ATF_CHECK(has(list, "SSH_ORIGINAL_COMMAND=asked for"));
	ATF_CHECK(!has(build("SSH_ORIGINAL_COMMAND=x", NULL), "SSH_ORIGINAL_COMMAND=x"));
}

ATF_TC_WITHOUT_HEAD(listed_variables_pass);
ATF_TC_BODY(listed_variables_pass, tc)
{
	static const char *const pass[] = {
		"TERM=xterm-256color", "LANG=de_DE.UTF-8", "LC_ALL=C", "TZ=Europe/Berlin",
		"SSH_CLIENT=::1 2 22", "GIT_PROTOCOL=version=2", "SSH_AUTH_SOCK=/tmp/ssh-x/agent.1",
	};

	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++)
		ATF_CHECK_MSG(has(build(pass[i], NULL), pass[i]), "%s", pass[i]);
}

ATF_TC_WITHOUT_HEAD(all_others_do_not);
ATF_TC_BODY(all_others_do_not, tc)
{
	static const char *const stop[] = {
		"LD_PRELOAD=/x.so", "LD_LIBRARY_PATH=.", "PATH=.", "BASH_ENV=/x", "ENV=/x", "IFS=x",
		"GLIBC_TUNABLES=a", "GCONV_PATH=.", "TMPDIR=/x", "PYTHONPATH=.", "PERL5OPT=x",
		"BASH_FUNC_ls%%=() { id; }", "TERM=../../x", "TERM=/x", "LANG=../x", "TZ=/etc/shadow",
		"TERMX=1", "XTERM=1", "LANGX=1", "no-equals", "=x", "1A=x", "GIT-X=1", "KAVACH_X=1", "",
	};

	for (size_t i = 0; i < sizeof(stop) / sizeof(stop[0]); i++)
		ATF_CHECK_MSG(!has(build(stop[i], NULL), stop[i]), "%s", stop[i]);
}

ATF_TC_WITHOUT_HEAD(terminal_gets_its_name_inside);
ATF_TC_BODY(terminal_gets_its_name_inside, tc)
{
	ATF_CHECK(has(build("SSH_TTY=/dev/pts/3", NULL), "SSH_TTY=/dev/console"));
	ATF_CHECK(!has(build("SSH_TTYX=1", NULL), "SSH_TTY=/dev/console"));
}

ATF_TC_WITHOUT_HEAD(the_proxy_is_told_where_there_is_one);
ATF_TC_BODY(the_proxy_is_told_where_there_is_one, tc)
{
	static const char *const told[] = { "http_proxy=http://127.0.0.1:3128", "HTTPS_PROXY=http://127.0.0.1:3128",
		"all_proxy=socks5h://127.0.0.1:3128", "no_proxy=localhost,127.0.0.1,::1" };
	struct kv_ticket with = ticket;
	char *envp[] = { (char *)(uintptr_t)"http_proxy=http://evil:1", NULL };
	struct kv_error err = KV_ERROR_INIT;
	char **list;

	with.network = KV_NET_PROXY;
	list = kv_environment_build(&with, envp, NULL, NULL, &err);
	ATF_REQUIRE(list != NULL);
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		ATF_CHECK_MSG(has(list, told[i]), "%s", told[i]);
	ATF_CHECK(!has(list, envp[0]));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		ATF_CHECK_MSG(!has(build("TERM=dumb", NULL), told[i]), "%s", told[i]);
}

/* Values at 0 and 4; a secret for standard input stands between them and is no variable. */
ATF_TC_WITHOUT_HEAD(secrets_are_variables);
ATF_TC_BODY(secrets_are_variables, tc)
{
	static const char values[] = "abc\0in\0d=e";
	struct kv_ticket t = ticket;
	struct kv_error err = KV_ERROR_INIT;
	char first[] = "TERM=x", second[] = "TOKEN=theirs", third[] = "CREDENTIALS_DIRECTORY=/tmp", fourth[] = "TOKEN_2=x";
	char *envp[] = { first, second, third, fourth, NULL };
	char **list;

	t.environment_count = 1;
	(void)strcpy(t.environment[0], "TOKEN*");
	t.secrets_count = 3;
	(void)strcpy(t.secrets[0].variable, "TOKEN");
	t.secrets[0].size = 3;
	t.secrets[1].offset = 4;
	t.secrets[1].size = 2;
	(void)strcpy(t.secrets[2].variable, "TERM");
	t.secrets[2].offset = 7;
	t.secrets[2].size = 3;
	list = kv_environment_build(&t, envp, NULL, values, &err);
	ATF_REQUIRE(list != NULL);
	ATF_CHECK(has(list, "TOKEN=abc") && has(list, "TERM=d=e") && has(list, "TOKEN_2=x"));
	ATF_CHECK(!has(list, "TOKEN=theirs") && !has(list, "TERM=x"));
	ATF_CHECK(!has(list, "CREDENTIALS_DIRECTORY=/tmp") && !has(list, "CREDENTIALS_DIRECTORY=" KV_CREDENTIALS_DIR));
	kv_environment_wipe(list);
	t.credentials_dir = true;
	list = kv_environment_build(&t, envp, NULL, values, &err);
	ATF_REQUIRE(list != NULL);
	ATF_CHECK(!has(list, "CREDENTIALS_DIRECTORY=/tmp") && has(list, "CREDENTIALS_DIRECTORY=" KV_CREDENTIALS_DIR));
	kv_environment_wipe(list);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, the_proxy_is_told_where_there_is_one);
	ATF_TP_ADD_TC(tp, secrets_are_variables);
	ATF_TP_ADD_TC(tp, own_variables_come_from_the_ticket);
	ATF_TP_ADD_TC(tp, listed_variables_pass);
	ATF_TP_ADD_TC(tp, all_others_do_not);
	ATF_TP_ADD_TC(tp, terminal_gets_its_name_inside);
	return atf_no_error();
}

#include "policy/credential.h"

#include "common/io.h"
#include "policy/test_load.h"
#include "policy/trust.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_OF "credentials.d/c.conf"

/* Loads k.conf with these policies and credentials.d/c.conf with these sections. */
static int
load(const char *policies, const char *sections, struct kv_config *config, struct kv_error *err)
{
	(void)mkdir("credentials.d", 0755);
	test_write(FILE_OF, sections, strlen(sections));
	return test_load(policies, config, err);
}

/* error: a part of the message; NULL: sound. */
static void
check(const char *policies, const char *sections, const char *error)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	int rc = load(policies, sections, &config, &err);

	if (error == NULL) {
		ATF_CHECK_MSG(rc == 0, "<%s><%s> refused: %s", policies, sections, err.msg);
	} else {
		ATF_CHECK_MSG(rc == -1 && err.code == KV_ERR_CONFIG, "<%s><%s> was taken", policies, sections);
		ATF_CHECK_MSG(strstr(err.msg, error) != NULL, "<%s>: <%s> not in <%s>", sections, error, err.msg);
		ATF_CHECK_EQ(0, config.credential_count);
	}
	kv_config_release(&config);
}

static const char *const values[][3] = {
	{ "file", "/etc/a b", NULL }, { "file", "a", "expected an absolute path" }, { "file", "/a/../b", "expected" },
	{ "file", "/", "expected an absolute path" },
	{ "systemd", "api.key", NULL }, { "systemd", "../x", "expected" }, { "systemd", ".x", "expected" },
	{ "systemd", "a/b", "expected" },
	{ "command", "\"/usr/bin/x y\"", NULL }, { "command", "'/usr/bin/x \"a b\" c'", NULL },
	{ "command", "/usr/bin/x", "expected quotes" }, { "command", "\"x y\"", "no absolute path" },
	{ "command", "\"\"", "no absolute path" }, { "command", "'/bin/x \"a'", "a double quote" },
	{ "command", "'/bin/x a\"b\"'", "a double quote" }, { "command", "'/bin/x \"a\"b'", "a double quote" },
	{ "variable", "API_TOKEN", NULL }, { "variable", "1A", "expected" }, { "variable", "A-B", "expected" },
	{ "variable", "A*", "expected" }, { "variable", "PATH", "kavach sets PATH itself" },
	{ "variable", "LD_PRELOAD", "keeps it out" }, { "variable", "KAVACH_X", "keeps it out" },
	{ "variable", "CREDENTIALS_DIRECTORY", "kavach sets" }, { "variable", "BASH_ENV", "keeps it out" },
	{ "as_file", "a.key", NULL }, { "as_file", "..", "expected" }, { "as_file", "a/b", "expected" },
	{ "as_file", ".a", "expected" },
	{ "stdin", "yes", NULL }, { "stdin", "no", "expected yes" },
	{ "header", "Authorization", NULL }, { "header", "X-Api-Key", NULL }, { "header", "Host", "the proxy's own" },
	{ "header", "content-length", "the proxy's own" }, { "header", "Proxy-Authorization", "the proxy's own" },
	{ "header", "\"a b\"", "expected" }, { "header", "a:b", "expected" },
	{ "prefix", "\"Bearer \"", NULL }, { "prefix", "Bearer", "expected quotes" }, { "prefix", "\"\"", "expected" },
	{ "hosts", "a.example, *.b.example, 192.0.2.1", NULL }, { "hosts", "*", "does not belong" },
	{ "hosts", "\"\"", "an empty list" }, { "hosts", "a.example:80", "does not belong" },
	{ "port", "8443", NULL }, { "port", "0", "expected" }, { "port", "65536", "expected" },
};

/* What has to stand beside a key for a section to be whole. */
static const char *
beside(const char *key)
{
	static const char *const of_source = "variable = X\n", *const of_header = "file = /f\nhosts = a.example\n",
	    *const of_rest = "file = /f\nheader = X-Y\n";

	if (strcmp(key, "file") == 0 || strcmp(key, "systemd") == 0 || strcmp(key, "command") == 0)
		return of_source;
	if (strcmp(key, "header") == 0)
		return of_header;
	if (strcmp(key, "hosts") == 0)
		return of_rest;
	if (strcmp(key, "prefix") == 0 || strcmp(key, "port") == 0)
		return "file = /f\nheader = X-Y\nhosts = a.example\n";
	return "file = /f\n";
}

ATF_TC_WITHOUT_HEAD(values_are_wholly_parsed_or_refused);
ATF_TC_BODY(values_are_wholly_parsed_or_refused, tc)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[512];

		ATF_REQUIRE_EQ(0, kv_format(text, sizeof(text), "[credential c]\n%s%s = %s\n", beside(values[i][0]),
		    values[i][0], values[i][1]));
		check("#\n", text, values[i][2]);
	}
	for (size_t k = 0; k < count; k++) {
		bool seen = strcmp(keys[k].section, "credential") != 0;

		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			seen = seen || strcmp(values[i][0], keys[k].name) == 0;
		ATF_CHECK_MSG(seen, "%s is not tested", keys[k].name);
	}
}

ATF_TC_WITHOUT_HEAD(one_source_and_one_delivery);
ATF_TC_BODY(one_source_and_one_delivery, tc)
{
	static const char *const samples[][2] = {
		{ "[credential c]\nfile = /f\nvariable = A\n", NULL },
		{ "[credential c]\nvariable = A\n", FILE_OF ":1: [credential c]: expected one of file, systemd and command" },
		{ "[credential c]\nfile = /f\n", FILE_OF ":1: [credential c]: expected one of variable, as_file" },
		{ "[credential c]\nfile = /f\nvariable = A\nsystemd = x\n", FILE_OF ":4: systemd: expected one of" },
		{ "[credential c]\nfile = /f\nstdin = yes\nvariable = A\n", "expected one of variable, as_file, stdin and header only" },
		{ "[credential c]\nfile = /f\nvariable = A\nport = 80\n", FILE_OF ":4: port: expected header beside it" },
		{ "[credential c]\nfile = /f\nvariable = A\nprefix = \"x\"\n", "prefix: expected header" },
		{ "[credential c]\nfile = /f\nvariable = A\nhosts = a\n", "hosts: expected header" },
		{ "[credential c]\nfile = /f\nheader = X\n", FILE_OF ":1: [credential c]: hosts: expected" },
		{ "[credential c]\nfile = /f\nfile = /g\nvariable = A\n", FILE_OF ":3: file: stands twice" },
		{ "[credential c]\nfile = /f\nvariable = A\nmode = 1\n", "mode: unknown key of [credential]" },
		{ "[credential c]\nfile = /f\nvariable = A\n[credential c]\nfile = /f\nvariable = B\n",
		  FILE_OF ":4: [credential c]: stands at " FILE_OF ":1" },
		{ "[credential]\n", "expected a name" },
		{ "[policy p]\n", FILE_OF ":1: expected nothing but credentials in a file of credentials.d" },
		{ "[rule r]\npolicy = basic\n", "expected nothing but credentials" },
		{ "[kavach]\n", "expected nothing but credentials" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		check("#\n", samples[i][0], samples[i][1]);
	check("[credential c]\nfile = /f\nvariable = A\n", "#\n", "k.conf:1: [credential c] belongs into a file of credentials.d");
}

static const char some[] =
    "[credential var]\nfile = /f\nvariable = A\n[credential var2]\nfile = /f\nvariable = A\n"
    "[credential file]\nfile = /f\nas_file = k\n[credential file2]\nfile = /f\nas_file = k\n"
    "[credential in]\nfile = /f\nstdin = yes\n[credential in2]\nfile = /f\nstdin = yes\n"
    "[credential head]\ncommand = '/bin/x \"a b\"  c'\nheader = Authorization\nprefix = \"Bearer \"\nhosts = a.example, *.b.example\n"
    "[credential head2]\nfile = /f\nheader = authorization\nhosts = x.b.example\n"
    "[credential head3]\nfile = /f\nheader = Authorization\nhosts = x.b.example\nport = 8443\n"
    "[credential head4]\nfile = /f\nheader = Authorization\nhosts = c.example\n"
    "[credential head5]\nfile = /f\nheader = X-Key\nhosts = *.example\n";

ATF_TC_WITHOUT_HEAD(a_policys_list);
ATF_TC_BODY(a_policys_list, tc)
{
	static const char *const samples[][2] = {
		{ "[policy p]\ncredentials = var, file, in\n", NULL },
		{ "[policy p]\nnetwork = proxy\ncredentials = head, head4\n", NULL },
		{ "[policy p]\nnetwork = proxy\ncredentials = head, head3\n", "head and head3 are both for one host" },
		{ "[policy p]\nnetwork = proxy\ncredentials = head4, head5\n", "head4 and head5 are both for one host: the header X-Key for *.example" },
		{ "[policy p]\ncredentials = var, x\n", "k.conf:2: credentials: no such credential: x" },
		{ "[policy p]\ncredentials = var, var2\n", "k.conf:2: credentials: var and var2 are both the variable A" },
		{ "[policy p]\ncredentials = file, file2\n", "are both the file /run/credentials/k" },
		{ "[policy p]\ncredentials = in, in2\n", "are both standard input" },
		{ "[policy p]\nnetwork = proxy\ncredentials = head, head2\n", "are both for one host: the header authorization for x.b.example, port 443" },
		{ "[policy p]\ncredentials = head\n", "k.conf:2: credentials: expected network = proxy for head" },
		{ "[policy p]\nnetwork = host\ncredentials = head\n", "not network = host" },
		/* What a base lists is dropped where it has no use, and looked at where it meets more. */
		{ "[policy b]\nnetwork = proxy\ncredentials = head, var\n[policy p]\nbase = b\nnetwork = off\n", NULL },
		{ "[policy b]\nnetwork = proxy\ncredentials = head\n[policy p]\nbase = b\nnetwork = off\ncredentials = head\n",
		  "k.conf:7: credentials: expected network = proxy" },
	};
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	const struct kv_credential *head;
	char text[128];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		check(samples[i][0], some, samples[i][1]);
	ATF_REQUIRE_EQ(0, load(samples[11][0], some, &config, &err));
	ATF_CHECK_EQ(2, kv_config_policy(&config, "b")->credentials.count);
	ATF_REQUIRE_EQ(1, kv_config_policy(&config, "p")->credentials.count);
	ATF_CHECK_STREQ("var", kv_config_policy(&config, "p")->credentials.item[0]);
	head = kv_config_credential(&config, "head");
	ATF_REQUIRE(head != NULL && head->command.count == 3);
	ATF_CHECK_STREQ("/bin/x", head->command.item[0]);
	ATF_CHECK_STREQ("a b", head->command.item[1]);
	ATF_CHECK_STREQ("c", head->command.item[2]);
	ATF_CHECK_STREQ("Bearer ", head->prefix);
	ATF_CHECK_EQ(443, head->port);
	ATF_CHECK_EQ(FILE_OF[0], head->file[0]);
	ATF_CHECK_EQ(19, head->line);
	kv_credential_show(head, text, sizeof(text));
	ATF_CHECK_STREQ("the header Authorization for a.example, *.b.example, port 443", text);
	ATF_CHECK(!config.credentials_unread);
	kv_config_release(&config);
}

/* The file alone can be checked; the policies that name it are not looked for, nor its credentials by them. */
ATF_TC_WITHOUT_HEAD(files_alone);
ATF_TC_BODY(files_alone, tc)
{
	struct kv_load_options options = { .file = FILE_OF, .alone = true, .any_owner = true };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	ATF_REQUIRE_EQ(0, mkdir("credentials.d", 0755));
	test_write(FILE_OF, some, sizeof(some) - 1);
	test_write("k.conf", "[policy p]\ncredentials = x\n", 27);
	ATF_CHECK_EQ_MSG(0, kv_config_load(&options, &config, &err), "%s", err.msg);
	ATF_CHECK_EQ(11, config.credential_count);
	kv_config_release(&config);
	options.file = "k.conf";
	ATF_CHECK_EQ_MSG(0, kv_config_load(&options, &config, &err), "%s", err.msg);
	ATF_CHECK(config.credentials_unread);
	kv_config_release(&config);
}

ATF_TC(closed_files_only);
ATF_TC_HEAD(closed_files_only, tc)
{
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(closed_files_only, tc)
{
	static const mode_t open_modes[] = { 0640, 0604, 0644, 0660, 0610, 0601 };
	struct kv_error err = KV_ERROR_INIT;
	struct stat st;
	int fd;

	test_write("f", "x", 1);
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		ATF_REQUIRE_EQ(0, chmod("f", open_modes[i]));
		ATF_CHECK_EQ(-1, kv_trust_open(AT_FDCWD, "f", "f", KV_TRUST_CLOSED, &st, &err));
	}
	ATF_REQUIRE_EQ(0, chmod("f", 0400));
	fd = kv_trust_open(AT_FDCWD, "f", "f", KV_TRUST_CLOSED, &st, &err);
	ATF_REQUIRE(fd >= 0);
	(void)close(fd);
	ATF_REQUIRE_EQ(0, chown("f", 1000, 1000));
	ATF_CHECK_EQ(-1, kv_trust_open(AT_FDCWD, "f", "f", KV_TRUST_CLOSED, &st, &err));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, values_are_wholly_parsed_or_refused);
	ATF_TP_ADD_TC(tp, one_source_and_one_delivery);
	ATF_TP_ADD_TC(tp, a_policys_list);
	ATF_TP_ADD_TC(tp, files_alone);
	ATF_TP_ADD_TC(tp, closed_files_only);
	return atf_no_error();
}

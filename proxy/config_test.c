#include "proxy/config.h"

#include "common/error.h"

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT	"subject\t01ab\tann\t1000\tsshd\t10.0.0.1\tstaff\tnet\tprocess\t65\n"
#define START	"format\tlogfmt\naudit_required\tno\n" SUBJECT
#define KEY	"credential\tapi\tAuthorization\t443\tBearer s3cret\n"
#define HOST63	"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz1"

static long held;
static bool empty_handed;

static char *
keep(const char *value, size_t len)
{
	if (empty_handed)
		return NULL;
	held++;
	return strndup(value, len);
}

static void
drop(char *value)
{
	ATF_REQUIRE(value != NULL);
	held--;
	free(value);
}

static int
parse(const char *text, size_t len, struct kv_egress_config *config, struct kv_error *err)
{
	*err = (struct kv_error)KV_ERROR_INIT;
	return kv_egress_config_parse(text, len, keep, drop, config, err);
}

ATF_TC_WITHOUT_HEAD(all_is_read);
ATF_TC_BODY(all_is_read, tc)
{
	static const char text[] = "format\tjson\naudit_required\tyes\n" SUBJECT
	    "host\tgit.Example.org.\nhost\t*.pkg.example\nhost\t[::1]\nhost\t*\nport\t22\nport\t65535\nmethod\tGET\n"
	    "method\tget\npath\t/simple/\npath\t/x\n" KEY "for\tapi.example.org\nfor\t*.b.example\nfor\t10.0.0.1\n"
	    "credential\tother\tX-Key\t8443\tk\nfor\tc.example\nend\n";
	struct kv_egress_config c;
	struct kv_error err;

	ATF_REQUIRE_EQ_MSG(0, parse(text, strlen(text), &c, &err), "%s", err.msg);
	ATF_CHECK(c.json && c.audit_required);
	ATF_CHECK_STREQ("01ab", c.session);
	ATF_CHECK_STREQ("ann", c.user);
	ATF_CHECK_EQ(1000, c.uid);
	ATF_CHECK_STREQ("sshd", c.service);
	ATF_CHECK_STREQ("10.0.0.1", c.from);
	ATF_CHECK_STREQ("staff", c.rule);
	ATF_CHECK_STREQ("net", c.policy);
	ATF_CHECK_STREQ("process", c.backend);
	ATF_CHECK_EQ(65, c.score);
	ATF_REQUIRE_EQ(4, c.host_count);
	ATF_CHECK_STREQ("git.example.org", c.host[0].text);
	ATF_CHECK_EQ(KV_HOST_SUFFIX, c.host[1].kind);
	ATF_CHECK_EQ(KV_HOST_ADDRESS, c.host[2].kind);
	ATF_CHECK_EQ(KV_HOST_ANY, c.host[3].kind);
	ATF_REQUIRE_EQ(2, c.port_count);
	ATF_CHECK_EQ(65535, c.port[1]);
	ATF_REQUIRE(c.method_count == 2 && c.path_count == 2);
	ATF_CHECK_STREQ("get", c.method[1]);
	ATF_CHECK_STREQ("/simple/", c.path[0]);
	ATF_REQUIRE_EQ(2, c.credential_count);
	ATF_CHECK_STREQ("api", c.credential[0].name);
	ATF_CHECK_STREQ("Authorization", c.credential[0].header);
	ATF_CHECK_STREQ("Bearer s3cret", c.credential[0].value);
	ATF_CHECK_EQ(443, c.credential[0].port);
	ATF_CHECK_EQ(3, c.credential[0].host_count);
	ATF_CHECK_EQ(8443, c.credential[1].port);
	ATF_CHECK_EQ(2, held);
	kv_egress_config_release(&c, drop);
	ATF_CHECK_EQ(0, held);
	ATF_CHECK(c.credential == NULL && c.host_count == 0);
}

ATF_TC_WITHOUT_HEAD(what_is_unknown_is_empty);
ATF_TC_BODY(what_is_unknown_is_empty, tc)
{
	static const char text[] = "subject\t\t\t\t\t\t\t\t\t\naudit_required\tno\nformat\tlogfmt\nend\n";
	struct kv_egress_config c;
	struct kv_error err;

	ATF_REQUIRE_EQ_MSG(0, parse(text, strlen(text), &c, &err), "%s", err.msg);
	ATF_CHECK(c.uid == -1 && c.score == -1 && c.user[0] == '\0' && c.host_count == 0 && !c.json && !c.audit_required);
	kv_egress_config_release(&c, drop);
}

ATF_TC_WITHOUT_HEAD(form_is_strict);
ATF_TC_BODY(form_is_strict, tc)
{
	static const struct {
		const char *text, *error;	/* NULL: sound */
	} samples[] = {
		{ START "end\n", NULL }, { START "host\ta\nhost\ta\nend\n", NULL }, { START "path\t/\nend\n", NULL },
		{ START "path\t/@a%2fb/\nend\n", NULL }, { START KEY "for\ta\nend\n", NULL },
		{ "", "line 1: the end is missing" }, { START, "line 4: the end is missing" }, { START "end", "line 4: the end is missing" },
		{ START "host\ta", "the end is missing" }, { START "end\nend\n", "text after the end" }, { START "end\n\n", "text after the end" },
		{ START "\nend\n", "an unknown key" }, { START "x\ty\nend\n", "an unknown key" }, { START "Host\ta\nend\n", "an unknown key" },
		{ START " host\ta\nend\n", "an unknown key" }, { START "hosts\ta\nend\n", "an unknown key" }, { START "# x\nend\n", "an unknown key" },
		{ START "end \n", "an unknown key" }, { START "end\t\n", "an unknown key" },
		{ START "host\nend\n", "not as many values" }, { START "host\ta\tb\nend\n", "not as many values" }, { START "host\ta\t\nend\n", "not as many values" },
		{ START "credential\ta\tb\t1\nend\n", "not as many values" }, { START "host\ta\tb\tc\td\te\tf\tg\th\ti\tj\nend\n", "too many values" },
		{ START "host\ta\r\nend\n", "a control byte" }, { START "host\ta\x01\nend\n", "a control byte" }, { START KEY "for\ta\x7f\nend\n", "a control byte" },
		{ START "format\tjson\nend\n", "line 4: stands twice" }, { START "audit_required\tno\nend\n", "stands twice" }, { START SUBJECT "end\n", "stands twice" },
		{ "format\tlogfmt\n" SUBJECT "end\n", "is missing" }, { "audit_required\tno\n" SUBJECT "end\n", "is missing" },
		{ "format\tlogfmt\naudit_required\tno\nend\n", "is missing" },
		{ "format\txml\n", "an unknown word" }, { "format\tJSON\n", "an unknown word" }, { "format\t\n", "an unknown word" },
		{ "audit_required\ttrue\n", "an unknown word" }, { "audit_required\tyes, of course it is\n", "an unknown word" },
		{ "subject\t\t\tx\t\t\t\t\t\t\n", "not a number" }, { "subject\t\t\t-1\t\t\t\t\t\t\n", "not a number" }, { "subject\t\t\t4294967295\t\t\t\t\t\t\n", "not a number" },
		{ "subject\t\t\t\t\t\t\t\t\t101\n", "not a number" }, { "subject\t\t\t\t\t\t\t\t\t 1\n", "not a number" }, { "subject\t\t\t01\t\t\t\t\t\t\n", "not a number" },
		{ "subject\t012345678901234567890123456789012\t\t\t\t\t\t\t\t\n", "too long" },
		{ "subject\t\t" HOST63 "x\t\t\t\t\t\t\t\n", "too long" },
		{ START "host\t\nend\n", "not a host" }, { START "host\ta b\nend\n", "not a host" }, { START "host\t127.1\nend\n", "not a host" },
		{ START "host\t*.1.2.3.4\nend\n", "not a host" }, { START "host\t10.0.0.0/8\nend\n", "not a host" },
		{ START "port\t0\nend\n", "not a port" }, { START "port\t65536\nend\n", "not a port" }, { START "port\t080\nend\n", "not a port" },
		{ START "port\t\nend\n", "not a port" }, { START "port\t-1\nend\n", "not a port" }, { START "port\t80-90\nend\n", "not a port" },
		{ START "method\t\nend\n", "not a method" }, { START "method\tGET POST\nend\n", "not a method" }, { START "method\tGET,PUT\nend\n", "not a method" },
		{ START "method\tABCDEFGHIJKLMNOPQRSTUVWX\nend\n", "not a method" },
		{ START "path\t\nend\n", "not a path" }, { START "path\tsimple\nend\n", "not a path" }, { START "path\t/a/../b\nend\n", "not a path" },
		{ START "path\t/a?b\nend\n", "not a path" }, { START "path\t/a#b\nend\n", "not a path" }, { START "path\t/a b\nend\n", "not a path" },
		{ START "path\t/%2e%2e/\nend\n", "not a path" }, { START "path\t//\nend\n", "not a path" },
		{ START "for\ta\nend\n", "no credential before it" }, { START KEY "end\n", "for no host" }, { START KEY KEY "for\ta\nend\n", "for no host" },
		{ START KEY "for\t*\nend\n", "for every host" }, { START KEY "for\t\nend\n", "not a host" },
		{ START "credential\t\tA\t443\tv\nfor\ta\nend\n", "not a credential's name" },
		{ START "credential\ta\t\t443\tv\nfor\ta\nend\n", "not a header" }, { START "credential\ta\tA:\t443\tv\nfor\ta\nend\n", "not a header" },
		{ START "credential\ta\tHost\t443\tv\nfor\ta\nend\n", "not a header" }, { START "credential\ta\tcontent-length\t443\tv\nfor\ta\nend\n", "not a header" },
		{ START "credential\ta\tTransfer-Encoding\t443\tv\nfor\ta\nend\n", "not a header" }, { START "credential\ta\tConnection\t443\tv\nfor\ta\nend\n", "not a header" },
		{ START "credential\ta\tA\t0\tv\nfor\ta\nend\n", "not a port" }, { START "credential\ta\tA\t443\t\nfor\ta\nend\n", "is empty" },
	};
	struct kv_egress_config c;
	struct kv_error err;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		int rc = parse(samples[i].text, strlen(samples[i].text), &c, &err);

		if (samples[i].error == NULL)
			ATF_CHECK_MSG(rc == 0, "<%s> refused: %s", samples[i].text, err.msg);
		else
			ATF_CHECK_MSG(rc == -1 && err.code == KV_ERR_CONFIG && strstr(err.msg, samples[i].error) != NULL,
			    "<%s>: <%s>", samples[i].text, err.msg);
		ATF_CHECK(strstr(err.msg, "s3cret") == NULL);
		if (rc == 0)
			kv_egress_config_release(&c, drop);
		ATF_CHECK_EQ(0, held);
		ATF_CHECK(c.host == NULL && c.credential == NULL);
	}
	ATF_CHECK_EQ(-1, parse(START "host\ta\0b\nend\n", sizeof(START "host\ta\0b\nend\n") - 1, &c, &err));
}

/* A secret with a newline in it must not come to light in a message. */
ATF_TC_WITHOUT_HEAD(messages_quote_nothing);
ATF_TC_BODY(messages_quote_nothing, tc)
{
	static const char text[] = START "credential\ta\tA\t443\tBearer\ns3cret\ts3cret\n";
	struct kv_egress_config c;
	struct kv_error err;

	ATF_CHECK_EQ(-1, parse(text, strlen(text), &c, &err));
	ATF_CHECK(strstr(err.msg, "s3cret") == NULL && strstr(err.msg, "line 5") != NULL);
	ATF_CHECK_EQ(0, held);
}

ATF_TC_WITHOUT_HEAD(sizes_are_bounded);
ATF_TC_BODY(sizes_are_bounded, tc)
{
	char *text = malloc(KV_EGRESS_TEXT_MAX + 64);
	size_t start = strlen(START "credential\ta\tA\t443\t");
	struct kv_egress_config c;
	struct kv_error err;

	ATF_REQUIRE(text != NULL);
	for (size_t len = KV_EGRESS_VALUE_MAX - 1; len <= KV_EGRESS_VALUE_MAX; len++) {
		memcpy(text, START "credential\ta\tA\t443\t", start);
		memset(text + start, 'x', len);
		memcpy(text + start + len, "\nfor\ta\nend\n", 12);
		ATF_CHECK_EQ(len < KV_EGRESS_VALUE_MAX ? 0 : -1, parse(text, strlen(text), &c, &err));
		kv_egress_config_release(&c, drop);
	}
	memset(text, 'x', KV_EGRESS_TEXT_MAX + 1);
	ATF_CHECK_EQ(-1, parse(text, KV_EGRESS_TEXT_MAX + 1, &c, &err));
	ATF_CHECK(strstr(err.msg, "too large") != NULL);
	free(text);
	empty_handed = true;
	ATF_CHECK_EQ(-1, parse(START KEY "for\ta\nend\n", strlen(START KEY "for\ta\nend\n"), &c, &err));
	ATF_CHECK_EQ(KV_ERR_NOMEM, err.code);
}

ATF_TC_WITHOUT_HEAD(writing_is_the_other_half);
ATF_TC_BODY(writing_is_the_other_half, tc)
{
	static const char text[] = "format\tjson\naudit_required\tyes\n" SUBJECT
	    "host\tgit.example.org\nhost\t*\nport\t22\nmethod\tGET\npath\t/simple/\n" KEY
	    "for\tapi.example.org\nfor\t*.b.example\nend\n";
	struct kv_egress_config c;
	struct kv_error err;
	char out[sizeof(text)];

	ATF_REQUIRE_EQ_MSG(0, parse(text, strlen(text), &c, &err), "%s", err.msg);
	ATF_REQUIRE_EQ((long)strlen(text), kv_egress_config_write(&c, out, sizeof(out)));
	ATF_CHECK(memcmp(text, out, strlen(text)) == 0);
	for (size_t size = 0; size < strlen(text); size++)
		ATF_CHECK_EQ_MSG(-1, kv_egress_config_write(&c, out, size), "%zu", size);
	ATF_CHECK_EQ((long)strlen(text), kv_egress_config_write(&c, out, strlen(text)));
	c.user[1] = '\n';
	ATF_CHECK_EQ(-1, kv_egress_config_write(&c, out, sizeof(out)));
	c.user[1] = '\t';
	ATF_CHECK_EQ(-1, kv_egress_config_write(&c, out, sizeof(out)));
	c.user[1] = 'n';
	c.credential[0].value[3] = '\n';
	ATF_CHECK_EQ(-1, kv_egress_config_write(&c, out, sizeof(out)));
	c.credential[0].value[3] = 'x';
	strcpy(c.host[0].text, "a\tb");
	ATF_CHECK_EQ(-1, kv_egress_config_write(&c, out, sizeof(out)));
	kv_egress_config_release(&c, drop);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, all_is_read);
	ATF_TP_ADD_TC(tp, what_is_unknown_is_empty);
	ATF_TP_ADD_TC(tp, form_is_strict);
	ATF_TP_ADD_TC(tp, messages_quote_nothing);
	ATF_TP_ADD_TC(tp, sizes_are_bounded);
	ATF_TP_ADD_TC(tp, writing_is_the_other_half);
	return atf_no_error();
}

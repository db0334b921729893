#include "session/egress.h"

#include <atf-c.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "proxy/config.h"

static struct kv_ticket ticket;
static struct kv_config config;

static char *
keep(const char *value, size_t len)
{
	return strndup(value, len);
}

static void
drop(char *value)
{
	free(value);
}

static void
prepare(struct kv_policy *policy)
{
	ATF_REQUIRE_EQ(0, kv_policy_preset("basic", policy));
	policy->network = KV_NET_PROXY;
	(void)strcpy(ticket.session, "00000000000000aa");
	(void)strcpy(ticket.user, "ann");
	(void)strcpy(ticket.from, "evil\thost\nend");
	ticket.uid = 1001;
	ticket.score = 60;
	config.audit_required = true;
}

static void
told(const struct kv_policy *policy, const struct kv_secrets *secrets, struct kv_egress_config *out)
{
	static char text[1 << 20];
	struct kv_error err = KV_ERROR_INIT;
	long size = kv_egress_text(&ticket, &config, policy, secrets, text, sizeof(text), &err);

	ATF_REQUIRE_MSG(size > 0, "%s", err.msg);
	ATF_REQUIRE_EQ_MSG(0, kv_egress_config_parse(text, (size_t)size, keep, drop, out, &err), "%s", err.msg);
}

ATF_TC_WITHOUT_HEAD(the_policy_arrives);
ATF_TC_BODY(the_policy_arrives, tc)
{
	const struct kv_secrets none = { NULL, 0 };
	struct kv_egress_config c;
	struct kv_policy policy;

	prepare(&policy);
	ATF_REQUIRE(kv_list_add(&policy.allowed_hosts, "*.example.org") == 0 &&
	    kv_list_add(&policy.allowed_hosts, "10.0.0.1") == 0 && kv_list_add(&policy.allowed_methods, "GET") == 0 &&
	    kv_list_add(&policy.allowed_paths, "/simple") == 0);
	policy.allowed_ports[policy.allowed_ports_count++] = 8443;
	told(&policy, &none, &c);
	ATF_REQUIRE_EQ(2, c.host_count);
	ATF_CHECK_STREQ("*.example.org", c.host[0].text);
	ATF_CHECK_EQ(KV_HOST_ADDRESS, c.host[1].kind);
	ATF_CHECK(c.port_count == 1 && c.port[0] == 8443);
	ATF_CHECK(c.method_count == 1 && c.path_count == 1 && c.credential_count == 0);
	ATF_CHECK(c.audit_required && !c.json && c.uid == 1001 && c.score == 60);
	/* What came from outside makes neither a field nor a line. */
	ATF_CHECK_STREQ("evil?host?end", c.from);
	kv_egress_config_release(&c, drop);
	kv_policy_release(&policy);
}

ATF_TC_WITHOUT_HEAD(an_empty_list_stays_empty);
ATF_TC_BODY(an_empty_list_stays_empty, tc)
{
	const struct kv_secrets none = { NULL, 0 };
	struct kv_egress_verdict verdict;
	struct kv_egress_config c;
	struct kv_policy policy;
	struct kv_host host;

	prepare(&policy);
	told(&policy, &none, &c);
	ATF_CHECK_EQ(0, c.host_count);
	ATF_REQUIRE_EQ(0, kv_host_parse("example.org", 11, false, &host));
	kv_egress_decide_tunnel(&c, &host, 443, &verdict);
	ATF_CHECK(!verdict.allowed);
	kv_egress_config_release(&c, drop);
	kv_policy_release(&policy);
}

/* The proxy is told of headers only: what the session has itself is none of its business. */
ATF_TC_WITHOUT_HEAD(headers_arrive_and_nothing_else);
ATF_TC_BODY(headers_arrive_and_nothing_else, tc)
{
	struct kv_credential header = { .name = "api", .delivery = KV_DELIVERY_HEADER, .to = "Authorization", .port = 443 };
	const struct kv_credential file = { .name = "key", .delivery = KV_DELIVERY_FILE, .to = "key" };
	struct kv_secret secret[] = { { &file, "not for it", 10 }, { &header, "Bearer x y", 10 } };
	const struct kv_secrets secrets = { secret, 2 };
	struct kv_egress_config c;
	struct kv_policy policy;

	prepare(&policy);
	ATF_REQUIRE_EQ(0, kv_list_add(&header.hosts, "api.example.org"));
	ATF_REQUIRE_EQ(0, kv_list_add(&policy.allowed_hosts, "api.example.org"));
	told(&policy, &secrets, &c);
	ATF_REQUIRE_EQ(1, c.credential_count);
	ATF_CHECK_STREQ("api", c.credential[0].name);
	ATF_CHECK_STREQ("Bearer x y", c.credential[0].value);
	ATF_CHECK(c.credential[0].port == 443 && c.credential[0].host_count == 1);
	kv_egress_config_release(&c, drop);
	kv_policy_release(&policy);
	kv_list_release(&header.hosts);
}

static int
stats(const char *line, struct kv_egress_stats *out)
{
	int fd = open(KV_EGRESS_STATS, O_WRONLY | O_CREAT | O_TRUNC, 0600), dir = open(".", O_RDONLY | O_DIRECTORY), result;

	ATF_REQUIRE(fd >= 0 && dir >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	(void)close(fd);
	result = kv_egress_stats(dir, out);
	(void)close(dir);
	return result;
}

ATF_TC_WITHOUT_HEAD(numbers_are_whole_or_none);
ATF_TC_BODY(numbers_are_whole_or_none, tc)
{
	static const char *const broken[] = { "", "allowed=1\n", "allowed=1 denied=2 up=3 down=\n", "allowed=1 denied=2 up=3 down=4x\n",
		"allowed=-1 denied=2 up=3 down=4\n", "denied=2 allowed=1 up=3 down=4\n", "allowed=1 denied=2 up=3 down=4 more=5\n" };
	struct kv_egress_stats out;

	ATF_REQUIRE_EQ(0, stats("allowed=1 denied=2 up=3 down=18446744073709551615\n", &out));
	ATF_CHECK(out.allowed == 1 && out.denied == 2 && out.up == 3 && out.down == UINT64_MAX);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ATF_CHECK_EQ_MSG(-1, stats(broken[i], &out), "%s", broken[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, the_policy_arrives);
	ATF_TP_ADD_TC(tp, an_empty_list_stays_empty);
	ATF_TP_ADD_TC(tp, headers_arrive_and_nothing_else);
	ATF_TP_ADD_TC(tp, numbers_are_whole_or_none);
	return atf_no_error();
}

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "admin/explain.h"

static char alice[] = "alice", sshd[] = "sshd", net[] = "10.0.0.0/8";
static char *one_user[] = { alice }, *one_service[] = { sshd }, *one_net[] = { net };

static struct kv_rule rules[] = {
	{ .name = "elsewhere", .user = { one_user, 1 }, .from = { one_net, 1 } },
	{ .name = "ssh", .user = { one_user, 1 }, .service = { one_service, 1 } },
	{ .name = "all" },
};

static const struct kv_config config = { .rules = rules, .rule_count = 3 };

ATF_TC_WITHOUT_HEAD(losers_say_why);
ATF_TC_BODY(losers_say_why, tc)
{
	const struct kv_request request = { .user = "alice", .uid = 1000, .service = "sshd",
		.from = "192.0.2.1" };
	const struct kv_rule *winner = kv_rule_match(&config, &request);
	struct kv_loser *loser;
	size_t count = 0;

	ATF_REQUIRE(winner == &rules[1]);
	loser = kv_explain_rules(&config, &request, winner, &count);
	ATF_REQUIRE_EQ(2, count);
	ATF_CHECK(loser[0].rule == &rules[0] && !loser[0].would_match);
	ATF_CHECK_STREQ("from 192.0.2.1 is not in: 10.0.0.0/8", loser[0].reason);
	ATF_CHECK(loser[1].rule == &rules[2] && loser[1].would_match);
	free(loser);
}

ATF_TC_WITHOUT_HEAD(the_login_shell_counts);
ATF_TC_BODY(the_login_shell_counts, tc)
{
	const struct kv_request request = { .user = "alice", .uid = 1000, .service = "sshd" };
	struct kv_decision decision = { .verdict = KV_VERDICT_CONFINE };

	kv_explain_shell(&config, &request, "/usr/sbin/kavach-session", true, &decision);
	ATF_CHECK_EQ(KV_VERDICT_CONFINE, decision.verdict);
	kv_explain_shell(&config, &request, "/bin/bash", false, &decision);
	ATF_CHECK_EQ(KV_VERDICT_REFUSE, decision.verdict);
	decision = (struct kv_decision){ .verdict = KV_VERDICT_PASS };
	kv_explain_shell(&config, &request, "/bin/bash", false, &decision);
	ATF_CHECK_EQ(KV_VERDICT_PASS, decision.verdict);
	kv_explain_shell(&config, &request, "/usr/sbin/kavach-session", true, &decision);
	ATF_CHECK_EQ(KV_VERDICT_REFUSE, decision.verdict);
}

/* What explain says of a backend is what the decision said, less the name that the row has. */
ATF_TC_WITHOUT_HEAD(backends_say_why_not);
ATF_TC_BODY(backends_say_why_not, tc)
{
	static const struct { enum kv_backend_id id, named, inner; const char *reason; } samples[] = {
		{ KV_BACKEND_OCI, KV_BACKEND_AUTO, KV_BACKEND_AUTO, "" },
		{ KV_BACKEND_PROCESS, KV_BACKEND_AUTO, KV_BACKEND_AUTO,
		    "cannot give a session a root of its own (rootfs = /r)" },
		{ KV_BACKEND_GVISOR, KV_BACKEND_AUTO, KV_BACKEND_AUTO, "cannot enforce landlock_ro/landlock_rw" },
		{ KV_BACKEND_SYAGNOS, KV_BACKEND_AUTO, KV_BACKEND_AUTO, "runs an image, not rootfs = /r" },
		{ KV_BACKEND_FIRECRACKER, KV_BACKEND_AUTO, KV_BACKEND_AUTO, "is not available: no KVM" },
		{ KV_BACKEND_GVISOR, KV_BACKEND_OCI, KV_BACKEND_AUTO, "the policy names oci" },
		{ KV_BACKEND_NOOP, KV_BACKEND_AUTO, KV_BACKEND_AUTO, "isolates nothing: never chosen by itself" },
		{ KV_BACKEND_PROCESS, KV_BACKEND_AUTO, KV_BACKEND_PROCESS, "runs inside the other, as inner_backend" },
		{ KV_BACKEND_SGX, KV_BACKEND_AUTO, KV_BACKEND_PROCESS, "cannot run another backend inside" },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT] = { [KV_BACKEND_FIRECRACKER] = { .reason = "no KVM" } };
	struct kv_landlock_path rule = { .path = "/a" };

	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		facts[i].available = i != KV_BACKEND_FIRECRACKER;
		facts[i].accepts[KV_SESSION_SHELL] = true;
	}
	facts[KV_BACKEND_PROCESS].lacks = KV_LACKS_ROOTFS;
	facts[KV_BACKEND_GVISOR].lacks = KV_LACKS_LANDLOCK;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_decision d = { .verdict = KV_VERDICT_CONFINE, .backend = KV_BACKEND_OCI,
			.inner = samples[i].inner,
			.policy = { .name = "p", .rootfs = "/r", .landlock = &rule, .landlock_count = 1,
			    .backend = samples[i].named, .inner_backend = samples[i].inner } };
		char reason[256];
		int score;

		kv_explain_backend(&d, KV_SESSION_SHELL, facts, samples[i].id, &score, reason, sizeof(reason));
		ATF_CHECK_STREQ(samples[i].reason, reason);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, backends_say_why_not);
	ATF_TP_ADD_TC(tp, losers_say_why);
	ATF_TP_ADD_TC(tp, the_login_shell_counts);
	return atf_no_error();
}

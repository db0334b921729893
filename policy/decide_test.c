#include "policy/decide.h"

#include "policy/match.h"
#include "policy/test_load.h"

#include <stdio.h>

/* All backends absent but those of the list (ended by -1); each accepts shells and commands. */
static void
facts_of(struct kv_backend_fact facts[KV_BACKEND_COUNT], const int *present)
{
	memset(facts, 0, sizeof(*facts) * KV_BACKEND_COUNT);
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		facts[i].base_score = kv_backend_base_score((enum kv_backend_id)i);
		facts[i].accepts[KV_SESSION_SHELL] = facts[i].accepts[KV_SESSION_COMMAND] =
		    i != KV_BACKEND_WASM;
		facts[i].accepts[KV_SESSION_WASM] = i == KV_BACKEND_WASM;
		(void)snprintf(facts[i].reason, sizeof(facts[i].reason), "not here");
	}
	for (; *present >= 0; present++)
		facts[*present].available = true;
}
#define FACTS(facts, ...) facts_of(facts, (const int[]){ __VA_ARGS__, -1 })

static int
score_of(const char *preset, enum kv_backend_id id)
{
	struct kv_policy policy;

	ATF_REQUIRE_EQ(0, kv_policy_preset(preset, &policy));
	return kv_score(kv_backend_base_score(id), id, &policy);
}

ATF_TC_WITHOUT_HEAD(scores_are_those_of_the_design);
ATF_TC_BODY(scores_are_those_of_the_design, tc)
{
	static const struct { int score; const char *label; } labels[] = { { 0, "minimal" },
		{ 29, "minimal" }, { 30, "basic" }, { 49, "basic" }, { 50, "standard" }, { 69, "standard" },
		{ 70, "hardened" }, { 84, "hardened" }, { 85, "fortress" }, { 100, "fortress" } };
	static const int base[] = { 50, 70, 90, 65, 55, 80, 82, 85, 80, 0 };
	struct kv_score_item items[KV_SCORE_ITEMS];
	struct kv_policy policy;
	int sum = 0;

	ATF_CHECK_EQ(55, score_of("minimal", KV_BACKEND_PROCESS));
	ATF_CHECK_EQ(60, score_of("basic", KV_BACKEND_PROCESS));
	ATF_CHECK_EQ(65, score_of("strict", KV_BACKEND_PROCESS));
	ATF_CHECK_EQ(85, score_of("strict", KV_BACKEND_GVISOR));
	ATF_CHECK_EQ(100, score_of("strict", KV_BACKEND_FIRECRACKER));
	ATF_CHECK_EQ(5, score_of("minimal", KV_BACKEND_NOOP));
	for (int i = 0; i < KV_BACKEND_COUNT; i++)
		ATF_CHECK_EQ(base[i], kv_backend_base_score((enum kv_backend_id)i));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		ATF_CHECK_STREQ(labels[i].label, kv_score_label(labels[i].score));
	ATF_CHECK_EQ(70, kv_score_composite(60, 65));
	ATF_CHECK_EQ(100, kv_score_composite(98, 0));
	ATF_REQUIRE_EQ(0, kv_policy_preset("strict", &policy));
	policy.landlock_count = 1;
	ATF_CHECK_EQ(68, kv_score(50, KV_BACKEND_PROCESS, &policy));
	ATF_CHECK_EQ(100, kv_score(90, KV_BACKEND_FIRECRACKER, &policy));
	policy.landlock_count = 0;
	policy.data_dir_count = 1;
	policy.memory_limit = 0;
	ATF_CHECK_EQ(65, kv_score(50, KV_BACKEND_PROCESS, &policy));
	policy.cpu_limit_milli = 0;
	ATF_CHECK_EQ(63, kv_score(50, KV_BACKEND_PROCESS, &policy));
	policy.network = KV_NET_LOOPBACK;
	ATF_CHECK_EQ(58, kv_score(50, KV_BACKEND_PROCESS, &policy));
	kv_score_items(&policy, items);
	for (size_t i = 0; i < KV_SCORE_ITEMS; i++)
		sum += items[i].points;
	ATF_CHECK_EQ(18, sum);
}

ATF_TC_WITHOUT_HEAD(backend_names);
ATF_TC_BODY(backend_names, tc)
{
	enum kv_backend_id id;

	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		ATF_CHECK_EQ(0, kv_backend_parse(kv_backend_name((enum kv_backend_id)i), &id));
		ATF_CHECK_EQ(i, (int)id);
	}
	ATF_CHECK_EQ(0, kv_backend_parse("SyAgnos", &id));
	ATF_CHECK_EQ(KV_BACKEND_SYAGNOS, id);
	ATF_CHECK_EQ(0, kv_backend_parse("SY-AGNOS", &id));
	ATF_CHECK_EQ(-1, kv_backend_parse("", &id));
	ATF_CHECK_EQ(-1, kv_backend_parse("auto", &id));
	ATF_CHECK_EQ(-1, kv_backend_parse("process ", &id));
}

ATF_TC_WITHOUT_HEAD(choice);
ATF_TC_BODY(choice, tc)
{
	struct kv_backend_fact facts[KV_BACKEND_COUNT];
	struct kv_error err = KV_ERROR_INIT;
	enum kv_backend_id id;
	struct kv_policy policy;
	int score;

	ATF_REQUIRE_EQ(0, kv_policy_preset("strict", &policy));
	FACTS(facts, KV_BACKEND_PROCESS, KV_BACKEND_OCI, KV_BACKEND_GVISOR, KV_BACKEND_NOOP);
	ATF_CHECK_EQ(0, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK_EQ(KV_BACKEND_GVISOR, id);
	ATF_CHECK_EQ(85, score);
	policy.min_strength = 86;
	ATF_CHECK_EQ(-1, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK(strstr(err.msg, "reaches 85 (fortress)") != NULL);
	policy.min_strength = 0;
	/* Equal scores: the later. Both are clamped to 100 as well. */
	FACTS(facts, KV_BACKEND_SGX, KV_BACKEND_SYAGNOS);
	ATF_CHECK_EQ(0, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK_EQ(KV_BACKEND_SYAGNOS, id);
	FACTS(facts, KV_BACKEND_FIRECRACKER, KV_BACKEND_TDX);
	ATF_CHECK_EQ(0, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK_EQ(KV_BACKEND_TDX, id);
	/* A shell is not for wasm; a named backend is not replaced. */
	FACTS(facts, KV_BACKEND_PROCESS, KV_BACKEND_WASM);
	ATF_CHECK_EQ(0, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK_EQ(KV_BACKEND_PROCESS, id);
	policy.backend = KV_BACKEND_WASM;
	ATF_CHECK_EQ(-1, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	policy.backend = KV_BACKEND_GVISOR;
	ATF_CHECK_EQ(-1, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK_STREQ("backend gvisor is not available: not here", err.msg);
	/* noop never by itself, and never without consent. */
	FACTS(facts, KV_BACKEND_NOOP);
	policy.backend = KV_BACKEND_AUTO;
	policy.allow_noop = true;
	ATF_CHECK_EQ(-1, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	policy.backend = KV_BACKEND_NOOP;
	ATF_CHECK_EQ(0, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
	policy.allow_noop = false;
	ATF_CHECK_EQ(-1, kv_choose(&policy, KV_SESSION_SHELL, facts, &id, &score, &err));
}

ATF_TC_WITHOUT_HEAD(matching_has_no_near_misses);
ATF_TC_BODY(matching_has_no_near_misses, tc)
{
	static const struct { const char *pattern, *text; bool glob, from; } samples[] = {
		{ "bob", "bob", true, true }, { "bob", "Bob", false, true },
		{ "bob", "bobby", false, false }, { "bob", "bo", false, false },
		{ "svc-*", "svc-a", true, false }, { "svc-*", "svc-", true, false },
		{ "svc-*", "xsvc-a", false, false }, { "*-adm", "x-adm", true, true },
		{ "*-adm", "x-admin", false, false }, { "*", "", false, false },
		{ "-1", "-1", true, true }, { "4294967296", "0", false, false },
		{ "10.0.0.0/8", "10.255.0.1", false, true }, { "10.0.0.0/8", "11.0.0.1", false, false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", false, true }, { "10.0.0.0/8", "10.host", false, false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", false, true },
		{ "192.0.2.1", "192.0.2.1", true, true }, { "192.0.2.1", "192.0.2.10", false, false },
		{ "0.0.0.0/0", "1.2.3.4", false, true }, { "0.0.0.0/0", "::1", false, false },
		{ "::/0", "::1", false, true }, { "::/0", "1.2.3.4", false, false },
		{ "2001:db8::/32", "2001:db8:1::2", false, true }, { "2001:db8::/32", "2001:db9::", false, false },
		{ "fe80::/10", "fe80::1%eth0", false, true },
		{ "*.b.example", "a.b.example", true, true }, { "*.b.example", "A.B.Example", false, true },
		{ "*.b.example", "b.example", false, false }, { "*.b.example", "xb.example", false, false },
		{ "*.1", "10.0.0.1", true, false }, { "a.example", "a.example.evil", false, false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		ATF_CHECK_EQ_MSG(samples[i].glob, kv_match_glob(samples[i].pattern, samples[i].text),
		    "%s %s", samples[i].pattern, samples[i].text);
		ATF_CHECK_EQ_MSG(samples[i].from, kv_match_from(samples[i].pattern, samples[i].text),
		    "from %s %s", samples[i].pattern, samples[i].text);
	}
}

static const char config_text[] =
    "[kavach]\nexempt_groups = root, wheel\n"
    "[policy open]\nbase = basic\nnetwork = proxy\n"
    "[policy floor]\nmin_strength = 66\n"
    "[policy two]\nbackend = gvisor\ninner_backend = process\nmin_strength = 90\nbase = basic\n"
    "[rule far]\ngroup = staff\nservice = sshd\nfrom = 10.0.0.0/8\ntty = pts/*\npolicy = strict\n"
    "[rule open]\nuser = open\npolicy = open\n"
    "[rule floor]\nuser = floor\npolicy = floor\n"
    "[rule two]\nuser = two\npolicy = two\n"
    "[rule module]\nuser = module\npolicy = basic\ncommand = \"/srv/a.wasm x\"\n"
    "[rule two-again]\nuser = two\npolicy = minimal\n";

ATF_TC_WITHOUT_HEAD(decision);
ATF_TC_BODY(decision, tc)
{
	static const char *const staff[] = { "users", "staff" }, *const wheel[] = { "staff", "wheel" };
	static const char *const near[] = { "wheels", "Wheel", "whee" };
	static const struct {
		struct kv_request request;
		enum kv_verdict verdict;
		const char *rule, *reason;
		int backend, inner, score;
	} samples[] = {
		{ { "a", 1, staff, 2, "sshd", "10.1.1.1", "pts/1", NULL }, KV_VERDICT_CONFINE, "far", "", 1, -1, 85 },
		{ { "a", 1, staff, 1, "sshd", "10.1.1.1", "pts/1", NULL }, KV_VERDICT_PASS, NULL, "no rule", 0, 0, 0 },
		{ { "a", 1, staff, 2, "su", "10.1.1.1", "pts/1", NULL }, KV_VERDICT_PASS, NULL, "no rule", 0, 0, 0 },
		{ { "a", 1, staff, 2, "sshd", NULL, "pts/1", NULL }, KV_VERDICT_PASS, NULL, "no rule", 0, 0, 0 },
		{ { "a", 1, staff, 2, "sshd", "10.1.1.1", NULL, NULL }, KV_VERDICT_PASS, NULL, "no rule", 0, 0, 0 },
		{ { "two", 1, wheel, 2, "sshd", NULL, NULL, NULL }, KV_VERDICT_PASS, NULL, "exempt", 0, 0, 0 },
		{ { "two", 0, NULL, 0, "sshd", NULL, NULL, NULL }, KV_VERDICT_PASS, NULL, "exempt", 0, 0, 0 },
		{ { "two", 1, near, 3, NULL, NULL, NULL, NULL }, KV_VERDICT_CONFINE, "two", "", 1, 0, 90 },
		{ { "open", 1, NULL, 0, NULL, NULL, NULL, NULL }, KV_VERDICT_CONFINE, "open", "", 1, -1, 75 },
		{ { "module", 1, NULL, 0, NULL, NULL, NULL, NULL }, KV_VERDICT_CONFINE, "module", "", 3, -1, 75 },
		{ { "floor", 1, NULL, 0, NULL, NULL, NULL, NULL }, KV_VERDICT_CONFINE, "floor", "", 1, -1, 85 },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];
	struct kv_error err = KV_ERROR_INIT;
	struct kv_decision decision;
	struct kv_config config;

	FACTS(facts, KV_BACKEND_PROCESS, KV_BACKEND_GVISOR, KV_BACKEND_WASM, KV_BACKEND_NOOP);
	(void)snprintf(facts[KV_BACKEND_GVISOR].runtime, KV_RUNTIME_MAX, "/usr/bin/runsc");
	(void)snprintf(facts[KV_BACKEND_GVISOR].runtime_option, 32, "ptrace");
	ATF_REQUIRE_EQ_MSG(0, test_load(config_text, &config, &err), "%s", err.msg);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_backend_fact known[KV_BACKEND_COUNT];

		/* What is not wanted is not known either. */
		memset(known, 0, sizeof(known));
		for (int id = 0; id < KV_BACKEND_COUNT; id++)
			if ((kv_backends_wanted(&config, &samples[i].request) & 1U << id) != 0)
				known[id] = facts[id];
		ATF_CHECK_EQ(0, kv_decide(&config, &samples[i].request, known, &decision, &err));
		ATF_CHECK_EQ_MSG(samples[i].verdict, decision.verdict, "%zu: %s", i, decision.reason);
		ATF_CHECK_EQ(samples[i].rule != NULL, decision.rule != NULL);
		if (samples[i].rule != NULL && decision.rule != NULL)
			ATF_CHECK_STREQ(samples[i].rule, decision.rule->name);
		ATF_CHECK_MSG(strstr(decision.reason, samples[i].reason) != NULL, "%s", decision.reason);
		if (decision.verdict == KV_VERDICT_CONFINE) {
			ATF_CHECK_EQ(samples[i].backend, (int)decision.backend);
			ATF_CHECK_EQ(samples[i].inner, (int)decision.inner);
			ATF_CHECK_EQ_MSG(samples[i].score, decision.score, "%zu: %d", i, decision.score);
			ATF_CHECK_STREQ(samples[i].backend == 1 ? "/usr/bin/runsc" : "", decision.runtime);
			ATF_CHECK_STREQ(samples[i].backend == 1 ? "ptrace" : "", decision.runtime_option);
		} else {
			ATF_CHECK_STREQ("", decision.runtime);
		}
		kv_decision_release(&decision);
	}
	/* The floor: the same host without gvisor. */
	facts[KV_BACKEND_GVISOR].available = false;
	ATF_CHECK_EQ(0, kv_decide(&config, &samples[10].request, facts, &decision, &err));
	ATF_CHECK_EQ(KV_VERDICT_REFUSE, decision.verdict);
	ATF_CHECK(strstr(decision.reason, "asks for strength 66; backend process reaches 65 (standard)") != NULL);
	kv_decision_release(&decision);
	ATF_CHECK_EQ(0, kv_decide(&config, &samples[7].request, facts, &decision, &err));
	ATF_CHECK_EQ(KV_VERDICT_REFUSE, decision.verdict);
	kv_decision_release(&decision);
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(merge_takes_the_stricter);
ATF_TC_BODY(merge_takes_the_stricter, tc)
{
	static const char text[] =
	    "[policy a]\nbase=minimal\nnetwork=proxy\nallowed_hosts=*.x.example, b.example\n"
	    "allowed_ports=80,443\nmemory_limit=2G\nlandlock_rw=/a\nlandlock_ro=/b\ndata_dir=/d\n"
	    "[policy b]\nbase=minimal\nnetwork=host\nallowed_ports=443,22\ncpu_limit=2\nmemory_limit=1G\n"
	    "landlock_ro=/a, /c\nhome=private\nprivilege=caps\n"
	    "[policy c]\nbase=minimal\nnetwork=proxy\nallowed_hosts=a.x.example, c.example\n"
	    "[policy d]\nbase=minimal\nnetwork=proxy\nallowed_hosts=d.example\n"
	    "[policy f]\nseccomp=/f\n";
	struct kv_error err = KV_ERROR_INIT;
	struct kv_policy m;
	struct kv_config config;
	const struct kv_policy *p;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	p = config.policies + 3;
	ATF_REQUIRE_EQ(0, kv_policy_merge(&p[0], &p[1], &m, &err));
	ATF_CHECK_EQ(KV_NET_PROXY, m.network);
	ATF_CHECK_EQ(2, m.allowed_hosts.count);
	ATF_CHECK_EQ(1, m.allowed_ports_count);
	ATF_CHECK_EQ(443, m.allowed_ports[0]);
	ATF_CHECK_EQ(1ULL << 30, m.memory_limit);
	ATF_CHECK_EQ(2000, m.cpu_limit_milli);
	ATF_CHECK_EQ(KV_HOME_PRIVATE, m.home);
	ATF_CHECK_EQ(3, m.landlock_count);
	for (size_t i = 0; i < m.landlock_count; i++)
		ATF_CHECK(!m.landlock[i].writable);
	ATF_CHECK_EQ(1, m.data_dir_count);
	kv_policy_release(&m);
	ATF_REQUIRE_EQ(0, kv_policy_merge(&p[0], &p[2], &m, &err));
	ATF_REQUIRE_EQ(1, m.allowed_hosts.count);
	ATF_CHECK_STREQ("a.x.example", m.allowed_hosts.item[0]);
	kv_policy_release(&m);
	/* Nothing in common is nothing, not everything. */
	ATF_REQUIRE_EQ(0, kv_policy_merge(&p[0], &p[3], &m, &err));
	ATF_CHECK_EQ(KV_NET_OFF, m.network);
	kv_policy_release(&m);
	ATF_REQUIRE_EQ(0, kv_policy_merge(&p[0], &config.policies[2], &m, &err));
	ATF_CHECK_EQ(KV_SECCOMP_STRICT, m.seccomp);
	ATF_CHECK_EQ(KV_NET_OFF, m.network);
	ATF_CHECK(m.read_only_root);
	ATF_CHECK_EQ(64, m.process_limit);
	kv_policy_release(&m);
	ATF_CHECK_EQ(-1, kv_policy_merge(&p[4], &config.policies[2], &m, &err));
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(copy_shares_nothing);
ATF_TC_BODY(copy_shares_nothing, tc)
{
	static const char text[] =
	    "[policy a]\nlandlock_ro=/a, /b\nlandlock_rw=/w\ndata_dir=/d, /e\nenvironment=ONE\n"
	    "network=host\nallowed_ports=22, 80\n"
	    "[policy b]\nbase=a\nlandlock_ro=/c\ndata_dir=\"\"\n";
	struct kv_error err = KV_ERROR_INIT;
	struct kv_policy copy, empty;
	struct kv_config config;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	ATF_REQUIRE_EQ(0, kv_policy_copy(kv_config_policy(&config, "a"), &copy));
	ATF_REQUIRE_EQ(0, kv_policy_copy(kv_config_policy(&config, "b"), &empty));
	/* b's changes are not a's, and neither needs the configuration any more. */
	kv_config_release(&config);
	ATF_REQUIRE_EQ(3, copy.landlock_count);
	ATF_CHECK_STREQ("/a", copy.landlock[0].path);
	ATF_CHECK_STREQ("/b", copy.landlock[1].path);
	ATF_CHECK(copy.landlock[2].writable && strcmp("/w", copy.landlock[2].path) == 0);
	ATF_REQUIRE_EQ(2, copy.data_dir_count);
	ATF_CHECK_STREQ("/d", copy.data_dir[0]);
	ATF_CHECK_STREQ("/e", copy.data_dir[1]);
	ATF_CHECK(kv_list_has(&copy.environment, "ONE"));
	ATF_CHECK(copy.allowed_ports_count == 2 && copy.allowed_ports[1] == 80);
	ATF_CHECK_EQ(2, empty.landlock_count);
	ATF_CHECK_EQ(0, empty.data_dir_count);
	ATF_CHECK(empty.data_dir == NULL);
	kv_policy_release(&copy);
	kv_policy_release(&copy);	/* twice does no harm */
	kv_policy_release(&empty);
}

/* The tables grow by one; their ends are where they were. */
ATF_TC_WITHOUT_HEAD(tables_have_an_end);
ATF_TC_BODY(tables_have_an_end, tc)
{
	static const struct { const char *key, *word; unsigned int max; } tables[] = {
		{ "landlock_ro", "more than 64 Landlock paths", KV_LANDLOCK_MAX },
		{ "data_dir", "more than 16 folders", KV_DATA_MAX },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (unsigned int n = tables[i].max; n <= tables[i].max + 1; n++) {
			struct kv_error err = KV_ERROR_INIT;
			struct kv_config config;
			char text[1024];
			int at = snprintf(text, sizeof(text), "[policy a]\n%s = /p0", tables[i].key);

			for (unsigned int k = 1; k < n; k++)
				at += snprintf(text + at, sizeof(text) - (size_t)at, ", /p%u", k);
			(void)snprintf(text + at, sizeof(text) - (size_t)at, "\n");
			ATF_CHECK_EQ(n == tables[i].max ? 0 : -1, test_load(text, &config, &err));
			ATF_CHECK_EQ(n > tables[i].max, strstr(err.msg, tables[i].word) != NULL);
			kv_config_release(&config);
		}
	}
}

static unsigned int
wanted(const char *user, const char *group)
{
	static const char text[] = "[kavach]\nexempt_groups = wheel\n"
	    "[policy kernel]\nbase = strict\nbackend = process\n"
	    "[policy both]\nbase = basic\nbackend = gvisor\ninner_backend = process\n"
	    "[policy inner]\nbase = basic\ninner_backend = oci\n"
	    "[policy none]\nbase = basic\nbackend = noop\nallow_noop = yes\n"
	    "[rule kernel]\nuser = kernel\npolicy = kernel\n[rule both]\nuser = both\npolicy = both\n"
	    "[rule inner]\nuser = inner\npolicy = inner\n[rule none]\nuser = none\npolicy = none\n"
	    "[rule auto]\nuser = auto\npolicy = basic\n";
	const struct kv_request request = { .user = user, .uid = 1, .groups = &group, .group_count = 1 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	unsigned int mask;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	mask = kv_backends_wanted(&config, &request);
	kv_config_release(&config);
	return mask;
}

ATF_TC_WITHOUT_HEAD(only_what_can_be_chosen_is_wanted);
ATF_TC_BODY(only_what_can_be_chosen_is_wanted, tc)
{
	const unsigned int all = ((1U << KV_BACKEND_NOOP) - 1) & ~(1U << KV_BACKEND_WASM);

	ATF_CHECK_EQ(1U << KV_BACKEND_PROCESS, wanted("kernel", "users"));
	ATF_CHECK_EQ(1U << KV_BACKEND_GVISOR | 1U << KV_BACKEND_PROCESS, wanted("both", "users"));
	ATF_CHECK_EQ(all, wanted("inner", "users"));
	ATF_CHECK_EQ(1U << KV_BACKEND_NOOP, wanted("none", "users"));
	ATF_CHECK_EQ(all, wanted("auto", "users"));
	ATF_CHECK_EQ(0, wanted("auto", "wheel"));
	ATF_CHECK_EQ(0, wanted("nobody", "users"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, scores_are_those_of_the_design);
	ATF_TP_ADD_TC(tp, backend_names);
	ATF_TP_ADD_TC(tp, choice);
	ATF_TP_ADD_TC(tp, matching_has_no_near_misses);
	ATF_TP_ADD_TC(tp, decision);
	ATF_TP_ADD_TC(tp, merge_takes_the_stricter);
	ATF_TP_ADD_TC(tp, copy_shares_nothing);
	ATF_TP_ADD_TC(tp, tables_have_an_end);
	ATF_TP_ADD_TC(tp, only_what_can_be_chosen_is_wanted);
	return atf_no_error();
}

/* Modules: how they are told from commands, and which backend runs them. */
#include "policy/decide.h"

#include "policy/test_load.h"

#include <stdio.h>

static void
host(struct kv_backend_fact facts[KV_BACKEND_COUNT], bool wasm, unsigned int lacks)
{
	memset(facts, 0, sizeof(*facts) * KV_BACKEND_COUNT);
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		facts[i].base_score = kv_backend_base_score((enum kv_backend_id)i);
		facts[i].accepts[KV_SESSION_SHELL] = facts[i].accepts[KV_SESSION_COMMAND] = i != KV_BACKEND_WASM;
		(void)snprintf(facts[i].reason, sizeof(facts[i].reason), "not here");
	}
	facts[KV_BACKEND_PROCESS].available = facts[KV_BACKEND_GVISOR].available = true;
	facts[KV_BACKEND_WASM].available = wasm;
	facts[KV_BACKEND_WASM].accepts[KV_SESSION_WASM] = true;
	facts[KV_BACKEND_WASM].lacks = lacks;
	(void)snprintf(facts[KV_BACKEND_WASM].runtime, sizeof(facts->runtime), "/bin/wasmtime");
	(void)snprintf(facts[KV_BACKEND_WASM].runtime_option, sizeof(facts->runtime_option), "wat,fuel");
}

/* forced "": none. The decision is to be released. */
static void
decide(const char *lines, const char *forced, const char *asked, const struct kv_backend_fact *facts,
    struct kv_config *config, struct kv_decision *out)
{
	const struct kv_request request = { .user = "a", .uid = 1, .command = asked };
	struct kv_error err = KV_ERROR_INIT;
	char text[512];

	(void)snprintf(text, sizeof(text), "[policy p]\n%s[rule r]\npolicy = p\n%s%s%s", lines,
	    forced[0] != '\0' ? "command = \"" : "", forced, forced[0] != '\0' ? "\"\n" : "");
	ATF_REQUIRE_EQ_MSG(0, test_load(text, config, &err), "%s: %s", text, err.msg);
	ATF_REQUIRE_EQ(0, kv_decide(config, &request, facts, out, &err));
}

ATF_TC_WITHOUT_HEAD(a_module_is_told_by_its_name);
ATF_TC_BODY(a_module_is_told_by_its_name, tc)
{
	static const struct { const char *command; enum kv_session_kind kind; } samples[] = {
		{ NULL, KV_SESSION_SHELL }, { "", KV_SESSION_SHELL }, { "/m.wasm", KV_SESSION_WASM },
		{ "  /m.wat -x", KV_SESSION_WASM }, { "'/a b.wasm' c", KV_SESSION_WASM }, { "\"/m.wasm\"", KV_SESSION_WASM },
		{ "a\\ b.wat", KV_SESSION_WASM }, { ".wasm", KV_SESSION_COMMAND }, { "/m.wasmx", KV_SESSION_COMMAND },
		{ "/m.WASM", KV_SESSION_COMMAND }, { "/m.cwasm", KV_SESSION_COMMAND }, { "cat /m.wasm", KV_SESSION_COMMAND },
		{ "/m.wasm;id", KV_SESSION_COMMAND }, { "/m.wasm ;id", KV_SESSION_WASM }, { "X=1 /m.wasm", KV_SESSION_COMMAND },
		{ "$X.wasm", KV_SESSION_COMMAND }, { "'/m.wasm", KV_SESSION_COMMAND }, { "/m.wasm\n", KV_SESSION_WASM },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct kv_request request = { .command = samples[i].command };
		char forced[] = "/forced.wasm";
		const struct kv_rule rule = { .command = forced };

		ATF_CHECK_EQ_MSG(samples[i].kind, kv_request_kind(NULL, &request), "%s", samples[i].command);
		ATF_CHECK_EQ(KV_SESSION_WASM, kv_request_kind(&rule, &request));
		ATF_CHECK_STREQ(forced, kv_request_command(&rule, &request));
	}
}

ATF_TC_WITHOUT_HEAD(what_runs_a_module);
ATF_TC_BODY(what_runs_a_module, tc)
{
	static const struct {
		const char *lines, *forced, *asked;
		const char *reason;	/* part of the refusal; NULL: allowed ... */
		int backend, inner, score;	/* ... so */
		bool wasm;		/* is a runtime here ... */
		unsigned int lacks;	/* ... without this */
	} samples[] = {
		{ "", "/m.wasm a", NULL, NULL, KV_BACKEND_WASM, -1, 80, true, 0 },
		{ "", "", "/m.wasm a", NULL, KV_BACKEND_WASM, -1, 80, true, 0 },
		{ "", "", NULL, NULL, KV_BACKEND_GVISOR, -1, 85, true, 0 },
		{ "", "", "ls", NULL, KV_BACKEND_GVISOR, -1, 85, true, 0 },
		{ "", "ls", "/m.wasm", NULL, KV_BACKEND_GVISOR, -1, 85, true, 0 },
		{ "backend = wasm\n", "/m.wat", NULL, NULL, KV_BACKEND_WASM, -1, 80, true, 0 },
		{ "backend = wasm\nlandlock_ro = /a\n", "/m.wat", NULL, NULL, KV_BACKEND_WASM, -1, 83, true, 0 },
		{ "backend = wasm\n", "", NULL, "cannot run an interactive shell", 0, 0, 0, true, 0 },
		{ "backend = wasm\n", "ls", NULL, "cannot run a command", 0, 0, 0, true, 0 },
		{ "backend = process\n", "/m.wasm", NULL, "backend process cannot run a WebAssembly module", 0, 0, 0, true, 0 },
		{ "", "/m.wasm", NULL, "run this session: backend wasm is not available: not here", 0, 0, 0, false, 0 },
		{ "backend = wasm\n", "/m.wasm", NULL, "backend wasm is not available: not here", 0, 0, 0, false, 0 },
		{ "", "/m.wasm | tee x", NULL, "no shell reads this command", 0, 0, 0, true, 0 },
		{ "", "/m.wasm 'x", NULL, "no shell reads this command", 0, 0, 0, true, 0 },
		{ "min_strength = 81\n", "/m.wasm", NULL, "asks for strength 81; backend wasm reaches 80", 0, 0, 0, true, 0 },
		{ "wasm_fuel = 5\n", "/m.wasm", NULL, NULL, KV_BACKEND_WASM, -1, 80, true, 0 },
		{ "wasm_fuel = 5\n", "/m.wasm", NULL, "cannot enforce wasm_fuel: /bin/wasmtime", 0, 0, 0, true, KV_LACKS_FUEL },
		{ "wasm_timeout = 5\n", "/m.wasm", NULL, "cannot enforce wasm_timeout", 0, 0, 0, true, KV_LACKS_TIMEOUT },
		{ "wasm_timeout = 5\n", "/m.wasm", NULL, NULL, KV_BACKEND_WASM, -1, 80, true, KV_LACKS_FUEL },
		{ "wasm_fuel = 5\n", "ls", NULL, NULL, KV_BACKEND_GVISOR, -1, 85, true, KV_LACKS_FUEL },
		{ "rootfs = /r\n", "/m.wasm", NULL, "cannot give a session a root of its own", 0, 0, 0, true, KV_LACKS_ROOTFS },
		/* A composite only where the policy says so; the higher of the two + 5. */
		{ "inner_backend = process\n", "/m.wasm", NULL, NULL, KV_BACKEND_WASM, KV_BACKEND_PROCESS, 85, true, 0 },
		{ "backend = wasm\ninner_backend = process\n", "/m.wasm", NULL, NULL, KV_BACKEND_WASM, KV_BACKEND_PROCESS, 85, true, 0 },
		{ "base = minimal\nbackend = wasm\ninner_backend = process\n", "/m.wasm", NULL, NULL, KV_BACKEND_WASM,
		    KV_BACKEND_PROCESS, 85, true, 0 },
		{ "backend = wasm\ninner_backend = gvisor\n", "/m.wasm", NULL, "only process can run inside", 0, 0, 0, true, 0 },
		{ "backend = wasm\ninner_backend = process\n", "", NULL, "interactive shell", 0, 0, 0, true, 0 },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_backend_fact facts[KV_BACKEND_COUNT];
		struct kv_config config;
		struct kv_decision d;

		host(facts, samples[i].wasm, samples[i].lacks);
		decide(samples[i].lines, samples[i].forced, samples[i].asked, facts, &config, &d);
		ATF_CHECK_EQ_MSG(samples[i].reason == NULL, d.verdict == KV_VERDICT_CONFINE, "%zu: %s", i, d.reason);
		if (samples[i].reason != NULL) {
			ATF_CHECK_MSG(strstr(d.reason, samples[i].reason) != NULL, "%zu: %s", i, d.reason);
		} else {
			ATF_CHECK_EQ_MSG(samples[i].backend, (int)d.backend, "%zu: %s", i, kv_backend_name(d.backend));
			ATF_CHECK_EQ(samples[i].inner, (int)d.inner);
			ATF_CHECK_EQ_MSG(samples[i].score, d.score, "%zu: %d", i, d.score);
			ATF_CHECK_STREQ(d.backend == KV_BACKEND_WASM ? "wat,fuel" : "", d.runtime_option);
		}
		kv_decision_release(&d);
		kv_config_release(&config);
	}
}

static unsigned int
wanted(const char *lines, const char *command)
{
	const struct kv_request request = { .user = "a", .uid = 1, .command = command };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	unsigned int mask;
	char text[256];

	(void)snprintf(text, sizeof(text), "[policy p]\n%s[rule r]\npolicy = p\n", lines);
	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	mask = kv_backends_wanted(&config, &request);
	kv_config_release(&config);
	return mask;
}

ATF_TC_WITHOUT_HEAD(runtimes_are_looked_at_for_modules_only);
ATF_TC_BODY(runtimes_are_looked_at_for_modules_only, tc)
{
	ATF_CHECK_EQ(1U << KV_BACKEND_WASM, wanted("", "/m.wasm"));
	ATF_CHECK_EQ(1U << KV_BACKEND_WASM | 1U << KV_BACKEND_PROCESS, wanted("inner_backend = process\n", "/m.wasm"));
	ATF_CHECK_EQ(0, wanted("", "ls") & 1U << KV_BACKEND_WASM);
	ATF_CHECK(wanted("", NULL) != 0 && (wanted("", NULL) & 1U << KV_BACKEND_WASM) == 0);
	ATF_CHECK_EQ(1U << KV_BACKEND_WASM, wanted("backend = wasm\n", NULL));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_module_is_told_by_its_name);
	ATF_TP_ADD_TC(tp, what_runs_a_module);
	ATF_TP_ADD_TC(tp, runtimes_are_looked_at_for_modules_only);
	return atf_no_error();
}

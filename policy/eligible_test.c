#include "policy/decide.h"

#include "policy/test_load.h"

#include <stdio.h>

#define FENCE (KV_LACKS_USERNS)	/* what every container lacks */

/* A host with process, gvisor, oci, sy-agnos of a tier, and noop. */
static void
host(struct kv_backend_fact facts[KV_BACKEND_COUNT], int syagnos)
{
	static const enum kv_backend_id here[] = { KV_BACKEND_PROCESS, KV_BACKEND_GVISOR, KV_BACKEND_OCI,
		KV_BACKEND_SYAGNOS, KV_BACKEND_NOOP };

	memset(facts, 0, sizeof(*facts) * KV_BACKEND_COUNT);
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		facts[i].base_score = kv_backend_base_score((enum kv_backend_id)i);
		facts[i].accepts[KV_SESSION_SHELL] = facts[i].accepts[KV_SESSION_COMMAND] = true;
		(void)snprintf(facts[i].reason, sizeof(facts[i].reason), "not here");
	}
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		facts[here[i]].available = true;
	facts[KV_BACKEND_PROCESS].lacks = facts[KV_BACKEND_NOOP].lacks = KV_LACKS_ROOTFS;
	facts[KV_BACKEND_OCI].lacks = FENCE;
	facts[KV_BACKEND_SYAGNOS].lacks = FENCE;
	facts[KV_BACKEND_GVISOR].lacks = FENCE | KV_LACKS_LANDLOCK | KV_LACKS_PORTS;
	facts[KV_BACKEND_SYAGNOS].base_score = syagnos;
	for (int i = 0; i < KV_BACKEND_COUNT; i++)
		(void)snprintf(facts[i].runtime, sizeof(facts[i].runtime), "/runs/%s",
		    kv_backend_name((enum kv_backend_id)i));
}

/* What is decided under a policy of these lines; the decision is to be released. */
static void
decide(const char *lines, const struct kv_backend_fact *facts, struct kv_config *config,
    struct kv_decision *out)
{
	const struct kv_request request = { .user = "a", .uid = 1 };
	struct kv_error err = KV_ERROR_INIT;
	char text[512];

	(void)snprintf(text, sizeof(text), "[policy p]\n%s[rule r]\npolicy = p\n", lines);
	ATF_REQUIRE_EQ_MSG(0, test_load(text, config, &err), "%s: %s", lines, err.msg);
	ATF_REQUIRE_EQ(0, kv_decide(config, &request, facts, out, &err));
}

struct sample {
	const char *lines;
	const char *reason;		/* part of the refusal; NULL: allowed ... */
	enum kv_backend_id backend;	/* ... with this one */
	int score;
};

static void
check_with(const struct kv_backend_fact *facts, const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sample *s = &samples[i];
		struct kv_decision d;
		struct kv_config config;

		decide(s->lines, facts, &config, &d);
		if (s->reason != NULL) {
			ATF_CHECK_EQ_MSG(KV_VERDICT_REFUSE, d.verdict, "%s", s->lines);
			ATF_CHECK_MSG(strstr(d.reason, s->reason) != NULL, "%s: %s", s->lines, d.reason);
		} else {
			ATF_CHECK_EQ_MSG(KV_VERDICT_CONFINE, d.verdict, "%s: %s", s->lines, d.reason);
			ATF_CHECK_EQ_MSG(s->backend, d.backend, "%s: %s", s->lines, kv_backend_name(d.backend));
			ATF_CHECK_EQ_MSG(s->score, d.score, "%s: %d", s->lines, d.score);
			ATF_CHECK_MSG(d.verdict != KV_VERDICT_CONFINE ||
			    strcmp(d.runtime, facts[d.backend].runtime) == 0, "%s: %s", s->lines, d.runtime);
		}
		kv_decision_release(&d);
		kv_config_release(&config);
	}
}
#define CHECK(facts, samples) check_with(facts, samples, sizeof(samples) / sizeof((samples)[0]))

ATF_TC_WITHOUT_HEAD(a_lacking_layer_is_named_or_skipped);
ATF_TC_BODY(a_lacking_layer_is_named_or_skipped, tc)
{
	static const struct sample samples[] = {
		{ "backend = gvisor\n", NULL, KV_BACKEND_GVISOR, 85 },
		{ "backend = gvisor\nlandlock_ro = /a\n",
		    "backend gvisor cannot enforce landlock_ro/landlock_rw", 0, 0 },
		{ "backend = gvisor\nlandlock_rw = /a\n", "landlock_ro/landlock_rw", 0, 0 },
		{ "backend = oci\nlandlock_ro = /a\n", NULL, KV_BACKEND_OCI, 73 },
		{ "landlock_ro = /a\n", NULL, KV_BACKEND_OCI, 73 },
		{ "backend = gvisor\nnetwork = host\n", NULL, KV_BACKEND_GVISOR, 80 },
		{ "backend = gvisor\nnetwork = host\nallowed_ports = 22\n",
		    "backend gvisor cannot enforce allowed_ports", 0, 0 },
		{ "network = host\nallowed_ports = 22\n", NULL, KV_BACKEND_OCI, 65 },
		{ "backend = oci\nprivilege = userns\n", "backend oci needs privilege = caps", 0, 0 },
		{ "backend = oci\nprivilege = caps\n", NULL, KV_BACKEND_OCI, 70 },
		{ "privilege = userns\n", NULL, KV_BACKEND_PROCESS, 65 },
		{ "backend = process\nprivilege = userns\n", NULL, KV_BACKEND_PROCESS, 65 },
		{ "privilege = userns\nrootfs = /r\n",
		    "no backend on this host can run this session: backend ", 0, 0 },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	host(facts, 80);
	facts[KV_BACKEND_SYAGNOS].available = false;
	CHECK(facts, samples);
}

ATF_TC_WITHOUT_HEAD(a_root_of_ones_own_needs_a_container);
ATF_TC_BODY(a_root_of_ones_own_needs_a_container, tc)
{
	static const struct sample samples[] = {
		{ "backend = process\nrootfs = /r\n",
		    "backend process cannot give a session a root of its own (rootfs = /r)", 0, 0 },
		{ "backend = process\nimage = i\n", "(image = i)", 0, 0 },
		{ "backend = process\nrootfs = host\n", NULL, KV_BACKEND_PROCESS, 65 },
		{ "backend = noop\nallow_noop = yes\nrootfs = /r\n", "backend noop cannot give", 0, 0 },
		{ "backend = noop\nallow_noop = yes\n", NULL, KV_BACKEND_NOOP, 15 },
		{ "backend = oci\nrootfs = /r\n", NULL, KV_BACKEND_OCI, 70 },
		{ "backend = oci\nimage = i\n", NULL, KV_BACKEND_OCI, 70 },
		{ "backend = gvisor\nrootfs = /r\n", NULL, KV_BACKEND_GVISOR, 85 },
		{ "rootfs = /r\n", NULL, KV_BACKEND_GVISOR, 85 },
		{ "backend = sy-agnos\nrootfs = /r\n",
		    "backend sy-agnos runs an image, not rootfs = /r", 0, 0 },
		{ "image = i\n", NULL, KV_BACKEND_SYAGNOS, 95 },
	};
	static const struct sample without[] = {
		{ "rootfs = /r\n", "can run this session: backend process cannot give", 0, 0 },
		{ "rootfs = host\n", NULL, KV_BACKEND_PROCESS, 65 },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	host(facts, 80);
	CHECK(facts, samples);
	facts[KV_BACKEND_GVISOR].available = facts[KV_BACKEND_OCI].available = false;
	facts[KV_BACKEND_SYAGNOS].available = false;
	CHECK(facts, without);
}

/* A tier is a promise: only what is proven of that image counts. */
ATF_TC_WITHOUT_HEAD(image_tiers);
ATF_TC_BODY(image_tiers, tc)
{
	static const struct sample minimal[] = {
		{ "backend = sy-agnos\n", NULL, KV_BACKEND_SYAGNOS, 95 },
		{ "backend = sy-agnos\nimage_tier = dmverity\n",
		    "image_tier = dmverity; image sy-agnos is proven to be minimal", 0, 0 },
		{ "image_tier = dmverity\n", "can run this session: backend sy-agnos: the policy asks", 0, 0 },
	};
	static const struct sample dmverity[] = {
		{ "backend = sy-agnos\n", NULL, KV_BACKEND_SYAGNOS, 100 },
		{ "backend = sy-agnos\nimage_tier = dmverity\n", NULL, KV_BACKEND_SYAGNOS, 100 },
		{ "image_tier = dmverity\n", NULL, KV_BACKEND_SYAGNOS, 100 },
		{ "backend = sy-agnos\nimage_tier = tpm_measured\n", "is proven to be dmverity", 0, 0 },
		{ "backend = sy-agnos\nimage = sy-agnos\nimage_tier = dmverity\n", NULL,
		    KV_BACKEND_SYAGNOS, 100 },
		{ "backend = sy-agnos\nimage = other\n", NULL, KV_BACKEND_SYAGNOS, 95 },
		{ "backend = sy-agnos\nimage = other\nimage_tier = dmverity\n",
		    "image other is proven to be minimal", 0, 0 },
		{ "backend = oci\nimage_tier = dmverity\n",
		    "backend oci cannot prove image_tier = dmverity", 0, 0 },
		{ "backend = process\nimage_tier = dmverity\n", "backend process cannot prove", 0, 0 },
	};
	static const struct sample tpm[] = {
		{ "base = minimal\nbackend = sy-agnos\nimage_tier = tpm_measured\n", NULL,
		    KV_BACKEND_SYAGNOS, 93 },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	host(facts, 80);
	CHECK(facts, minimal);
	host(facts, KV_TIER_SCORE_DMVERITY);
	CHECK(facts, dmverity);
	host(facts, KV_TIER_SCORE_TPM);
	CHECK(facts, tpm);
}

ATF_TC_WITHOUT_HEAD(syagnos_always_has_an_image);
ATF_TC_BODY(syagnos_always_has_an_image, tc)
{
	static const struct { const char *lines, *image; } samples[] = {
		{ "backend = sy-agnos\n", "sy-agnos" }, { "backend = sy-agnos\nimage = x\n", "x" },
		{ "backend = oci\n", "" }, { "backend = oci\nimage = x\n", "x" },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	host(facts, 80);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_decision d;
		struct kv_config config;

		decide(samples[i].lines, facts, &config, &d);
		ATF_CHECK_EQ(KV_VERDICT_CONFINE, d.verdict);
		ATF_CHECK_STREQ(samples[i].image, d.policy.image);
		kv_decision_release(&d);
		kv_config_release(&config);
	}
}

ATF_TC_WITHOUT_HEAD(what_may_be_inside_what);
ATF_TC_BODY(what_may_be_inside_what, tc)
{
	static const struct sample samples[] = {
		{ "inner_backend = process\nbackend = oci\n", NULL, KV_BACKEND_OCI, 75 },
		{ "inner_backend = process\nbackend = sy-agnos\n", NULL, KV_BACKEND_SYAGNOS, 100 },
		{ "inner_backend = process\nbackend = gvisor\n", NULL, KV_BACKEND_GVISOR, 90 },
		{ "inner_backend = process\n", NULL, KV_BACKEND_SYAGNOS, 100 },
		{ "inner_backend = process\nbackend = gvisor\nlandlock_ro = /a\n",
		    "backend gvisor cannot enforce landlock_ro/landlock_rw", 0, 0 },
		{ "inner_backend = process\nbackend = oci\nlandlock_ro = /a\n", NULL, KV_BACKEND_OCI, 78 },
		/* The merge has no network: ports are of no more use, and still a rule. */
		{ "inner_backend = process\nbackend = gvisor\nnetwork = host\nallowed_ports = 22\n",
		    "backend gvisor cannot enforce allowed_ports", 0, 0 },
		{ "inner_backend = process\nbackend = oci\nrootfs = /r\n", NULL, KV_BACKEND_OCI, 75 },
		{ "inner_backend = process\nbackend = oci\nprivilege = userns\n", "privilege = caps", 0, 0 },
		{ "inner_backend = oci\nbackend = gvisor\n",
		    "only process can run inside another backend: inner_backend = oci", 0, 0 },
		{ "inner_backend = oci\nbackend = process\n", "only process can run inside", 0, 0 },
		{ "inner_backend = noop\nbackend = oci\nallow_noop = yes\n", "only process can run", 0, 0 },
		{ "inner_backend = gvisor\n", "only process can run inside", 0, 0 },
		{ "inner_backend = process\nbackend = noop\nallow_noop = yes\n",
		    "backend noop cannot run another backend inside", 0, 0 },
		{ "inner_backend = process\nbackend = firecracker\n",
		    "backend firecracker cannot run another backend inside", 0, 0 },
		{ "inner_backend = process\nbackend = oci\nmin_strength = 75\n", NULL, KV_BACKEND_OCI, 75 },
		{ "inner_backend = process\nbackend = oci\nmin_strength = 76\n",
		    "backend oci with process inside reaches 75", 0, 0 },
	};
	static const struct sample alone[] = {
		{ "inner_backend = process\n", "no backend on this host can run this session", 0, 0 },
		{ "inner_backend = process\nbackend = oci\n", "backend oci is not available", 0, 0 },
	};
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	host(facts, 80);
	CHECK(facts, samples);
	facts[KV_BACKEND_GVISOR].available = facts[KV_BACKEND_OCI].available = false;
	facts[KV_BACKEND_SYAGNOS].available = false;
	CHECK(facts, alone);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_lacking_layer_is_named_or_skipped);
	ATF_TP_ADD_TC(tp, a_root_of_ones_own_needs_a_container);
	ATF_TP_ADD_TC(tp, image_tiers);
	ATF_TP_ADD_TC(tp, syagnos_always_has_an_image);
	ATF_TP_ADD_TC(tp, what_may_be_inside_what);
	return atf_no_error();
}

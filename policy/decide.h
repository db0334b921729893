/*
 * The decision: pure functions over the configuration, the request and facts
 * about the backends. Nothing here touches the host.
 */
#ifndef KV_POLICY_DECIDE_H
#define KV_POLICY_DECIDE_H

#include "policy/policy.h"

/* Who asks, from where, for what. All borrowed; NULL where unknown. */
struct kv_request {
	const char *user;
	uid_t uid;
	const char *const *groups;	/* names, primary group included */
	size_t group_count;
	const char *service;		/* PAM service: sshd, login, su, cron ... */
	const char *from;		/* PAM_RHOST: address or host name */
	const char *tty;		/* PAM_TTY without /dev/ */
	const char *command;		/* what was asked for; NULL: an interactive shell or not known yet */
};

/* What a session needs of a backend. */
enum kv_session_kind { KV_SESSION_SHELL, KV_SESSION_COMMAND, KV_SESSION_WASM };

/* What the host says of one backend. */
struct kv_backend_fact {
	bool available;
	bool accepts[3];		/* by enum kv_session_kind */
	int base_score;			/* may exceed the table's: sy-agnos, by what is proven of KV_SYAGNOS_IMAGE */
	char reason[256];		/* why it is not available */
	unsigned int lacks;		/* KV_LACKS_*: what of a policy it cannot enforce here */
	char runtime[KV_RUNTIME_MAX];	/* the program that it uses; "": none */
	char runtime_option[KV_RUNTIME_MAX];	/* what the probe found besides (gVisor: the platform; wasm: what it can) */
};

/* Layers that a backend cannot give: a policy that has them is not for it. */
enum {
	KV_LACKS_LANDLOCK = 1 << 0,	/* Landlock rules */
	KV_LACKS_PORTS = 1 << 1,	/* allowed_ports */
	KV_LACKS_USERNS = 1 << 2,	/* privilege = userns */
	KV_LACKS_ROOTFS = 1 << 3,	/* a root of the policy's own (rootfs, image) */
	KV_LACKS_FUEL = 1 << 4,		/* wasm_fuel: only wasm can lack it, others run no module */
	KV_LACKS_TIMEOUT = 1 << 5,	/* wasm_timeout: the same */
};

/* Base scores of sy-agnos by what is proven of its image; the table has that of the least tier. */
#define KV_TIER_SCORE_DMVERITY	85
#define KV_TIER_SCORE_TPM	88

enum kv_verdict { KV_VERDICT_PASS, KV_VERDICT_CONFINE, KV_VERDICT_REFUSE };

struct kv_decision {
	enum kv_verdict verdict;
	const struct kv_rule *rule;	/* borrowed from the config; NULL: none matched, or exempt */
	struct kv_policy policy;	/* owned: merged when composite; with sy-agnos, image is never empty */
	enum kv_backend_id backend, inner;
	int base_score;			/* of the backend, from its fact */
	int score;
	char runtime[KV_RUNTIME_MAX];	/* of the backend, from its fact */
	char runtime_option[KV_RUNTIME_MAX];
	char reason[256];		/* PASS: why not ours; REFUSE: why, for the record */
};

/*
 * Which backends the decision for this request may depend on, by their bits (1 << id): of the others no
 * fact is looked at. 0 where none is needed.
 */
unsigned int kv_backends_wanted(const struct kv_config *config, const struct kv_request *request);

/*
 * The whole decision for one login. facts has KV_BACKEND_COUNT entries. Always fills *out (verdict
 * REFUSE when something is wrong); release it with kv_decision_release.
 * Returns 0, or -1 when out of memory (verdict is then REFUSE).
 */
int kv_decide(const struct kv_config *config, const struct kv_request *request,
    const struct kv_backend_fact *facts, struct kv_decision *out, struct kv_error *err);
void kv_decision_release(struct kv_decision *decision);

/* Is one of the request's groups, or the user root, exempt. */
bool kv_exempt(const struct kv_config *config, const struct kv_request *request);

/* The first rule that matches, or NULL. */
const struct kv_rule *kv_rule_match(const struct kv_config *config, const struct kv_request *request);

/*
 * What will run: the rule's forced command counts before the one asked for (kv_request_command; NULL: none). A
 * module is told by the end of its name, .wasm or .wat. rule may be NULL.
 */
const char *kv_request_command(const struct kv_rule *rule, const struct kv_request *request);
enum kv_session_kind kv_request_kind(const struct kv_rule *rule, const struct kv_request *request);

/*
 * Score of a backend under a policy, 0-100. base_score is
 * the fact's. kv_score_composite: the higher of the two + 5, at most 100.
 */
int kv_score(int base_score, enum kv_backend_id backend, const struct kv_policy *policy);
int kv_score_composite(int outer, int inner);
const char *kv_score_label(int score);

/* One addend of a score, for `kavachctl score`: points, and what would earn them. */
struct kv_score_item {
	const char *what;	/* "seccomp", "landlock", "network", "read_only_root", "limits" */
	int points;		/* what it is worth */
	bool earned;
	const char *fix;	/* the policy line that earns it */
};
#define KV_SCORE_ITEMS 5
void kv_score_items(const struct kv_policy *policy, struct kv_score_item out[KV_SCORE_ITEMS]);

/* Registry names. kv_backend_parse is without regard to case, knows `syagnos`; -1 if unknown. */
const char *kv_backend_name(enum kv_backend_id id);
int kv_backend_parse(const char *name, enum kv_backend_id *out);
int kv_backend_base_score(enum kv_backend_id id);

/*
 * May the backend run this kind of session under this policy: here, of that kind, with
 * every layer that the policy has. 0, or -1 with the reason, which begins with "backend NAME" or
 * "policy NAME" and names the key. kv_present asks for the first two only.
 */
int kv_eligible(const struct kv_policy *policy, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id id, struct kv_error *err);
int kv_present(enum kv_session_kind kind, const struct kv_backend_fact *facts,
    enum kv_backend_id id, struct kv_error *err);

/* Base and score from the facts: what is proven of another image than the policy's does not count. */
int kv_base_on(const struct kv_policy *policy, const struct kv_backend_fact *facts, enum kv_backend_id id);
int kv_score_on(const struct kv_policy *policy, const struct kv_backend_fact *facts, enum kv_backend_id id);

/*
 * The choice among backends for a policy and a kind of session: an index, or
 * -1 with the reason (KV_ERR_UNAVAILABLE). Honours backend =, allow_noop and
 * min_strength.
 */
int kv_choose(const struct kv_policy *policy, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id *out, int *score, struct kv_error *err);

/*
 * Composites. kv_composite_check: can inner run inside outer (AUTO: inside any); 0 or -1 with the reason.
 * kv_composite_merge puts the inner's strict preset over *policy; on failure *policy is as it was.
 * kv_choose_outer is kv_choose among those that can hold another, *score the outer's own.
 */
int kv_composite_check(enum kv_backend_id outer, enum kv_backend_id inner, struct kv_error *err);
int kv_composite_merge(struct kv_policy *policy, struct kv_error *err);
int kv_choose_outer(const struct kv_policy *merged, enum kv_session_kind kind,
    const struct kv_backend_fact *facts, enum kv_backend_id *out, int *score, struct kv_error *err);

/*
 * Does the policy ask for what no host gives with this version: a composite that is
 * none. 0, or -1 with KV_ERR_UNAVAILABLE: its sessions are refused.
 */
int kv_policy_supported(const struct kv_policy *policy, struct kv_error *err);

#endif

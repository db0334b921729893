/* kavachctl explain: the decision for a login that has not been made. */
#include "admin/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/enroll.h"
#include "admin/explain.h"
#include "admin/host.h"
#include "admin/output.h"
#include "admin/policy_text.h"
#include "backends/backend.h"
#include "common/cleanup.h"
#include "policy/load.h"
#include "session/session.h"

struct explain_state {
	struct kv_request request;
	const char *file;
	bool json, broken;
	struct kv_account account;	/* owned */
	struct kv_config config;	/* owned */
	struct kv_decision decision;	/* owned */
	struct kv_loser *loser;		/* owned */
	size_t losers;
	struct kv_host host;
};

static int
parse(const struct kv_command *self, int argc, char **argv, struct explain_state *s)
{
	static const struct option options[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "service", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "tty", required_argument, NULL, 't' },
		{ "command", required_argument, NULL, 'c' },
		{ "config", required_argument, NULL, 'C' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	int c;

	s->request.service = "sshd";
	while ((c = kv_option(self, argc, argv, options)) != -1) {
		switch (c) {
		case 'u': s->request.user = optarg; break;
		case 's': s->request.service = optarg; break;
		case 'f': s->request.from = optarg; break;
		case 't': s->request.tty = optarg; break;
		case 'c': s->request.command = optarg; break;
		case 'C': s->file = optarg; break;
		case 'j': s->json = true; break;
		default: return -1;
		}
	}
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]), -1;
	if (s->request.user == NULL)
		return kv_usage(self, "--user is missing"), -1;
	return 0;
}

static const char *
verdict_word(const struct explain_state *s)
{
	static const char *const word[] = {
		[KV_VERDICT_PASS] = "pass", [KV_VERDICT_CONFINE] = "confine",
		[KV_VERDICT_REFUSE] = "refuse",
	};

	return word[s->decision.verdict];
}

/* The rules that could have decided; those that merely stand later are left to --json. */
static void
print_losers(const struct explain_state *s)
{
	struct kv_table table = { .columns = 3 };

	for (size_t i = 0; i < s->losers; i++) {
		const struct kv_rule *rule = s->loser[i].rule;
		kv_cleanup_free char *at = kv_asprintf("%s:%u", rule->file, rule->line);

		if (s->decision.rule != NULL && rule > s->decision.rule && !s->loser[i].would_match)
			continue;
		if (table.rows == 0)
			kv_table_add(&table, (struct kv_cell[]){ { "OTHER RULE", KV_BOLD },
			    { "WHERE", KV_BOLD }, { "WHY IT DOES NOT DECIDE", KV_BOLD } });
		kv_table_add(&table, (struct kv_cell[]){ { rule->name, KV_PLAIN }, { at, KV_DIM },
		    { s->loser[i].reason, KV_PLAIN } });
	}
	if (table.rows > 0)
		(void)putchar('\n');
	kv_table_print(&table);
}

/* What this host does not have, in one line: `kavachctl backends` says why of each. */
static void
print_absent(const struct kv_host *host)
{
	const char *before = "\nNot on this host (kavachctl backends says why): ";

	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		if (host->fact[i].available)
			continue;
		(void)fputs(before, stdout);
		kv_put(stdout, KV_PLAIN, kv_backend_name((enum kv_backend_id)i));
		before = ", ";
	}
	if (before[0] == ',')
		(void)putchar('\n');
}

static void
print_backends(const struct explain_state *s)
{
	enum kv_session_kind kind = kv_request_kind(s->decision.rule, &s->request);
	struct kv_table table = { .columns = 3 };

	kv_table_add(&table, (struct kv_cell[]){ { "BACKEND", KV_BOLD }, { "SCORE", KV_BOLD },
	    { "WHY NOT", KV_BOLD } });
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		char reason[256], text[KV_SCORE_TEXT];
		int score;

		if (!s->host.fact[i].available)
			continue;
		kv_explain_backend(&s->decision, kind, s->host.fact, (enum kv_backend_id)i, &score,
		    reason, sizeof(reason));
		kv_score_text(score, text);
		kv_table_add(&table, (struct kv_cell[]){
		    { kv_backend_name((enum kv_backend_id)i), KV_PLAIN }, { text, KV_PLAIN },
		    { reason[0] == '\0' ? "chosen" : reason, reason[0] == '\0' ? KV_GOOD : KV_DIM } });
	}
	(void)putchar('\n');
	kv_table_print(&table);
	print_absent(&s->host);
}

/* Which backend, with what inside, from which root; for a composite the policy that holds then. */
static void
print_choice(const struct kv_decision *d)
{
	char score[KV_SCORE_TEXT];

	kv_score_text(d->score, score);
	kv_put_field("backend", KV_PLAIN, kv_backend_name(d->backend));
	if (d->inner != KV_BACKEND_AUTO) {
		kv_cleanup_free char *merged = kv_policy_line(&d->policy);

		kv_put_field("inner", KV_PLAIN, kv_backend_name(d->inner));
		kv_put_field("merged", KV_PLAIN, merged);
	}
	kv_put_field("runtime", KV_PLAIN, d->runtime[0] != '\0' ? d->runtime : NULL);
	kv_put_field("rootfs", KV_PLAIN, d->policy.rootfs[0] != '\0' ? d->policy.rootfs : NULL);
	kv_put_field("image", KV_PLAIN, d->policy.image[0] != '\0' ? d->policy.image : NULL);
	kv_put_field("score", KV_BOLD, score);
}

#define UNKNOWN_MODULE "a login does not know what will be asked for: a module counts as a forced command only"

/* Chosen for a module that PAM is not told of; kavachctl run and kavach-open know their command. */
static bool
is_unknown_module(const struct explain_state *s)
{
	return s->decision.backend == KV_BACKEND_WASM && s->decision.rule->command == NULL;
}

static void
print_text(const struct explain_state *s)
{
	const struct kv_decision *d = &s->decision;
	enum kv_style style = d->verdict == KV_VERDICT_REFUSE ? KV_BAD : KV_GOOD;

	kv_put_field("user", KV_PLAIN, s->request.user);
	kv_put_field("service", KV_PLAIN, s->request.service);
	kv_put_field("from", KV_PLAIN, s->request.from);
	kv_put_field("tty", KV_PLAIN, s->request.tty);
	kv_put_field("command", KV_PLAIN, s->request.command);
	kv_put_field("verdict", style, verdict_word(s));
	kv_put_field("reason", KV_PLAIN, d->reason[0] != '\0' ? d->reason : NULL);
	kv_put_field("note", KV_PLAIN, is_unknown_module(s) ? UNKNOWN_MODULE : NULL);
	if (d->rule != NULL) {
		kv_cleanup_free char *rule = kv_asprintf("%s (%s:%u)", d->rule->name,
		    d->rule->file, d->rule->line);

		kv_put_field("rule", KV_PLAIN, rule);
		kv_put_field("policy", KV_PLAIN, d->rule->policy);
		kv_put_field("forced", KV_PLAIN, d->rule->command);
	}
	if (d->backend != KV_BACKEND_AUTO)
		print_choice(d);
	kv_credentials_put(&s->config, &d->policy.credentials);
	print_losers(s);
	if (d->rule != NULL && d->policy.name[0] != '\0')
		print_backends(s);
}

static struct json_object *
json_rules(const struct explain_state *s)
{
	struct json_object *list = kv_json_array();

	for (size_t i = 0; i < s->losers; i++) {
		struct json_object *one = kv_json_object();

		kv_json_string(one, "rule", s->loser[i].rule->name);
		kv_json_string(one, "file", s->loser[i].rule->file);
		kv_json_int(one, "line", s->loser[i].rule->line);
		kv_json_string(one, "reason", s->loser[i].reason);
		kv_json_append(list, one);
	}
	return list;
}

static struct json_object *
json_backends(const struct explain_state *s)
{
	enum kv_session_kind kind = kv_request_kind(s->decision.rule, &s->request);
	struct json_object *list = kv_json_array();

	for (int i = 0; s->decision.policy.name[0] != '\0' && i < KV_BACKEND_COUNT; i++) {
		struct json_object *one = kv_json_object();
		char reason[256];
		int score;

		kv_explain_backend(&s->decision, kind, s->host.fact, (enum kv_backend_id)i, &score,
		    reason, sizeof(reason));
		kv_json_string(one, "backend", kv_backend_name((enum kv_backend_id)i));
		kv_json_int(one, "score", score);
		kv_json_string(one, "label", kv_score_label(score));
		kv_json_bool(one, "available", s->host.fact[i].available);
		kv_json_bool(one, "chosen", reason[0] == '\0');
		kv_json_string(one, "reason", reason[0] == '\0' ? NULL : reason);
		kv_json_append(list, one);
	}
	return list;
}

static void
print_json(const struct explain_state *s)
{
	const struct kv_decision *d = &s->decision;
	struct json_object *all = kv_json_object();
	bool scored = d->backend != KV_BACKEND_AUTO;

	kv_json_string(all, "user", s->request.user);
	kv_json_int(all, "uid", s->request.uid);
	kv_json_string(all, "service", s->request.service);
	kv_json_string(all, "from", s->request.from);
	kv_json_string(all, "tty", s->request.tty);
	kv_json_string(all, "command", s->request.command);
	kv_json_string(all, "verdict", verdict_word(s));
	kv_json_string(all, "reason", d->reason[0] != '\0' ? d->reason : NULL);
	kv_json_string(all, "note", is_unknown_module(s) ? UNKNOWN_MODULE : NULL);
	kv_json_bool(all, "sound", !s->broken);
	kv_json_string(all, "rule", d->rule != NULL ? d->rule->name : NULL);
	if (d->rule != NULL) {
		kv_json_string(all, "file", d->rule->file);
		kv_json_int(all, "line", d->rule->line);
		kv_json_string(all, "forced_command", d->rule->command);
	}
	kv_json_string(all, "policy", d->rule != NULL ? d->rule->policy : NULL);
	kv_json_string(all, "backend", scored ? kv_backend_name(d->backend) : NULL);
	kv_json_string(all, "inner",
	    d->inner != KV_BACKEND_AUTO ? kv_backend_name(d->inner) : NULL);
	if (scored) {
		kv_json_int(all, "score", d->score);
		kv_json_string(all, "label", kv_score_label(d->score));
		kv_json_string(all, "runtime", d->runtime[0] != '\0' ? d->runtime : NULL);
	}
	kv_json_add(all, "effective", d->policy.name[0] != '\0' ? kv_policy_json(&d->policy) : NULL);
	kv_json_add(all, "credentials", kv_credentials_json(&s->config, &d->policy.credentials));
	kv_json_add(all, "rules", json_rules(s));
	kv_json_add(all, "backends", json_backends(s));
	kv_json_print(all);
}

/* A broken policy refuses everybody but the exempt. */
static void
decide_broken(struct explain_state *s, const struct kv_error *why)
{
	s->broken = true;
	s->decision.backend = s->decision.inner = KV_BACKEND_AUTO;
	if (kv_exempt(&s->config, &s->request)) {
		s->decision.verdict = KV_VERDICT_PASS;
		(void)snprintf(s->decision.reason, sizeof(s->decision.reason),
		    "exempt, although the policy is broken: %.200s", why->msg);
	} else {
		s->decision.verdict = KV_VERDICT_REFUSE;
		(void)snprintf(s->decision.reason, sizeof(s->decision.reason),
		    "the policy is broken: %.220s", why->msg);
	}
}

static int
decide(struct explain_state *s, struct kv_error *err)
{
	struct kv_error why = KV_ERROR_INIT;

	s->request.uid = s->account.uid;
	s->request.groups = (const char *const *)s->account.groups;
	s->request.group_count = s->account.group_count;
	if (kv_host_config(s->file, &s->config, &why) != 0) {
		decide_broken(s, &why);
		return 0;
	}
	kv_host_probe(KV_PROBE_LOGIN_MS, &s->host);
	if (kv_decide(&s->config, &s->request, s->host.fact, &s->decision, err) != 0)
		return -1;
	kv_explain_shell(&s->config, &s->request, s->account.shell,
	    kv_is_wrapper(s->account.shell), &s->decision);
	s->loser = kv_explain_rules(&s->config, &s->request, s->decision.rule, &s->losers);
	return 0;
}

/* The decision stands without it, and the login is refused without it. */
static void
warn_of_syslog(const struct explain_state *s)
{
	struct stat st;

	if (s->decision.verdict == KV_VERDICT_CONFINE && s->config.audit_required &&
	    (stat("/dev/log", &st) != 0 || !S_ISSOCK(st.st_mode)))
		kv_complain("warning: nothing takes records at /dev/log, and without a record "
		    "the login is refused (audit_required = yes)");
}

int
kv_cmd_explain(const struct kv_command *self, int argc, char **argv)
{
	struct explain_state s = { .losers = 0 };
	struct kv_error err = KV_ERROR_INIT;
	int status;

	if (parse(self, argc, argv, &s) != 0)
		return KV_EXIT_USAGE;
	if (kv_account_lookup(s.request.user, &s.account, &err) != 0) {
		/* Nobody by that name can log in: the answer is no. */
		kv_complain("%s", err.msg);
		return err.code == KV_ERR_DENIED ? KV_EXIT_NO : kv_error_exit(err.code);
	}
	if (decide(&s, &err) != 0) {
		status = kv_failed(&err);
	} else {
		if (s.json)
			print_json(&s);
		else
			print_text(&s);
		(void)fflush(stdout);
		warn_of_syslog(&s);
		status = s.broken ? KV_EXIT_CONFIG :
		    s.decision.verdict == KV_VERDICT_REFUSE ? KV_EXIT_NO : KV_EXIT_OK;
	}
	free(s.loser);
	kv_decision_release(&s.decision);
	kv_config_release(&s.config);
	kv_account_release(&s.account);
	return status;
}

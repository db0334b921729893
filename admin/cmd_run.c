/* kavachctl run: one command in a sandbox, with a time limit. */
#include "admin/command.h"

#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/host.h"
#include "admin/launch.h"
#include "admin/output.h"
#include "admin/quote.h"
#include "backends/backend.h"
#include "common/cleanup.h"
#include "common/io.h"

#define TIMEOUT_MS	30000
#define TIMED_OUT	124
#define OUTPUT_MAX	(16U << 20)
#define RULE_NAME	"kavachctl-run"

struct run_options {
	const char *policy, *user;
	enum kv_backend_id backend, inner;
	unsigned int timeout_ms;
	bool json;
	char **command;			/* ended with NULL */
};

/* Everything that one run holds; released together. */
struct run_state {
	struct kv_config config;		/* owned: the host's, for audit and contact */
	struct kv_policy policy;		/* owned */
	struct kv_account account;		/* owned */
	struct kv_decision decision;		/* owned */
	struct kv_rule rule;
	struct kv_request request;
	struct kv_host host;
	char *line;				/* owned: the command as the wrapper takes it */
	char *module;				/* owned: its first word, where that is not the caller's own */
};

static int
parse(const struct kv_command *self, int argc, char **argv, struct run_options *out)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "inner", required_argument, NULL, 'i' },
		{ "policy", required_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 't' },
		{ "user", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct kv_error err = KV_ERROR_INIT;
	uint64_t ms;
	int c;

	*out = (struct run_options){ .policy = "basic", .backend = KV_BACKEND_AUTO,
		.inner = KV_BACKEND_AUTO, .timeout_ms = TIMEOUT_MS };
	while ((c = kv_option(self, argc, argv, options)) != -1) {
		switch (c) {
		case 'p': out->policy = optarg; break;
		case 'u': out->user = optarg; break;
		case 'j': out->json = true; break;
		case 't':
			if (kv_parse_u64(optarg, 1, INT32_MAX, &ms) != 0)
				return kv_usage(self, "--timeout takes milliseconds, from 1"), -1;
			out->timeout_ms = (unsigned int)ms;
			break;
		case 'b': case 'i':
			if (kv_backend_option(optarg, c == 'b' ? &out->backend : &out->inner, &err) != 0)
				return kv_usage(self, "%s", err.msg), -1;
			break;
		default: return -1;
		}
	}
	if (optind >= argc || *argv[optind] == '\0')
		return kv_usage(self, "a command is missing"), -1;
	out->command = &argv[optind];
	return 0;
}

/* Whose session: the one named; the caller; for root who used sudo(8), else nobody. */
static int
choose_user(const struct run_options *options, char name[KV_NAME_MAX], struct kv_error *err)
{
	const char *sudo = getenv("SUDO_UID");
	const struct passwd *pw;
	uint64_t uid = getuid();

	if (options->user != NULL) {
		if (kv_format(name, KV_NAME_MAX, "%s", options->user) != 0)
			return kv_error_set(err, KV_ERR_DENIED, "there is no user %.64s...", options->user);
		return 0;
	}
	if (uid == 0 && (sudo == NULL || kv_parse_u64(sudo, 1, UINT32_MAX - 1, &uid) != 0))
		return kv_format(name, KV_NAME_MAX, "nobody");
	pw = getpwuid((uid_t)uid);
	if (pw == NULL || kv_format(name, KV_NAME_MAX, "%s", pw->pw_name) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "uid %llu has no account",
		    (unsigned long long)uid);
	return 0;
}

static int
find_account(const struct run_options *options, struct kv_account *out, struct kv_error *err)
{
	char name[KV_NAME_MAX];

	if (choose_user(options, name, err) != 0 || kv_account_lookup(name, out, err) != 0)
		return -1;
	if (out->uid == 0)
		return kv_error_set(err, KV_ERR_DENIED, "%s is uid 0: kavach never confines root", name);
	if (geteuid() != 0 && out->uid != getuid())
		return kv_error_set(err, KV_ERR_DENIED, "only root may run as another user");
	return 0;
}

/*
 * The command as one line. A module is named from where the caller stands, the wrapper would look below the home; and
 * by a folder without links, for the wrapper follows none. The name itself tells that it is a module.
 */
static int
build_line(struct run_options *options, struct run_state *s, struct kv_error *err)
{
	kv_cleanup_free char *copy = NULL, *folder = NULL;
	const char *slash;

	s->line = kv_quote(options->command);
	if (s->line == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	if (kv_request_kind(NULL, &(struct kv_request){ .command = s->line }) != KV_SESSION_WASM)
		return 0;
	copy = strdup(options->command[0]);
	if (copy == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	folder = realpath(dirname(copy), NULL);
	if (folder == NULL)
		return kv_error_sys(err, "%s", options->command[0]);
	slash = strrchr(options->command[0], '/');
	if (asprintf(&s->module, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
	    slash == NULL ? options->command[0] : slash + 1) < 0) {
		s->module = NULL;
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	}
	options->command[0] = s->module;
	free(s->line);
	s->line = kv_quote(options->command);
	return s->line != NULL ? 0 : kv_error_set(err, KV_ERR_NOMEM, "out of memory");
}

/* The time limit is a module's runtime's too, where it has one: it ends with a word about it. */
static void
limit_module(const struct run_options *options, struct run_state *s)
{
	uint32_t *limit = &s->decision.policy.wasm_timeout_ms;

	if (s->decision.backend == KV_BACKEND_WASM &&
	    (s->host.fact[KV_BACKEND_WASM].lacks & KV_LACKS_TIMEOUT) == 0 &&
	    (*limit == 0 || *limit > options->timeout_ms))
		*limit = options->timeout_ms;
}

/*
 * The decision for a configuration of one policy and one rule that matches
 * everybody, so that choice, floor and composite are those of a login.
 */
static int
decide(const struct run_options *options, struct run_state *s, struct kv_error *err)
{
	const struct kv_config one = {
		.audit_format = s->config.audit_format, .audit_required = s->config.audit_required,
		.policies = &s->policy, .policy_count = 1, .rules = &s->rule, .rule_count = 1,
	};

	if (options->backend != KV_BACKEND_AUTO)
		s->policy.backend = options->backend;
	if (options->inner != KV_BACKEND_AUTO)
		s->policy.inner_backend = options->inner;
	if (geteuid() != 0)
		s->policy.privilege = KV_PRIV_USERNS;
	/* An account without a home (nobody) gets an empty one of its own. */
	if (access(s->account.home, F_OK) != 0)
		s->policy.home = KV_HOME_PRIVATE;
	(void)snprintf(s->rule.name, sizeof(s->rule.name), RULE_NAME);
	memcpy(s->rule.policy, s->policy.name, sizeof(s->rule.policy));
	s->request = (struct kv_request){
		.user = s->account.user, .uid = s->account.uid,
		.groups = (const char *const *)s->account.groups,
		.group_count = s->account.group_count,
		.service = "kavachctl", .command = s->line,
	};
	kv_host_probe(KV_PROBE_LOGIN_MS, &s->host);
	if (kv_decide(&one, &s->request, s->host.fact, &s->decision, err) != 0)
		return -1;
	if (s->decision.verdict != KV_VERDICT_CONFINE)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s", s->decision.reason);
	limit_module(options, s);
	return 0;
}

static void
print_json(const struct run_state *s, const struct kv_run_result *result, int exit_code)
{
	struct json_object *all = kv_json_object();

	kv_json_string(all, "backend", kv_backend_name(s->decision.backend));
	kv_json_string(all, "inner", s->decision.inner == KV_BACKEND_AUTO ? NULL :
	    kv_backend_name(s->decision.inner));
	kv_json_string(all, "policy", s->decision.policy.name);
	kv_json_int(all, "score", s->decision.score);
	kv_json_string(all, "label", kv_score_label(s->decision.score));
	kv_json_int(all, "exit_code", exit_code);
	kv_json_bytes(all, "stdout", result->out_size > 0 ? result->out : "", result->out_size);
	kv_json_bytes(all, "stderr", result->err_size > 0 ? result->err : "", result->err_size);
	kv_json_int(all, "duration_ms", (int64_t)result->duration_ms);
	kv_json_bool(all, "timed_out", result->timed_out);
	kv_json_bool(all, "truncated", result->truncated);
	kv_json_print(all);
}

static int
execute(const struct run_options *options, struct run_state *s, struct kv_error *err)
{
	char name[] = "kavach-session", option[] = "-c";
	char *argv[] = { name, option, s->line, NULL };
	const struct kv_run_request request = {
		.config = &s->config, .decision = &s->decision, .request = &s->request,
		.account = &s->account, .argv = argv, .envp = environ,
		.timeout_ms = options->timeout_ms, .output_limit = options->json ? OUTPUT_MAX : 0,
	};
	struct kv_run_result result;
	int status;

	if (kv_run(&request, &result, err) != 0) {
		kv_run_result_release(&result);
		return -1;
	}
	status = result.timed_out ? TIMED_OUT : kv_run_exit(result.status);
	if (options->json)
		print_json(s, &result, status);
	else if (result.timed_out)
		kv_complain("run: ended after %u ms", options->timeout_ms);
	kv_run_result_release(&result);
	return status;
}

int
kv_cmd_run(const struct kv_command *self, int argc, char **argv)
{
	struct kv_error err = KV_ERROR_INIT;
	struct run_state s = { .request = { .user = NULL } };
	struct run_options options;
	int status = -1;

	if (parse(self, argc, argv, &options) != 0)
		return KV_EXIT_USAGE;
	if (kv_host_config(NULL, &s.config, &err) == 0 &&
	    kv_host_policy(NULL, options.policy, &s.policy, &err) == 0 &&
	    find_account(&options, &s.account, &err) == 0 && build_line(&options, &s, &err) == 0 &&
	    decide(&options, &s, &err) == 0)
		status = execute(&options, &s, &err);
	if (status < 0) {
		if (s.request.user != NULL)
			kv_run_record_deny(&s.config, &s.request, KV_EVENT_SESSION_DENY, err.msg);
		status = kv_failed(&err);
	}
	free(s.line);
	free(s.module);
	kv_decision_release(&s.decision);
	kv_account_release(&s.account);
	kv_policy_release(&s.policy);
	kv_config_release(&s.config);
	return status;
}

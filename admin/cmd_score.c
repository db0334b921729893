/* kavachctl score: the number, what it is made of, and what each lost point would take. */
#include "admin/command.h"

#include <stdio.h>
#include <string.h>

#include "admin/host.h"
#include "admin/output.h"
#include "admin/policy_text.h"
#include "backends/backend.h"
#include "common/cleanup.h"
#include "common/error.h"

struct score_options {
	const char *policy, *file;
	enum kv_backend_id backend, inner;
	bool json;
};

struct score_result {
	struct kv_policy policy;	/* owned; merged when there is an inner */
	bool here;			/* the backend could run a command under this policy */
	struct kv_error why_not;
	struct kv_score_item item[KV_SCORE_ITEMS];
	int base, score;
};

static int
parse(const struct kv_command *self, int argc, char **argv, struct score_options *out)
{
	static const struct option options[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "backend", required_argument, NULL, 'b' },
		{ "inner", required_argument, NULL, 'i' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct kv_error err = KV_ERROR_INIT;
	int c;

	*out = (struct score_options){ .policy = "strict", .backend = KV_BACKEND_AUTO,
		.inner = KV_BACKEND_AUTO };
	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == '?')
			return -1;
		if (c == 'p')
			out->policy = optarg;
		else if (c == 'c')
			out->file = optarg;
		else if (c == 'j')
			out->json = true;
		else if (kv_backend_option(optarg, c == 'b' ? &out->backend : &out->inner, &err) != 0)
			return kv_usage(self, "%s", err.msg), -1;
	}
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]), -1;
	return 0;
}

/* The floor is for logins: a score that misses it is still the answer here. */
static int
choose(struct kv_policy *policy, const struct score_options *options, const struct kv_host *host,
    enum kv_backend_id *out, struct kv_error *err)
{
	int ignored;

	policy->min_strength = 0;
	policy->backend = KV_BACKEND_AUTO;
	if (options->inner != KV_BACKEND_AUTO)
		return kv_choose_outer(policy, KV_SESSION_COMMAND, host->fact, out, &ignored, err);
	return kv_choose(policy, KV_SESSION_COMMAND, host->fact, out, &ignored, err);
}

static int
calculate(struct score_options *options, const struct kv_host *host, struct score_result *out,
    struct kv_error *err)
{
	struct kv_policy *policy = &out->policy;
	enum kv_session_kind kind;

	if (options->backend == KV_BACKEND_AUTO)
		options->backend = policy->backend;
	if (options->inner == KV_BACKEND_AUTO)
		options->inner = policy->inner_backend;
	if (options->inner != KV_BACKEND_AUTO &&
	    (kv_composite_check(options->backend, options->inner, err) != 0 ||
	    kv_composite_merge(policy, err) != 0))
		return -1;
	if (options->backend == KV_BACKEND_AUTO &&
	    choose(policy, options, host, &options->backend, err) != 0)
		return -1;
	/* noop can be scored by everybody; its consent is asked for where it is used. */
	policy->allow_noop = policy->allow_noop || options->backend == KV_BACKEND_NOOP;
	/* What it is there for. */
	kind = options->backend == KV_BACKEND_WASM ? KV_SESSION_WASM : KV_SESSION_COMMAND;
	out->here = kv_eligible(policy, kind, host->fact, options->backend,
	    &out->why_not) == 0;
	out->base = kv_base_on(policy, host->fact, options->backend);
	out->score = kv_score_on(policy, host->fact, options->backend);
	if (options->inner != KV_BACKEND_AUTO)
		out->score = kv_score_composite(out->score,
		    kv_score_on(policy, host->fact, options->inner));
	kv_score_items(policy, out->item);
	return 0;
}

static void
print_text(const struct score_options *options, const struct score_result *result)
{
	struct kv_table table = { .columns = 3 };
	char score[KV_SCORE_TEXT], points[16];

	kv_score_text(result->score, score);
	kv_put(stdout, KV_BOLD, score);
	(void)putchar('\n');
	kv_put_field("policy", KV_PLAIN, options->policy);
	kv_put_field("backend", KV_PLAIN, kv_backend_name(options->backend));
	if (options->inner != KV_BACKEND_AUTO) {
		kv_cleanup_free char *merged = kv_policy_line(&result->policy);

		kv_put_field("inner", KV_PLAIN, kv_backend_name(options->inner));
		kv_put_field("merged", KV_PLAIN, merged);
	}
	if (!result->here)
		kv_put_field("not usable", KV_BAD, result->why_not.msg);
	(void)putchar('\n');
	(void)snprintf(points, sizeof(points), "%d", result->base);
	kv_table_add(&table, (struct kv_cell[]){ { points, KV_PLAIN }, { "base", KV_PLAIN },
	    { "", KV_PLAIN } });
	for (size_t i = 0; i < KV_SCORE_ITEMS; i++) {
		const struct kv_score_item *item = &result->item[i];
		kv_cleanup_free char *fix = kv_asprintf("%+d with: %s", item->points, item->fix);

		(void)snprintf(points, sizeof(points), item->earned ? "%+d" : "%d",
		    item->earned ? item->points : 0);
		kv_table_add(&table, (struct kv_cell[]){
		    { points, item->earned ? KV_GOOD : KV_BAD }, { item->what, KV_PLAIN },
		    { item->earned ? "" : fix, KV_PLAIN } });
	}
	if (options->inner != KV_BACKEND_AUTO)
		kv_table_add(&table, (struct kv_cell[]){ { "+5", KV_GOOD }, { "composite", KV_PLAIN },
		    { "over the stronger of the two", KV_PLAIN } });
	kv_table_print(&table);
}

static void
print_json(const struct score_options *options, const struct score_result *result)
{
	struct json_object *all = kv_json_object();
	struct json_object *items = kv_json_array();

	kv_json_string(all, "policy", options->policy);
	kv_json_string(all, "backend", kv_backend_name(options->backend));
	kv_json_string(all, "inner",
	    options->inner == KV_BACKEND_AUTO ? NULL : kv_backend_name(options->inner));
	kv_json_int(all, "score", result->score);
	kv_json_string(all, "label", kv_score_label(result->score));
	kv_json_bool(all, "available", result->here);
	kv_json_string(all, "reason", result->here ? NULL : result->why_not.msg);
	kv_json_add(all, "effective", kv_policy_json(&result->policy));
	kv_json_int(all, "base_score", result->base);
	for (size_t i = 0; i < KV_SCORE_ITEMS; i++) {
		const struct kv_score_item *item = &result->item[i];
		struct json_object *one = kv_json_object();

		kv_json_string(one, "what", item->what);
		kv_json_int(one, "points", item->points);
		kv_json_bool(one, "earned", item->earned);
		kv_json_string(one, "fix", item->earned ? NULL : item->fix);
		kv_json_append(items, one);
	}
	kv_json_add(all, "items", items);
	kv_json_print(all);
}

int
kv_cmd_score(const struct kv_command *self, int argc, char **argv)
{
	struct score_result result = { .score = 0 };
	struct kv_error err = KV_ERROR_INIT;
	struct score_options options;
	struct kv_host host;

	if (parse(self, argc, argv, &options) != 0)
		return KV_EXIT_USAGE;
	if (kv_host_policy(options.file, options.policy, &result.policy, &err) != 0)
		return kv_failed(&err);
	kv_host_probe(KV_PROBE_LOGIN_MS, &host);
	if (calculate(&options, &host, &result, &err) != 0) {
		kv_policy_release(&result.policy);
		return kv_failed(&err);
	}
	if (options.json)
		print_json(&options, &result);
	else
		print_text(&options, &result);
	kv_policy_release(&result.policy);
	return KV_EXIT_OK;
}

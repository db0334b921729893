/* kavachctl backends: the registry as this host sees it. */
#include "admin/command.h"

#include <stdio.h>

#include "admin/host.h"
#include "admin/output.h"
#include "backends/backend.h"
#include "backends/container/probe.h"
#include "common/error.h"

/* Who asks is told, if it takes what a whole probe takes. */
#define WAIT_MS	60000

static void
print_table(const struct kv_host *host)
{
	struct kv_table table = { .columns = 4 };

	kv_table_add(&table, (struct kv_cell[]){ { "BACKEND", KV_BOLD }, { "BASE SCORE", KV_BOLD },
	    { "AVAILABLE", KV_BOLD }, { "VERSION, OR WHY NOT", KV_BOLD } });
	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		const struct kv_backend_fact *fact = &host->fact[i];
		char score[KV_SCORE_TEXT];

		kv_score_text(fact->base_score, score);
		kv_table_add(&table, (struct kv_cell[]){
		    { kv_backend_name((enum kv_backend_id)i), KV_PLAIN }, { score, KV_PLAIN },
		    { fact->available ? "yes" : "no", fact->available ? KV_GOOD : KV_DIM },
		    { fact->available ? host->version[i] : fact->reason, KV_PLAIN } });
	}
	kv_table_print(&table);
}

static void
print_json(const struct kv_host *host)
{
	struct json_object *list = kv_json_array();

	for (int i = 0; i < KV_BACKEND_COUNT; i++) {
		const struct kv_backend_fact *fact = &host->fact[i];
		struct json_object *one = kv_json_object();

		kv_json_string(one, "backend", kv_backend_name((enum kv_backend_id)i));
		kv_json_int(one, "score", fact->base_score);
		kv_json_string(one, "label", kv_score_label(fact->base_score));
		kv_json_bool(one, "available", fact->available);
		kv_json_string(one, "version", fact->available ? host->version[i] : NULL);
		kv_json_string(one, "runtime", fact->available && fact->runtime[0] != '\0' ? fact->runtime : NULL);
		kv_json_string(one, "option",
		    fact->available && fact->runtime_option[0] != '\0' ? fact->runtime_option : NULL);
		kv_json_string(one, "reason", fact->available ? NULL : fact->reason);
		kv_json_append(list, one);
	}
	kv_json_print(list);
}

int
kv_cmd_backends(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "probe", no_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	struct kv_host host;
	struct kv_error err = KV_ERROR_INIT;
	bool json = false, probe = false;
	int c;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == '?')
			return KV_EXIT_USAGE;
		json |= c == 'j';
		probe |= c == 'p';
	}
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]);
	if (probe && kv_probe_forget(&err) != 0)
		return kv_failed(&err);
	kv_host_probe(WAIT_MS, &host);
	if (json)
		print_json(&host);
	else
		print_table(&host);
	return KV_EXIT_OK;
}

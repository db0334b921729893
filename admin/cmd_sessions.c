/* kavachctl sessions, show: what is open now. Root: the state is root's alone. */
#include "admin/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/host.h"
#include "admin/output.h"
#include "common/cleanup.h"
#include "session/session.h"

static const char *
state_word(const struct kv_session_info *info)
{
	return !info->alive ? "dead" : info->paused ? "paused" : "running";
}

static enum kv_style
state_style(const struct kv_session_info *info)
{
	return !info->alive ? KV_BAD : info->paused ? KV_DIM : KV_GOOD;
}

/* "2h13m", the two largest units. */
static void
age_text(uint64_t started, char *out, size_t size)
{
	time_t now = time(NULL);
	uint64_t s = now > (time_t)started ? (uint64_t)now - started : 0;

	if (s < 60)
		(void)snprintf(out, size, "%" PRIu64 "s", s);
	else if (s < 3600)
		(void)snprintf(out, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void
memory_text(uint64_t bytes, char *out, size_t size)
{
	static const char unit[] = "BKMGT";
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1024 && i + 2 < sizeof(unit); i++)
		value /= 1024;
	if (bytes == 0)
		(void)snprintf(out, size, "-");
	else
		(void)snprintf(out, size, "%.*f%c", i == 0 || value >= 10 ? 0 : 1, value, unit[i]);
}

static struct json_object *
to_json(const struct kv_session_info *info)
{
	struct json_object *one = kv_json_object();

	kv_json_string(one, "session", info->id);
	kv_json_string(one, "user", info->user);
	kv_json_string(one, "service", info->service);
	kv_json_string(one, "from", info->from[0] != '\0' ? info->from : NULL);
	kv_json_string(one, "rule", info->rule[0] != '\0' ? info->rule : NULL);
	kv_json_string(one, "policy", info->policy);
	kv_json_string(one, "backend", info->backend);
	kv_json_int(one, "score", info->score);
	kv_json_string(one, "label", kv_score_label(info->score));
	kv_json_string(one, "state", state_word(info));
	kv_json_int(one, "opener", info->opener);
	kv_json_int(one, "started", (int64_t)info->started);
	kv_json_int(one, "processes", info->processes);
	kv_json_int(one, "memory", (int64_t)info->memory);
	kv_json_string(one, "cgroup", info->cgroup[0] != '\0' ? info->cgroup : NULL);
	if (info->proxied) {
		struct json_object *egress = kv_json_object();

		kv_json_int(egress, "allowed", (int64_t)info->egress.allowed);
		kv_json_int(egress, "denied", (int64_t)info->egress.denied);
		kv_json_int(egress, "bytes_up", (int64_t)info->egress.up);
		kv_json_int(egress, "bytes_down", (int64_t)info->egress.down);
		kv_json_add(one, "egress", egress);
	}
	return one;
}

static void
print_table(const struct kv_session_info *info, size_t count)
{
	struct kv_table table = { .columns = 8 };

	if (count == 0) {
		(void)puts("no sessions");
		return;
	}
	kv_table_add(&table, (struct kv_cell[]){ { "SESSION", KV_BOLD }, { "USER", KV_BOLD },
	    { "SERVICE", KV_BOLD }, { "FROM", KV_BOLD }, { "POLICY", KV_BOLD }, { "SCORE", KV_BOLD },
	    { "AGE", KV_BOLD }, { "STATE", KV_BOLD } });
	for (size_t i = 0; i < count; i++) {
		char score[KV_SCORE_TEXT], age[32];

		kv_score_text(info[i].score, score);
		age_text(info[i].started, age, sizeof(age));
		kv_table_add(&table, (struct kv_cell[]){ { info[i].id, KV_PLAIN },
		    { info[i].user, KV_PLAIN }, { info[i].service, KV_PLAIN },
		    { info[i].from[0] != '\0' ? info[i].from : "-", KV_PLAIN },
		    { info[i].policy, KV_PLAIN }, { score, KV_PLAIN }, { age, KV_PLAIN },
		    { state_word(&info[i]), state_style(&info[i]) } });
	}
	kv_table_print(&table);
}

static void
put_egress(const struct kv_egress_stats *egress)
{
	char up[32], down[32], text[160];

	memory_text(egress->up, up, sizeof(up));
	memory_text(egress->down, down, sizeof(down));
	(void)snprintf(text, sizeof(text), "%" PRIu64 " allowed, %" PRIu64 " denied, %s up, %s down",
	    egress->allowed, egress->denied, up, down);
	kv_put_field("egress", KV_PLAIN, text);
}

static void
print_one(const struct kv_session_info *info)
{
	char score[KV_SCORE_TEXT], age[32], memory[32], text[64];
	time_t started = (time_t)info->started;
	struct tm tm;

	kv_score_text(info->score, score);
	age_text(info->started, age, sizeof(age));
	memory_text(info->memory, memory, sizeof(memory));
	kv_put_field("session", KV_BOLD, info->id);
	kv_put_field("state", state_style(info), state_word(info));
	kv_put_field("user", KV_PLAIN, info->user);
	kv_put_field("service", KV_PLAIN, info->service);
	kv_put_field("from", KV_PLAIN, info->from[0] != '\0' ? info->from : NULL);
	kv_put_field("rule", KV_PLAIN, info->rule[0] != '\0' ? info->rule : NULL);
	kv_put_field("policy", KV_PLAIN, info->policy);
	kv_put_field("backend", KV_PLAIN, info->backend);
	kv_put_field("score", KV_PLAIN, score);
	if (localtime_r(&started, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm) > 0)
		kv_put_field("started", KV_PLAIN, text);
	kv_put_field("age", KV_PLAIN, age);
	(void)snprintf(text, sizeof(text), "%ld", (long)info->opener);
	kv_put_field("opener", KV_PLAIN, text);
	(void)snprintf(text, sizeof(text), "%" PRIu32, info->processes);
	kv_put_field("processes", KV_PLAIN, text);
	kv_put_field("memory", KV_PLAIN, memory);
	kv_put_field("cgroup", KV_PLAIN, info->cgroup[0] != '\0' ? info->cgroup : NULL);
	if (info->proxied)
		put_egress(&info->egress);
}

static int
parse(const struct kv_command *self, int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	int c;

	*json = false;
	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == '?')
			return -1;
		*json = true;
	}
	return 0;
}

int
kv_cmd_sessions(const struct kv_command *self, int argc, char **argv)
{
	kv_cleanup_free struct kv_session_info *info = NULL;
	struct kv_error err = KV_ERROR_INIT;
	struct json_object *list;
	size_t count = 0;
	bool json;
	int status;

	if (parse(self, argc, argv, &json) != 0)
		return KV_EXIT_USAGE;
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]);
	status = kv_need_root(self);
	if (status != 0)
		return status;
	if (kv_session_list(&info, &count, &err) != 0)
		return kv_failed(&err);
	if (!json) {
		print_table(info, count);
		return KV_EXIT_OK;
	}
	list = kv_json_array();
	for (size_t i = 0; i < count; i++)
		kv_json_append(list, to_json(&info[i]));
	kv_json_print(list);
	return KV_EXIT_OK;
}

/* The one session of this id or of this beginning of it; NULL where none or several match. */
static const struct kv_session_info *
find(const struct kv_session_info *info, size_t count, const char *id)
{
	const struct kv_session_info *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (strncmp(info[i].id, id, strlen(id)) != 0)
			continue;
		if (found != NULL) {
			kv_complain("%s: more than one session begins so", id);
			return NULL;
		}
		found = &info[i];
	}
	if (found == NULL)
		kv_complain("%s: no such session", id);
	return found;
}

int
kv_cmd_show(const struct kv_command *self, int argc, char **argv)
{
	kv_cleanup_free struct kv_session_info *info = NULL;
	const struct kv_session_info *one;
	struct kv_error err = KV_ERROR_INIT;
	size_t count = 0;
	bool json;
	int status;

	if (parse(self, argc, argv, &json) != 0)
		return KV_EXIT_USAGE;
	if (argc - optind != 1 || *argv[optind] == '\0')
		return kv_usage(self, "one session's id is needed");
	status = kv_need_root(self);
	if (status != 0)
		return status;
	if (kv_session_list(&info, &count, &err) != 0)
		return kv_failed(&err);
	one = find(info, count, argv[optind]);
	if (one == NULL)
		return KV_EXIT_NO;
	if (json)
		kv_json_print(to_json(one));
	else
		print_one(one);
	return KV_EXIT_OK;
}

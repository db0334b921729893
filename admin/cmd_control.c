/* kavachctl kill, pause, resume, reap: what root does to sessions. Each leaves a record. */
#include "admin/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "admin/output.h"
#include "admin/record.h"
#include "common/cleanup.h"
#include "session/session.h"

static const struct {
	const char *name;
	int (*act)(const char *id, struct kv_error *err);
} actions[] = {
	{ "kill", kv_session_kill },
	{ "pause", kv_session_pause },
	{ "resume", kv_session_resume },
};

static int
parse(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };

	return kv_option(self, argc, argv, options) == -1 ? 0 : -1;
}

/* The whole id of an unambiguous beginning, for the record; id itself where there is none. */
static void
whole_id(const char *id, char out[KV_ID_LEN + 1])
{
	kv_cleanup_free struct kv_session_info *info = NULL;
	struct kv_error ignored = KV_ERROR_INIT;
	size_t count = 0, found = 0;

	(void)snprintf(out, KV_ID_LEN + 1, "%s", id);
	if (kv_session_list(&info, &count, &ignored) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (strncmp(info[i].id, id, strlen(id)) == 0 && found++ == 0)
			(void)snprintf(out, KV_ID_LEN + 1, "%s", info[i].id);
	}
}

int
kv_cmd_control(const struct kv_command *self, int argc, char **argv)
{
	struct kv_error err = KV_ERROR_INIT;
	char id[KV_ID_LEN + 1];
	int status;

	if (parse(self, argc, argv) != 0)
		return KV_EXIT_USAGE;
	if (argc - optind != 1 || *argv[optind] == '\0')
		return kv_usage(self, "one session's id is needed");
	status = kv_need_root(self);
	if (status != 0)
		return status;
	whole_id(argv[optind], id);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, self->name) != 0)
			continue;
		if (actions[i].act(argv[optind], &err) == 0) {
			(void)kv_admin_record(self->name, id, NULL, "ok");
			return KV_EXIT_OK;
		}
		kv_complain("%s", err.msg);
		/* A session that is not there is an answer, not an attempt. */
		if (err.code == KV_ERR_DENIED || err.code == KV_ERR_USAGE)
			return KV_EXIT_NO;
		(void)kv_admin_record(self->name, id, NULL, err.msg);
		return kv_error_exit(err.code);
	}
	return KV_EXIT_USAGE;
}

int
kv_cmd_reap(const struct kv_command *self, int argc, char **argv)
{
	struct kv_audit audit = { .state_fd = -1 };
	kv_cleanup_close int state_fd = -1;
	struct kv_error err = KV_ERROR_INIT;
	int status, count;

	if (parse(self, argc, argv) != 0)
		return KV_EXIT_USAGE;
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]);
	status = kv_need_root(self);
	if (status != 0)
		return status;
	if (kv_audit_open_state(KV_AUDIT_DIR, &state_fd, &err) != 0)
		return kv_failed(&err);
	audit.state_fd = state_fd;
	audit.format = kv_admin_format();
	count = kv_session_reap(&audit, &err);
	if (count < 0)
		return kv_failed(&err);
	(void)printf("%d dead session%s removed\n", count, count == 1 ? "" : "s");
	return KV_EXIT_OK;
}

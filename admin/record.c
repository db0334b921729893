#include "admin/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/output.h"
#include "audit/audit.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/load.h"

/* Who asks: the login user of this process (audit(8) sets it once), else the real user. */
static uid_t
who(void)
{
	char text[32];
	uint64_t uid;

	if (kv_read_file(AT_FDCWD, "/proc/self/loginuid", text, sizeof(text)) > 0 &&
	    kv_parse_u64(text, 0, UINT32_MAX - 1, &uid) == 0)
		return (uid_t)uid;
	return getuid();
}

enum kv_audit_format
kv_admin_format(void)
{
	const struct kv_load_options options = { .file = NULL };
	struct kv_config config = { .policies = NULL };
	struct kv_error ignored = KV_ERROR_INIT;
	enum kv_audit_format found;

	/* Also filled in when the rest of the policy is broken. */
	(void)kv_config_load(&options, &config, &ignored);
	found = config.audit_format;
	kv_config_release(&config);
	return found;
}

int
kv_admin_record(const char *action, const char *session, const char *user, const char *result)
{
	struct kv_audit audit = { .state_fd = -1, .format = kv_admin_format() };
	const struct kv_audit_subject subject = {
		.session = session, .user = user, .uid = -1, .score = -1,
	};
	kv_cleanup_close int state_fd = -1;
	struct kv_error err = KV_ERROR_INIT;
	char by[32];
	const struct kv_audit_pair pairs[] = {
		{ "action", action }, { "by_uid", by }, { "result", result },
	};

	(void)snprintf(by, sizeof(by), "%lu", (unsigned long)who());
	if (kv_audit_open_state(KV_AUDIT_DIR, &state_fd, &err) == 0) {
		audit.state_fd = state_fd;
		if (kv_audit_write(&audit, KV_EVENT_ADMIN, &subject, pairs, 3, &err) == 0)
			return 0;
	}
	kv_complain("no audit record of this: %s", err.msg);
	return -1;
}

/* The records of a session that was not opened by PAM: the same as the module's. */
#include "admin/launch.h"

#include <stdio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "session/close_record.h"

static struct kv_audit_subject
subject_of(const struct kv_run_request *r, const char *session)
{
	const struct kv_decision *d = r->decision;

	return (struct kv_audit_subject){
		.session = session,
		.user = r->account->user,
		.uid = r->account->uid,
		.service = r->request->service,
		.from = r->request->from,
		.rule = d->rule != NULL ? d->rule->name : NULL,
		.policy = d->policy.name,
		.backend = kv_backend_name(d->backend),
		.score = d->score,
	};
}

/* Root signs; without root there is no key, and the record says so (mac=none). */
static int
write_record(const struct kv_config *config, enum kv_event event,
    const struct kv_audit_subject *subject, const struct kv_audit_pair *pairs, size_t count,
    struct kv_error *err)
{
	kv_cleanup_close int state = -1;
	struct kv_audit audit = { .state_fd = -1, .format = config->audit_format };

	if (geteuid() == 0 && kv_audit_open_state(KV_AUDIT_DIR, &state, err) != 0)
		return -1;
	audit.state_fd = state;
	return kv_audit_write(&audit, event, subject, pairs, count, err);
}

int
kv_run_record_open(const struct kv_run_request *r, const char *session, struct kv_error *err)
{
	const struct kv_decision *d = r->decision;
	struct kv_audit_subject subject = subject_of(r, session);
	struct kv_error why = KV_ERROR_INIT;
	struct kv_audit_pair pairs[3];
	size_t count = 0;

	if (r->request->tty != NULL && *r->request->tty != '\0')
		pairs[count++] = (struct kv_audit_pair){ "tty", r->request->tty };
	if (d->inner != KV_BACKEND_AUTO)
		pairs[count++] = (struct kv_audit_pair){ "inner", kv_backend_name(d->inner) };
	pairs[count++] = (struct kv_audit_pair){ "network", kv_network_name(d->policy.network) };
	if (write_record(r->config, KV_EVENT_SESSION_OPEN, &subject, pairs, count, &why) == 0 ||
	    !r->config->audit_required)
		return 0;
	*err = why;
	return kv_error_wrap(err, "it could not be recorded");
}

int
kv_run_record_close(const struct kv_run_request *r, const char *session,
    const struct kv_usage *usage, struct kv_error *err)
{
	struct kv_audit_subject subject = subject_of(r, session);
	struct kv_audit audit = { .state_fd = -1, .format = r->config->audit_format };
	kv_cleanup_close int state = -1;

	if (kv_audit_open_state(KV_AUDIT_DIR, &state, err) == 0)
		audit.state_fd = state;
	return kv_session_record_close(&audit, &subject, "closed", usage, err);
}

void
kv_run_record_deny(const struct kv_config *config, const struct kv_request *request,
    enum kv_event event, const char *reason)
{
	const struct kv_audit_subject subject = {
		.user = request->user, .uid = request->uid, .service = request->service,
		.from = request->from, .score = -1,
	};
	const struct kv_audit_pair pair = { "reason", reason };
	struct kv_error ignored = KV_ERROR_INIT;

	(void)write_record(config, event, &subject, &pair, 1, &ignored);
}

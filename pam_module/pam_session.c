#include "pam_module/pam_session.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "pam_module/pam_record.h"
#include "session/close_record.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define DATA_NAME "kavach_session"

/* Copies: what PAM lent at the open may be gone at the close. */
struct pam_session {
	pid_t opener;
	bool open, granted;
	struct kv_session session;
	long long uid;
	int score;
	enum kv_backend_id backend;
	char id[KV_ID_LEN + 1];
	char user[KV_NAME_MAX], service[KV_NAME_MAX], rule[KV_NAME_MAX], policy[KV_NAME_MAX];
	char from[256];
};

static struct kv_audit_subject
subject_of(const struct pam_session *ps)
{
	return (struct kv_audit_subject){
		.session = ps->id, .user = ps->user, .uid = ps->uid,
		.service = ps->service[0] != '\0' ? ps->service : NULL,
		.from = ps->from[0] != '\0' ? ps->from : NULL,
		.rule = ps->rule[0] != '\0' ? ps->rule : NULL,
		.policy = ps->policy, .backend = kv_backend_name(ps->backend), .score = ps->score,
	};
}

static int
close_data(pam_handle_t *pamh, struct pam_session *ps, const char *reason)
{
	struct kv_audit audit = { .state_fd = -1, .format = ps->session.audit.format };
	struct kv_audit_subject subject = subject_of(ps);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	int result = PAM_SUCCESS;

	ps->open = false;
	if (kv_session_close(&ps->session, &usage, &err) != 0) {
		pam_syslog(pamh, LOG_ERR, "session %s: %s", ps->id, err.msg);
		result = PAM_SESSION_ERR;
	}
	if (ps->granted && kv_session_grant(false, &err) != 0) {
		pam_syslog(pamh, LOG_ERR, "session %s: %s", ps->id, err.msg);
		result = PAM_SESSION_ERR;
	}
	/* The session let go of its own descriptor; this is the host's view again. */
	if (kv_audit_open_state(KV_AUDIT_DIR, &audit.state_fd, &err) != 0)
		audit.state_fd = -1;
	if (kv_session_record_close(&audit, &subject, reason, &usage, &err) != 0)
		pam_syslog(pamh, LOG_ERR, "session %s: the close could not be recorded: %s",
		    ps->id, err.msg);
	if (audit.state_fd >= 0)
		(void)close(audit.state_fd);
	return result;
}

/* pam_end(3), or another session in its place. */
static void
cleanup(pam_handle_t *pamh, void *data, int status)
{
	struct pam_session *ps = data;

	(void)status;
	/* A forked child ends its copy of the handle; the session is not its own. */
	if (ps->open && ps->opener == getpid())
		(void)close_data(pamh, ps, "abandoned");
	free(ps);
}

static struct pam_session *
find(pam_handle_t *pamh)
{
	const void *data = NULL;

	if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS)
		return NULL;
	return (struct pam_session *)(uintptr_t)data;
}

bool
kv_pam_session_is_open(pam_handle_t *pamh)
{
	const struct pam_session *ps = find(pamh);

	return ps != NULL && ps->open;
}

static void
copy(char *to, size_t size, const char *from)
{
	/* Stage one has refused what does not fit. */
	if (kv_format(to, size, "%s", from == NULL ? "" : from) != 0)
		to[0] = '\0';
}

static void
remember(struct pam_session *ps, const struct kv_login *login)
{
	const struct kv_decision *d = &login->decision;

	ps->opener = getpid();
	ps->uid = login->account.uid;
	ps->score = d->score;
	ps->backend = d->backend;
	copy(ps->user, sizeof(ps->user), login->account.user);
	copy(ps->service, sizeof(ps->service), login->service);
	copy(ps->from, sizeof(ps->from), login->from);
	copy(ps->rule, sizeof(ps->rule), d->rule != NULL ? d->rule->name : NULL);
	copy(ps->policy, sizeof(ps->policy), d->policy.name);
}

/* The part of opening that is undone as a whole. */
static int
open_steps(struct pam_session *ps, const struct kv_login *login, enum kv_refusal *refusal,
    struct kv_error *err)
{
	const struct kv_decision *d = &login->decision;

	*refusal = KV_REFUSAL_SESSION;
	if (kv_session_open(&login->config, d, &login->request, &login->account, login->wrap,
	    &ps->session, err) != 0)
		return -1;
	memcpy(ps->id, ps->session.id, sizeof(ps->id));
	if (kv_session_enter(&ps->session, &login->config, &login->account, d, err) != 0)
		return -1;
	if (d->policy.privilege == KV_PRIV_CAPS) {
		if (kv_session_grant(true, err) != 0)
			return -1;
		ps->granted = true;
	}
	if (kv_record_open(login, &ps->session, err) != 0 && login->config.audit_required) {
		*refusal = KV_REFUSAL_AUDIT;
		return -1;
	}
	return 0;
}

static void
undo(pam_handle_t *pamh, struct pam_session *ps)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;

	if (ps->granted && kv_session_grant(false, &err) != 0)
		pam_syslog(pamh, LOG_ERR, "%s", err.msg);
	if (ps->id[0] != '\0' && kv_session_close(&ps->session, &usage, &err) != 0)
		pam_syslog(pamh, LOG_ERR, "session %s: %s", ps->id, err.msg);
}

int
kv_pam_session_open(pam_handle_t *pamh, const struct kv_login *login,
    enum kv_refusal *refusal, struct kv_error *err)
{
	kv_cleanup_free struct pam_session *ps = calloc(1, sizeof(*ps));

	*refusal = KV_REFUSAL_SYSTEM;
	if (ps == NULL)
		return kv_error_sys(err, "session");
	remember(ps, login);
	if (open_steps(ps, login, refusal, err) != 0) {
		undo(pamh, ps);
		return -1;
	}
	ps->open = true;
	if (pam_set_data(pamh, DATA_NAME, ps, cleanup) != PAM_SUCCESS) {
		*refusal = KV_REFUSAL_SYSTEM;
		(void)kv_error_set(err, KV_ERR_SYSTEM, "PAM does not keep the session");
		(void)close_data(pamh, ps, "undone");
		return -1;
	}
	(void)kv_steal_ptr(&ps);
	return 0;
}

int
kv_pam_session_grant_again(pam_handle_t *pamh)
{
	const struct pam_session *ps = find(pamh);
	struct kv_error err = KV_ERROR_INIT;

	if (ps == NULL || !ps->open || !ps->granted)
		return PAM_IGNORE;
	if (kv_session_grant(true, &err) == 0)
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_ERR, "session %s: %s", ps->id, err.msg);
	return PAM_CRED_ERR;
}

int
kv_pam_session_close(pam_handle_t *pamh)
{
	struct pam_session *ps = find(pamh);

	if (ps == NULL || !ps->open || ps->opener != getpid())
		return PAM_SUCCESS;
	return close_data(pamh, ps, "closed");
}

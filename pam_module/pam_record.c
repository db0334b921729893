#include "pam_module/pam_record.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define DEV_LOG		"/dev/log"
#define READY_MS	2000

struct kv_audit_subject
kv_login_subject(const struct kv_login *login, const char *session)
{
	const struct kv_decision *d = &login->decision;
	bool confined = d->verdict == KV_VERDICT_CONFINE;

	return (struct kv_audit_subject){
		.session = session,
		.user = login->user,
		.uid = login->request.user != NULL ? (long long)login->account.uid : -1,
		.service = login->service,
		.from = login->from,
		.rule = d->rule != NULL ? d->rule->name : NULL,
		.policy = d->policy.name[0] != '\0' ? d->policy.name : NULL,
		.backend = confined ? kv_backend_name(d->backend) : NULL,
		.score = confined ? d->score : -1,
	};
}

/* What a user is told. No word of it comes from outside. */
static const char *
sentence(enum kv_refusal refusal)
{
	switch (refusal) {
	case KV_REFUSAL_POLICY:
		return "this host's login policy cannot be read";
	case KV_REFUSAL_DECISION:
		return "this host cannot give it the confinement that its policy asks for";
	case KV_REFUSAL_SHELL:
		return "your account is not set up for the confinement that the policy asks for";
	case KV_REFUSAL_AUDIT:
		return "it could not be recorded";
	case KV_REFUSAL_SESSION:
		return "its confinement could not be set up";
	case KV_REFUSAL_NONE:
	case KV_REFUSAL_USER:
	case KV_REFUSAL_SYSTEM:
		break;
	}
	return "something went wrong while it was checked";
}

static int
pam_code(enum kv_refusal refusal)
{
	return refusal == KV_REFUSAL_USER ? PAM_USER_UNKNOWN : PAM_PERM_DENIED;
}

static void
tell(pam_handle_t *pamh, int flags, const struct kv_login *login)
{
	const char *contact = login->config.contact;

	if ((flags & PAM_SILENT) != 0)
		return;
	(void)pam_error(pamh, "Your login is refused, because %s; please ask %s.",
	    sentence(login->refusal), contact[0] != '\0' ? contact : "your administrator");
}

int
kv_login_refuse(pam_handle_t *pamh, int flags, const struct kv_login *login)
{
	struct kv_audit audit = { .state_fd = -1, .format = login->config.audit_format };
	struct kv_audit_subject subject = kv_login_subject(login, NULL);
	struct kv_audit_pair reason = { "reason", login->why.msg };
	enum kv_event event = login->refusal == KV_REFUSAL_POLICY ? KV_EVENT_POLICY_ERROR :
	    KV_EVENT_SESSION_DENY;
	struct kv_error err = KV_ERROR_INIT;

	/* Without the chain's state an unsigned record is better than none. */
	if (kv_audit_open_state(KV_AUDIT_DIR, &audit.state_fd, &err) != 0)
		audit.state_fd = -1;
	if (kv_audit_write(&audit, event, &subject, &reason, 1, &err) != 0)
		pam_syslog(pamh, LOG_ERR, "the refusal could not be recorded");
	if (audit.state_fd >= 0)
		(void)close(audit.state_fd);
	tell(pamh, flags, login);
	return pam_code(login->refusal);
}

static int
listens(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = DEV_LOG };
	kv_cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int n;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	do
		n = poll(&pfd, 1, READY_MS);
	while (n < 0 && errno == EINTR);
	if (n > 0 && (pfd.revents & POLLOUT) != 0)
		return 0;
	errno = n == 0 ? ETIMEDOUT : EPIPE;
	return -1;
}

int
kv_audit_ready(struct kv_error *err)
{
	kv_cleanup_close int state = -1;

	if (kv_audit_open_state(KV_AUDIT_DIR, &state, err) != 0)
		return -1;
	if (listens(SOCK_DGRAM) != 0 && (errno != EPROTOTYPE || listens(SOCK_STREAM) != 0))
		return kv_error_sys(err, "no record can be written: %s", DEV_LOG);
	return 0;
}

int
kv_record_open(const struct kv_login *login, const struct kv_session *session, struct kv_error *err)
{
	const struct kv_decision *d = &login->decision;
	struct kv_audit_subject subject = kv_login_subject(login, session->id);
	struct kv_audit_pair pairs[3];
	size_t count = 0;

	if (login->tty != NULL && *login->tty != '\0')
		pairs[count++] = (struct kv_audit_pair){ "tty", login->tty };
	if (d->inner != KV_BACKEND_AUTO)
		pairs[count++] = (struct kv_audit_pair){ "inner", kv_backend_name(d->inner) };
	pairs[count++] = (struct kv_audit_pair){ "network", kv_network_name(d->policy.network) };
	return kv_audit_write(&session->audit, KV_EVENT_SESSION_OPEN, &subject, pairs, count, err);
}

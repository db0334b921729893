/*
 * pam_kavach.so: the account phase decides, the session phase is stage one.
 *
 * MUST NOT exit, call openlog(3), touch signals, or leave a descriptor that
 * survives exec: this runs inside of sshd, login, su and cron.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <string.h>
#include <syslog.h>

#include "common/error.h"
#include "pam_module/pam_args.h"
#include "pam_module/pam_login.h"
#include "pam_module/pam_record.h"
#include "pam_module/pam_session.h"

static void
log_decision(pam_handle_t *pamh, const struct kv_pam_args *args, const struct kv_login *login)
{
	const struct kv_decision *d = &login->decision;

	if (!args->debug)
		return;
	if (login->refusal != KV_REFUSAL_NONE)
		pam_syslog(pamh, LOG_DEBUG, "refused");
	else if (d->verdict == KV_VERDICT_CONFINE)
		pam_syslog(pamh, LOG_DEBUG, "confined: policy %s, backend %s, score %d",
		    d->policy.name, kv_backend_name(d->backend), d->score);
	else
		pam_syslog(pamh, LOG_DEBUG, "not confined");
}

/* A broken policy lets the exempt in; they should know why others stay out. */
static void
warn_exempt(pam_handle_t *pamh, const struct kv_login *login)
{
	if (login->why.code != KV_ERR_NONE)
		pam_syslog(pamh, LOG_WARNING, "the policy is broken, and an exempt user is let in: %s",
		    login->why.msg);
}

static int
account(pam_handle_t *pamh, int flags, const struct kv_pam_args *args, struct kv_login *login)
{
	kv_login_decide(pamh, args, login);
	if (login->refusal == KV_REFUSAL_NONE && login->decision.verdict == KV_VERDICT_CONFINE &&
	    login->config.audit_required && kv_audit_ready(&login->why) != 0)
		login->refusal = KV_REFUSAL_AUDIT;
	if (login->refusal == KV_REFUSAL_NONE && login->decision.verdict == KV_VERDICT_CONFINE &&
	    kv_secrets_try(&login->config, &login->decision.policy, &login->why) != 0)
		login->refusal = KV_REFUSAL_SESSION;
	log_decision(pamh, args, login);
	if (login->refusal != KV_REFUSAL_NONE)
		return kv_login_refuse(pamh, flags, login);
	if (login->decision.verdict == KV_VERDICT_CONFINE)
		return PAM_SUCCESS;
	warn_exempt(pamh, login);
	return PAM_IGNORE;
}

static int
open_session(pam_handle_t *pamh, int flags, const struct kv_pam_args *args, struct kv_login *login)
{
	if (kv_pam_session_is_open(pamh))
		return PAM_SUCCESS;
	/*
	 * Decided anew: with sshd the account phase may have run in another
	 * process, and the policy may have become stricter since.
	 */
	kv_login_decide(pamh, args, login);
	log_decision(pamh, args, login);
	if (login->refusal == KV_REFUSAL_NONE && login->decision.verdict != KV_VERDICT_CONFINE)
		return PAM_IGNORE;
	if (login->refusal == KV_REFUSAL_NONE &&
	    kv_pam_session_open(pamh, login, &login->refusal, &login->why) == 0)
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_ERR, "no session was opened");
	(void)kv_login_refuse(pamh, flags, login);
	return PAM_SESSION_ERR;
}

/* What both phases begin and end with. wrong: what arguments that cannot be understood lead to. */
static int
with_login(pam_handle_t *pamh, int flags, int argc, const char **argv,
    int (*phase)(pam_handle_t *, int, const struct kv_pam_args *, struct kv_login *), int wrong)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_pam_args args;
	struct kv_login login;
	int result;

	if (kv_pam_args_parse(argc, argv, &args, &err) != 0) {
		pam_syslog(pamh, LOG_ERR, "%s", err.msg);
		return wrong;
	}
	memset(&login, 0, sizeof(login));
	result = phase(pamh, flags, &args, &login);
	kv_login_release(&login);
	return result;
}

int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return with_login(pamh, flags, argc, argv, account, PAM_SERVICE_ERR);
}

int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return with_login(pamh, flags, argc, argv, open_session, PAM_SESSION_ERR);
}

int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	/* Whatever the arguments have become: what was opened is closed. */
	(void)flags;
	(void)argc;
	(void)argv;
	return kv_pam_session_close(pamh);
}

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

/*
 * sshd calls setcred once more in the user's half, after the session was
 * opened; there pam_cap(8), which Debian puts into common-auth, empties the inheritable
 * set. Behind it in the auth stack, this puts the session's capabilities back.
 */
int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)argc;
	(void)argv;
	if ((flags & PAM_DELETE_CRED) != 0)
		return PAM_IGNORE;
	return kv_pam_session_grant_again(pamh);
}

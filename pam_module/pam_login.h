/*
 * One login as PAM describes it, with what the policy says of it.
 */
#ifndef KV_PAM_MODULE_PAM_LOGIN_H
#define KV_PAM_MODULE_PAM_LOGIN_H

#include <security/pam_modules.h>

#include "common/error.h"
#include "pam_module/pam_args.h"
#include "policy/decide.h"
#include "policy/policy.h"
#include "session/session.h"

/* Why a login is refused: what the user is told depends on it, and nothing else. */
enum kv_refusal {
	KV_REFUSAL_NONE,
	KV_REFUSAL_USER,	/* no such user, or a name that cannot be */
	KV_REFUSAL_POLICY,	/* the policy is broken */
	KV_REFUSAL_DECISION,	/* the policy says no, or this host is too weak for it */
	KV_REFUSAL_SHELL,	/* the account's shell is not the wrapper */
	KV_REFUSAL_AUDIT,	/* no record can be written */
	KV_REFUSAL_SESSION,	/* stage one failed */
	KV_REFUSAL_SYSTEM,
};

struct kv_login {
	const char *user, *service, *from, *tty;	/* borrowed from PAM; NULL where unknown */
	struct kv_account account;
	struct kv_config config;
	struct kv_request request;
	struct kv_decision decision;
	bool wrap;			/* the service starts /bin/sh, not the account's shell */
	enum kv_refusal refusal;
	struct kv_error why;		/* of the refusal */
};

/*
 * Asks PAM, NSS, the policy and the backends. Always fills *out, to be released; a login is
 * neither passed nor confined unless refusal is NONE.
 */
void kv_login_decide(pam_handle_t *pamh, const struct kv_pam_args *args, struct kv_login *out);
void kv_login_release(struct kv_login *login);

#endif

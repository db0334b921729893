#include "pam_module/pam_login.h"

#include "backends/backend.h"
#include "policy/load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WRAPPER KV_SBINDIR "/kavach-session"

static const char *
item(pam_handle_t *pamh, int which)
{
	const void *value = NULL;

	if (pam_get_item(pamh, which, &value) != PAM_SUCCESS)
		return NULL;
	return value;
}

static void
refuse(struct kv_login *login, enum kv_refusal refusal)
{
	login->refusal = refusal;
}

/* Is it the wrapper, by whatever path it is reached (/sbin is often /usr/sbin). */
static bool
is_wrapper(const char *shell)
{
	struct stat a, b;

	if (strcmp(shell, WRAPPER) == 0)
		return true;
	return stat(shell, &a) == 0 && stat(WRAPPER, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

static void
ask_pam(pam_handle_t *pamh, struct kv_login *login)
{
	const char *tty;

	login->user = item(pamh, PAM_USER);
	login->service = item(pamh, PAM_SERVICE);
	login->from = item(pamh, PAM_RHOST);
	tty = item(pamh, PAM_TTY);
	if (tty != NULL && strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	login->tty = tty;
}

static void
fill_request(struct kv_login *login)
{
	login->request = (struct kv_request){
		.user = login->account.user,
		.uid = login->account.uid,
		.groups = (const char *const *)login->account.groups,
		.group_count = login->account.group_count,
		.service = login->service,
		.from = login->from,
		.tty = login->tty,
	};
}

static void
decide(struct kv_login *login)
{
	struct kv_backend_fact facts[KV_BACKEND_COUNT];
	struct kv_decision *d = &login->decision;

	memset(facts, 0, sizeof(facts));
	kv_backend_probe(kv_backends_wanted(&login->config, &login->request), KV_PROBE_LOGIN_MS, facts, NULL);
	if (kv_decide(&login->config, &login->request, facts, d, &login->why) != 0) {
		refuse(login, KV_REFUSAL_SYSTEM);
		return;
	}
	/* Its shell would refuse; but what needs no shell (sftp, forwarding) would not be held. */
	if (d->verdict == KV_VERDICT_PASS && is_wrapper(login->account.shell) &&
	    !kv_exempt(&login->config, &login->request)) {
		(void)kv_error_set(&login->why, KV_ERR_DENIED,
		    "the account has the confined login shell, and no rule confines it");
		refuse(login, KV_REFUSAL_DECISION);
		return;
	}
	login->wrap = login->service != NULL &&
	    kv_list_has(&login->config.wrap_services, login->service);
	if (d->verdict == KV_VERDICT_REFUSE) {
		(void)kv_error_set(&login->why, KV_ERR_DENIED, "%s", d->reason);
		refuse(login, KV_REFUSAL_DECISION);
	} else if (d->verdict == KV_VERDICT_CONFINE && !login->wrap &&
	    !is_wrapper(login->account.shell)) {
		(void)kv_error_set(&login->why, KV_ERR_DENIED,
		    "the account's shell is not %s (kavachctl enroll sets it)", WRAPPER);
		refuse(login, KV_REFUSAL_SHELL);
	}
}

void
kv_login_decide(pam_handle_t *pamh, const struct kv_pam_args *args, struct kv_login *out)
{
	const struct kv_load_options options = { .file = args->conf };
	struct kv_error policy = KV_ERROR_INIT;
	bool sound;

	memset(out, 0, sizeof(*out));
	out->decision.verdict = KV_VERDICT_REFUSE;
	ask_pam(pamh, out);
	sound = kv_config_load(&options, &out->config, &policy) == 0;
	if (out->user == NULL) {
		(void)kv_error_set(&out->why, KV_ERR_DENIED, "no user is named");
		refuse(out, KV_REFUSAL_USER);
		return;
	}
	if (kv_account_lookup(out->user, &out->account, &out->why) != 0) {
		refuse(out, out->why.code == KV_ERR_DENIED ? KV_REFUSAL_USER : KV_REFUSAL_SYSTEM);
		return;
	}
	fill_request(out);
	if (sound) {
		decide(out);
		return;
	}
	out->why = policy;
	/* Somebody must be able to come in and mend it. */
	if (kv_exempt(&out->config, &out->request))
		out->decision.verdict = KV_VERDICT_PASS;
	else
		refuse(out, KV_REFUSAL_POLICY);
}

void
kv_login_release(struct kv_login *login)
{
	kv_decision_release(&login->decision);
	kv_config_release(&login->config);
	kv_account_release(&login->account);
}

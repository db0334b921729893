/* kavachctl enroll, unenroll: which accounts log in by kavach-session. */
#include "admin/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/enroll.h"
#include "admin/explain.h"
#include "admin/host.h"
#include "admin/output.h"
#include "admin/record.h"

/* Refuses the exempt; warns of what would surprise the user at the next login. 0 or -1. */
static int
ask_policy(const struct kv_account *account, struct kv_error *err)
{
	const struct kv_request request = {
		.user = account->user, .uid = account->uid,
		.groups = (const char *const *)account->groups, .group_count = account->group_count,
	};
	struct kv_config config = { .policies = NULL };
	struct kv_error broken = KV_ERROR_INIT;
	bool sound = kv_host_config(NULL, &config, &broken) == 0;
	int status = 0;

	if (kv_exempt(&config, &request))
		status = kv_error_set(err, KV_ERR_DENIED,
		    "%s is %s, and is never confined", account->user,
		    account->uid == 0 ? "root" : "in one of exempt_groups");
	else if (!sound)
		kv_complain("warning: the policy is broken, and refuses this user: %s", broken.msg);
	else if (!kv_explain_any_rule(&config, &request))
		kv_complain("warning: no rule matches %s: every login will be refused", account->user);
	kv_config_release(&config);
	return status;
}

static void
say(const struct kv_account *account, bool enroll, const struct kv_enroll *done)
{
	if (!done->changed) {
		kv_put(stdout, KV_PLAIN, account->user);
		(void)puts(enroll ? " is enrolled already" : " is not enrolled");
	} else {
		kv_put(stdout, KV_PLAIN, account->user);
		(void)printf(enroll ? ": the login shell is now " KV_WRAPPER ", instead of " :
		    ": the login shell is now ");
		kv_put(stdout, KV_PLAIN, done->shell);
		(void)putchar('\n');
	}
	if (done->unlisted)
		(void)puts("took " KV_WRAPPER " out of /etc/shells: chsh(1) would let users change away from it");
	if (!enroll && done->changed && access(done->shell, X_OK) != 0)
		kv_complain("warning: %s is not there any more", done->shell);
}

int
kv_cmd_enroll(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	bool enroll = strcmp(self->name, "enroll") == 0;
	struct kv_account account = { .groups = NULL };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_enroll done;
	int status;

	if (kv_option(self, argc, argv, options) != -1)
		return KV_EXIT_USAGE;
	if (argc - optind != 1 || *argv[optind] == '\0')
		return kv_usage(self, "one user's name is needed");
	status = kv_need_root(self);
	if (status != 0)
		return status;
	if (kv_account_lookup(argv[optind], &account, &err) != 0 ||
	    (enroll && ask_policy(&account, &err) != 0)) {
		kv_complain("%s", err.msg);
		kv_account_release(&account);
		return err.code == KV_ERR_DENIED ? KV_EXIT_NO : kv_error_exit(err.code);
	}
	if ((enroll ? kv_enroll : kv_unenroll)(&account, &done, &err) != 0) {
		kv_complain("%s", err.msg);
		(void)kv_admin_record(self->name, NULL, account.user, err.msg);
		status = err.code == KV_ERR_DENIED ? KV_EXIT_NO : kv_error_exit(err.code);
	} else {
		if (done.changed)
			(void)kv_admin_record(self->name, NULL, account.user, "ok");
		say(&account, enroll, &done);
	}
	kv_account_release(&account);
	return status;
}

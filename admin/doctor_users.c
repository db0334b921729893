#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "policy/decide.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define GROUPS_MAX 256

static bool
no_login(const char *shell)
{
	const char *name = strrchr(shell, '/');

	name = name != NULL ? name + 1 : shell;
	return strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0 ||
	    strcmp(name, "sync") == 0;
}

static int
groups_of_file(const struct kv_doctor *d, const struct passwd *pw, struct kv_list *out)
{
	kv_cleanup_file FILE *file = kv_doctor_fopen(d, "/etc/group");
	const struct group *gr;

	if (file == NULL)
		return 0;
	while ((gr = fgetgrent(file)) != NULL) {
		bool member = gr->gr_gid == pw->pw_gid;

		for (char **m = gr->gr_mem; !member && *m != NULL; m++)
			member = strcmp(*m, pw->pw_name) == 0;
		if (member && kv_list_add(out, gr->gr_name) != 0)
			return -1;
	}
	return 0;
}

static int
groups_of_host(const struct passwd *pw, struct kv_list *out)
{
	gid_t gid[GROUPS_MAX];
	int count = GROUPS_MAX;

	if (getgrouplist(pw->pw_name, pw->pw_gid, gid, &count) < 0)
		count = GROUPS_MAX;
	for (int i = 0; i < count; i++) {
		const struct group *gr = getgrgid(gid[i]);

		if (gr != NULL && kv_list_add(out, gr->gr_name) != 0)
			return -1;
	}
	return 0;
}

static struct kv_request
request_of(const struct kv_doctor_user *user)
{
	return (struct kv_request){ .user = user->name, .uid = user->uid,
		.groups = (const char *const *)user->groups.item,
		.group_count = user->groups.count };
}

/* Could the rule ever decide for the user? Where from and through what is left open. */
static bool
rule_may_match(const struct kv_rule *rule, const struct kv_doctor_user *user, const char *service)
{
	struct kv_request request = request_of(user);
	struct kv_rule open_rule = *rule;
	struct kv_config one = { .rules = &open_rule, .rule_count = 1 };

	memset(&open_rule.from, 0, sizeof(open_rule.from));
	memset(&open_rule.tty, 0, sizeof(open_rule.tty));
	if (service == NULL)
		memset(&open_rule.service, 0, sizeof(open_rule.service));
	request.service = service;
	return kv_rule_match(&one, &request) != NULL;
}

bool
kv_doctor_rule_for(const struct kv_doctor *d, const struct kv_doctor_user *user,
    const char *service)
{
	for (size_t i = 0; i < d->config.rule_count; i++)
		if (rule_may_match(&d->config.rules[i], user, service))
			return true;
	return false;
}

/* Notes what the user's policies leave open. false: no rule is about this account. */
static bool
confined(const struct kv_doctor *d, struct kv_doctor_user *user)
{
	struct kv_request request = request_of(user);
	bool any = false, other_network = false;

	if (kv_exempt(&d->config, &request))
		return false;
	for (size_t i = 0; i < d->config.rule_count; i++) {
		const struct kv_rule *rule = &d->config.rules[i];
		const struct kv_policy *policy;

		if (!rule_may_match(rule, user, NULL))
			continue;
		/* A rule for everybody is not about the accounts that cannot log in. */
		if (rule->user.count == 0 && rule->group.count == 0 && no_login(user->shell))
			continue;
		any = true;
		policy = kv_config_policy(&d->config, rule->policy);
		if (policy == NULL)
			continue;
		user->seccomp_off |= policy->seccomp == KV_SECCOMP_OFF;
		user->host_network |= policy->network == KV_NET_HOST;
		other_network |= policy->network != KV_NET_HOST;
		user->needs_caps |= policy->privilege == KV_PRIV_CAPS;
		user->dotfiles_open |= !policy->protect_dotfiles && policy->home == KV_HOME_RW;
	}
	user->only_host_network = user->host_network && !other_network;
	return any;
}

/* Adds the account if it is confined, or asked for. 0 or -1. */
static int
take(struct kv_doctor *d, const struct passwd *pw)
{
	struct kv_doctor_user user = { .uid = pw->pw_uid }, *more;
	bool asked = d->options->user != NULL;

	if ((asked && strcmp(pw->pw_name, d->options->user) != 0) ||
	    kv_format(user.name, sizeof(user.name), "%s", pw->pw_name) != 0 ||
	    kv_format(user.home, sizeof(user.home), "%s", pw->pw_dir) != 0 ||
	    kv_format(user.shell, sizeof(user.shell), "%s", pw->pw_shell) != 0)
		return 0;
	if ((d->options->root != NULL ? groups_of_file(d, pw, &user.groups) :
	    groups_of_host(pw, &user.groups)) != 0) {
		kv_list_release(&user.groups);
		return -1;
	}
	if (!confined(d, &user) && !(asked && !d->have_config)) {
		if (asked)
			kv_doctor_add(d, &(struct kv_report){ "not-confined", KV_HIGH, user.name,
			    KV_SYSCONFDIR "/kavach", "Add a [rule] that names the user or one of his "
			    "groups." }, "no rule matches this user, or he is exempt");
		kv_list_release(&user.groups);
		return 0;
	}
	more = realloc(d->users, (d->user_count + 1) * sizeof(*more));
	if (more == NULL) {
		kv_list_release(&user.groups);
		return -1;
	}
	d->users = more;
	d->users[d->user_count++] = user;
	return 0;
}

int
kv_doctor_users(struct kv_doctor *d, struct kv_error *err)
{
	kv_cleanup_file FILE *file = NULL;
	const struct passwd *pw;
	bool found = false;
	int result = 0;

	if (d->options->root != NULL) {
		file = kv_doctor_fopen(d, "/etc/passwd");
		if (file == NULL)
			return kv_error_sys(err, "doctor: /etc/passwd");
	} else if (d->options->user != NULL) {
		/* By name: not every source of accounts can list them. */
		pw = getpwnam(d->options->user);
		found = pw != NULL;
		result = pw != NULL ? take(d, pw) : 0;
	} else {
		setpwent();
	}
	while (result == 0 && (file != NULL || d->options->user == NULL) &&
	    (pw = file != NULL ? fgetpwent(file) : getpwent()) != NULL) {
		found |= d->options->user != NULL && strcmp(pw->pw_name, d->options->user) == 0;
		result = take(d, pw);
	}
	if (file == NULL)
		endpwent();
	if (result != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "doctor: out of memory");
	if (d->options->user != NULL && !found)
		return kv_error_set(err, KV_ERR_USAGE, "doctor: there is no user %s",
		    d->options->user);
	return 0;
}

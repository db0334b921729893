/* One effective configuration of sshd: what it leaves open. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <fnmatch.h>
#include <string.h>

#define WRAPPER KV_SBINDIR "/kavach-session"
#define CONFIG "/etc/ssh/sshd_config"
#define VALUE_MAX 1024
#define DROPIN "/etc/ssh/sshd_config.d/kavach.conf"

struct check {
	struct kv_doctor *d;
	const struct kv_sshd *sshd;
	const struct kv_doctor_user *user;
	const struct kv_sshd_from *from;
	const char *text;
};

/* The line that most likely sets it: of this value if there is one, else the first; and from where. */
static void
locate(const struct check *c, const char *key, const char *value, char *where, size_t room)
{
	const struct kv_sshd_line *found = NULL;
	char at[KV_PATH_MAX + 32] = CONFIG " (the default)";

	for (size_t i = 0; i < c->sshd->line_count; i++) {
		const struct kv_sshd_line *l = &c->sshd->lines[i];

		if (strcmp(l->key, key) != 0)
			continue;
		if (found == NULL)
			found = l;
		if (strncasecmp(l->value, value, strlen(value)) == 0) {
			found = l;
			break;
		}
	}
	if (found != NULL)
		(void)snprintf(at, sizeof(at), "%s:%u", found->file, found->line);
	if (c->from == &c->sshd->from[0])
		(void)snprintf(where, room, "%s", at);
	else
		(void)snprintf(where, room, "%s, from %s (%s) to %s port %s", at, c->from->addr,
		    c->from->host, c->from->laddr, c->from->lport);
}

static void
report(const struct check *c, const char *id, enum kv_severity severity, const char *key,
    const char *value, const char *fix, const char *what)
{
	char where[KV_DOCTOR_WHERE];

	locate(c, key, value, where, sizeof(where));
	kv_doctor_add(c->d, &(struct kv_report){ id, severity, c->user->name, where, fix }, "%s", what);
}

static bool
is(const struct check *c, const char *key, const char *value)
{
	char have[VALUE_MAX];

	return kv_sshd_value(c->text, key, 0, have, sizeof(have)) && strcmp(have, value) == 0;
}

static bool
has(const struct check *c, const char *key)
{
	char have[VALUE_MAX];

	return kv_sshd_value(c->text, key, 0, have, sizeof(have));
}

static void
check_sftp(const struct check *c)
{
	char value[VALUE_MAX];

	for (unsigned int n = 0; kv_sshd_value(c->text, "subsystem", n, value, sizeof(value)); n++)
		if (strstr(value, "internal-sftp") != NULL)
			report(c, "internal-sftp", KV_MEDIUM, "subsystem", "sftp",
			    "Write `Subsystem sftp /usr/lib/openssh/sftp-server`, the external server.",
			    "internal-sftp runs in sshd without the login shell: without seccomp and Landlock");
	if (kv_sshd_value(c->text, "forcecommand", 0, value, sizeof(value)) &&
	    strncmp(value, "internal-sftp", 13) == 0)
		report(c, "internal-sftp", KV_MEDIUM, "forcecommand", "internal-sftp",
		    "Force the external sftp-server by `command =` of the rule in the policy.",
		    "ForceCommand internal-sftp runs in sshd without the login shell");
}

static void
check_forwarding(const struct check *c)
{
	static const char *const keys[] = { "allowtcpforwarding", "allowstreamlocalforwarding",
		"allowagentforwarding", "x11forwarding", "permittunnel", "gatewayports" };
	char what[VALUE_MAX] = "", value[64];
	const char *first = NULL;
	size_t used = 0;

	if (is(c, "disableforwarding", "yes"))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!kv_sshd_value(c->text, keys[i], 0, value, sizeof(value)) ||
		    strcmp(value, "no") == 0)
			continue;
		if (first == NULL)
			first = keys[i];
		used += (size_t)snprintf(what + used, sizeof(what) - used, "%s%s %s",
		    used > 0 ? ", " : "", keys[i], value);
	}
	if (first == NULL)
		return;
	(void)snprintf(what + used, sizeof(what) - used,
	    ": sshd itself forwards, without seccomp and Landlock");
	report(c, "forwarding", c->user->host_network || strstr(what, "permittunnel") != NULL ?
	    KV_MEDIUM : KV_LOW, first, "yes", "Write `DisableForwarding yes` for the confined group "
	    "in " DROPIN ".", what);
}

static void
check_programs(const struct check *c)
{
	char value[VALUE_MAX];
	bool forced = kv_sshd_value(c->text, "forcecommand", 0, value, sizeof(value)) &&
	    strcmp(value, "none") != 0;

	if (is(c, "permituserrc", "yes") && !forced)
		report(c, "user-rc", KV_LOW, "permituserrc", "yes", "Write `PermitUserRC no` in "
		    DROPIN ".", "~/.ssh/rc runs before the login shell");
	if (forced && strcmp(c->user->shell, WRAPPER) != 0)
		report(c, "force-command-shell", KV_HIGH, "forcecommand", value,
		    "Make kavach-session the login shell (kavachctl enroll), and force the command by "
		    "the rule.", "ForceCommand goes through a login shell that reads the user's files first");
	if (!is(c, "usepam", "yes") && has(c, "usepam"))
		report(c, "usepam", KV_HIGH, "usepam", "no", "Write `UsePAM yes` in " DROPIN ".",
		    "without PAM there is no session to confine");
	if (kv_sshd_value(c->text, "pamservicename", 0, value, sizeof(value)) &&
	    strcmp(value, "sshd") != 0) {
		char path[VALUE_MAX + 16];
		struct stat st;

		if (kv_format(path, sizeof(path), "/etc/pam.d/%s", value) != 0 ||
		    !kv_doctor_stat(c->d, path, &st))
			report(c, "pam-service", KV_HIGH, "pamservicename", value,
			    "Write `PAMServiceName sshd`, or make that stack with pam_kavach.",
			    "sshd uses a PAM service that has no stack of its own");
	}
}

static void
check_environment(const struct check *c)
{
	static const char *const danger[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV",
		"ENV", "GIT_SSH_COMMAND", "GIT_EXEC_PATH", "PYTHONPATH", "PYTHONSTARTUP",
		"PYTHONHOME", "PERL5LIB", "PERL5OPT", "PATH", "IFS" };
	char value[VALUE_MAX], what[VALUE_MAX + 64];

	for (unsigned int n = 0; kv_sshd_value(c->text, "acceptenv", n, value, sizeof(value)); n++) {
		for (size_t i = 0; i < sizeof(danger) / sizeof(danger[0]); i++) {
			if (fnmatch(value, danger[i], 0) != 0)
				continue;
			(void)snprintf(what, sizeof(what), "the client may set %s (AcceptEnv %s)",
			    danger[i], value);
			report(c, "accept-env", KV_MEDIUM, "acceptenv", value,
			    "Accept LANG and LC_* only.", what);
			break;
		}
	}
	if (has(c, "permituserenvironment") && !is(c, "permituserenvironment", "no"))
		report(c, "user-environment", KV_MEDIUM, "permituserenvironment", "yes",
		    "Write `PermitUserEnvironment no` in " DROPIN ".",
		    "~/.ssh/environment and keys set variables of sshd's children");
}

/* The file's path for the user, and whether it lies in his home. */
static bool
key_path(const struct check *c, const char *pattern, char *out, size_t room)
{
	size_t used = 0, home = strlen(c->user->home);

	out[0] = '\0';
	if (pattern[0] != '/' && strncmp(pattern, "%h", 2) != 0)
		used = (size_t)snprintf(out, room, "%s/", c->user->home);
	for (const char *p = pattern; *p != '\0' && used + 1 < room; p++) {
		const char *with = NULL;
		int n;

		if (*p == '%' && p[1] != '\0') {
			p++;
			with = *p == 'h' ? c->user->home : *p == 'u' ? c->user->name : "%";
		}
		n = with != NULL ? snprintf(out + used, room - used, "%s", with) :
		    snprintf(out + used, room - used, "%c", *p);
		used += n > 0 ? (size_t)n : 0;
	}
	return strncmp(out, c->user->home, home) == 0 && out[home] == '/';
}

static void
check_keys(const struct check *c)
{
	char files[VALUE_MAX], value[VALUE_MAX], *save = NULL;
	bool rc = !is(c, "permituserrc", "no"), forwarding = !is(c, "disableforwarding", "yes");
	bool environment = has(c, "permituserenvironment") && !is(c, "permituserenvironment", "no");

	if (kv_sshd_value(c->text, "authorizedkeyscommand", 0, value, sizeof(value)) &&
	    strcmp(value, "none") != 0)
		report(c, "keys-by-command", KV_LOW, "authorizedkeyscommand", value,
		    "See to it that the command puts `restrict` before each key.",
		    "keys come from a command, and their options cannot be examined");
	if (kv_sshd_value(c->text, "trustedusercakeys", 0, value, sizeof(value)) &&
	    strcmp(value, "none") != 0)
		report(c, "certificates", KV_LOW, "trustedusercakeys", value,
		    "Issue certificates with -O clear and with the few options that are needed.",
		    "certificates carry options that cannot be examined");
	if (!kv_sshd_value(c->text, "authorizedkeysfile", 0, files, sizeof(files)))
		return;
	for (char *file = strtok_r(files, " ", &save); file != NULL;
	    file = strtok_r(NULL, " ", &save)) {
		char path[KV_PATH_MAX * 2];

		if (strcmp(file, "none") == 0)
			continue;
		if (key_path(c, file, path, sizeof(path)) && c->user->dotfiles_open)
			report(c, "keys-writable", KV_MEDIUM, "authorizedkeysfile", file,
			    "Set protect_dotfiles = yes in the policy, or `AuthorizedKeysFile "
			    "/etc/ssh/authorized_keys.d/%u`.",
			    "the user can write his own authorized keys, options included");
		kv_doctor_keys(c->d, c->user, path, rc, forwarding, environment);
	}
}

void
kv_sshd_check(struct kv_doctor *d, const struct kv_sshd *sshd, const struct kv_doctor_user *user,
    const struct kv_sshd_from *from, const char *text)
{
	const struct check c = { d, sshd, user, from, text };

	check_sftp(&c);
	check_forwarding(&c);
	check_programs(&c);
	check_environment(&c);
	check_keys(&c);
}

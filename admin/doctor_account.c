/* What an account has besides its sessions: groups, jobs, a user manager, mail. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <string.h>

#define WRAPPER KV_SBINDIR "/kavach-session"

static void
check_shell(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	char where[KV_DOCTOR_WHERE] = "the account database", fix[KV_DOCTOR_WHERE];
	unsigned int line = kv_doctor_line(d, "/etc/passwd", user->name, ":");

	if (strcmp(user->shell, WRAPPER) == 0)
		return;
	if (line != 0)
		(void)snprintf(where, sizeof(where), "/etc/passwd:%u", line);
	(void)snprintf(fix, sizeof(fix), "kavachctl enroll %s", user->name);
	kv_doctor_add(d, &(struct kv_report){ "shell-not-wrapper", KV_HIGH, user->name, where, fix },
	    "the login shell is %s: PAM refuses the login, and what does not ask pam_kavach is "
	    "not confined", user->shell);
}

static void
check_groups(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	static const char *const power[] = { "root", "sudo", "wheel", "admin", "docker", "podman",
		"lxd", "incus", "incus-admin", "libvirt", "libvirt-qemu", "kvm", "disk", "shadow",
		"kmem", "staff" };

	for (size_t i = 0; i < sizeof(power) / sizeof(power[0]); i++) {
		char where[KV_DOCTOR_WHERE] = "the group database", fix[KV_DOCTOR_WHERE];
		unsigned int line;

		if (!kv_list_has(&user->groups, power[i]))
			continue;
		line = kv_doctor_line(d, "/etc/group", power[i], ":");
		if (line != 0)
			(void)snprintf(where, sizeof(where), "/etc/group:%u", line);
		(void)snprintf(fix, sizeof(fix), "gpasswd -d %s %s", user->name, power[i]);
		kv_doctor_add(d, &(struct kv_report){ "power-group", KV_HIGH, user->name, where, fix },
		    "group %s is worth root on the host", power[i]);
	}
}

/* Does a list of sudo's speak of the user: by name, by a group, or for all? */
static bool
sudo_word(const struct kv_doctor_user *user, const char *word)
{
	if (word[0] == '%')
		return kv_list_has(&user->groups, word + 1);
	return strcmp(word, "ALL") == 0 || strcmp(word, user->name) == 0;
}

static void
check_sudoers(struct kv_doctor *d, const struct kv_doctor_user *user, const char *path)
{
	kv_cleanup_file FILE *file = kv_doctor_fopen(d, path);
	kv_cleanup_free char *line = NULL;
	char where[KV_DOCTOR_WHERE];
	unsigned int number = 0;
	size_t room = 0;

	if (file == NULL)
		return;
	while (getline(&line, &room, file) >= 0) {
		char *names = line + strspn(line, " \t"), *word, *rest;

		number++;
		names[strcspn(names, " \t\n")] = '\0';
		for (word = names; word != NULL && *word != '\0'; word = rest) {
			rest = strchr(word, ',');
			if (rest != NULL)
				*rest++ = '\0';
			if (!sudo_word(user, word))
				continue;
			(void)snprintf(where, sizeof(where), "%s:%u", path, number);
			kv_doctor_add(d, &(struct kv_report){ "sudo-rule", KV_HIGH, user->name, where,
			    "Take the user out of the rule." }, "sudo has a rule for the user");
		}
	}
}

/* May the user use cron or at: the lists as crontab(1) and at(1) read them. */
static bool
may_use(const struct kv_doctor *d, const char *program, const char *user)
{
	char allow[64], deny[64];
	struct stat st;

	if (kv_format(allow, sizeof(allow), "/etc/%s.allow", program) != 0 ||
	    kv_format(deny, sizeof(deny), "/etc/%s.deny", program) != 0)
		return true;
	if (kv_doctor_stat(d, allow, &st))
		return kv_doctor_line(d, allow, user, " \t") != 0;
	return kv_doctor_line(d, deny, user, " \t") == 0;
}

static bool
installed(const struct kv_doctor *d, const char *a, const char *b)
{
	struct stat st;

	return kv_doctor_stat(d, a, &st) || kv_doctor_stat(d, b, &st);
}

static bool
stack_has_gap(const struct kv_doctor *d, const char *service)
{
	char text[64];

	if (kv_format(text, sizeof(text), "service %s ", service) != 0)
		return true;
	for (size_t i = 0; i < d->count; i++)
		if (strncmp(d->findings[i].id, "pam-", 4) == 0 &&
		    d->findings[i].severity == KV_HIGH &&
		    strncmp(d->findings[i].what, text, strlen(text)) == 0)
			return true;
	return false;
}

struct job {
	const char *program, *binary[2], *service[2], *spool[2];
};

static bool
confined_jobs(const struct kv_doctor *d, const struct kv_doctor_user *user, const struct job *job)
{
	char path[KV_PATH_MAX];
	bool any = false;
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		if (job->service[i] == NULL ||
		    kv_format(path, sizeof(path), "/etc/pam.d/%s", job->service[i]) != 0 ||
		    !kv_doctor_stat(d, path, &st))
			continue;
		any = true;
		if (stack_has_gap(d, job->service[i]) ||
		    (d->have_config && (!kv_doctor_rule_for(d, user, job->service[i]) ||
		    !kv_list_has(&d->config.wrap_services, job->service[i]))))
			return false;
	}
	return any;
}

/* Jobs are no way out where PAM confines them; else they are, now or once one is made. */
static void
check_jobs(struct kv_doctor *d, const struct kv_doctor_user *user, const struct job *job)
{
	char where[KV_DOCTOR_WHERE], fix[KV_DOCTOR_WHERE + 128];
	struct stat st;

	if (!installed(d, job->binary[0], job->binary[1]) || confined_jobs(d, user, job))
		return;
	if (may_use(d, job->program, user->name)) {
		(void)snprintf(where, sizeof(where), "/etc/%s.allow", job->program);
		(void)snprintf(fix, sizeof(fix), "Put pam_kavach into /etc/pam.d/%s with a rule for "
		    "that service, or write %s without this user.", job->service[0], where);
		kv_doctor_add(d, &(struct kv_report){ "jobs-allowed", KV_HIGH, user->name, where, fix },
		    "the user may use %s, whose jobs are not confined", job->program);
	}
	for (size_t i = 0; i < 2; i++) {
		if (job->spool[i] == NULL ||
		    kv_format(where, sizeof(where), "%s/%s", job->spool[i], user->name) != 0 ||
		    !kv_doctor_stat(d, where, &st) || !S_ISREG(st.st_mode))
			continue;
		kv_doctor_add(d, &(struct kv_report){ "jobs-spooled", KV_HIGH, user->name, where,
		    "Remove the file, or confine the service." },
		    "%s has jobs of the user, and they are not confined", job->program);
	}
}

static void
check_at_spool(struct kv_doctor *d, const struct kv_doctor_user *user, const struct job *job)
{
	static const char *const folders[] = { "/var/spool/cron/atjobs", "/var/spool/at" };

	if (confined_jobs(d, user, job))
		return;
	for (size_t f = 0; f < 2; f++) {
		struct kv_list names;

		if (kv_doctor_names(d, folders[f], "[a-z=]*", &names) != 0)
			d->no_memory = true;
		for (size_t i = 0; i < names.count; i++) {
			char where[KV_DOCTOR_WHERE];
			struct stat st;

			if (kv_format(where, sizeof(where), "%s/%s", folders[f], names.item[i]) != 0 ||
			    !kv_doctor_stat(d, where, &st) || !S_ISREG(st.st_mode) ||
			    st.st_uid != user->uid)
				continue;
			kv_doctor_add(d, &(struct kv_report){ "jobs-spooled", KV_HIGH, user->name, where,
			    "Remove the job with atrm, or confine the service." },
			    "at has a job of the user, and it is not confined");
		}
		kv_list_release(&names);
	}
}

static void
check_manager(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	char path[KV_PATH_MAX];
	struct stat st;

	if (kv_format(path, sizeof(path), "/var/lib/systemd/linger/%s", user->name) == 0 &&
	    kv_doctor_stat(d, path, &st))
		kv_doctor_add(d, &(struct kv_report){ "linger", KV_MEDIUM, user->name, path,
		    "loginctl disable-linger for the user." },
		    "a user manager runs for the user without a session");
}

/* A mail server runs the commands of ~/.forward as the user, outside of every session. */
static void
check_forward(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	static const char *const servers[] = { "/usr/sbin/exim4", "/usr/sbin/exim",
		"/usr/sbin/postfix", "/usr/sbin/sendmail" };
	char path[KV_PATH_MAX + 16];
	bool server = false, present;
	struct stat st;

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		server |= kv_doctor_stat(d, servers[i], &st);
	if (!server || kv_format(path, sizeof(path), "%s/.forward", user->home) != 0)
		return;
	present = kv_doctor_stat(d, path, &st);
	if (!present && !user->dotfiles_open)
		return;
	kv_doctor_add(d, &(struct kv_report){ "mail-forward", present ? KV_HIGH : KV_MEDIUM,
	    user->name, path, "Set protect_dotfiles = yes in the policy, and forbid .forward in the "
	    "mail server for confined accounts." }, "a mail server is installed, and %s",
	    present ? "the user has a .forward, which may run commands outside of every session" :
	    "the user may write a .forward that runs commands outside of every session");
}

/* Ways to come in that no rule is about. */
static void
check_services(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	static const char *const services[] = { "sshd", "login", "su", "su-l", "sudo",
		"systemd-user" };

	for (size_t i = 0; d->have_config && i < sizeof(services) / sizeof(services[0]); i++) {
		char path[KV_PATH_MAX];
		struct stat st;

		if (kv_format(path, sizeof(path), "/etc/pam.d/%s", services[i]) != 0 ||
		    !kv_doctor_stat(d, path, &st) || kv_doctor_rule_for(d, user, services[i]))
			continue;
		kv_doctor_add(d, &(struct kv_report){ "service-without-rule", KV_MEDIUM, user->name,
		    KV_SYSCONFDIR "/kavach", "Leave `service` out of the rule, or add one for it." },
		    "no rule is about the user when he comes through %s", services[i]);
	}
}

void
kv_doctor_account(struct kv_doctor *d, const struct kv_doctor_user *user)
{
	static const struct job cron = { "cron", { "/usr/sbin/cron", "/usr/sbin/crond" },
		{ "cron", "crond" }, { "/var/spool/cron/crontabs", "/var/spool/cron" } };
	static const struct job at = { "at", { "/usr/sbin/atd", "/usr/bin/at" }, { "atd", NULL },
		{ NULL, NULL } };
	struct kv_list names;

	check_shell(d, user);
	check_groups(d, user);
	check_sudoers(d, user, "/etc/sudoers");
	if (kv_doctor_names(d, "/etc/sudoers.d", "*", &names) != 0)
		d->no_memory = true;
	for (size_t i = 0; i < names.count; i++) {
		char path[KV_PATH_MAX];

		if (kv_format(path, sizeof(path), "/etc/sudoers.d/%s", names.item[i]) == 0)
			check_sudoers(d, user, path);
	}
	kv_list_release(&names);
	check_jobs(d, user, &cron);
	check_jobs(d, user, &at);
	check_at_spool(d, user, &at);
	check_manager(d, user);
	check_forward(d, user);
	check_services(d, user);
}

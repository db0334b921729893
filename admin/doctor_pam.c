/* PAM: every service's account and session stack must reach pam_kavach, whatever came before. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <ctype.h>
#include <string.h>

#define STACK_MAX	128
#define DEPTH_MAX	16

struct entry {
	char control[160];
	char module[64];	/* without its folder */
	char file[KV_PATH_MAX];
	unsigned int line;
	unsigned int substack;	/* 0: none */
	bool user_env;		/* pam_env that reads ~/.pam_environment */
};

struct stack {
	const char *type;
	struct entry entry[STACK_MAX];
	size_t count;
	unsigned int substacks;
	bool lost;		/* an include could not be followed */
};

static const char *const folders[] = { "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d" };

/* Services that start a session for somebody: with them a gap is a way out. */
static const char *const doors[] = { "sshd", "login", "remote", "su", "su-l", "cron", "crond",
	"atd", "sudo", "sudo-i", "systemd-user", "polkit-1", "gdm-password", "lightdm", "sddm",
	"xrdp-sesman", "vsftpd", "proftpd", "dropbear", "cockpit" };
/* Services that start none, or that only root can use. */
static const char *const harmless[] = { "passwd", "chpasswd", "chfn", "chsh", "newusers", "runuser",
	"runuser-l", "useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod",
	"chage", "password-auth", "system-auth", "postlogin", "kavach" };

static bool
among(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* Takes one word, or one [list in brackets], off *at. */
static bool
take_word(char **at, char *out, size_t room)
{
	char *start, *end;

	*at += strspn(*at, " \t");
	start = *at;
	if (*start == '\0')
		return false;
	end = *start == '[' ? strchr(start, ']') : NULL;
	end = end != NULL ? end + 1 : start + strcspn(start, " \t");
	*at = end;
	return kv_format(out, room, "%.*s", (int)(end - start), start) == 0;
}

static void collect(const struct kv_doctor *d, struct stack *stack, const char *service,
    unsigned int substack, int depth);

static void
add_entry(struct stack *stack, const char *control, const char *module, const char *arguments,
    const char *file, unsigned int line, unsigned int substack)
{
	const char *name = strrchr(module, '/');
	struct entry *e;

	if (stack->count == STACK_MAX) {
		stack->lost = true;
		return;
	}
	e = &stack->entry[stack->count++];
	(void)snprintf(e->control, sizeof(e->control), "%s", control);
	(void)snprintf(e->module, sizeof(e->module), "%.63s", name != NULL ? name + 1 : module);
	(void)snprintf(e->file, sizeof(e->file), "%s", file);
	e->line = line;
	e->substack = substack;
	e->user_env = strcmp(e->module, "pam_env.so") == 0 && strstr(arguments, "user_readenv=1") != NULL;
}

static void
take_line(const struct kv_doctor *d, struct stack *stack, char *line, const char *file,
    unsigned int number, unsigned int substack, int depth)
{
	char type[64], control[160], module[KV_PATH_MAX];

	if (!take_word(&line, type, sizeof(type)) || type[0] == '#')
		return;
	if (strcmp(type, "@include") == 0) {
		if (take_word(&line, module, sizeof(module)))
			collect(d, stack, module, substack, depth + 1);
		return;
	}
	if (strcasecmp(type + (type[0] == '-' ? 1 : 0), stack->type) != 0 ||
	    !take_word(&line, control, sizeof(control)) ||
	    !take_word(&line, module, sizeof(module)))
		return;
	if (strcasecmp(control, "include") == 0)
		collect(d, stack, module, substack, depth + 1);
	else if (strcasecmp(control, "substack") == 0)
		collect(d, stack, module, ++stack->substacks, depth + 1);
	else
		add_entry(stack, control, module, line, file, number, substack);
}

/* The next line, with those that follow a backslash at its end. first: where it begins. */
static bool
read_joined(FILE *file, char **line, size_t *room, unsigned int *number, unsigned int *first)
{
	kv_cleanup_free char *more = NULL;
	size_t more_room = 0, len;

	if (getline(line, room, file) < 0)
		return false;
	*first = ++*number;
	for (;;) {
		char *joined;

		len = strcspn(*line, "\n");
		(*line)[len] = '\0';
		if (len == 0 || (*line)[len - 1] != '\\' || getline(&more, &more_room, file) < 0)
			return true;
		++*number;
		(*line)[len - 1] = ' ';
		joined = realloc(*line, len + strlen(more) + 1);
		if (joined == NULL)
			return true;
		memcpy(joined + len, more, strlen(more) + 1);
		*line = joined;
		*room = len + strlen(more) + 1;
	}
}

/* All modules of the type, in the order in which libpam runs them. */
static void
collect(const struct kv_doctor *d, struct stack *stack, const char *service,
    unsigned int substack, int depth)
{
	kv_cleanup_file FILE *file = NULL;
	kv_cleanup_free char *line = NULL;
	char path[KV_PATH_MAX] = "";
	unsigned int number = 0, first = 0;
	size_t room = 0;

	for (size_t i = 0; file == NULL && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (service[0] == '/' ? i == 0 && kv_format(path, sizeof(path), "%s", service) == 0 :
		    kv_format(path, sizeof(path), "%s/%s", folders[i], service) == 0)
			file = kv_doctor_fopen(d, path);
	if (file == NULL || depth > DEPTH_MAX) {
		stack->lost = true;
		return;
	}
	while (read_joined(file, &line, &room, &number, &first))
		take_line(d, stack, line, path, first, substack, depth);
}

/* What the control field says for this result of a module; "" if nothing. */
static void
action(const char *control, const char *result, char out[32])
{
	const char *at = control;
	size_t len = strlen(result);

	out[0] = '\0';
	while (*at == '[' || *at == ' ' || *at == '\t')
		at++;
	while (*at != '\0' && *at != ']') {
		size_t word = strcspn(at, " \t]");

		if (word > len && strncmp(at, result, len) == 0 && at[len] == '=') {
			(void)snprintf(out, 32, "%.*s", (int)(word - len - 1), at + len + 1);
			return;
		}
		at += word;
		at += strspn(at, " \t");
	}
}

static bool
ends_stack(const char *what)
{
	return strcmp(what, "done") == 0 || strcmp(what, "die") == 0;
}

/* Must a failure of this module fail the stack? */
static bool
binding(const char *control)
{
	char fallback[32], auth_err[32], perm[32], session[32];
	const char *const *each = (const char *const[]){ auth_err, perm, session };

	if (control[0] != '[')
		return strcasecmp(control, "required") == 0 || strcasecmp(control, "requisite") == 0;
	action(control, "default", fallback);
	action(control, "auth_err", auth_err);
	action(control, "perm_denied", perm);
	action(control, "session_err", session);
	for (size_t i = 0; i < 3; i++) {
		const char *what = each[i][0] != '\0' ? each[i] : fallback;

		if (strcmp(what, "bad") != 0 && strcmp(what, "die") != 0)
			return false;
	}
	return true;
}

/*
 * Can the entry at i, before ours at k, end the stack well or jump over ours? NULL if
 * not, else how.
 */
static const char *
skips(const struct stack *stack, size_t i, size_t k)
{
	const struct entry *e = &stack->entry[i];
	static const char *const results[] = { "success", "default", "ignore" };
	size_t units = 1;
	char what[32];

	if (e->substack != 0 && e->substack != stack->entry[k].substack)
		return NULL;	/* ends its own part only */
	if (strcasecmp(e->control, "sufficient") == 0)
		return "sufficient ends the stack";
	if (e->control[0] != '[')
		return NULL;
	for (size_t j = i + 1; j < k; j++)	/* a foreign substack counts as one module */
		if (stack->entry[j].substack == e->substack ||
		    stack->entry[j].substack != stack->entry[j - 1].substack)
			units++;
	for (size_t r = 0; r < 3; r++) {
		uint64_t jump;

		action(e->control, results[r], what);
		if (r == 0 && ends_stack(what))
			return "success ends the stack";
		if (r == 1 && strcmp(what, "done") == 0)
			return "default=done ends the stack";
		if (kv_parse_u64(what, 1, 1000, &jump) == 0 && jump >= units)
			return "it jumps over pam_kavach";
	}
	/*
	 * new_authtok_reqd=done is let be, Debian's common-account has it: sshd then
	 * allows nothing but the change of the password, and the session stack refuses too.
	 */
	return NULL;
}

/* What is wrong with reaching our entry at k. NULL: nothing; else its id, and the entry to blame. */
static const char *
flaw(const struct stack *stack, size_t k, size_t *blame, const char **how)
{
	*blame = k;
	*how = "goes on when pam_kavach fails";
	if (!binding(stack->entry[k].control))
		return "pam-optional";
	for (size_t i = 0; i < k; i++) {
		*blame = i;
		*how = skips(stack, i, k);
		if (*how != NULL)
			return "pam-skipped";
	}
	return NULL;
}

/* Reports the stack's first entry of ours, unless one of them is sound. false: it has none. */
static bool
check_entries(struct kv_doctor *d, const struct stack *stack, const char *service,
    enum kv_severity severity)
{
	const char *id = NULL, *how = NULL, *first_how = NULL, *flawed;
	size_t blame = 0, first = 0;
	char where[KV_DOCTOR_WHERE];

	for (size_t k = 0; k < stack->count; k++) {
		if (strcmp(stack->entry[k].module, "pam_kavach.so") != 0)
			continue;
		flawed = flaw(stack, k, &blame, &how);
		if (flawed == NULL)
			return true;
		if (id == NULL) {
			id = flawed;
			first = blame;
			first_how = how;
		}
	}
	if (id == NULL)
		return false;
	(void)snprintf(where, sizeof(where), "%s:%u", stack->entry[first].file,
	    stack->entry[first].line);
	kv_doctor_add(d, &(struct kv_report){ id, severity, kv_no_user, where,
	    strcmp(id, "pam-optional") == 0 ? "Write `required` in place of it." :
	    "Move the line of pam_kavach before this one." },
	    "service %s can pass by pam_kavach in %s: %s %s, %s", service, stack->type,
	    stack->entry[first].control, stack->entry[first].module, first_how);
	return true;
}

/* The wrapper builds its environment anew; what runs beside the sandboxes does not. */
static void
check_user_env(struct kv_doctor *d, const struct stack *stack, const char *service)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct entry *e = &stack->entry[i];
		char where[KV_DOCTOR_WHERE];

		(void)snprintf(where, sizeof(where), "%s:%u", e->file, e->line);
		for (size_t u = 0; e->user_env && u < d->user_count; u++)
			if (d->users[u].dotfiles_open)
				kv_doctor_add(d, &(struct kv_report){ "pam-user-env", KV_LOW, d->users[u].name, where,
				    "Take user_readenv=1 out, or give the policy protect_dotfiles = yes." },
				    "service %s reads ~/.pam_environment, which the user can write", service);
	}
}

static void
check_stack(struct kv_doctor *d, const char *service, const char *path, const char *type,
    enum kv_severity severity)
{
	kv_cleanup_free struct stack *stack = calloc(1, sizeof(*stack));

	if (stack == NULL) {
		d->no_memory = true;
		return;
	}
	stack->type = type;
	collect(d, stack, service, 0, 0);
	check_user_env(d, stack, service);
	if (stack->count == 0 && !stack->lost)
		return;		/* libpam then asks `other`, which is examined too */
	if (!check_entries(d, stack, service, severity))
		kv_doctor_add(d, &(struct kv_report){ "pam-missing", severity, kv_no_user, path,
		    "Add `account required pam_kavach.so` and `session required pam_kavach.so`, "
		    "before anything that can end the stack." },
		    "service %s has no pam_kavach in %s", service, type);
}

void
kv_doctor_pam(struct kv_doctor *d)
{
	for (size_t f = 0; f < sizeof(folders) / sizeof(folders[0]); f++) {
		struct kv_list names;

		if (kv_doctor_names(d, folders[f], "*", &names) != 0)
			d->no_memory = true;
		for (size_t i = 0; i < names.count; i++) {
			const char *name = names.item[i];
			char path[KV_PATH_MAX], above[KV_PATH_MAX];
			enum kv_severity severity = KV_LOW;
			struct stat st;

			if (strncmp(name, "common-", 7) == 0 || strchr(name, '~') != NULL ||
			    strstr(name, ".dpkg-") != NULL || strstr(name, ".rpm") != NULL ||
			    among(harmless, sizeof(harmless) / sizeof(harmless[0]), name) ||
			    kv_format(path, sizeof(path), "%s/%s", folders[f], name) != 0)
				continue;
			if (f > 0 && kv_format(above, sizeof(above), "%s/%s", folders[0], name) == 0 &&
			    kv_doctor_stat(d, above, &st))
				continue;	/* /etc stands for it */
			if (among(doors, sizeof(doors) / sizeof(doors[0]), name))
				severity = KV_HIGH;
			check_stack(d, name, path, "account", severity);
			check_stack(d, name, path, "session", severity);
		}
		kv_list_release(&names);
	}
}

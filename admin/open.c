/*
 * kavach-open: what kavach-session executes where no session was opened for it.
 * Opens one itself where the policy says require_pam = no; refuses otherwise.
 *
 * MUST NOT start a shell: it ends in kavach-session with a ticket, or in a refusal.
 * MUST NOT trust its caller: with --enable-setuid any user may start it with any argument,
 * environment, descriptor and signal state, and it is root then. No path that the
 * user names is opened here.
 */
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/launch.h"
#include "backends/backend.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "policy/load.h"
#include "wrapper/guard.h"

struct opening {
	struct kv_config config;	/* owned */
	struct kv_account account;	/* owned */
	struct kv_request request;
	struct kv_decision decision;	/* owned */
	char tty[64];
};

/* One sentence for the user, one record for the administrator. */
static _Noreturn void
refuse(const struct opening *o, enum kv_event event, const struct kv_error *why)
{
	const char *contact = o->config.contact[0] != '\0' ? o->config.contact : "your administrator";

	kv_run_record_deny(&o->config, &o->request, event, why->msg);
	(void)dprintf(STDERR_FILENO, "kavach: this session is refused: %s; please ask %s.\n",
	    event == KV_EVENT_POLICY_ERROR ? "this host's login policy cannot be read" : why->msg,
	    contact);
	_exit(KV_EXIT_NOPERM);
}

/* In a user namespace of the caller's making, root is not root, and files are not whose they seem. */
static int
check_place(struct kv_error *err)
{
	char map[256];
	unsigned long inside, outside, count;

	if (geteuid() == getuid())
		return 0;
	if (geteuid() != 0)
		return kv_error_set(err, KV_ERR_DENIED, "kavach-open is not installed as it should be");
	if (kv_read_file(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0)
		return kv_error_sys(err, "/proc/self/uid_map");
	if (sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 || inside != 0 ||
	    outside != 0 || count != 4294967295UL)
		return kv_error_set(err, KV_ERR_DENIED, "started in a foreign user namespace");
	return 0;
}

static void
fill_request(struct opening *o, int argc, char *const argv[])
{
	const char *command = NULL;
	const char *tty = o->tty;

	for (int i = 1; i + 1 < argc && command == NULL; i++)
		if (strcmp(argv[i], "-c") == 0)
			command = argv[i + 1];
	if (ttyname_r(STDIN_FILENO, o->tty, sizeof(o->tty)) != 0)
		tty = NULL;
	else if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	o->request = (struct kv_request){
		.user = o->account.user, .uid = o->account.uid,
		.groups = (const char *const *)o->account.groups,
		.group_count = o->account.group_count,
		.service = "shell", .tty = tty, .command = command,
	};
}

static int
find_account(struct opening *o, struct kv_error *err)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw == NULL)
		return kv_error_set(err, KV_ERR_DENIED, "uid %lu has no account",
		    (unsigned long)getuid());
	return kv_account_lookup(pw->pw_name, &o->account, err);
}

static int
decide(struct opening *o, struct kv_error *err)
{
	struct kv_backend_fact facts[KV_BACKEND_COUNT];

	memset(facts, 0, sizeof(facts));
	kv_backend_probe(kv_backends_wanted(&o->config, &o->request), KV_PROBE_LOGIN_MS, facts, NULL);
	if (kv_decide(&o->config, &o->request, facts, &o->decision, err) != 0)
		return -1;
	if (o->decision.verdict == KV_VERDICT_CONFINE)
		return 0;
	return kv_error_set(err, KV_ERR_DENIED, o->decision.verdict == KV_VERDICT_PASS ?
	    "this account has the confined login shell, but no rule confines it (%s)" : "%s",
	    o->decision.reason);
}

/* Ends as the wrapper ended: the same status or the same signal. */
static _Noreturn void
end(int status)
{
	if (WIFSIGNALED(status)) {
		sigset_t one;

		(void)sigemptyset(&one);
		(void)sigaddset(&one, WTERMSIG(status));
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)kill(getpid(), WTERMSIG(status));
		(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	}
	_exit(kv_run_exit(status));
}

static int
launch(struct opening *o, char *const argv[], char *const envp[], struct kv_error *err)
{
	const struct kv_run_request request = {
		.config = &o->config, .decision = &o->decision, .request = &o->request,
		.account = &o->account, .argv = argv, .envp = envp,
	};
	struct kv_run_result result;

	/* Without root there is nothing to close afterwards: no process stays in between. */
	if (geteuid() != 0)
		return kv_run_child(&request, NULL, NULL, 0, err);
	if (kv_run(&request, &result, err) != 0)
		return -1;
	end(result.status);
}

int
main(int argc, char *argv[], char *envp[])
{
	static struct opening o;
	const struct kv_load_options options = { .file = NULL };
	struct kv_error err = KV_ERROR_INIT;
	mode_t mask = 077;
	int proc = -1;

	/* The variables are handed on to the wrapper, which picks; nothing here is to see them. */
	if (kv_guard_enter(argc, argv, envp, &mask, &err) != 0 || clearenv() != 0 ||
	    (proc = kv_proc_open(&err)) < 0 || kv_guard_untraced(proc, &err) != 0 || check_place(&err) != 0)
		refuse(&o, KV_EVENT_SESSION_DENY, &err);
	o.request = (struct kv_request){ .uid = getuid(), .service = "shell" };
	if (kv_config_load(&options, &o.config, &err) != 0)
		refuse(&o, KV_EVENT_POLICY_ERROR, &err);
	if (o.config.require_pam) {
		(void)kv_error_set(&err, KV_ERR_DENIED, "no session was opened for it by PAM");
		refuse(&o, KV_EVENT_SESSION_DENY, &err);
	}
	if (find_account(&o, &err) != 0)
		refuse(&o, KV_EVENT_SESSION_DENY, &err);
	fill_request(&o, argc, argv);
	(void)umask(mask);	/* the command's; what is made as root has its modes set */
	if (decide(&o, &err) != 0 || launch(&o, argv, envp, &err) != 0)
		refuse(&o, KV_EVENT_SESSION_DENY, &err);
	_exit(KV_EXIT_NOPERM);
}

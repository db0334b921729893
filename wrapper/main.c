/*
 * kavach-session: the login shell of a confined account. Stage two of a session.
 *
 * MUST refuse rather than start anything of the user's with a layer missing.
 * MUST NOT look up names (NSS), load libraries, or open a path that the user
 * names while a capability is effective. It is started by sshd, login, su and cron as
 * the user, with the few capabilities that stage one made inheritable; everything else it
 * needs stands in the ticket (session/ticket.h).
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/backend.h"
#include "backends/process/verify_parts.h"
#include "common/error.h"
#include "common/proc.h"
#include "session/opener.h"
#include "session/ticket.h"
#include "wrapper/command.h"
#include "wrapper/environment.h"
#include "wrapper/guard.h"
#include "wrapper/privilege.h"
#include "wrapper/record.h"
#include "wrapper/relay.h"
#include "wrapper/secret.h"

#define OPENER KV_PKGLIBEXECDIR "/kavach-open"

struct run {
	const struct kv_ticket *ticket;
	const char *values;	/* of the ticket's secrets; NULL: none */
	char **environment;	/* the command's */
	const struct kv_backend *backend;
	struct kv_asked asked;
	struct kv_launch launch;
	struct kv_record record;
	char cwd[KV_PATH_MAX];
	int proc;		/* kv_proc_open; -1: none */
	mode_t mask;		/* the caller's umask */
	bool recording;
};

/* One sentence for the user: what, and whom to ask. */
static _Noreturn void
refuse(struct run *run, const struct kv_error *why)
{
	struct kv_error ignored = KV_ERROR_INIT;
	const char *contact = run->ticket == NULL || run->ticket->contact[0] == '\0' ?
	    "your administrator" : run->ticket->contact;

	if (run->recording && kv_privilege_raise(&ignored) == 0)
		kv_record_deny(&run->record, why->msg);
	(void)kv_privilege_drop(&ignored);
	(void)dprintf(STDERR_FILENO, "kavach: this session is refused: %s; please ask %s.\n",
	    why->msg, contact);
	_exit(kv_error_exit(why->code));
}

/*
 * No session was opened for this process. Without PAM that can be right:
 * kavach-open reads the policy, and refuses unless it says require_pam = no. The setuid
 * build starts it as root, which opens the session and starts this program again; it clears the
 * environment before it uses any of it, and AT_SECURE keeps the loader from it.
 */
static _Noreturn void
without_session(struct run *run, char *const argv[], char *const envp[], struct kv_error *err)
{
	(void)umask(run->mask);
	(void)execve(OPENER, argv, envp);
	(void)kv_error_set(err, KV_ERR_DENIED, "no session was opened for it by PAM");
	refuse(run, err);
}

/* Where the command starts: where we stand, if that has a name inside the view. */
static const char *
working_directory(struct run *run)
{
	if (getcwd(run->cwd, sizeof(run->cwd)) != NULL && run->cwd[0] == '/')
		return run->cwd;
	return run->ticket->home;
}

static int
prepare(struct run *run, int argc, char *const argv[], char *const envp[], struct kv_error *err)
{
	const char *original;
	bool terminal = false, module;
	char *file = NULL;

	if (kv_guard_terminal(run->ticket->tty_rdev, &terminal, err) != 0 ||
	    kv_command_parse(argc, argv, &run->asked, err) != 0)
		return -1;
	/* Only the filter keeps a command from typing into a terminal that its caller reads too; a container has its own. */
	if (terminal && !kv_relay_leads() && run->ticket->filter_count == 0 && run->ticket->container_root == 0)
		return kv_error_set(err, KV_ERR_DENIED, "its policy has seccomp off, and it shares its caller's terminal");
	run->backend = kv_backend_get((enum kv_backend_id)run->ticket->backend);
	if (run->backend == NULL || run->backend->start == NULL)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "its backend cannot start a session");
	module = run->ticket->backend == KV_BACKEND_WASM;
	original = run->ticket->command[0] == '\0' ? NULL : run->asked.command;
	run->launch = (struct kv_launch){
		.ticket = run->ticket, .number = run->record.number, .file = run->ticket->shell,
		.own_session = kv_relay_leads(), .opener_fd = -1,
		.umask = run->mask, .input = -1, .output = -1, .errors = -1,
	};
	run->launch.argv = module ? kv_command_module(run->ticket, &run->asked, &file, err) :
	    kv_command_build(run->ticket, &run->asked, err);
	if (run->launch.argv == NULL)
		return -1;
	if (module)
		run->launch.file = file;
	run->environment = kv_environment_build(run->ticket, envp, original, run->values, err);
	if (run->environment == NULL || kv_secret_input(run->ticket, run->values, run->launch.argv[1] != NULL, terminal,
	    &run->launch.input, err) != 0)
		return -1;
	run->launch.envp = run->environment;
	run->launch.cwd = working_directory(run);
	run->launch.opener_fd = kv_opener_open(run->proc, run->ticket->opener_pid, run->ticket->opener_start, err);
	return run->launch.opener_fd < 0 ? -1 : 0;
}

/* The sandbox, verified and recorded, with nothing of the user's started. */
static int
make_sandbox(struct run *run, struct kv_sandbox *sandbox, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;

	if (kv_privilege_raise(err) != 0 || run->backend->start(&run->launch, sandbox, err) != 0)
		return -1;
	if (sandbox->verified.score < run->ticket->min_strength)
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "the sandbox reached a score of %d of %d only",
		    sandbox->verified.score, run->ticket->min_strength);
	else if (kv_record_start(&run->record, &sandbox->verified, run->asked.command, err) == 0 &&
	    kv_privilege_shrink(err) == 0)
		return 0;
	(void)run->backend->destroy(sandbox, &ignored);
	return -1;
}

/* The sandbox has what is the command's; it must come from nowhere else while it runs. */
static void
forget(struct run *run)
{
	kv_environment_wipe(run->environment);
	run->environment = NULL;
	run->launch.envp = NULL;
	if (run->values != NULL)
		(void)munmap((void *)(uintptr_t)run->values, run->ticket->secrets_size);
	run->values = NULL;
	if (run->launch.input >= 0)
		(void)close(run->launch.input);
	run->launch.input = -1;
}

static _Noreturn void
run_sandbox(struct run *run)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_sandbox sandbox = { .state = KV_STATE_DESTROYED, .control = -1, .shim = -1, .terminal = -1 };
	struct kv_outcome end = { .status = 0 };

	if (make_sandbox(run, &sandbox, &err) != 0)
		refuse(run, &err);
	forget(run);
	if (kv_relay_run(run->backend, &sandbox, run->launch.own_session, &end, &err) != 0) {
		struct kv_error ignored = KV_ERROR_INIT;

		(void)run->backend->destroy(&sandbox, &ignored);
		refuse(run, &err);
	}
	if (kv_privilege_raise(&err) == 0) {
		(void)kv_record_exit(&run->record, end.status, &err);
		/* What the user left in the background keeps it until the session closes. */
		if (!end.others)
			(void)run->backend->destroy(&sandbox, &err);
		kv_record_sweep(&run->record);
	}
	kv_relay_end(end.status);
}

int
main(int argc, char *argv[], char *envp[])
{
	static struct run run = { .proc = -1 };
	struct kv_error err = KV_ERROR_INIT;
	bool found = false, held = false;

	if (kv_guard_enter(argc, argv, envp, &run.mask, &err) != 0)
		refuse(&run, &err);
	if (!kv_ticket_present())
		without_session(&run, argv, envp, &err);
	if (kv_privilege_take(&held, &err) != 0 || kv_privilege_raise(&err) != 0)
		refuse(&run, &err);
	run.proc = kv_proc_open(&err);
	if ((run.proc < 0 && held) || (run.proc >= 0 && kv_guard_untraced(run.proc, &err) != 0) ||
	    kv_ticket_map(run.proc, &run.ticket, &found, &err) != 0 || run.ticket == NULL ||
	    kv_ticket_secrets_map(run.ticket, &run.values, &err) != 0)
		refuse(&run, &err);
	if (run.ticket->privilege == KV_PRIV_CAPS && !held) {
		(void)kv_error_set(&err, KV_ERR_DENIED, "it does not hold the capabilities it needs");
		refuse(&run, &err);
	}
	if (kv_record_open(run.ticket, &run.record, &err) != 0)
		refuse(&run, &err);
	run.recording = true;
	/* Here they have their own numbers; within a sandbox of privilege = userns, or a container, they need not. */
	if (kv_privilege_lower(&err) != 0 || kv_verify_own_groups(run.ticket, true, &err) != 0 ||
	    prepare(&run, argc, argv, envp, &err) != 0)
		refuse(&run, &err);
	run_sandbox(&run);
}

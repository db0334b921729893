/*
 * The process backend on its own: a ticket made by hand, a private mount
 * namespace in place of a session's view. Sessions as a whole are tested in tests/.
 */
#include "backends/process/process.h"

#include <atf-c.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/seccomp.h"
#include "common/error.h"
#include "common/testing.h"
#include "session/ticket.h"

/* What a session's view has and this machine's root need not have. */
static void
make_view(void)
{
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS | CLONE_NEWNET));
	ATF_REQUIRE_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ATF_REQUIRE_EQ(0, mount("none", "/run", "tmpfs", 0, "mode=0755"));
	ATF_REQUIRE_EQ(0, mkdir(KV_RUN_DIR, 0755));
}

static uint64_t
own_namespace(const char *path)
{
	char link[64];
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	char *number;

	ATF_REQUIRE(n > 0);
	link[n] = '\0';
	number = strchr(link, '[');
	ATF_REQUIRE(number != NULL);
	return strtoull(number + 1, NULL, 10);
}

static struct kv_ticket *
make_ticket(enum kv_seccomp seccomp)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *ticket = calloc(1, sizeof(*ticket));
	size_t count = 0;

	ATF_REQUIRE(ticket != NULL);
	ticket->host_netns_ino = own_namespace("/proc/self/ns/net");
	ticket->userns_ino = own_namespace("/proc/self/ns/user");
	make_view();
	ticket->backend = KV_BACKEND_PROCESS;
	ticket->inner = KV_BACKEND_AUTO;
	ticket->network = KV_NET_OFF;
	ticket->seccomp = (int32_t)seccomp;
	if (seccomp != KV_SECCOMP_OFF) {
		ATF_REQUIRE_EQ_MSG(0, kv_seccomp_compile(seccomp, NULL, ticket->filter,
		    KV_TICKET_FILTER_MAX, &count, &err), "%s", err.msg);
		ticket->filter_count = (uint32_t)count;
	}
	ticket->base_score = 50;
	ticket->score = 50 + 5 + (seccomp == KV_SECCOMP_OFF ? 0 : 5);
	return ticket;
}

static struct kv_launch
make_launch(const struct kv_ticket *ticket, char **argv)
{
	static char *envp[] = { NULL };

	return (struct kv_launch){
		.ticket = ticket, .number = 1, .file = "/bin/sh", .argv = argv, .envp = envp, .cwd = "/",
		.umask = 022, .own_session = true, .opener_fd = -1, .input = -1, .output = -1, .errors = -1,
	};
}

static int
run(const struct kv_ticket *ticket, const char *script, const struct kv_exec_options *options,
    struct kv_exec_result *result, struct kv_error *err)
{
	char name[] = "sh", option[] = "-c", text[1024];
	char *argv[] = { name, option, text, NULL };
	struct kv_launch launch = make_launch(ticket, argv);

	(void)snprintf(text, sizeof(text), "%s", script);
	(void)signal(SIGPIPE, SIG_IGN);
	return kv_backend_exec(&kv_process_backend, &launch, options, result, err);
}

static void
check_run(const struct kv_ticket *ticket, const char *script, int status, const char *out)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_exec_result result;
	static const struct kv_exec_options options = { 0 };

	ATF_REQUIRE_EQ_MSG(0, run(ticket, script, &options, &result, &err), "%s: %s", script, err.msg);
	ATF_CHECK_EQ_MSG(status, result.exit_code, "%s: %d, %s", script, result.exit_code, result.err);
	if (out != NULL)
		ATF_CHECK_STREQ(out, result.out);
	kv_exec_result_release(&result);
}

ROOT_CASE(statuses_and_output_arrive, "exit statuses, signals, both streams")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_STRICT);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_exec_result result;
	struct kv_exec_options options = { .input = "in\n", .input_size = 3 };

	check_run(ticket, "echo hello", 0, "hello\n");
	check_run(ticket, "exit 7", 7, "");
	check_run(ticket, "kill -KILL $$", 128 + SIGKILL, "");
	check_run(ticket, "kill -TERM $$", 128 + SIGTERM, "");
	check_run(ticket, "/nonexistent", 127, "");
	ATF_REQUIRE_EQ(0, run(ticket, "cat; echo err >&2", &options, &result, &err));
	ATF_CHECK_STREQ("in\n", result.out);
	ATF_CHECK_STREQ("err\n", result.err);
	ATF_CHECK_EQ(60, result.verified.score);
	kv_exec_result_release(&result);
}

ROOT_CASE(time_limit_ends_all, "the time limit kills the command and its children")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_BASIC);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_exec_result result;
	struct kv_exec_options options = { .timeout_ms = 300 };

	ATF_REQUIRE_EQ(0, run(ticket, "(sleep 3599.25 &); sleep 3599.25", &options, &result, &err));
	ATF_CHECK(result.timed_out);
	ATF_CHECK_EQ(124, result.exit_code);
	ATF_CHECK(result.duration_ms >= 300 && result.duration_ms < 5000);
	kv_exec_result_release(&result);
	ATF_CHECK(system("pgrep -f 'sleep 3599[.]25' >/dev/null") != 0);
	options.timeout_ms = 5000;
	ATF_REQUIRE_EQ(0, run(ticket, "exit 0", &options, &result, &err));
	ATF_CHECK(!result.timed_out);
	kv_exec_result_release(&result);
}

ROOT_CASE(output_is_bounded, "more output than the limit is dropped and said so")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_OFF);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_exec_result result;
	struct kv_exec_options options = { .output_limit = 1000 };

	ATF_REQUIRE_EQ(0, run(ticket, "head -c 1000 /dev/zero", &options, &result, &err));
	ATF_CHECK_EQ(1000, result.out_size);
	ATF_CHECK(!result.truncated);
	kv_exec_result_release(&result);
	ATF_REQUIRE_EQ(0, run(ticket, "head -c 1000000 /dev/zero", &options, &result, &err));
	ATF_CHECK_EQ(1000, result.out_size);
	ATF_CHECK(result.truncated);
	ATF_CHECK_EQ(0, result.exit_code);
	kv_exec_result_release(&result);
}

ROOT_CASE(every_process_is_confined, "five empty sets, no_new_privs, a filter; the first process too")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_STRICT);

	for (const char *const *who = (const char *const[]){ "self", "1", NULL }; *who != NULL; who++) {
		char script[256];

		(void)snprintf(script, sizeof(script),
		    "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/%s/status | tr -s '\\t' ' '", *who);
		check_run(ticket, script, 0,
		    "CapInh: 0000000000000000\nCapPrm: 0000000000000000\nCapEff: 0000000000000000\n"
		    "CapBnd: 0000000000000000\nCapAmb: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n");
	}
	check_run(ticket, "ls /proc | grep -c '^[0-9]*$' | grep -x '[345]' >/dev/null", 0, "");
	check_run(ticket, "ls /run/kavach", 0, "");
	check_run(ticket, "echo x > /proc/sys/kernel/hostname", 2, "");
	check_run(ticket, "ls /proc/self/fd | tr '\\n' ' '", 0, "0 1 2 3 ");
}

ROOT_CASE(links_and_renames_work, "without Landlock paths files move between folders, as git does it")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_STRICT);

	check_run(ticket, "cd $(mktemp -d /tmp/kavach-process-test.XXXXXX) && mkdir a b && echo x > a/f && "
	    "ln a/f b/g && mv a/f b/h && cat b/g b/h && rm -r \"$PWD\"", 0, "x\nx\n");
}

ROOT_CASE(missing_layer_refuses, "a promised layer that is not there: nothing is started")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_BASIC);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_exec_result result;
	struct kv_exec_options options = { 0 };
	char flag[] = "/tmp/kavach-process-test.XXXXXX", script[128];

	ATF_REQUIRE(mkdtemp(flag) != NULL);
	(void)snprintf(script, sizeof(script), "rmdir %s", flag);
	ticket->read_only_root = true;
	ticket->score += 3;
	ATF_CHECK_EQ(-1, run(ticket, script, &options, &result, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK_MSG(strstr(err.msg, "root") != NULL || strstr(err.msg, "read") != NULL, "%s", err.msg);
	kv_exec_result_release(&result);
	ATF_CHECK_EQ_MSG(0, access(flag, F_OK), "the command was started");
	ticket->read_only_root = false;
	ticket->score -= 3;
	check_run(ticket, script, 0, "");
	ATF_CHECK(access(flag, F_OK) != 0);
}

static void
start(const struct kv_ticket *ticket, const char *script, struct kv_sandbox *sandbox)
{
	char name[] = "sh", option[] = "-c", text[256];
	char *argv[] = { name, option, text, NULL };
	struct kv_launch launch = make_launch(ticket, argv);
	struct kv_error err = KV_ERROR_INIT;

	(void)snprintf(text, sizeof(text), "%s", script);
	ATF_REQUIRE_EQ_MSG(0, kv_process_backend.start(&launch, sandbox, &err), "%s", err.msg);
}

ROOT_CASE(life_of_a_sandbox, "created, running, stopped, destroyed; wrong moves are errors")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_BASIC);
	const struct kv_backend *process = &kv_process_backend;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_outcome outcome;
	struct kv_sandbox sandbox;

	start(ticket, "(sleep 60 &) ; exit 3", &sandbox);
	ATF_CHECK_EQ(KV_STATE_CREATED, sandbox.state);
	ATF_CHECK_EQ(-1, process->health(&sandbox, &err));
	ATF_REQUIRE_EQ(0, process->go(&sandbox, &err));
	ATF_CHECK_EQ(-1, process->go(&sandbox, &err));
	ATF_REQUIRE_EQ(0, process->wait(&sandbox, &outcome, &err));
	ATF_CHECK_EQ(KV_OUTCOME_EXITED, outcome.what);
	ATF_CHECK_EQ(3, WEXITSTATUS(outcome.status));
	ATF_CHECK_MSG(outcome.others, "the sleep remains");
	ATF_CHECK_EQ(0, kill(sandbox.pid, 0));
	ATF_CHECK_EQ(0, process->destroy(&sandbox, &err));
	ATF_CHECK_EQ(KV_STATE_DESTROYED, sandbox.state);
	ATF_CHECK_EQ(-1, kill(sandbox.pid, 0));
	ATF_CHECK_EQ(0, process->destroy(&sandbox, &err));
}

ROOT_CASE(killed_sandbox_is_broken, "the end of the first process is told, and ends all")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_BASIC);
	const struct kv_backend *process = &kv_process_backend;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_outcome outcome;
	struct kv_sandbox sandbox;

	start(ticket, "sleep 3598.25", &sandbox);
	ATF_REQUIRE_EQ(0, process->go(&sandbox, &err));
	ATF_CHECK_EQ_MSG(0, process->health(&sandbox, &err), "%s", err.msg);
	ATF_REQUIRE_EQ(0, kill(sandbox.pid, SIGKILL));
	ATF_REQUIRE_EQ(0, process->wait(&sandbox, &outcome, &err));
	ATF_CHECK_EQ(KV_OUTCOME_BROKEN, outcome.what);
	ATF_CHECK_EQ(0, process->destroy(&sandbox, &err));
	ATF_CHECK(system("pgrep -f 'sleep 3598[.]25' >/dev/null") != 0);
}

ROOT_CASE(signals_are_passed_on, "a signal for the command reaches its process group")
{
	struct kv_ticket *ticket = make_ticket(KV_SECCOMP_BASIC);
	const struct kv_backend *process = &kv_process_backend;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_outcome outcome;
	struct kv_sandbox sandbox;

	start(ticket, "sleep 60", &sandbox);
	ATF_REQUIRE_EQ(0, process->go(&sandbox, &err));
	(void)usleep(100000);
	ATF_REQUIRE_EQ(0, process->signal(&sandbox, SIGUSR1, &err));
	ATF_REQUIRE_EQ(0, process->wait(&sandbox, &outcome, &err));
	ATF_CHECK_EQ(KV_OUTCOME_EXITED, outcome.what);
	ATF_CHECK(WIFSIGNALED(outcome.status));
	ATF_CHECK_EQ(SIGUSR1, WTERMSIG(outcome.status));
	ATF_CHECK_EQ(0, process->destroy(&sandbox, &err));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, statuses_and_output_arrive);
	ATF_TP_ADD_TC(tp, time_limit_ends_all);
	ATF_TP_ADD_TC(tp, output_is_bounded);
	ATF_TP_ADD_TC(tp, every_process_is_confined);
	ATF_TP_ADD_TC(tp, links_and_renames_work);
	ATF_TP_ADD_TC(tp, missing_layer_refuses);
	ATF_TP_ADD_TC(tp, life_of_a_sandbox);
	ATF_TP_ADD_TC(tp, killed_sandbox_is_broken);
	ATF_TP_ADD_TC(tp, signals_are_passed_on);
	return atf_no_error();
}

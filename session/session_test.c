/*
 * Stage one by itself, in a private /run and /etc: opening, entering, closing,
 * reaping, listing. A child is the opener where it has to die.
 */
#include "session/session.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/testing.h"
#include "common/io.h"
#include "session/cgroup_impl.h"
#include "session/state.h"
#include "session/testhost.h"

#define SHELL KV_SBINDIR "/kavach-session"

struct fixture {
	struct kv_config config;
	struct kv_decision decision;
	struct kv_request request;
	struct kv_account account;
	struct kv_session session;
};

static void
prepare(struct fixture *f, const char *preset)
{
	struct kv_error err = KV_ERROR_INIT;

	memset(f, 0, sizeof(*f));
	f->config.audit_required = true;
	f->decision.verdict = KV_VERDICT_CONFINE;
	f->decision.inner = KV_BACKEND_AUTO;
	f->decision.score = 60;
	ATF_REQUIRE_EQ(0, kv_policy_preset(preset, &f->decision.policy));
	ATF_REQUIRE_MSG(kv_account_lookup(TESTHOST_USER, &f->account, &err) == 0, "%s", err.msg);
	f->request.user = f->account.user;
	f->request.uid = f->account.uid;
	f->request.service = "sshd";
	f->request.from = "192.0.2.1\nevent=forged";
}

static int
open_it(struct fixture *f, struct kv_error *err)
{
	return kv_session_open(&f->config, &f->decision, &f->request, &f->account, false,
	    &f->session, err);
}

static void
must_open(struct fixture *f)
{
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_MSG(open_it(f, &err) == 0, "%s", err.msg);
}

ROOT_CASE(open_and_close_leave_nothing, "open, close, and close again")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct fixture f;
	struct stat st;
	char path[256];

	testhost_enter(SHELL);
	(void)umask(0);
	prepare(&f, "basic");
	must_open(&f);
	/* What is public in it can be reached, nothing can be listed; the sessions are root's. */
	ATF_REQUIRE_EQ(0, stat(KV_RUN_DIR, &st));
	ATF_CHECK_EQ(0711, st.st_mode & 07777);
	ATF_REQUIRE_EQ(0, stat(KV_SESSIONS_DIR, &st));
	ATF_CHECK_EQ(0700, st.st_mode & 07777);
	(void)snprintf(path, sizeof(path), "%s/%s", KV_SESSIONS_DIR, f.session.id);
	ATF_REQUIRE_EQ(0, stat(path, &st));
	ATF_CHECK_EQ(0700, st.st_mode & 07777);
	ATF_CHECK(f.session.ticket->filter_count > 0);
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(0, kv_session_close(&f.session, &usage, &err));
	testhost_check_clean();
}

ROOT_CASE(few_descriptors_open_nothing, "A11: what could not be closed again is not opened")
{
	struct kv_error err = KV_ERROR_INIT;
	struct rlimit before, few;
	struct kv_usage usage;
	struct fixture f;

	testhost_enter(SHELL);
	prepare(&f, "basic");
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	for (rlim_t n = 8; n < 48; n += 4) {
		few = (struct rlimit){ .rlim_cur = n, .rlim_max = before.rlim_max };
		ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
		ATF_CHECK_EQ(-1, open_it(&f, &err));
		ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
		ATF_CHECK_MSG(strstr(err.msg, "open files") != NULL, "%s", err.msg);
		testhost_check_clean();
	}
	must_open(&f);
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	testhost_check_clean();
}

ROOT_CASE(enter_and_close_come_back, "the opener is in namespaces of the session, and then not")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct fixture f;
	const struct kv_ticket *ticket;
	bool found;

	testhost_enter(SHELL);
	prepare(&f, "strict");
	f.decision.policy.process_limit = 0;
	f.decision.policy.memory_limit = 0;
	f.decision.policy.cpu_limit_milli = 0;
	must_open(&f);
	ATF_REQUIRE_MSG(kv_session_enter(&f.session, &f.config, &f.account, &f.decision, &err) == 0,
	    "%s", err.msg);
	/* The ticket is there, and says that it is another's. */
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &ticket, &found, &err));
	ATF_CHECK(found);
	ATF_CHECK_STREQ("this session belongs to another user", err.msg);
	ATF_CHECK_EQ(-1, access(KV_SESSIONS_DIR, F_OK));
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(0, usage.sandboxes);
	ATF_CHECK_EQ(-1, usage.last_status);
	testhost_check_clean();
}

ROOT_CASE(close_kills_what_is_left, "a daemon that stayed behind, in the session's namespaces")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct fixture f;
	pid_t left;
	int status;

	testhost_enter(SHELL);
	prepare(&f, "minimal");
	must_open(&f);
	ATF_REQUIRE_MSG(kv_session_enter(&f.session, &f.config, &f.account, &f.decision, &err) == 0,
	    "%s", err.msg);
	left = fork();
	if (left == 0) {
		(void)setsid();
		for (;;)
			(void)pause();
	}
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(left, waitpid(left, &status, 0));
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	testhost_check_clean();
}

ROOT_CASE(an_unavailable_layer_opens_nothing, "what is asked for and cannot be had refuses")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;

	testhost_enter(SHELL);
	prepare(&f, "basic");
	f.decision.policy.cpu_limit_milli = 1;	/* below what any kernel takes */
	ATF_CHECK_EQ(-1, open_it(&f, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	testhost_check_clean();
	prepare(&f, "basic");
	f.decision.verdict = KV_VERDICT_PASS;
	ATF_CHECK_EQ(-1, open_it(&f, &err));
	testhost_check_clean();
}

ROOT_CASE(a_foreign_run_directory_is_refused, "A16: whoever pre-creates it decides nothing")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;

	testhost_enter(SHELL);
	prepare(&f, "minimal");
	ATF_REQUIRE_EQ(0, mkdir(KV_RUN_DIR, 0700));
	ATF_REQUIRE_EQ(0, chown(KV_RUN_DIR, TESTHOST_UID, 0));
	ATF_CHECK_EQ(-1, open_it(&f, &err));
	ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	ATF_REQUIRE_EQ(0, chown(KV_RUN_DIR, 0, 0));
	ATF_REQUIRE_EQ(0, chmod(KV_RUN_DIR, 0777));
	ATF_CHECK_EQ(-1, open_it(&f, &err));
	ATF_REQUIRE_EQ(0, rmdir(KV_RUN_DIR));
	ATF_REQUIRE_EQ(0, mkdir("/run/elsewhere", 0700));
	ATF_REQUIRE_EQ(0, symlink("/run/elsewhere", KV_RUN_DIR));
	ATF_CHECK_EQ(-1, open_it(&f, &err));
	ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	ATF_REQUIRE_EQ(0, unlink(KV_RUN_DIR));
	/* The twin. */
	ATF_REQUIRE_EQ(0, mkdir(KV_RUN_DIR, 0755));
	must_open(&f);
	ATF_CHECK_EQ(0, kv_session_close(&f.session, &(struct kv_usage){ 0 }, &err));
}

/* An opener that opens, leaves a process in its cgroup, and is killed. Returns that process. */
static pid_t
die_open(struct fixture *f)
{
	pid_t opener, left = -1;
	int pipes[2];

	/* What it leaves becomes ours. */
	ATF_REQUIRE_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ATF_REQUIRE_EQ(0, pipe(pipes));
	opener = fork();
	if (opener == 0) {
		struct kv_error err = KV_ERROR_INIT;

		if (open_it(f, &err) != 0 || kv_cgroup_enter(&f->session.cgroup, 0, &err) != 0)
			_exit(1);
		left = fork();
		if (left == 0)
			for (;;)
				(void)pause();
		(void)!write(pipes[1], &left, sizeof(left));
		for (;;)
			(void)pause();
	}
	(void)close(pipes[1]);
	ATF_REQUIRE_EQ((ssize_t)sizeof(left), read(pipes[0], &left, sizeof(left)));
	(void)close(pipes[0]);
	ATF_REQUIRE_EQ(0, kill(opener, SIGKILL));
	ATF_REQUIRE_EQ(opener, waitpid(opener, NULL, 0));
	return left;
}

ROOT_CASE(the_dead_are_reaped, "with all they left, once, with a record; the living are not")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_audit audit = { .state_fd = -1 };
	struct kv_session_info *list;
	struct fixture living, dead;
	struct kv_usage usage;
	size_t count;
	pid_t left, log;

	testhost_enter(SHELL);
	log = testhost_log_start();
	prepare(&living, "minimal");
	prepare(&dead, "minimal");
	left = die_open(&dead);
	must_open(&living);	/* reaps too */
	ATF_CHECK_EQ(left, waitpid(left, NULL, 0));
	ATF_CHECK(testhost_log_has("reason=reaped") || testhost_log_has("reason=\"reaped\""));
	ATF_CHECK_EQ(1, testhost_log_count("session-close"));
	/* The address forged no record. */
	ATF_CHECK_EQ(0, testhost_log_count("\nevent=forged"));
	left = die_open(&dead);
	ATF_REQUIRE_EQ(0, kv_session_list(&list, &count, &err));
	ATF_CHECK_EQ(2, count);
	free(list);
	ATF_CHECK_EQ(1, kv_session_reap(&audit, &err));
	ATF_CHECK_EQ(0, kv_session_reap(&audit, &err));
	ATF_REQUIRE_EQ(0, kv_session_list(&list, &count, &err));
	ATF_CHECK_EQ(1, count);
	ATF_CHECK_STREQ(living.session.id, list[0].id);
	ATF_CHECK_STREQ("192.0.2.1\nevent=forged", list[0].from);
	ATF_CHECK(list[0].alive);
	free(list);
	ATF_CHECK_EQ(0, kv_session_close(&living.session, &usage, &err));
	testhost_check_clean();
	testhost_log_stop(log);
}

ROOT_CASE(a_pid_alone_is_no_opener, "another process with the opener's pid does not keep a session alive")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_state_info si;
	struct kv_usage usage;
	struct fixture f;

	testhost_enter(SHELL);
	prepare(&f, "minimal");
	must_open(&f);
	ATF_REQUIRE_EQ(0, kv_state_read_info(f.session.state_fd, &si));
	ATF_CHECK(kv_state_alive(&si));
	ATF_CHECK_EQ(0, kv_session_reap(NULL, &err));
	si.opener_start++;
	ATF_CHECK(!kv_state_alive(&si));
	ATF_REQUIRE_EQ(0, kv_state_write_info(f.session.state_fd, &si, &err));
	ATF_CHECK_EQ(1, kv_session_reap(NULL, &err));
	(void)kv_session_close(&f.session, &usage, &err);
	testhost_check_clean();
}

ROOT_CASE(debris_is_reaped, "a directory without an info, as a crash leaves it")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;

	testhost_enter(SHELL);
	prepare(&f, "minimal");
	must_open(&f);
	ATF_CHECK_EQ(0, kv_session_close(&f.session, &(struct kv_usage){ 0 }, &err));
	ATF_REQUIRE_EQ(0, mkdir(KV_SESSIONS_DIR "/00112233445566ff", 0700));
	ATF_REQUIRE_EQ(0, mkdir(KV_SESSIONS_DIR "/dead.00112233445566fe", 0700));
	ATF_CHECK_EQ(2, kv_session_reap(NULL, &err));
	testhost_check_clean();
}

ROOT_CASE(pause_resume_kill_by_id, "a session is paused, resumed and killed from outside")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_session_info *list;
	struct kv_usage usage;
	struct fixture f;
	size_t count;
	pid_t inside;
	int dir;

	testhost_enter(SHELL);
	prepare(&f, "minimal");
	must_open(&f);
	if (f.session.cgroup.version == KV_CGROUP_NONE)
		atf_tc_skip("this host has no cgroups");
	inside = fork();
	if (inside == 0)
		for (;;)
			(void)pause();
	for (unsigned int i = 0; i < kv_cgroup_hierarchies(f.session.cgroup.version); i++)
		if ((dir = kv_cgroup_open(&f.session.cgroup, i, ".")) >= 0) {
			ATF_REQUIRE_EQ(0, mkdirat(dir, "sandbox.1", 0755));
			ATF_REQUIRE_EQ(0, kv_cgroup_move(dir, "sandbox.1", inside));
			(void)close(dir);
		}
	ATF_CHECK_EQ(0, kv_session_pause(f.session.id, &err));
	ATF_REQUIRE_EQ(0, kv_session_list(&list, &count, &err));
	ATF_CHECK(count == 1 && list[0].paused && list[0].processes == 1);
	free(list);
	ATF_CHECK_EQ(0, kv_session_resume(f.session.id, &err));
	ATF_REQUIRE_EQ(0, kv_session_list(&list, &count, &err));
	ATF_CHECK(count == 1 && !list[0].paused);
	free(list);
	ATF_CHECK_EQ(-1, kv_session_kill("fedcba", &err));
	ATF_CHECK_EQ(-1, kv_session_kill("", &err));
	ATF_CHECK_EQ(0, kv_session_kill(f.session.id, &err));
	ATF_CHECK_EQ(inside, waitpid(inside, NULL, 0));
	ATF_CHECK_EQ(0, kv_session_close(&f.session, &usage, &err));
	testhost_check_clean();
}

ROOT_CASE(names_that_no_record_could_hold, "A19: hostile user names are no accounts")
{
	static const char *const names[] = { "", "../x", "-u", "a\nb", "a b", ".", "..", "a/b", "a:b",
		"nosuchuser" };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_account account;
	char big[5000];

	testhost_enter(SHELL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ATF_CHECK_EQ_MSG(-1, kv_account_lookup(names[i], &account, &err), "%s", names[i]);
		ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	}
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	ATF_CHECK_EQ(-1, kv_account_lookup(big, &account, &err));
	testhost_file("/etc/passwd", "minus:x:4294967295:0::/:/bin/sh\n" TESTHOST_USER
	    ":x:60123:60123::/home/" TESTHOST_USER ":/bin/sh\n");
	ATF_CHECK_EQ(-1, kv_account_lookup("minus", &account, &err));
	/* The twin. */
	ATF_REQUIRE_EQ(0, kv_account_lookup(TESTHOST_USER, &account, &err));
	ATF_CHECK_EQ(2, account.group_count);
	ATF_CHECK_STREQ(TESTHOST_USER, account.groups[0]);
	ATF_CHECK_STREQ("staff", account.groups[1]);
	kv_account_release(&account);
}

static bool
inheritable(cap_value_t c)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	(void)cap_get_flag(caps, c, CAP_INHERITABLE, &value);
	(void)cap_free(caps);
	return value == CAP_SET;
}

ROOT_CASE(groups_that_cannot_be_read_are_no_groups, "C10: without the group's name a rule for it would not match")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_account account;

	testhost_enter(SHELL);
	ATF_REQUIRE_EQ(0, kv_account_lookup(TESTHOST_USER, &account, &err));
	kv_account_release(&account);
	(void)unlink("/etc/group");
	ATF_REQUIRE_EQ(0, symlink("group", "/etc/group"));
	ATF_CHECK_EQ(-1, kv_account_lookup(TESTHOST_USER, &account, &err));
	ATF_CHECK_EQ(ELOOP, err.sys_errno);
	/* A group without a name is none that cannot be read. */
	(void)unlink("/etc/group");
	testhost_file("/etc/group", "other:x:9:\n");
	ATF_REQUIRE_EQ(0, kv_account_lookup(TESTHOST_USER, &account, &err));
	ATF_CHECK(account.group_count == 1 && account.groups[0][0] >= '1' && account.groups[0][0] <= '9');
	kv_account_release(&account);
}

ROOT_CASE(grant_raises_three_and_takes_them_back, "the wrapper's set and no more")
{
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_EQ(0, kv_session_grant(true, &err));
	ATF_CHECK(inheritable(CAP_SYS_ADMIN) && inheritable(CAP_SETPCAP) &&
	    inheritable(CAP_DAC_OVERRIDE));
	ATF_CHECK(!inheritable(CAP_SETUID) && !inheritable(CAP_NET_ADMIN));
	ATF_REQUIRE_EQ(0, kv_session_grant(false, &err));
	ATF_CHECK(!inheritable(CAP_SYS_ADMIN) && !inheritable(CAP_SETPCAP) &&
	    !inheritable(CAP_DAC_OVERRIDE));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, open_and_close_leave_nothing);
	ATF_TP_ADD_TC(tp, few_descriptors_open_nothing);
	ATF_TP_ADD_TC(tp, enter_and_close_come_back);
	ATF_TP_ADD_TC(tp, close_kills_what_is_left);
	ATF_TP_ADD_TC(tp, an_unavailable_layer_opens_nothing);
	ATF_TP_ADD_TC(tp, a_foreign_run_directory_is_refused);
	ATF_TP_ADD_TC(tp, the_dead_are_reaped);
	ATF_TP_ADD_TC(tp, a_pid_alone_is_no_opener);
	ATF_TP_ADD_TC(tp, debris_is_reaped);
	ATF_TP_ADD_TC(tp, pause_resume_kill_by_id);
	ATF_TP_ADD_TC(tp, names_that_no_record_could_hold);
	ATF_TP_ADD_TC(tp, groups_that_cannot_be_read_are_no_groups);
	ATF_TP_ADD_TC(tp, grant_raises_three_and_takes_them_back);
	return atf_no_error();
}

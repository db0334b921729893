/*
 * The real module, driven by libpam through a configuration of its own, in a
 * private /run, /etc, /dev and /var/lib (session/testhost.h).
 */
#include <atf-c.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "session/testhost.h"
#include "session/ticket.h"
#include "common/testing.h"

#define SHELL	KV_SBINDIR "/kavach-session"
#define CONF	"/etc/kavach/kavach.conf"
#define MODULE	"/run/pam_kavach.so"
#define POLICY								\
	"[kavach]\nexempt_groups = root\ncontact = \"the help desk\"\n"	\
	"[policy p]\nbase = basic\n[rule r]\nuser = " TESTHOST_USER "\npolicy = p\n"

/* What the module said to the user. */
struct told {
	char text[1024];
	unsigned int count;
};

static int
converse(int count, const struct pam_message **messages, struct pam_response **out, void *arg)
{
	struct told *told = arg;

	for (int i = 0; i < count; i++) {
		(void)snprintf(told->text, sizeof(told->text), "%s", messages[i]->msg);
		told->count++;
	}
	*out = calloc((size_t)count, sizeof(**out));
	return *out != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* The host, with the built module, a policy, and a service with these arguments. */
static void
enter(const char *shell, const char *policy, const char *arguments)
{
	static char bytes[8 << 20];
	char text[1024];
	int fd = open(KV_TEST_MODULE, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ATF_REQUIRE_MSG(fd >= 0, "%s", KV_TEST_MODULE);
	testhost_enter(shell);
	n = kv_read_all(fd, bytes, sizeof(bytes));
	ATF_REQUIRE(n > 0 && (size_t)n < sizeof(bytes));
	(void)close(fd);
	ATF_REQUIRE_EQ(0, kv_replace_file(AT_FDCWD, MODULE, bytes, (size_t)n, 0755));
	ATF_REQUIRE_EQ(0, mkdir("/run/pam", 0755));
	(void)snprintf(text, sizeof(text),
	    "account required " MODULE " %s\naccount required pam_permit.so\n"
	    "session required " MODULE " %s\nsession required pam_permit.so\n",
	    arguments, arguments);
	testhost_file("/run/pam/sshd", text);
	testhost_file("/run/pam/cron", text);
	testhost_file(CONF, policy);
}

static pam_handle_t *
start(const char *service, const char *user, struct told *told)
{
	struct pam_conv conv = { .conv = converse, .appdata_ptr = told };
	pam_handle_t *pamh = NULL;

	memset(told, 0, sizeof(*told));
	ATF_REQUIRE_EQ(PAM_SUCCESS, pam_start_confdir(service, user, &conv, "/run/pam", &pamh));
	ATF_REQUIRE_EQ(PAM_SUCCESS, pam_set_item(pamh, PAM_RHOST, "192.0.2.7"));
	return pamh;
}

/* Descriptors that an exec would hand on. */
static unsigned int
leaking(void)
{
	unsigned int count = 0;

	for (int fd = 3; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			count++;
	}
	return count;
}

static bool
granted(void)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	(void)cap_get_flag(caps, CAP_SYS_ADMIN, CAP_INHERITABLE, &value);
	(void)cap_free(caps);
	return value == CAP_SET;
}

static bool
inside(void)
{
	return access(KV_SELF_DIR "/ticket", F_OK) == 0;
}

ROOT_CASE(a_confined_login, "account, open twice, close twice: one session, nothing left")
{
	unsigned int before;
	struct told told;
	pam_handle_t *pamh;
	pid_t log;

	enter(SHELL, POLICY, "debug");
	log = testhost_log_start();
	pamh = start("sshd", TESTHOST_USER, &told);
	before = leaking();
	ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
	ATF_CHECK(!inside());
	ATF_REQUIRE_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	ATF_CHECK(inside());
	ATF_CHECK(granted());
	ATF_CHECK_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	ATF_CHECK_EQ(before, leaking());
	ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
	ATF_CHECK(!inside());
	ATF_CHECK(!granted());
	ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
	ATF_CHECK_EQ(before, leaking());
	ATF_CHECK(testhost_log_has("event=session-close"));
	ATF_CHECK_EQ(1, testhost_log_count("event=session-open"));
	ATF_CHECK_EQ(1, testhost_log_count("event=session-close"));
	ATF_CHECK_EQ(0, told.count);
	/* And once more on the same handle. */
	ATF_CHECK_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	ATF_CHECK(inside());
	ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	testhost_check_clean();
	testhost_log_stop(log);
}

ROOT_CASE(a_forked_child_closes_nothing, "sshd's children end their copy of the handle")
{
	struct told told;
	pam_handle_t *pamh;
	pid_t log, child;
	int status;

	enter(SHELL, POLICY, "");
	log = testhost_log_start();
	pamh = start("sshd", TESTHOST_USER, &told);
	ATF_REQUIRE_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	child = fork();
	if (child == 0) {
		int code = pam_close_session(pamh, 0);

		_exit(pam_end(pamh, PAM_SUCCESS | PAM_DATA_SILENT) == PAM_SUCCESS &&
		    code == PAM_SUCCESS && inside() ? 0 : 1);
	}
	ATF_REQUIRE_EQ(child, waitpid(child, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ATF_CHECK(inside());
	ATF_CHECK_EQ(0, testhost_log_count("event=session-close"));
	/* Not closed, only ended: that closes. */
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	ATF_CHECK(!inside());
	ATF_CHECK(testhost_log_has("reason=abandoned"));
	testhost_check_clean();
	testhost_log_stop(log);
}

ROOT_CASE(those_without_a_rule_pass, "no rule, or exempt: nothing is made")
{
	static const char *const users[] = { "other", "root" };
	struct told told;
	pid_t log;

	enter(SHELL, POLICY, "");
	log = testhost_log_start();
	for (size_t i = 0; i < 2; i++) {
		pam_handle_t *pamh = start("sshd", users[i], &told);

		ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
		ATF_CHECK_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
		ATF_CHECK(!inside() && !granted());
		ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
		ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	}
	ATF_CHECK_EQ(0, testhost_log_count("event="));
	testhost_check_clean();
	testhost_log_stop(log);
}

/* The account phase and the session phase both refuse, with one sentence each. */
static void
check_refused(const char *service, const char *user, const char *sentence, const char *record)
{
	struct told told;
	pam_handle_t *pamh = start(service, user, &told);
	int code = pam_acct_mgmt(pamh, 0);

	ATF_CHECK_MSG(code == PAM_PERM_DENIED || code == PAM_USER_UNKNOWN, "code %d", code);
	ATF_CHECK_EQ(1, told.count);
	ATF_CHECK_MSG(strstr(told.text, sentence) != NULL, "told: %s", told.text);
	if (record != NULL)
		ATF_CHECK_MSG(testhost_log_has(record), "no record of %s", record);
	ATF_CHECK_EQ(PAM_SESSION_ERR, pam_open_session(pamh, 0));
	ATF_CHECK(!inside() && !granted());
	/* libpam answers with what the open said; the module has nothing to close. */
	(void)pam_close_session(pamh, 0);
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	testhost_check_clean();
}

ROOT_CASE(a_broken_policy_refuses_all_but_the_exempt, "and the record says where it is broken")
{
	struct told told;
	pam_handle_t *pamh;
	pid_t log;

	enter(SHELL, POLICY "[policy q]\nnonsense = 1\n", "");
	log = testhost_log_start();
	check_refused("sshd", TESTHOST_USER, "please ask the help desk", "event=policy-error");
	ATF_CHECK(testhost_log_count("kavach.conf:") > 0);
	check_refused("sshd", "other", "policy cannot be read", NULL);
	pamh = start("sshd", "root", &told);
	ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	testhost_log_stop(log);
}

ROOT_CASE(no_policy_file_refuses, "a missing file is a broken policy")
{
	pid_t log;

	enter(SHELL, POLICY, "");
	log = testhost_log_start();
	ATF_REQUIRE_EQ(0, unlink(CONF));
	check_refused("sshd", TESTHOST_USER, "policy cannot be read", "event=policy-error");
	testhost_log_stop(log);
}

ROOT_CASE(a_floor_that_no_backend_reaches_refuses, "min_strength above what this host offers")
{
	pid_t log;

	enter(SHELL, "[policy p]\nbase = minimal\nmin_strength = 99\n[rule r]\npolicy = p\n", "");
	log = testhost_log_start();
	check_refused("sshd", TESTHOST_USER, "confinement that its policy asks for", "event=session-deny");
	testhost_log_stop(log);
}

ROOT_CASE(another_shell_is_refused, "the account's shell must be the wrapper, but for cron")
{
	struct told told;
	pam_handle_t *pamh;
	pid_t log;

	enter("/bin/sh", POLICY, "");
	log = testhost_log_start();
	check_refused("sshd", TESTHOST_USER, "not set up", "event=session-deny");
	pamh = start("cron", TESTHOST_USER, &told);
	ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	testhost_log_stop(log);
}

ROOT_CASE(no_record_no_session, "audit_required without a syslog refuses; without it it does not")
{
	struct told told;
	pam_handle_t *pamh;

	enter(SHELL, POLICY, "");
	check_refused("sshd", TESTHOST_USER, "could not be recorded", NULL);
	testhost_file(CONF, "[kavach]\naudit_required = no\n"
	    "[policy p]\nbase = basic\n[rule r]\nuser = " TESTHOST_USER "\npolicy = p\n");
	pamh = start("sshd", TESTHOST_USER, &told);
	ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_open_session(pamh, 0));
	ATF_CHECK(inside());
	ATF_CHECK_EQ(PAM_SUCCESS, pam_close_session(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	testhost_check_clean();
}

ROOT_CASE(hostile_names_are_refused_and_recorded, "A19, as PAM hands them on")
{
	pid_t log;

	enter(SHELL, POLICY, "");
	log = testhost_log_start();
	check_refused("sshd", "../x", "please ask the help desk", "event=session-deny");
	check_refused("sshd", "-u", "please ask the help desk", NULL);
	check_refused("sshd", "a\nevent=forged", "please ask the help desk", NULL);
	ATF_CHECK_EQ(0, testhost_log_count("\nevent=forged"));
	testhost_log_stop(log);
}

ROOT_CASE(arguments_that_are_not_known_refuse, "a mistyped argument is no default")
{
	static const char *const arguments[] = { "cnof=/x", "conf=relative", "conf=/a conf=/b", "debugs" };
	struct told told;
	pam_handle_t *pamh;
	char text[512];

	enter(SHELL, POLICY, "");
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		(void)snprintf(text, sizeof(text), "account required " MODULE " %s\n"
		    "session required " MODULE " %s\n", arguments[i], arguments[i]);
		testhost_file("/run/pam/sshd", text);
		pamh = start("sshd", "other", &told);
		ATF_CHECK_EQ(PAM_SERVICE_ERR, pam_acct_mgmt(pamh, 0));
		ATF_CHECK_EQ(PAM_SESSION_ERR, pam_open_session(pamh, 0));
		ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	}
	/* The twin: a policy elsewhere. */
	testhost_file("/etc/kavach/other.conf", "[kavach]\n");
	testhost_file("/run/pam/sshd", "account required " MODULE " debug conf=/etc/kavach/other.conf\n"
	    "account required pam_permit.so\n");
	pamh = start("sshd", "other", &told);
	ATF_CHECK_EQ(PAM_SUCCESS, pam_acct_mgmt(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
	/* Who has the confined shell is not let in by a policy without a rule for it. */
	pamh = start("sshd", TESTHOST_USER, &told);
	ATF_CHECK_EQ(PAM_PERM_DENIED, pam_acct_mgmt(pamh, 0));
	ATF_CHECK_EQ(PAM_SUCCESS, pam_end(pamh, PAM_SUCCESS));
}

ATF_TC(only_pam_sm_is_exported);
ATF_TC_HEAD(only_pam_sm_is_exported, tc)
{
	atf_tc_set_md_var(tc, "descr", "the module adds no other name to the process");
	atf_tc_set_md_var(tc, "require.progs", "nm");
}
ATF_TC_BODY(only_pam_sm_is_exported, tc)
{
	unsigned int seen = 0;
	pid_t child = fork();
	FILE *file;
	char line[512];

	if (child == 0) {
		int out = open("names", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (out < 0 || dup2(out, 1) != 1)
			_exit(1);
		(void)execlp("nm", "nm", "-D", "--defined-only", "-P", KV_TEST_MODULE, (char *)NULL);
		_exit(1);
	}
	ATF_REQUIRE_EQ(child, waitpid(child, NULL, 0));
	file = fopen("names", "re");
	ATF_REQUIRE(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		ATF_CHECK_MSG(strncmp(line, "pam_sm_", 7) == 0, "%s", line);
		seen++;
	}
	(void)fclose(file);
	ATF_CHECK_EQ(5, seen);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_confined_login);
	ATF_TP_ADD_TC(tp, a_forked_child_closes_nothing);
	ATF_TP_ADD_TC(tp, those_without_a_rule_pass);
	ATF_TP_ADD_TC(tp, a_broken_policy_refuses_all_but_the_exempt);
	ATF_TP_ADD_TC(tp, no_policy_file_refuses);
	ATF_TP_ADD_TC(tp, a_floor_that_no_backend_reaches_refuses);
	ATF_TP_ADD_TC(tp, another_shell_is_refused);
	ATF_TP_ADD_TC(tp, no_record_no_session);
	ATF_TP_ADD_TC(tp, hostile_names_are_refused_and_recorded);
	ATF_TP_ADD_TC(tp, arguments_that_are_not_known_refuse);
	ATF_TP_ADD_TC(tp, only_pam_sm_is_exported);
	return atf_no_error();
}

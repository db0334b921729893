/*
 * Openers that are killed, stopped or frozen at any moment, and reapers beside each other: what is left is
 * removed once, and nobody else waits.
 */
#include "session/reap.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"
#include "common/testing.h"
#include "session/opener.h"
#include "session/state.h"
#include "session/testhost.h"

#define REAPERS	4
#define DEAD	12

struct fixture {
	struct kv_config config;
	struct kv_decision decision;
	struct kv_request request;
	struct kv_account account;
	struct kv_session session;
};

static void
prepare(struct fixture *f)
{
	struct kv_error err = KV_ERROR_INIT;

	testhost_enter(KV_SBINDIR "/kavach-session");
	memset(f, 0, sizeof(*f));
	f->decision.verdict = KV_VERDICT_CONFINE;
	f->decision.inner = KV_BACKEND_AUTO;
	f->decision.score = 60;
	ATF_REQUIRE_EQ(0, kv_policy_preset("minimal", &f->decision.policy));
	ATF_REQUIRE_MSG(kv_account_lookup(TESTHOST_USER, &f->account, &err) == 0, "%s", err.msg);
	f->request.user = f->account.user;
	f->request.uid = f->account.uid;
	f->request.service = "su";
}

static void
must_open(struct fixture *f)
{
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_MSG(kv_session_open(&f->config, &f->decision, &f->request, &f->account, false, &f->session,
	    &err) == 0, "%s", err.msg);
}

static void
must_close(struct fixture *f)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;

	ATF_REQUIRE_MSG(kv_session_close(&f->session, &usage, &err) == 0, "%s", err.msg);
}

/* A process that opens, enters and closes without end. */
static pid_t
start_opener(struct fixture *f, bool enter)
{
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	while (pid == 0) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_usage usage;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (kv_session_open(&f->config, &f->decision, &f->request, &f->account, false, &f->session,
		    &err) == 0 &&
		    (!enter || kv_session_enter(&f->session, &f->config, &f->account, &f->decision, &err) == 0))
			(void)kv_session_close(&f->session, &usage, &err);
	}
	return pid;
}

static void
end(pid_t pid)
{
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

ROOT_CASE(killed_at_any_moment, "kill -9 of an opener leaves nothing after the next reap")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;

	prepare(&f);
	for (unsigned int i = 0; i < 80; i++) {
		pid_t pid = start_opener(&f, i % 2 == 1);

		(void)usleep((useconds_t)(1500 + i * 331));
		end(pid);
		ATF_CHECK_MSG(kv_session_reap(NULL, &err) >= 0, "%s", err.msg);
		testhost_check_clean();
	}
}

/* The name of a directory that is being made by this process, or that one with another start. */
static void
make_new(const char *id, pid_t pid, uint64_t start)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s%s.%d.%llu", KV_SESSIONS_DIR, KV_NEW_PREFIX, id, (int)pid,
	    (unsigned long long)start);
	ATF_REQUIRE_EQ(0, mkdir(path, 0700));
}

ROOT_CASE(a_directory_that_is_being_made, "stays while its maker lives, with nothing in it yet, and goes with it")
{
	static const char *const others[] = {
		"new.00112233445566f", "new.00112233445566ff", "new.00112233445566ff.1", "new.00112233445566ff.x.1",
		"new.00112233445566ff.0.1", "new.00112233445566fg.1.1", "new.00112233445566ff.1.", "new", "x00112233445566ff.1.1",
	};
	struct kv_error err = KV_ERROR_INIT;
	char id[KV_ID_LEN + 1];
	struct fixture f;
	uint64_t start;
	bool alive;

	prepare(&f);
	must_open(&f);
	must_close(&f);
	ATF_REQUIRE_EQ(0, kv_opener_start(AT_FDCWD, getpid(), &start, &err));
	make_new("00112233445566f0", getpid(), start);
	ATF_CHECK_EQ(0, kv_session_reap(NULL, &err));
	make_new("00112233445566f1", getpid(), start + 1);
	ATF_CHECK_EQ(1, kv_session_reap(NULL, &err));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ATF_CHECK_MSG(!kv_state_is_new(others[i], id, &alive), "%s", others[i]);
	ATF_CHECK(kv_state_is_new("new.00112233445566ff.1.0", id, &alive) && !alive);
	ATF_CHECK_STREQ("00112233445566ff", id);
	ATF_REQUIRE_EQ(0, chdir(KV_SESSIONS_DIR));
	ATF_CHECK_EQ(0, system("rmdir new.00112233445566f0.*"));
	ATF_REQUIRE_EQ(0, chdir("/"));
	testhost_check_clean();
}

ROOT_CASE(reapers_beside_each_other, "each dead session is removed and recorded once")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;
	pid_t log, reapers[REAPERS];
	int sum = 0;

	prepare(&f);
	log = testhost_log_start();
	for (unsigned int i = 0; i < DEAD; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int sessions, state, lock;
			struct kv_state_info si = { .uid = TESTHOST_UID };

			/* Not by an open: it would reap the ones before. */
			si.info.opener = getpid();
			_exit(kv_opener_start(AT_FDCWD, getpid(), &si.opener_start, &err) == 0 &&
			    kv_state_open(true, &sessions, &err) == 0 &&
			    kv_state_make(sessions, &si, &state, &lock, &err) == 0 ? 0 : 1);
		}
		int status;
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_REQUIRE_EQ_MSG(0, status, "%s", err.msg);
	}
	for (unsigned int i = 0; i < REAPERS; i++)
		if ((reapers[i] = fork()) == 0) {
			struct kv_audit audit = { .state_fd = -1 };
			int n = kv_session_reap(&audit, &err);

			_exit(n < 0 ? 100 : n);
		}
	for (unsigned int i = 0; i < REAPERS; i++) {
		int status;

		ATF_REQUIRE_EQ(reapers[i], waitpid(reapers[i], &status, 0));
		ATF_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) != 100);
		sum += WEXITSTATUS(status);
	}
	ATF_CHECK_EQ_MSG(DEAD, sum, "%d", sum);
	ATF_CHECK(testhost_log_has("session-close"));
	(void)sleep(1);
	ATF_CHECK_EQ(DEAD, testhost_log_count("session-close"));
	testhost_check_clean();
	testhost_log_stop(log);
}

static void
put(const char *folder, const char *name, const char *text)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ATF_REQUIRE_MSG(kv_write_file(AT_FDCWD, path, text) == 0, "%s: %s", path, strerror(errno));
}

/* An opener is frozen (v1, v2) or stopped at one moment after the other; each time another login is opened. */
static void
kept_out_by_nobody(const char *folder, const char *file, const char *on, const char *off)
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;
	char text[24];

	prepare(&f);
	for (unsigned int i = 0; i < 16; i++) {
		pid_t pid = start_opener(&f, false);
		uint64_t start;

		if (folder != NULL) {
			(void)snprintf(text, sizeof(text), "%d", (int)pid);
			put(folder, "cgroup.procs", text);
		}
		(void)usleep((useconds_t)(2000 + i * 211));
		if (folder != NULL)
			put(folder, file, on);
		else
			ATF_REQUIRE_EQ(0, kill(pid, SIGSTOP));
		start = kv_boottime_ns();
		must_open(&f);
		ATF_CHECK_MSG(kv_boottime_ns() - start < 2500000000u, "%llu ms",
		    (unsigned long long)((kv_boottime_ns() - start) / 1000000));
		must_close(&f);
		if (folder != NULL)
			put(folder, file, off);
		end(pid);
		ATF_CHECK_MSG(kv_session_reap(NULL, &err) >= 0, "%s", err.msg);
		testhost_check_clean();
	}
}

static void
frozen(const char *root, unsigned long magic, const char *file, const char *on, const char *off)
{
	struct statfs fs;
	char folder[256];

	if (statfs(root, &fs) != 0 || (unsigned long)fs.f_type != magic)
		atf_tc_skip("this host has no such cgroup");
	(void)snprintf(folder, sizeof(folder), "%s/kvreap%d", root, (int)getpid());
	ATF_REQUIRE_EQ(0, mkdir(folder, 0755));
	kept_out_by_nobody(folder, file, on, off);
	for (int i = 0; i < 100 && rmdir(folder) != 0; i++)
		(void)usleep(10000);
}

ROOT_CASE(frozen_by_v1, "su's caller freezes it in a freezer of v1")
{
	frozen("/sys/fs/cgroup/freezer", CGROUP_SUPER_MAGIC, "freezer.state", "FROZEN", "THAWED");
}

ROOT_CASE(frozen_by_v2, "su's caller freezes it in a cgroup of v2")
{
	struct statfs fs;
	bool unified = statfs("/sys/fs/cgroup/unified", &fs) == 0;

	frozen(unified ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup", CGROUP2_SUPER_MAGIC, "cgroup.freeze", "1", "0");
}

ROOT_CASE(stopped, "su's caller stops it")
{
	kept_out_by_nobody(NULL, NULL, NULL, NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, killed_at_any_moment);
	ATF_TP_ADD_TC(tp, a_directory_that_is_being_made);
	ATF_TP_ADD_TC(tp, reapers_beside_each_other);
	ATF_TP_ADD_TC(tp, frozen_by_v1);
	ATF_TP_ADD_TC(tp, frozen_by_v2);
	ATF_TP_ADD_TC(tp, stopped);
	return atf_no_error();
}

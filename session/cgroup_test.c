/*
 * On real hierarchies: v1 in /sys/fs/cgroup, v2 in /sys/fs/cgroup or in its
 * unified folder. Limits of v2 also against named files, where the host keeps
 * its controllers in v1.
 */
#include "session/cgroup.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/testing.h"
#include "common/io.h"
#include "session/cgroup_impl.h"
#include "session/session.h"

static const char *
v2_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < 2; i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	atf_tc_skip("this host has no cgroup v2");
}

static void
need_v1(void)
{
	struct statfs fs;

	if (statfs("/sys/fs/cgroup/freezer", &fs) != 0 || fs.f_type != CGROUP_SUPER_MAGIC)
		atf_tc_skip("this host has no cgroup v1 freezer");
}

static void
test_id(char id[KV_ID_LEN + 1], unsigned int n)
{
	(void)snprintf(id, KV_ID_LEN + 1, "%08x%08x", (unsigned int)getpid(), n);
}

static void
create(const char *root, const struct kv_limits *limits, struct kv_cgroup *out)
{
	struct kv_error err = KV_ERROR_INIT;
	char id[KV_ID_LEN + 1];

	test_id(id, 1);
	ATF_REQUIRE_MSG(kv_cgroup_create(root, id, limits, out, &err) == 0, "%s", err.msg);
}

static void
destroy(const struct kv_cgroup *cgroup)
{
	struct kv_error err = KV_ERROR_INIT;

	ATF_CHECK_MSG(kv_cgroup_kill(cgroup, 0, 5000, &err) == 0, "%s", err.msg);
	ATF_REQUIRE_MSG(kv_cgroup_remove(cgroup, &err) == 0, "%s", err.msg);
	for (unsigned int i = 0; i < kv_cgroup_hierarchies(cgroup->version); i++)
		ATF_CHECK_EQ_MSG(-1, kv_cgroup_open(cgroup, i, "."), "hierarchy %u remains", i);
}

/* A process in the session's main (or a sandbox made below it), that runs body. */
static pid_t
start_in(const struct kv_cgroup *cgroup, const char *sub, void (*body)(void))
{
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		for (unsigned int i = 0; i < kv_cgroup_hierarchies(cgroup->version); i++) {
			int dir = kv_cgroup_open(cgroup, i, ".");

			if (dir < 0)
				continue;
			(void)mkdirat(dir, sub, 0755);
			if (kv_cgroup_move(dir, sub, 0) != 0)
				_exit(99);
			(void)close(dir);
		}
		body();
		_exit(0);
	}
	return pid;
}

static void
sleep_forever(void)
{
	for (;;)
		(void)pause();
}

/* Forks for ever, as a bomb under pids.max: those that cannot fork try again. */
static void
fork_bomb(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;)
		if (fork() < 0)
			(void)usleep(1000);
}

static void
memory_bomb(void)
{
	for (;;) {
		char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (more == MAP_FAILED)
			_exit(3);
		memset(more, 1, 1 << 20);
	}
}

static bool
gone(pid_t pid)
{
	int status;

	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		(void)usleep(5000);
	}
	return false;
}

static void
check_kill(const char *root)
{
	const struct kv_limits none = { .memory = 0 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_cgroup cgroup;
	pid_t in_main, outside;

	/* The twin: a process that is in no part of the session is left alone. */
	outside = fork();
	if (outside == 0)
		sleep_forever();
	create(root, &none, &cgroup);
	ATF_REQUIRE_EQ(0, kv_cgroup_enter(&cgroup, 0, &err));
	in_main = start_in(&cgroup, "main", sleep_forever);
	(void)start_in(&cgroup, "sandbox.1", sleep_forever);
	(void)usleep(100000);
	ATF_REQUIRE_MSG(kv_cgroup_kill(&cgroup, 0, 5000, &err) == 0, "%s", err.msg);
	ATF_CHECK(gone(in_main));
	destroy(&cgroup);
	(void)usleep(20000);
	ATF_CHECK_EQ(0, waitpid(outside, NULL, WNOHANG));
	(void)kill(outside, SIGKILL);
	(void)waitpid(outside, NULL, 0);
}

ROOT_CASE(kill_spares_the_killer_v2, "kill takes all but the caller; v2") { check_kill(v2_root()); }
ROOT_CASE(kill_spares_the_killer_v1, "kill takes all but the caller; v1")
{
	need_v1();
	check_kill("/sys/fs/cgroup");
}

/* In a pid namespace whose processes have other numbers in /proc. */
static void
kill_as_pid_one(const struct kv_cgroup *cgroup)
{
	struct kv_error err = KV_ERROR_INIT;

	if (getpid() != 1 || kv_cgroup_enter(cgroup, 0, &err) != 0)
		_exit(2);
	(void)kv_cgroup_kill(cgroup, 0, 200, &err);
	_exit(0);
}

/* Leaves by the status of the process that it makes. */
static void
start_pid_one(const struct kv_cgroup *cgroup)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		_exit(3);
	pid = fork();
	if (pid == 0)
		kill_as_pid_one(cgroup);
	(void)waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

ROOT_CASE(kill_never_freezes_the_killer_v1, "the killer is spared where /proc has other numbers than his; v1")
{
	const struct kv_limits none = { .memory = 0 };
	struct kv_cgroup cgroup;
	int status = 0;
	pid_t pid, ended = 0;

	need_v1();
	create("/sys/fs/cgroup", &none, &cgroup);
	pid = fork();
	if (pid == 0)
		start_pid_one(&cgroup);
	for (int i = 0; i < 300 && ended == 0; i++) {
		(void)usleep(10000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	ATF_CHECK_EQ_MSG(pid, ended, "the killer is frozen");
	ATF_CHECK_EQ(0, status);
	destroy(&cgroup);
}

static void
check_freeze(const char *root)
{
	const struct kv_limits none = { .memory = 0 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_cgroup cgroup;
	pid_t in_sandbox;

	create(root, &none, &cgroup);
	in_sandbox = start_in(&cgroup, "sandbox.1", sleep_forever);
	(void)usleep(100000);
	ATF_REQUIRE_MSG(kv_cgroup_freeze(&cgroup, true, &err) == 0, "%s", err.msg);
	/* Frozen: a signal is not even seen; thawed: it is. */
	(void)kill(in_sandbox, SIGTERM);
	(void)usleep(50000);
	if (cgroup.version == KV_CGROUP_V1)
		ATF_CHECK_EQ(0, waitpid(in_sandbox, NULL, WNOHANG));
	ATF_REQUIRE_MSG(kv_cgroup_freeze(&cgroup, false, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(in_sandbox, waitpid(in_sandbox, NULL, 0));
	/* What is frozen can still be killed. */
	in_sandbox = start_in(&cgroup, "sandbox.1", sleep_forever);
	(void)usleep(100000);
	ATF_REQUIRE_EQ(0, kv_cgroup_freeze(&cgroup, true, &err));
	ATF_CHECK_EQ(0, kv_cgroup_kill(&cgroup, 0, 5000, &err));
	ATF_CHECK(gone(in_sandbox));
	destroy(&cgroup);
}

ROOT_CASE(freeze_stops_the_sandboxes_v2, "freeze and thaw; v2") { check_freeze(v2_root()); }
ROOT_CASE(freeze_stops_the_sandboxes_v1, "freeze and thaw; v1")
{
	need_v1();
	check_freeze("/sys/fs/cgroup");
}

ROOT_CASE(fork_bomb_is_capped_and_killed_v1, "pids.max holds, and a bomb loses against the kill")
{
	const struct kv_limits limits = { .processes = 40 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct kv_cgroup cgroup;

	need_v1();
	create("/sys/fs/cgroup", &limits, &cgroup);
	(void)start_in(&cgroup, "sandbox.1", fork_bomb);
	(void)usleep(300000);
	kv_cgroup_usage(&cgroup, &usage);
	ATF_CHECK(usage.pids_max_hits > 0);
	ATF_CHECK_MSG(kv_cgroup_kill(&cgroup, 0, 5000, &err) == 0, "%s", err.msg);
	destroy(&cgroup);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

ROOT_CASE(fork_bomb_is_killed_v2, "cgroup.kill takes a bomb")
{
	const struct kv_limits none = { .memory = 0 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_cgroup cgroup;

	create(v2_root(), &none, &cgroup);
	(void)start_in(&cgroup, "sandbox.1", sleep_forever);
	(void)start_in(&cgroup, "sandbox.1", sleep_forever);
	(void)usleep(100000);
	ATF_CHECK_MSG(kv_cgroup_kill(&cgroup, 0, 5000, &err) == 0, "%s", err.msg);
	destroy(&cgroup);
}

ROOT_CASE(memory_bomb_is_killed_v1, "the memory limit holds, and its kill is counted")
{
	const struct kv_limits limits = { .memory = 32 << 20, .cpu_milli = 500 };
	struct kv_usage usage;
	struct kv_cgroup cgroup;
	pid_t bomb;

	need_v1();
	create("/sys/fs/cgroup", &limits, &cgroup);
	bomb = start_in(&cgroup, "sandbox.1", memory_bomb);
	ATF_CHECK(gone(bomb));
	kv_cgroup_usage(&cgroup, &usage);
	ATF_CHECK(usage.oom_kills > 0);
	ATF_CHECK(usage.memory_peak > 16 << 20 && usage.memory_peak <= 32 << 20);
	ATF_CHECK(usage.cpu_ms > 0);
	destroy(&cgroup);
}

ROOT_CASE(limit_without_its_controller_is_refused, "a limit that cannot be had leaves nothing behind")
{
	const struct kv_limits limits = { .processes = 40 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_cgroup cgroup;
	char id[KV_ID_LEN + 1], path[PATH_MAX], has[256];
	const char *root = v2_root();

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", root);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, path, has, sizeof(has)) >= 0);
	if (strstr(has, "pids") != NULL)
		atf_tc_skip("this host has its controllers in v2");
	test_id(id, 2);
	ATF_CHECK_EQ(-1, kv_cgroup_create(root, id, &limits, &cgroup, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK(strstr(err.msg, "process_limit") != NULL);
	(void)snprintf(path, sizeof(path), "%s/kavach/%s", root, id);
	ATF_CHECK_EQ(-1, access(path, F_OK));
}

ROOT_CASE(no_hierarchy_at_all, "without limits there is none; with one it is refused")
{
	const struct kv_limits none = { .memory = 0 }, some = { .memory = 1 << 20 };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_cgroup cgroup;

	ATF_CHECK_EQ(0, kv_cgroup_create(".", "0123456789abcdef", &none, &cgroup, &err));
	ATF_CHECK_EQ(KV_CGROUP_NONE, cgroup.version);
	ATF_CHECK_EQ(0, kv_cgroup_kill(&cgroup, 0, 100, &err));
	ATF_CHECK_EQ(0, kv_cgroup_remove(&cgroup, &err));
	ATF_CHECK_EQ(-1, kv_cgroup_create(".", "0123456789abcdef", &some, &cgroup, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
}

static void
put(const char *name, const char *text)
{
	atf_utils_create_file(name, "%s", text);
}

static bool
holds(const char *name, const char *text)
{
	char got[64];

	return kv_read_file(AT_FDCWD, name, got, sizeof(got)) >= 0 && strcmp(got, text) == 0;
}

ATF_TC_WITHOUT_HEAD(v2_limits_are_written_and_read_back);
ATF_TC_BODY(v2_limits_are_written_and_read_back, tc)
{
	const struct kv_limits limits = { .memory = 1 << 30, .cpu_milli = 1500, .processes = 64 };
	struct kv_limits other = limits;
	struct kv_error err = KV_ERROR_INIT;
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int fd[3] = { dir, dir, dir };

	put("memory.max", "");
	put("memory.swap.max", "");
	put("pids.max", "");
	put("cpu.max", "");
	ATF_REQUIRE_MSG(kv_cgroup_limits_set(KV_CGROUP_V2, fd, &limits, &err) == 0, "%s", err.msg);
	ATF_CHECK(holds("memory.max", "1073741824"));
	ATF_CHECK(holds("memory.swap.max", "0"));
	ATF_CHECK(holds("pids.max", "64"));
	ATF_CHECK(holds("cpu.max", "150000 100000"));
	ATF_CHECK_EQ(0, kv_cgroup_limits_check(KV_CGROUP_V2, fd, &limits, &err));
	/* Twins: each limit that says something else afterwards is noticed. */
	other.memory = 1 << 20;
	ATF_CHECK_EQ(-1, kv_cgroup_limits_check(KV_CGROUP_V2, fd, &other, &err));
	other = limits;
	other.cpu_milli = 100;
	ATF_CHECK_EQ(-1, kv_cgroup_limits_check(KV_CGROUP_V2, fd, &other, &err));
	ATF_CHECK_EQ(0, unlink("pids.max"));
	ATF_CHECK_EQ(-1, kv_cgroup_limits_check(KV_CGROUP_V2, fd, &limits, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	(void)close(dir);
}

ROOT_CASE(origin_is_returned_to, "the opener is put back where it came from")
{
	const struct kv_limits none = { .memory = 0 };
	struct kv_error err = KV_ERROR_INIT;
	char before[4096], inside[4096], after[4096];
	struct kv_cgroup cgroup;

	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/self/cgroup", before, sizeof(before)) > 0);
	create(NULL, &none, &cgroup);
	ATF_REQUIRE_EQ(0, kv_cgroup_enter(&cgroup, 0, &err));
	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/self/cgroup", inside, sizeof(inside)) > 0);
	ATF_CHECK(strcmp(before, inside) != 0);
	destroy(&cgroup);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/self/cgroup", after, sizeof(after)) > 0);
	ATF_CHECK_STREQ(before, after);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, kill_spares_the_killer_v2);
	ATF_TP_ADD_TC(tp, kill_spares_the_killer_v1);
	ATF_TP_ADD_TC(tp, kill_never_freezes_the_killer_v1);
	ATF_TP_ADD_TC(tp, freeze_stops_the_sandboxes_v2);
	ATF_TP_ADD_TC(tp, freeze_stops_the_sandboxes_v1);
	ATF_TP_ADD_TC(tp, fork_bomb_is_capped_and_killed_v1);
	ATF_TP_ADD_TC(tp, fork_bomb_is_killed_v2);
	ATF_TP_ADD_TC(tp, memory_bomb_is_killed_v1);
	ATF_TP_ADD_TC(tp, limit_without_its_controller_is_refused);
	ATF_TP_ADD_TC(tp, no_hierarchy_at_all);
	ATF_TP_ADD_TC(tp, v2_limits_are_written_and_read_back);
	ATF_TP_ADD_TC(tp, origin_is_returned_to);
	return atf_no_error();
}

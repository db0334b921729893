/*
 * Who waits for the chain's lock frees its holder from a cgroup that freezes it, on v1 and v2, and from a stop;
 * and nobody else, and nobody who is only slow.
 */
#include "audit/thaw.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/chain.h"
#include "audit/testlog.h"
#include "common/error.h"
#include "common/io.h"
#include "common/testing.h"

#define DEPTH 24

/* A cgroup of the test's own, in the hierarchy that `what` says ("freezer" or "unified"). */
struct place {
	bool v2;
	char path[256];
};

static void
make_place(struct place *p, bool v2)
{
	static const char *const roots[] = { "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	const char *root = NULL;
	struct statfs fs;

	p->v2 = v2;
	for (size_t i = 0; i < 3 && root == NULL; i++)
		if (statfs(roots[i], &fs) == 0 && fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
			root = roots[i];
	if (root == NULL)
		atf_tc_skip("this host has no such cgroup");
	(void)snprintf(p->path, sizeof(p->path), "%s/kvthaw%d", root, (int)getpid());
	ATF_REQUIRE_EQ(0, mkdir(p->path, 0755));
}

static void
put(const char *folder, const char *name, const char *text)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ATF_REQUIRE_MSG(kv_write_file(AT_FDCWD, path, text) == 0, "%s: %s", path, strerror(errno));
}

static void
move(const char *folder, pid_t pid)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	put(folder, "cgroup.procs", text);
}

static void
freeze(const struct place *p, bool on)
{
	put(p->path, p->v2 ? "cgroup.freeze" : "freezer.state", p->v2 ? (on ? "1" : "0") : (on ? "FROZEN" : "THAWED"));
}

static bool
is_in(const struct place *p, pid_t pid)
{
	char path[600], line[64];
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", p->path);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found = found || atol(line) == (long)pid;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void
remove_place(const struct place *p)
{
	for (int i = 0; i < 200 && rmdir(p->path) != 0; i++)
		(void)usleep(10000);
	ATF_CHECK_EQ(-1, access(p->path, F_OK));
}

/* A process with the lock on a file of the state folder, or only with the file open; it ends by itself after a write to go. */
static pid_t
start_holder(int state, const char *name, bool locked, int *go)
{
	int ready[2], pipes[2];
	char c;
	pid_t pid;

	ATF_REQUIRE(pipe(ready) == 0 && pipe(pipes) == 0);
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		int fd = openat(state, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(pipes[1]);
		if (fd < 0 || (locked && flock(fd, LOCK_EX) != 0) || write(ready[1], "r", 1) != 1)
			_exit(2);
		_exit(read(pipes[0], &c, 1) == 1 ? 0 : 1);
	}
	(void)close(pipes[0]);
	(void)close(ready[1]);
	ATF_REQUIRE_EQ(1, read(ready[0], &c, 1));
	(void)close(ready[0]);
	*go = pipes[1];
	return pid;
}

/* Lets it go on: it ends with status 0 if it is neither frozen nor stopped. */
static bool
goes_on(pid_t pid, int go)
{
	int status;

	ATF_REQUIRE_EQ(1, write(go, "g", 1));
	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		(void)usleep(10000);
	}
	return false;
}

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* The holder goes on as soon as it may, and lets go; the writer waits for it. */
static void
write_while_held(int state, pid_t holder, int go)
{
	const struct kv_audit audit = { .state_fd = state, .socket_path = LOG_SOCKET, .timeout_ms = 3000 };
	const struct kv_audit_subject subject = { .uid = -1, .score = -1 };
	struct kv_error err = KV_ERROR_INIT;
	long long start = kv_clock_ms();

	/* What is frozen or stopped does not read it. */
	ATF_REQUIRE_EQ(1, write(go, "g", 1));
	ATF_CHECK_MSG(kv_audit_write(&audit, KV_EVENT_ADMIN, &subject, NULL, 0, &err) == 0, "%s", err.msg);
	ATF_CHECK(kv_clock_ms() - start >= 250);
	ATF_CHECK_EQ(holder, waitpid(holder, NULL, 0));
}

static void
frozen_holder(bool v2)
{
	int state = testlog_state(), go;
	pid_t log, holder;
	struct place p;

	make_place(&p, v2);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	log = testlog_start(SOCK_DGRAM);
	holder = start_holder(state, KV_CHAIN_LOCK_FILE, true, &go);
	move(p.path, holder);
	freeze(&p, true);
	write_while_held(state, holder, go);
	testlog_stop(log);
	remove_place(&p);
}

ROOT_CASE(a_frozen_holder_v1, "v1's freezer")
{
	frozen_holder(false);
}

ROOT_CASE(a_frozen_holder_v2, "v2")
{
	frozen_holder(true);
}

ROOT_CASE(a_holder_below_a_frozen_cgroup, "v2, too deep for a name, while another process of it does not freeze")
{
	int state = testlog_state(), go, at, fds[DEPTH];
	char name[201];
	pid_t log, holder;
	struct place p;

	make_place(&p, true);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	log = testlog_start(SOCK_DGRAM);
	holder = start_holder(state, KV_CHAIN_LOCK_FILE, true, &go);
	memset(name, 'x', 200);
	name[200] = '\0';
	at = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		ATF_REQUIRE_EQ(0, mkdirat(at, name, 0755));
		fds[i] = at;
		at = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ATF_REQUIRE(at >= 0);
	}
	(void)snprintf(name, sizeof(name), "%d", (int)holder);
	ATF_REQUIRE_EQ(0, kv_write_file(at, "cgroup.procs", name));
	freeze(&p, true);
	write_while_held(state, holder, go);
	testlog_stop(log);
	memset(name, 'x', 200);
	(void)close(at);
	for (int i = DEPTH - 1; i >= 0; i--) {
		ATF_CHECK_EQ(0, unlinkat(fds[i], name, AT_REMOVEDIR));
		(void)close(fds[i]);
	}
	remove_place(&p);
}

ROOT_CASE(a_stopped_holder, "and one that was stopped by another who waits, and is frozen himself now")
{
	int state = testlog_state(), go, status;
	pid_t log, holder;

	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	log = testlog_start(SOCK_DGRAM);
	holder = start_holder(state, KV_CHAIN_LOCK_FILE, true, &go);
	ATF_REQUIRE_EQ(0, kill(holder, SIGSTOP));
	ATF_REQUIRE_EQ(holder, waitpid(holder, &status, WUNTRACED));
	write_while_held(state, holder, go);
	testlog_stop(log);
}

ROOT_CASE(who_is_only_slow_is_left_alone, "and the lock is waited for no longer than before")
{
	int state = testlog_state(), go, fd;
	long long start = kv_clock_ms();
	struct kv_error err = KV_ERROR_INIT;
	struct kv_chain chain;
	struct place p;
	pid_t holder;

	make_place(&p, false);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	holder = start_holder(state, KV_CHAIN_LOCK_FILE, true, &go);
	move(p.path, holder);
	fd = openat(state, KV_CHAIN_LOCK_FILE, O_RDWR | O_CLOEXEC);
	kv_thaw_holder(fd);
	(void)close(fd);
	ATF_CHECK(is_in(&p, holder));
	start = kv_clock_ms();
	ATF_CHECK_EQ(-1, kv_chain_open(&chain, state, kv_clock_ms() + 900, &err));
	kv_chain_close(&chain);
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK(kv_clock_ms() - start < 2500);
	ATF_CHECK(is_in(&p, holder));
	ATF_CHECK(goes_on(holder, go));
	remove_place(&p);
}

ROOT_CASE(who_does_not_hold_it_is_left_alone, "frozen with the file open, or with the lock of another file")
{
	static const char *const names[] = { KV_CHAIN_LOCK_FILE, "another.lock" };
	int state = testlog_state(), go, fd;
	struct place p;

	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	fd = openat(state, KV_CHAIN_LOCK_FILE, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++) {
		pid_t other;

		make_place(&p, false);
		other = start_holder(state, names[i], i == 1, &go);
		move(p.path, other);
		freeze(&p, true);
		kv_thaw_holder(fd);
		ATF_CHECK(is_in(&p, other));
		ATF_CHECK(!goes_on(other, go));
		/* The twin: with the lock of this file it is freed. */
		freeze(&p, false);
		end(other);
		other = start_holder(state, KV_CHAIN_LOCK_FILE, true, &go);
		move(p.path, other);
		freeze(&p, true);
		kv_thaw_holder(fd);
		ATF_CHECK(!is_in(&p, other));
		ATF_CHECK(goes_on(other, go));
		remove_place(&p);
	}
	(void)close(fd);
}

/* The attack again and again, at whatever moment: all records are written, and the chain verifies. */
ROOT_CASE(frozen_at_any_moment, "a writer frozen at a random moment keeps no other out")
{
	int state = testlog_state();
	struct kv_verify_result r;
	struct place p;
	pid_t log;

	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	log = testlog_start(SOCK_DGRAM);
	for (unsigned int i = 0; i < 24; i++) {
		pid_t writer;

		make_place(&p, i % 2 == 1);
		writer = fork();
		while (writer == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			testlog_write(state, KV_AUDIT_LOGFMT, "a", "frozen");
		}
		move(p.path, writer);
		(void)usleep((useconds_t)(1000 + i * 137));
		freeze(&p, true);
		testlog_write(state, KV_AUDIT_LOGFMT, "a", "other");
		freeze(&p, false);
		end(writer);
		remove_place(&p);
	}
	testlog_write(state, KV_AUDIT_LOGFMT, "a", "last");
	testlog_stop(log);
	testlog_verify(true, &r);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_frozen_holder_v1);
	ATF_TP_ADD_TC(tp, a_frozen_holder_v2);
	ATF_TP_ADD_TC(tp, a_holder_below_a_frozen_cgroup);
	ATF_TP_ADD_TC(tp, a_stopped_holder);
	ATF_TP_ADD_TC(tp, who_is_only_slow_is_left_alone);
	ATF_TP_ADD_TC(tp, who_does_not_hold_it_is_left_alone);
	ATF_TP_ADD_TC(tp, frozen_at_any_moment);
	return atf_no_error();
}

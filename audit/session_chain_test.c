#include "audit/session_chain.h"

#include <atf-c.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/testlog.h"
#include "common/error.h"

#define ID_A "00000000000000aa"
#define ID_B "00000000000000bb"

static int
session_folder(const char *name)
{
	int fd;

	ATF_REQUIRE_EQ(0, mkdir(name, 0700));
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ATF_REQUIRE(fd >= 0);
	return fd;
}

static int
write_to(int state, enum kv_chain_kind chain, enum kv_event event, const char *id, const struct kv_audit_pair *pairs, size_t count)
{
	const struct kv_audit audit = { .state_fd = state, .chain = chain, .socket_path = LOG_SOCKET,
		.format = KV_AUDIT_LOGFMT, .timeout_ms = 500 };
	const struct kv_audit_subject subject = { .session = id, .uid = -1, .score = -1 };
	struct kv_error err = KV_ERROR_INIT;

	return kv_audit_write(&audit, event, &subject, pairs, count, &err);
}

static void
make(int global, int folder, const char *id)
{
	const struct kv_audit audit = { .state_fd = global };
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_EQ_MSG(0, kv_session_chain_make(&audit, folder, id, KV_CHAIN_SESSION, 0, &err), "%s", err.msg);
}

static void
close_it(int global, int folder, const char *id)
{
	struct kv_chain_end end;
	char seq[24];
	const struct kv_audit_pair pairs[] = { { "chain_seq", seq }, { "chain_mac", end.mac } };

	kv_session_chain_end(folder, KV_CHAIN_SESSION, &end);
	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)end.seq);
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_CLOSE, id, pairs, 2));
}

static int
chain_of(int folder)
{
	int fd = openat(folder, KV_SESSION_CHAIN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ATF_REQUIRE(fd >= 0);
	return fd;
}

/* Lines: open A, open B, A1, B1, A2, A3, close B, close A. */
static void
write_two_sessions(void)
{
	int global = testlog_state(), a = session_folder("a"), b = session_folder("b"), ca, cb;
	pid_t pid = testlog_start(SOCK_DGRAM);

	make(global, a, ID_A);
	make(global, b, ID_B);
	ca = chain_of(a);
	cb = chain_of(b);
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, ID_B, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(ca, KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(cb, KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_B, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(ca, KV_CHAIN_SESSION, KV_EVENT_SANDBOX_EXIT, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(ca, KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_A, NULL, 0));
	close_it(global, b, ID_B);
	close_it(global, a, ID_A);
	testlog_stop(pid);
}

static void
check_log(bool sound, const char *what)
{
	struct kv_verify_result r;

	testlog_verify(true, &r);
	if (sound)
		ATF_CHECK_EQ_MSG(0, r.findings, "%s: %s", what, r.finding);
	else
		ATF_CHECK_MSG(r.findings > 0, "%s is not found", what);
}

/* The log with these lines (numbers from 0, ended by -1) in this order. */
static void
check_order(const int *order, bool sound, const char *what)
{
	char *lines[LOG_LINES], *picked[64];
	size_t count = testlog_read(lines), n = 0;

	ATF_REQUIRE_EQ(8, count);
	for (; order[n] >= 0; n++)
		picked[n] = lines[order[n]];
	testlog_store(picked, n);
	check_log(sound, what);
	testlog_store(lines, count);
}

ATF_TC_WITHOUT_HEAD(chains_of_two_sessions_verify);
ATF_TC_BODY(chains_of_two_sessions_verify, tc)
{
	write_two_sessions();
	check_log(true, "two sessions");
	check_order((const int[]){ 0, 1, 2, 3, 4, 5, 6, 7, -1 }, true, "the same");
	/* Chains are written side by side: how they interleave is not a finding. */
	check_order((const int[]){ 0, 1, 3, 2, 4, 5, 6, 7, -1 }, true, "another interleaving");
	/* The log begins in the middle: what is known of the sessions is checked. */
	check_order((const int[]){ 4, 5, 6, 7, -1 }, true, "a rotated log");
}

ATF_TC_WITHOUT_HEAD(changes_in_a_session_chain_are_found);
ATF_TC_BODY(changes_in_a_session_chain_are_found, tc)
{
	write_two_sessions();
	check_order((const int[]){ 0, 1, 3, 4, 5, 6, 7, -1 }, false, "a removed first record");
	check_order((const int[]){ 0, 1, 2, 3, 5, 6, 7, -1 }, false, "a removed middle record");
	check_order((const int[]){ 0, 1, 2, 3, 4, 6, 7, -1 }, false, "a removed last record");
	check_order((const int[]){ 0, 1, 2, 4, 5, 6, 7, -1 }, false, "a session without its only record");
	check_order((const int[]){ 0, 1, 2, 3, 5, 4, 6, 7, -1 }, false, "two records reordered");
	check_order((const int[]){ 0, 1, 2, 3, 4, 4, 5, 6, 7, -1 }, false, "a record twice");
	check_order((const int[]){ 0, 1, 2, 3, 4, 5, 6, 7, 2, -1 }, false, "a record after the close");
	check_order((const int[]){ 0, 1, 2, 3, 4, 5, 7, -1 }, false, "a removed close");
}

ATF_TC_WITHOUT_HEAD(close_that_is_silent_is_told);
ATF_TC_BODY(close_that_is_silent_is_told, tc)
{
	int global = testlog_state(), a = session_folder("a");
	struct kv_chain_end end;
	pid_t pid = testlog_start(SOCK_DGRAM);

	/* privilege = userns: no chain, and no records of one. */
	kv_session_chain_end(a, KV_CHAIN_SESSION, &end);
	ATF_CHECK(!end.known);
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, ID_B, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_CLOSE, ID_B, NULL, 0));
	testlog_stop(pid);
	check_log(true, "a session without a chain");
	pid = testlog_start(SOCK_DGRAM);
	make(global, a, ID_A);
	kv_session_chain_end(a, KV_CHAIN_SESSION, &end);
	ATF_CHECK(end.known && end.seq == 0);
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(chain_of(a), KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_CLOSE, ID_A, NULL, 0));
	testlog_stop(pid);
	check_log(false, "a close that says nothing of the chain");
}

ATF_TC_WITHOUT_HEAD(altered_record_is_found);
ATF_TC_BODY(altered_record_is_found, tc)
{
	char *lines[LOG_LINES];
	size_t count;
	char *at;

	write_two_sessions();
	count = testlog_read(lines);
	/* A's record given to B: another key. */
	at = strstr(lines[2], ID_A);
	ATF_REQUIRE(at != NULL);
	memcpy(at, ID_B, strlen(ID_B));
	testlog_store(lines, count);
	check_log(false, "a record of another session");
}

ATF_TC_WITHOUT_HEAD(held_session_chain_holds_up_nobody_else);
ATF_TC_BODY(held_session_chain_holds_up_nobody_else, tc)
{
	int global = testlog_state(), a = session_folder("a"), b = session_folder("b"), lock;
	pid_t pid = testlog_start(SOCK_DGRAM);

	make(global, a, ID_A);
	make(global, b, ID_B);
	lock = openat(a, KV_SESSION_CHAIN_DIR "/audit.lock", O_RDWR | O_CLOEXEC);
	ATF_REQUIRE(lock >= 0 && flock(lock, LOCK_EX) == 0);
	ATF_CHECK_EQ(-1, write_to(chain_of(a), KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_A, NULL, 0));
	ATF_CHECK_EQ(0, write_to(chain_of(b), KV_CHAIN_SESSION, KV_EVENT_SANDBOX_START, ID_B, NULL, 0));
	ATF_CHECK_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, "00000000000000cc", NULL, 0));
	testlog_stop(pid);
}

/* A session whose proxy wrote one record that claims to be of this chain; the close tells of the end with this many pairs. */
static void
egress_session(enum kv_chain_kind claims, size_t told)
{
	int global = testlog_state(), a = session_folder("a"), egress;
	const struct kv_audit audit = { .state_fd = global };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_chain_end end;
	struct stat st;
	pid_t pid = testlog_start(SOCK_DGRAM);

	make(global, a, ID_A);
	ATF_REQUIRE_EQ_MSG(0, kv_session_chain_make(&audit, a, ID_A, KV_CHAIN_EGRESS, 4242, &err), "%s", err.msg);
	egress = openat(a, KV_EGRESS_CHAIN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ATF_REQUIRE(egress >= 0 && fstatat(egress, KV_CHAIN_KEY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0);
	ATF_CHECK_EQ(4242, st.st_uid);
	ATF_CHECK_EQ(0600, st.st_mode & 07777);
	ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_OPEN, ID_A, NULL, 0));
	ATF_REQUIRE_EQ(0, write_to(egress, claims, KV_EVENT_EGRESS_DENY, ID_A, NULL, 0));
	kv_session_chain_end(a, KV_CHAIN_EGRESS, &end);
	ATF_CHECK(end.known && end.seq == 1);
	{
		const struct kv_audit_pair pairs[] = { { "egress_seq", "1" }, { "egress_mac", end.mac },
			{ "chain_seq", "0" } };

		ATF_REQUIRE_EQ(0, write_to(global, KV_CHAIN_HOST, KV_EVENT_SESSION_CLOSE, ID_A, pairs, told));
	}
	testlog_stop(pid);
}

#define ROOT_CASE(name) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) \
	{ \
		atf_tc_set_md_var(tc, "require.user", "root"); \
	} \
	ATF_TC_BODY(name, tc)

ROOT_CASE(egress_chain_verifies)
{
	egress_session(KV_CHAIN_EGRESS, 3);
	check_log(true, "a session with egress");
}

ROOT_CASE(egress_end_must_be_told)
{
	egress_session(KV_CHAIN_EGRESS, 0);
	check_log(false, "a close that says nothing of the egress");
}

ROOT_CASE(egress_key_signs_nothing_else)
{
	egress_session(KV_CHAIN_SESSION, 3);
	check_log(false, "a record of the session's, signed by its proxy");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, egress_chain_verifies);
	ATF_TP_ADD_TC(tp, egress_end_must_be_told);
	ATF_TP_ADD_TC(tp, egress_key_signs_nothing_else);
	ATF_TP_ADD_TC(tp, chains_of_two_sessions_verify);
	ATF_TP_ADD_TC(tp, changes_in_a_session_chain_are_found);
	ATF_TP_ADD_TC(tp, close_that_is_silent_is_told);
	ATF_TP_ADD_TC(tp, altered_record_is_found);
	ATF_TP_ADD_TC(tp, held_session_chain_holds_up_nobody_else);
	return atf_no_error();
}

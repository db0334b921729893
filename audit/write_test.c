#include "audit/audit.h"

#include "audit/testlog.h"
#include "common/error.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kv_audit_subject nobody = { .uid = -1, .score = -1 };

/* The record of the last line of LOG_FILE. */
static char *
last_record(void)
{
	static char *lines[LOG_LINES];
	size_t count = testlog_read(lines);
	char *record;

	ATF_REQUIRE(count > 0);
	record = strstr(lines[count - 1], "]: ");
	ATF_REQUIRE(record != NULL);
	record[strlen(record) - 1] = '\0';
	return record + 3;
}

static char *
one_value(enum kv_audit_format format, const char *value)
{
	pid_t pid = testlog_start(SOCK_DGRAM);

	testlog_write(-1, format, "command", value);
	testlog_stop(pid);
	return last_record();
}

static int
try_write(int state, const char *path, unsigned int timeout_ms, struct kv_error *err)
{
	const struct kv_audit audit = { .state_fd = state, .socket_path = path,
		.timeout_ms = timeout_ms };

	return kv_audit_write(&audit, KV_EVENT_SESSION_OPEN, &nobody, NULL, 0, err);
}

static void
read_head(int state, uint8_t head[KV_HEAD_SIZE])
{
	int fd = openat(state, "audit.head", O_RDONLY | O_CLOEXEC);

	ATF_REQUIRE_EQ(KV_HEAD_SIZE, read(fd, head, KV_HEAD_SIZE));
	(void)close(fd);
}

ATF_TC_WITHOUT_HEAD(fields_stand_in_their_order);
ATF_TC_BODY(fields_stand_in_their_order, tc)
{
	char *text = one_value(KV_AUDIT_LOGFMT, "ls");
	char *json;

	ATF_CHECK_EQ_MSG(0, strncmp(text, "event=admin session=s1 time=", 28), "%s", text);
	ATF_CHECK_MSG(strstr(text, "Z user=alice uid=1000 service=sshd from=192.0.2.7 rule=all "
	    "policy=strict backend=process score=65 label=standard command=ls mac=none") != NULL,
	    "%s", text);
	json = one_value(KV_AUDIT_JSON, "ls");
	ATF_CHECK_MSG(strstr(json, "\"user\":\"alice\",\"uid\":1000,\"service\":\"sshd\"") != NULL,
	    "%s", json);
	ATF_CHECK_STREQ("\"command\":\"ls\",\"mac\":\"none\"}", strstr(json, "\"command\""));
}

ATF_TC_WITHOUT_HEAD(every_event_has_a_name);
ATF_TC_BODY(every_event_has_a_name, tc)
{
	for (int i = 0; i < KV_EVENT_COUNT; i++) {
		const char *name = kv_event_name((enum kv_event)i);

		ATF_CHECK(name != NULL && strlen(name) > 3);
		for (int j = 0; j < i; j++)
			ATF_CHECK(strcmp(name, kv_event_name((enum kv_event)j)) != 0);
	}
	ATF_CHECK_STREQ("?", kv_event_name(KV_EVENT_COUNT));
}

ATF_TC_WITHOUT_HEAD(forged_text_stays_inside_its_value);
ATF_TC_BODY(forged_text_stays_inside_its_value, tc)
{
	static const char evil[] = "x\nevent=admin mac=none\r\x1b[2J\" user=root \\\x7f\xc3\xa9";

	ATF_CHECK_STREQ("command=\"x\\x0aevent=admin mac=none\\x0d\\x1b[2J\\\" user=root "
	    "\\\\\\x7f\\xc3\\xa9\" mac=none", strstr(one_value(KV_AUDIT_LOGFMT, evil), "command="));
	ATF_CHECK_STREQ("\"command\":\"x\\u000aevent=admin mac=none\\u000d\\u001b[2J\\\" user=root "
	    "\\\\\\u007f\\u00c3\\u00a9\",\"mac\":\"none\"}",
	    strstr(one_value(KV_AUDIT_JSON, evil), "\"command\""));
	ATF_CHECK_STREQ("command=\"\" mac=none",
	    strstr(one_value(KV_AUDIT_LOGFMT, ""), "command="));
}

ATF_TC_WITHOUT_HEAD(every_byte_is_printable_and_verifies);
ATF_TC_BODY(every_byte_is_printable_and_verifies, tc)
{
	struct kv_verify_result r;
	int state = testlog_state();
	pid_t pid = testlog_start(SOCK_DGRAM);

	for (int c = 1; c < 256; c++) {
		char value[] = { 'a', (char)c, '=', (char)c, '\0' };

		testlog_write(state, c % 2 != 0 ? KV_AUDIT_JSON : KV_AUDIT_LOGFMT, "v", value);
	}
	testlog_stop(pid);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(255, r.records);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	FILE *log = fopen(LOG_FILE, "re");
	for (int c; (c = fgetc(log)) != EOF;)
		ATF_CHECK(c == '\n' || (c >= 0x20 && c < 0x7f));
	(void)fclose(log);
}

ATF_TC_WITHOUT_HEAD(long_values_are_cut_and_marked);
ATF_TC_BODY(long_values_are_cut_and_marked, tc)
{
	static char big[4097];
	struct kv_verify_result r;
	int state = testlog_state();

	for (int format = KV_AUDIT_LOGFMT; format <= KV_AUDIT_JSON; format++) {
		static const char fill[] = "a\n\"\xff";

		for (size_t i = 0; i < sizeof(fill) - 1; i++) {
			struct kv_audit_subject s = { .session = big, .user = big, .uid = 4294967294,
				.service = big, .from = big, .rule = big, .policy = big, .backend = big,
				.score = 100 };
			struct kv_audit_pair p[3] = { { "command", big }, { "reason", big }, { "a", "b" } };
			const struct kv_audit audit = { .state_fd = state,
				.format = (enum kv_audit_format)format, .socket_path = LOG_SOCKET };
			struct kv_error err = KV_ERROR_INIT;
			pid_t pid = testlog_start(SOCK_DGRAM);

			memset(big, fill[i], sizeof(big) - 1);
			ATF_CHECK_EQ(0, kv_audit_write(&audit, KV_EVENT_SANDBOX_START, &s, p, 3, &err));
			testlog_stop(pid);
			char *text = last_record();
			ATF_CHECK_MSG(strlen(text) <= 1024, "%zu", strlen(text));
			ATF_CHECK_MSG(strstr(text, format == KV_AUDIT_JSON ? "\"truncated\":1" :
			    " truncated=1 ") != NULL, "%s", text);
		}
	}
	testlog_verify(true, &r);
	ATF_CHECK_EQ(8, r.records);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	ATF_CHECK(strstr(one_value(KV_AUDIT_LOGFMT, "short"), "truncated") == NULL);
}

ATF_TC_WITHOUT_HEAD(twenty_processes_write_one_chain);
ATF_TC_BODY(twenty_processes_write_one_chain, tc)
{
	struct kv_verify_result r;
	int state = testlog_state(), status;
	pid_t log = testlog_start(SOCK_DGRAM), writer[20];

	for (int i = 0; i < 20; i++) {
		writer[i] = fork();
		ATF_REQUIRE(writer[i] >= 0);
		if (writer[i] != 0)
			continue;
		for (int j = 0; j < 50; j++) {
			const struct kv_audit audit = { .state_fd = state, .socket_path = LOG_SOCKET,
				.format = j % 2 != 0 ? KV_AUDIT_JSON : KV_AUDIT_LOGFMT,
				.timeout_ms = 60000 };
			struct kv_error err = KV_ERROR_INIT;

			if (kv_audit_write(&audit, KV_EVENT_LIMIT_HIT, &nobody, NULL, 0, &err) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		ATF_REQUIRE_EQ(writer[i], waitpid(writer[i], &status, 0));
		ATF_CHECK_EQ(0, status);
	}
	testlog_stop(log);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(1000, r.records);
	ATF_CHECK_EQ(1000, r.last_seq);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	ATF_CHECK_EQ(0, r.interrupted);
}

ATF_TC_WITHOUT_HEAD(stream_socket_works_too);
ATF_TC_BODY(stream_socket_works_too, tc)
{
	struct kv_verify_result r;
	int state = testlog_state();
	pid_t pid = testlog_start(SOCK_STREAM);

	for (int i = 0; i < 5; i++)
		testlog_write(state, KV_AUDIT_LOGFMT, "a", "b");
	testlog_stop(pid);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(5, r.records);
	ATF_CHECK_EQ(0, r.findings);
}

/* A socket that nobody reads; type SOCK_DGRAM: full; SOCK_STREAM: nobody accepts. */
static int
blocked_socket(int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), one;

	(void)unlink(LOG_SOCKET);
	ATF_REQUIRE_EQ(0, bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	if (type == SOCK_STREAM) {
		ATF_REQUIRE_EQ(0, listen(fd, 0));
		for (int i = 0; i < 3; i++) {
			one = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
			(void)connect(one, (const struct sockaddr *)&addr, sizeof(addr));
		}
		return fd;
	}
	/* A sender's own buffer may be full before the queue is (net.unix.max_dgram_qlen): take several. */
	for (bool full = false; !full;) {
		one = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		ATF_REQUIRE_EQ(0, connect(one, (const struct sockaddr *)&addr, sizeof(addr)));
		full = send(one, "x", 1, 0) != 1;
		while (!full && send(one, "x", 1, 0) == 1)
			continue;
	}
	return fd;
}

ATF_TC_WITHOUT_HEAD(missing_or_blocked_syslog_is_bounded_and_leaves_no_hole);
ATF_TC_BODY(missing_or_blocked_syslog_is_bounded_and_leaves_no_hole, tc)
{
	static const int type[] = { SOCK_DGRAM, SOCK_STREAM };
	uint8_t before[KV_HEAD_SIZE], after[KV_HEAD_SIZE];
	struct kv_verify_result r;
	struct kv_error err = KV_ERROR_INIT;
	int state = testlog_state(), fd;
	long long start;

	testlog_fill(state, KV_AUDIT_LOGFMT, 3);
	read_head(state, before);
	start = kv_clock_ms();
	ATF_CHECK_EQ(-1, try_write(state, "nowhere.sock", 500, &err));
	ATF_CHECK_EQ(ENOENT, err.sys_errno);
	ATF_CHECK(kv_clock_ms() - start < 400);
	for (int i = 0; i < 2; i++) {
		fd = blocked_socket(type[i]);
		start = kv_clock_ms();
		ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 300, &err));
		ATF_CHECK(kv_clock_ms() - start >= 290 && kv_clock_ms() - start < 3000);
		ATF_CHECK_EQ(-1, try_write(-1, LOG_SOCKET, 50, &err));
		(void)close(fd);
		ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 300, &err));
		ATF_CHECK_EQ(ECONNREFUSED, err.sys_errno);
	}
	read_head(state, after);
	ATF_CHECK_EQ(0, memcmp(before, after, KV_HEAD_SIZE));
	testlog_fill(state, KV_AUDIT_LOGFMT, 3);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(6, r.records);
	ATF_CHECK_EQ_MSG(0, r.findings + r.interrupted, "%s", r.finding);
}

ATF_TC_WITHOUT_HEAD(held_lock_is_waited_for_and_no_longer);
ATF_TC_BODY(held_lock_is_waited_for_and_no_longer, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	int state = testlog_state(), fd;
	long long start = kv_clock_ms();
	pid_t pid;

	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	fd = openat(state, "audit.lock", O_RDWR | O_CLOEXEC);
	ATF_REQUIRE_EQ(0, flock(fd, LOCK_EX));
	pid = testlog_start(SOCK_DGRAM);
	(void)close(fd);	/* the daemon has inherited the lock */
	start = kv_clock_ms();
	ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 200, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK(kv_clock_ms() - start >= 190 && kv_clock_ms() - start < 3000);
	testlog_stop(pid);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
}

/* A writer that died with the record out (arrived) or not, and what follows. */
static void
crash(bool arrived)
{
	struct kv_verify_result r;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_chain chain;
	struct kv_seal seal;
	uint8_t mac[KV_MAC_SIZE] = { 1 };
	char hex[KV_MAC_HEX + 1];
	struct kv_record record;
	int state = testlog_state();

	testlog_fill(state, KV_AUDIT_LOGFMT, 2);
	ATF_REQUIRE_EQ(0, kv_chain_open(&chain, state, kv_clock_ms() + 1000, &err));
	kv_chain_next(&chain, &seal);
	kv_record_begin(&record, KV_AUDIT_LOGFMT);
	kv_record_fill(&record, KV_EVENT_ADMIN, &nobody, NULL, 0, &seal, 0);
	kv_chain_mac(chain.key, KV_KEY_SIZE, record.text, record.used, mac);
	ATF_REQUIRE_EQ(0, kv_chain_pend(&chain, &seal, mac));
	kv_chain_close(&chain);
	if (arrived) {
		FILE *log = fopen(LOG_FILE, "ae");

		ATF_REQUIRE(log != NULL);
		kv_mac_hex(mac, hex);
		kv_record_end(&record, hex);
		(void)fprintf(log, "Nov 23 23:51:16 host kavach[1]: %s\n", record.text);
		(void)fclose(log);
	}
	testlog_verify(true, &r);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	ATF_CHECK(strstr(last_record(), " unsure=3 ") != NULL);
	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	ATF_CHECK(strstr(last_record(), " unsure=") == NULL);
	testlog_verify(true, &r);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	ATF_CHECK_EQ(arrived ? 0 : 1, r.interrupted);
	ATF_CHECK_EQ(arrived ? 5 : 4, r.records);
}

ATF_TC_WITHOUT_HEAD(crash_before_sending_is_no_finding);
ATF_TC_BODY(crash_before_sending_is_no_finding, tc)
{
	crash(false);
}

ATF_TC_WITHOUT_HEAD(crash_after_sending_is_no_finding);
ATF_TC_BODY(crash_after_sending_is_no_finding, tc)
{
	crash(true);
}

ATF_TC_WITHOUT_HEAD(killed_writers_leave_a_chain_that_verifies);
ATF_TC_BODY(killed_writers_leave_a_chain_that_verifies, tc)
{
	struct kv_verify_result r;
	int state = testlog_state(), status;
	pid_t log = testlog_start(SOCK_DGRAM);

	testlog_write(state, KV_AUDIT_LOGFMT, "a", "b");
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		ATF_REQUIRE(pid >= 0);
		while (pid == 0)
			testlog_write(state, KV_AUDIT_JSON, "a", "b");
		(void)usleep((useconds_t)(300 + i * 37));
		ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	}
	testlog_write(state, KV_AUDIT_LOGFMT, "a", "b");
	testlog_stop(log);
	testlog_verify(true, &r);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	ATF_CHECK(r.records + r.interrupted == r.last_seq);
}

ATF_TC_WITHOUT_HEAD(older_head_is_accepted_after_a_boot_only);
ATF_TC_BODY(older_head_is_accepted_after_a_boot_only, tc)
{
	uint8_t bytes[KV_HEAD_SIZE], key[KV_KEY_SIZE];
	struct kv_verify_result r;
	struct kv_head head;
	int state = testlog_state(), fd;

	testlog_fill(state, KV_AUDIT_LOGFMT, 4);
	read_head(state, bytes);
	testlog_fill(state, KV_AUDIT_LOGFMT, 3);
	fd = openat(state, "audit.key", O_RDONLY | O_CLOEXEC);
	ATF_REQUIRE_EQ(KV_KEY_SIZE, read(fd, key, sizeof(key)));
	(void)close(fd);
	ATF_REQUIRE_EQ(0, kv_head_decode(bytes, key, sizeof(key), &head));
	head.boot[0] ^= 1;	/* as another boot wrote it */
	kv_head_encode(&head, key, sizeof(key), bytes);
	fd = openat(state, "audit.head", O_WRONLY | O_CLOEXEC);
	ATF_REQUIRE_EQ(KV_HEAD_SIZE, write(fd, bytes, sizeof(bytes)));
	(void)close(fd);
	testlog_fill(state, KV_AUDIT_JSON, 2);
	testlog_verify(true, &r);
	ATF_CHECK_EQ_MSG(0, r.findings, "%s", r.finding);
	ATF_CHECK_EQ(3, r.interrupted);
	ATF_CHECK_EQ(6, r.last_seq);
}

ATF_TC_WITHOUT_HEAD(unusable_key_refuses);
ATF_TC_BODY(unusable_key_refuses, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	int state = testlog_state();

	testlog_fill(state, KV_AUDIT_LOGFMT, 1);
	ATF_REQUIRE_EQ(0, fchmodat(state, "audit.key", 0644, 0));
	ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 100, &err));
	ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	ATF_REQUIRE_EQ(0, fchmodat(state, "audit.key", 0600, 0));
	ATF_REQUIRE_EQ(0, truncate(STATE_DIR "/audit.key", 16));
	ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 100, &err));
	ATF_REQUIRE_EQ(0, unlinkat(state, "audit.key", 0));
	ATF_REQUIRE_EQ(0, symlinkat("/dev/zero", state, "audit.key"));
	ATF_CHECK_EQ(-1, try_write(state, LOG_SOCKET, 100, &err));
}

ATF_TC(only_the_owner_makes_the_state);
ATF_TC_HEAD(only_the_owner_makes_the_state, tc)
{
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(only_the_owner_makes_the_state, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	int state = testlog_state(), status, fd = -1;
	pid_t pid;

	ATF_REQUIRE_EQ(0, fchmod(state, 0777));
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0)
		_exit(setuid(65534) == 0 && try_write(state, LOG_SOCKET, 100, &err) == -1 &&
		    faccessat(state, "audit.lock", F_OK, 0) != 0 ? 0 : 1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_EQ(0, status);

	ATF_CHECK_EQ(-1, kv_audit_open_state(STATE_DIR, &fd, &err));
	ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	ATF_REQUIRE_EQ(0, fchmod(state, 0700));
	ATF_CHECK_EQ(0, kv_audit_open_state(STATE_DIR, &fd, &err));
	(void)close(fd);
	ATF_CHECK_EQ(0, kv_audit_open_state("made", &fd, &err));
	ATF_REQUIRE_EQ(0, symlink(STATE_DIR, "link"));
	ATF_CHECK_EQ(-1, kv_audit_open_state("link", &fd, &err));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, fields_stand_in_their_order);
	ATF_TP_ADD_TC(tp, every_event_has_a_name);
	ATF_TP_ADD_TC(tp, forged_text_stays_inside_its_value);
	ATF_TP_ADD_TC(tp, every_byte_is_printable_and_verifies);
	ATF_TP_ADD_TC(tp, long_values_are_cut_and_marked);
	ATF_TP_ADD_TC(tp, twenty_processes_write_one_chain);
	ATF_TP_ADD_TC(tp, stream_socket_works_too);
	ATF_TP_ADD_TC(tp, missing_or_blocked_syslog_is_bounded_and_leaves_no_hole);
	ATF_TP_ADD_TC(tp, held_lock_is_waited_for_and_no_longer);
	ATF_TP_ADD_TC(tp, crash_before_sending_is_no_finding);
	ATF_TP_ADD_TC(tp, crash_after_sending_is_no_finding);
	ATF_TP_ADD_TC(tp, killed_writers_leave_a_chain_that_verifies);
	ATF_TP_ADD_TC(tp, older_head_is_accepted_after_a_boot_only);
	ATF_TP_ADD_TC(tp, unusable_key_refuses);
	ATF_TP_ADD_TC(tp, only_the_owner_makes_the_state);
	return atf_no_error();
}

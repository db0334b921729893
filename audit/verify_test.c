#include "audit/verify.h"

#include "audit/testlog.h"
#include "common/error.h"

#include <atf-c.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOUND(with_head, expected) do { \
	struct kv_verify_result r_; \
	testlog_verify(with_head, &r_); \
	ATF_CHECK_MSG(r_.findings == 0 && r_.bad_line == 0, "%s", r_.finding); \
	ATF_CHECK_EQ(expected, r_.records); \
} while (0)

#define FOUND(with_head, line, text) do { \
	struct kv_verify_result r_; \
	testlog_verify(with_head, &r_); \
	ATF_CHECK_EQ_MSG(line, r_.bad_line, "line %llu: %s", \
	    (unsigned long long)r_.bad_line, r_.finding); \
	ATF_CHECK_MSG(strstr(r_.finding, text) != NULL, "%s", r_.finding); \
	ATF_CHECK(r_.findings > 0); \
} while (0)

static char *lines[LOG_LINES];

/* Ten records in LOG_FILE, and in lines. */
static int
ten(enum kv_audit_format format)
{
	int state = testlog_state();

	testlog_fill(state, format, 10);
	ATF_REQUIRE_EQ(10, testlog_read(lines));
	SOUND(true, 10);
	return state;
}

ATF_TC_WITHOUT_HEAD(altered_byte_is_found_wherever_it_is);
ATF_TC_BODY(altered_byte_is_found_wherever_it_is, tc)
{
	for (int format = KV_AUDIT_LOGFMT; format <= KV_AUDIT_JSON; format++) {
		(void)unlink(LOG_FILE);
		int state = format == KV_AUDIT_LOGFMT ? testlog_state() :
		    open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		testlog_fill(state, (enum kv_audit_format)format, 3);
		ATF_REQUIRE_EQ(3, testlog_read(lines));
		SOUND(true, 3);
		char *record = strstr(lines[1], "]: ") + 3;
		for (char *p = record; *p != '\n'; p++) {
			*p ^= 1;
			testlog_store(lines, 3);
			struct kv_verify_result r;
			testlog_verify(false, &r);
			ATF_CHECK_EQ_MSG(2, r.bad_line, "byte %ld of %s", (long)(p - record), record);
			*p ^= 1;
		}
		(void)close(state);
	}
}

ATF_TC_WITHOUT_HEAD(time_and_host_of_the_log_are_not_covered);
ATF_TC_BODY(time_and_host_of_the_log_are_not_covered, tc)
{
	(void)ten(KV_AUDIT_LOGFMT);
	lines[4][0] = 'X';
	testlog_store(lines, 10);
	SOUND(true, 10);
}

ATF_TC_WITHOUT_HEAD(removed_line_is_found);
ATF_TC_BODY(removed_line_is_found, tc)
{
	(void)ten(KV_AUDIT_LOGFMT);
	memmove(lines + 3, lines + 4, 6 * sizeof(lines[0]));
	testlog_store(lines, 9);
	FOUND(true, 4, "records 4 to 4 are missing");
}

ATF_TC_WITHOUT_HEAD(removed_start_is_a_rotated_log);
ATF_TC_BODY(removed_start_is_a_rotated_log, tc)
{
	struct kv_verify_result r;

	(void)ten(KV_AUDIT_JSON);
	testlog_store(lines + 4, 6);
	SOUND(true, 6);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(5, r.first_seq);
	ATF_CHECK_EQ(10, r.last_seq);
}

ATF_TC_WITHOUT_HEAD(cut_tail_is_found_with_the_head_only);
ATF_TC_BODY(cut_tail_is_found_with_the_head_only, tc)
{
	(void)ten(KV_AUDIT_LOGFMT);
	testlog_store(lines, 8);
	SOUND(false, 8);
	FOUND(true, 9, "the end is missing");
	testlog_store(lines, 0);
	FOUND(true, 1, "the end is missing");
}

ATF_TC_WITHOUT_HEAD(truncated_then_resumed_is_found);
ATF_TC_BODY(truncated_then_resumed_is_found, tc)
{
	int state = ten(KV_AUDIT_LOGFMT);

	testlog_store(lines, 6);
	testlog_fill(state, KV_AUDIT_LOGFMT, 3);
	FOUND(true, 7, "records 7 to 10 are missing");
}

ATF_TC_WITHOUT_HEAD(reordered_lines_are_found);
ATF_TC_BODY(reordered_lines_are_found, tc)
{
	(void)ten(KV_AUDIT_JSON);
	char *swap = lines[5];
	lines[5] = lines[6];
	lines[6] = swap;
	testlog_store(lines, 10);
	FOUND(true, 6, "are missing");
}

ATF_TC_WITHOUT_HEAD(repeated_line_is_found);
ATF_TC_BODY(repeated_line_is_found, tc)
{
	(void)ten(KV_AUDIT_LOGFMT);
	lines[10] = lines[9];
	testlog_store(lines, 11);
	FOUND(true, 11, "second time");
}

ATF_TC_WITHOUT_HEAD(added_line_is_found);
ATF_TC_BODY(added_line_is_found, tc)
{
	static char forged[] = "Nov 23 23:51:16 host kavach[7]: event=admin session=s1 seq=11 "
	    "prev=00112233445566778899aabbccddeeff mac=00112233445566778899aabbccddeeff\n";
	static char partial[] = "Nov 23 23:51:16 host kavach[7]: event=admin session=s1\n";
	static char prose[] = "Nov 23 23:51:16 host kavach[7]: hello\n";

	(void)ten(KV_AUDIT_LOGFMT);
	lines[10] = forged;
	testlog_store(lines, 11);
	FOUND(true, 11, "MAC is wrong");
	lines[10] = partial;
	testlog_store(lines, 11);
	FOUND(true, 11, "not a whole record");
	lines[10] = prose;
	testlog_store(lines, 11);
	FOUND(true, 11, "not a whole record");
}

ATF_TC_WITHOUT_HEAD(forked_chain_is_found);
ATF_TC_BODY(forked_chain_is_found, tc)
{
	uint8_t head[KV_HEAD_SIZE];
	int state = testlog_state(), fd;

	testlog_fill(state, KV_AUDIT_LOGFMT, 4);
	fd = openat(state, "audit.head", O_RDWR | O_CLOEXEC);
	ATF_REQUIRE_EQ(KV_HEAD_SIZE, pread(fd, head, sizeof(head), 0));
	testlog_fill(state, KV_AUDIT_LOGFMT, 2);
	SOUND(true, 6);
	ATF_REQUIRE_EQ(KV_HEAD_SIZE, pwrite(fd, head, sizeof(head), 0));
	testlog_fill(state, KV_AUDIT_JSON, 1);
	FOUND(true, 7, "forks the chain");
}

ATF_TC_WITHOUT_HEAD(lost_or_torn_state_is_told);
ATF_TC_BODY(lost_or_torn_state_is_told, tc)
{
	int state = ten(KV_AUDIT_LOGFMT), fd;

	ATF_REQUIRE_EQ(0, unlinkat(state, "audit.head", 0));
	FOUND(true, 1, "head is absent");
	testlog_fill(state, KV_AUDIT_LOGFMT, 2);
	FOUND(true, 11, "absent");

	testlog_store(lines, 0);
	fd = openat(state, "audit.head", O_RDWR | O_CLOEXEC);
	ATF_REQUIRE_EQ(1, pwrite(fd, "X", 1, 20));
	FOUND(true, 1, "torn");
}

ATF_TC_WITHOUT_HEAD(torn_head_is_told_in_the_next_record);
ATF_TC_BODY(torn_head_is_told_in_the_next_record, tc)
{
	int state = ten(KV_AUDIT_JSON), fd = openat(state, "audit.head", O_RDWR | O_CLOEXEC);

	ATF_REQUIRE_EQ(0, ftruncate(fd, 20));
	testlog_fill(state, KV_AUDIT_JSON, 2);
	FOUND(true, 11, "torn");
}

ATF_TC_WITHOUT_HEAD(lost_key_is_told);
ATF_TC_BODY(lost_key_is_told, tc)
{
	int state = ten(KV_AUDIT_LOGFMT);

	ATF_REQUIRE_EQ(0, unlinkat(state, "audit.key", 0));
	(void)unlink(LOG_FILE);
	testlog_fill(state, KV_AUDIT_LOGFMT, 2);
	FOUND(true, 1, "state lost (key)");
}

ATF_TC_WITHOUT_HEAD(other_programs_and_other_prefixes);
ATF_TC_BODY(other_programs_and_other_prefixes, tc)
{
	static char other[] = "Nov 23 23:51:16 host sshd[7]: kavach[7]: event=admin mac=1\n";
	static char noise[] = "\x80\xff\n", empty[] = "\n", colon[] = "kavach[]: :\n";
	static const char *const prefix[] = { "2026-11-23T23:51:16.123456+00:00 host ",
		"Mon 2026-11-23 23:51:16 UTC host ", "<86>Nov 23 23:51:16 ",
		"Nov 23 23:51:16.123456 host ", "" };
	static char text[8][2048];

	(void)ten(KV_AUDIT_LOGFMT);
	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%s%s", prefix[i],
		    strstr(lines[i], "kavach["));
		lines[i] = text[i];
	}
	(void)snprintf(text[5], sizeof(text[5]), "%s", strstr(lines[5], "event="));
	lines[5] = text[5];
	testlog_store(lines, 10);
	SOUND(true, 10);
	lines[10] = other;
	lines[11] = noise;
	lines[12] = empty;
	lines[13] = colon;
	testlog_store(lines, 14);
	SOUND(true, 10);
}

ATF_TC_WITHOUT_HEAD(unsigned_records_are_counted);
ATF_TC_BODY(unsigned_records_are_counted, tc)
{
	struct kv_verify_result r;
	int state = ten(KV_AUDIT_LOGFMT);

	testlog_fill(-1, KV_AUDIT_LOGFMT, 2);
	testlog_fill(-1, KV_AUDIT_JSON, 1);
	testlog_fill(state, KV_AUDIT_JSON, 2);
	SOUND(true, 12);
	testlog_verify(true, &r);
	ATF_CHECK_EQ(3, r.unsigned_records);
}

ATF_TC_WITHOUT_HEAD(long_lines_do_no_harm);
ATF_TC_BODY(long_lines_do_no_harm, tc)
{
	static char other[9000], ours[9000];

	(void)ten(KV_AUDIT_LOGFMT);
	memset(other, 'x', sizeof(other) - 2);
	other[sizeof(other) - 2] = '\n';
	lines[10] = other;
	testlog_store(lines, 11);
	SOUND(true, 10);
	memcpy(ours, other, sizeof(ours));
	memcpy(ours, "Nov 23 23:51:16 host kavach[7]: event=", 38);
	lines[10] = ours;
	testlog_store(lines, 11);
	FOUND(true, 11, "not a whole record");
}

ATF_TC_WITHOUT_HEAD(a_wrong_key_finds_every_line);
ATF_TC_BODY(a_wrong_key_finds_every_line, tc)
{
	static const uint8_t key[KV_KEY_SIZE] = { 1 };
	struct kv_verify_result r;
	struct kv_error err = KV_ERROR_INIT;

	(void)ten(KV_AUDIT_LOGFMT);
	FILE *log = fopen(LOG_FILE, "re");
	ATF_REQUIRE_EQ(0, kv_audit_verify(log, key, sizeof(key), NULL, &r, &err));
	ATF_CHECK_EQ(10, r.findings);
	ATF_CHECK_EQ(0, r.records);
	(void)fclose(log);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, altered_byte_is_found_wherever_it_is);
	ATF_TP_ADD_TC(tp, time_and_host_of_the_log_are_not_covered);
	ATF_TP_ADD_TC(tp, removed_line_is_found);
	ATF_TP_ADD_TC(tp, removed_start_is_a_rotated_log);
	ATF_TP_ADD_TC(tp, cut_tail_is_found_with_the_head_only);
	ATF_TP_ADD_TC(tp, truncated_then_resumed_is_found);
	ATF_TP_ADD_TC(tp, reordered_lines_are_found);
	ATF_TP_ADD_TC(tp, repeated_line_is_found);
	ATF_TP_ADD_TC(tp, added_line_is_found);
	ATF_TP_ADD_TC(tp, forked_chain_is_found);
	ATF_TP_ADD_TC(tp, lost_or_torn_state_is_told);
	ATF_TP_ADD_TC(tp, torn_head_is_told_in_the_next_record);
	ATF_TP_ADD_TC(tp, lost_key_is_told);
	ATF_TP_ADD_TC(tp, other_programs_and_other_prefixes);
	ATF_TP_ADD_TC(tp, unsigned_records_are_counted);
	ATF_TP_ADD_TC(tp, long_lines_do_no_harm);
	ATF_TP_ADD_TC(tp, a_wrong_key_finds_every_line);
	return atf_no_error();
}

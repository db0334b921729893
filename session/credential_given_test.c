/*
 * Credentials of an open session: what lies where for whom, what the wrapper takes from it, and that nothing of it is left.
 */
#include "session/session.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"
#include "common/testing.h"
#include "session/testhost.h"

#define SHELL	KV_SBINDIR "/kavach-session"
#define SOURCE	"/etc/secret"
#define VALUES	KV_SELF_SECRETS "/" KV_SECRETS_NAME

static struct kv_credential credentials[4] = {
	{ .name = "var", .delivery = KV_DELIVERY_VARIABLE, .to = "TOKEN" },
	{ .name = "file", .delivery = KV_DELIVERY_FILE, .to = "api.key" },
	{ .name = "in", .delivery = KV_DELIVERY_STDIN },
	{ .name = "head", .delivery = KV_DELIVERY_HEADER, .to = "X" },
};

struct fixture {
	struct kv_config config;
	struct kv_decision decision;
	struct kv_request request;
	struct kv_account account;
	struct kv_session session;
};

static void
prepare(struct fixture *f, const char *preset, const char *value)
{
	struct kv_error err = KV_ERROR_INIT;

	testhost_enter(SHELL);
	testhost_file(SOURCE, value);
	ATF_REQUIRE_EQ(0, chmod(SOURCE, 0600));
	memset(f, 0, sizeof(*f));
	f->config.audit_required = true;
	f->config.credentials = credentials;
	f->config.credential_count = 4;
	f->decision.verdict = KV_VERDICT_CONFINE;
	f->decision.inner = KV_BACKEND_AUTO;
	f->decision.score = 60;
	ATF_REQUIRE_EQ(0, kv_policy_preset(preset, &f->decision.policy));
	f->decision.policy.process_limit = 0;
	f->decision.policy.memory_limit = 0;
	f->decision.policy.cpu_limit_milli = 0;
	for (size_t i = 0; i < 4; i++) {
		credentials[i].source = KV_SOURCE_FILE;
		(void)strcpy(credentials[i].from, SOURCE);
		ATF_REQUIRE_EQ(0, kv_list_add(&f->decision.policy.credentials, credentials[i].name));
	}
	ATF_REQUIRE_MSG(kv_account_lookup(TESTHOST_USER, &f->account, &err) == 0, "%s", err.msg);
	f->request.user = f->account.user;
	f->request.uid = f->account.uid;
	f->request.service = "sshd";
}

/* As the confined user: 0 or errno of opening it that way. */
static int
user_opens(const char *path, int flags)
{
	int status;
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(TESTHOST_UID, TESTHOST_UID, TESTHOST_UID) != 0 ||
		    setresuid(TESTHOST_UID, TESTHOST_UID, TESTHOST_UID) != 0)
			_exit(255);
		_exit(open(path, flags | O_CLOEXEC, 0600) >= 0 ? 0 : errno);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
check_folder(const char *path, uid_t uid, mode_t mode)
{
	struct statvfs fs;
	struct stat st;

	ATF_REQUIRE_EQ(0, stat(path, &st));
	ATF_CHECK_EQ(uid, st.st_uid);
	ATF_CHECK_EQ_MSG(mode, st.st_mode & 07777, "%s: %o", path, st.st_mode);
	ATF_REQUIRE_EQ(0, statvfs(path, &fs));
	ATF_CHECK_EQ(ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC,
	    fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
}

ROOT_CASE(each_lies_where_it_is_for, "files for the user, values for the wrapper, a header nowhere")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct fixture f;
	struct stat st;
	const char *values;
	char text[64];

	prepare(&f, "strict", "s3cret\n");
	ATF_REQUIRE_MSG(kv_session_open(&f.config, &f.decision, &f.request, &f.account, false, &f.session, &err) == 0,
	    "%s", err.msg);
	/* No network by the proxy: the header is not read. */
	ATF_CHECK_EQ(3, f.session.secrets.count);
	ATF_REQUIRE_MSG(kv_session_enter(&f.session, &f.config, &f.account, &f.decision, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(0, f.session.secrets.count);
	check_folder(KV_CREDENTIALS_DIR, f.account.uid, 0500);
	check_folder(KV_SELF_SECRETS, 0, 0700);
	ATF_REQUIRE_EQ(0, stat(KV_CREDENTIALS_DIR "/api.key", &st));
	ATF_CHECK_EQ(0400, st.st_mode & 07777);
	ATF_CHECK_EQ(f.account.uid, st.st_uid);
	ATF_CHECK_EQ(f.account.gid, st.st_gid);
	ATF_CHECK_EQ(7, st.st_size);
	ATF_REQUIRE_EQ(0, stat(VALUES, &st));
	ATF_CHECK_EQ(0400, st.st_mode & 07777);
	ATF_CHECK_EQ(0, st.st_uid);
	ATF_CHECK_EQ(0, user_opens(KV_CREDENTIALS_DIR "/api.key", O_RDONLY));
	ATF_CHECK_EQ(EACCES, user_opens(KV_CREDENTIALS_DIR "/api.key", O_WRONLY));
	ATF_CHECK_EQ(EROFS, user_opens(KV_CREDENTIALS_DIR "/new", O_WRONLY | O_CREAT));
	ATF_CHECK_EQ(EACCES, user_opens(VALUES, O_RDONLY));
	ATF_CHECK_EQ(7, kv_read_file(AT_FDCWD, KV_CREDENTIALS_DIR "/api.key", text, sizeof(text)) + 1);
	ATF_CHECK_STREQ("s3cret", text);
	ATF_REQUIRE_MSG(kv_ticket_secrets_map(f.session.ticket, &values, &err) == 0, "%s", err.msg);
	ATF_REQUIRE_EQ(2, f.session.ticket->secrets_count);
	ATF_CHECK_STREQ("TOKEN", f.session.ticket->secrets[0].variable);
	ATF_CHECK_STREQ("s3cret", values + f.session.ticket->secrets[0].offset);
	ATF_CHECK_STREQ("", f.session.ticket->secrets[1].variable);
	ATF_CHECK_STREQ("s3cret\n", values + f.session.ticket->secrets[1].offset);
	ATF_CHECK(f.session.ticket->credentials_dir);
	ATF_REQUIRE_EQ(0, munmap((void *)(uintptr_t)values, f.session.ticket->secrets_size));
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	ATF_CHECK_EQ(-1, access(KV_CREDENTIALS_DIR, F_OK));
	ATF_CHECK_EQ(-1, access(KV_SELF_SECRETS, F_OK));
	testhost_check_clean();
}

ROOT_CASE(a_wrapper_without_capabilities_reads_them, "privilege = userns: as the user, who is given them anyway")
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_usage usage;
	struct fixture f;

	prepare(&f, "basic", "s3cret");
	f.decision.policy.privilege = KV_PRIV_USERNS;
	ATF_REQUIRE_MSG(kv_session_open(&f.config, &f.decision, &f.request, &f.account, false, &f.session, &err) == 0 &&
	    kv_session_enter(&f.session, &f.config, &f.account, &f.decision, &err) == 0, "%s", err.msg);
	check_folder(KV_SELF_SECRETS, 0, 0755);
	ATF_CHECK_EQ(0, user_opens(VALUES, O_RDONLY));
	ATF_CHECK_EQ(EACCES, user_opens(VALUES, O_WRONLY));
	ATF_REQUIRE_MSG(kv_session_close(&f.session, &usage, &err) == 0, "%s", err.msg);
	testhost_check_clean();
}

ROOT_CASE(what_cannot_be_had_leaves_nothing, "no session is made for a credential that is not there")
{
	struct kv_error err = KV_ERROR_INIT;
	struct fixture f;

	prepare(&f, "basic", "s3cret");
	ATF_REQUIRE_EQ(0, chmod(SOURCE, 0644));
	ATF_CHECK_EQ(-1, kv_session_open(&f.config, &f.decision, &f.request, &f.account, false, &f.session, &err));
	ATF_CHECK_MSG(strstr(err.msg, "credential var: " SOURCE ": open to others") == err.msg, "%s", err.msg);
	ATF_CHECK(f.session.secrets.secret == NULL);
	testhost_check_clean();
	ATF_REQUIRE_EQ(0, chmod(SOURCE, 0600));
	f.config.credential_count = 0;
	ATF_CHECK_EQ(-1, kv_session_open(&f.config, &f.decision, &f.request, &f.account, false, &f.session, &err));
	testhost_check_clean();
}

/* A ticket and a file of values as they should not be. */
ROOT_CASE(the_wrapper_believes_no_ticket, "nothing outside of the file, no unended value, no foreign file")
{
	static const struct kv_ticket_secret good[2] = { { .variable = "A", .size = 1 }, { .offset = 2, .size = 3 } };
	static const struct kv_ticket_secret bad[] = {
		{ .variable = "A", .offset = 6, .size = 0 }, { .variable = "A", .offset = UINT32_MAX, .size = 1 },
		{ .offset = 2, .size = 4 }, { .offset = 2, .size = UINT32_MAX }, { .offset = 2, .size = 2 },
		{ .variable = "A", .offset = 2, .size = 3 }, { .offset = 5, .size = 1 },
	};
	struct kv_ticket *t = calloc(1, sizeof(*t));
	struct kv_error err = KV_ERROR_INIT;
	const char *values;
	int fd;

	ATF_REQUIRE(t != NULL);
	testhost_enter(SHELL);
	ATF_REQUIRE(mkdir(KV_RUN_DIR, 0755) == 0 || errno == EEXIST);
	ATF_REQUIRE_EQ(0, mkdir(KV_SELF_SECRETS, 0700));
	fd = open(VALUES, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	ATF_REQUIRE(fd >= 0 && write(fd, "a\0b\0c\0", 6) == 6 && close(fd) == 0);
	t->secrets_count = 2;
	t->secrets_size = 6;
	memcpy(t->secrets, good, sizeof(good));
	ATF_REQUIRE_MSG(kv_ticket_secrets_map(t, &values, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t->secrets[1] = bad[i];
		ATF_CHECK_MSG(kv_ticket_secrets_map(t, &values, &err) == -1 && values == NULL, "bad %zu was taken", i);
	}
	t->secrets[1] = good[1];
	t->secrets_size = 7;
	ATF_CHECK_EQ(-1, kv_ticket_secrets_map(t, &values, &err));
	t->secrets_size = 6;
	t->privilege = KV_PRIV_USERNS;
	ATF_CHECK_EQ(-1, kv_ticket_secrets_map(t, &values, &err));
	t->privilege = KV_PRIV_CAPS;
	ATF_REQUIRE_EQ(0, chown(VALUES, TESTHOST_UID, 0));
	ATF_CHECK_EQ(-1, kv_ticket_secrets_map(t, &values, &err));
	ATF_REQUIRE_EQ(0, chown(VALUES, 0, 0));
	ATF_REQUIRE_EQ(0, chmod(VALUES, 0600));
	ATF_CHECK_EQ(-1, kv_ticket_secrets_map(t, &values, &err));
	ATF_REQUIRE_EQ(0, unlink(VALUES));
	ATF_REQUIRE_EQ(0, symlink("/etc/passwd", VALUES));
	ATF_CHECK_EQ(-1, kv_ticket_secrets_map(t, &values, &err));
	t->secrets_count = 0;
	ATF_CHECK_EQ(0, kv_ticket_secrets_map(t, &values, &err));
	ATF_CHECK(values == NULL);
	free(t);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, each_lies_where_it_is_for);
	ATF_TP_ADD_TC(tp, a_wrapper_without_capabilities_reads_them);
	ATF_TP_ADD_TC(tp, what_cannot_be_had_leaves_nothing);
	ATF_TP_ADD_TC(tp, the_wrapper_believes_no_ticket);
	return atf_no_error();
}

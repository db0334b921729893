#include "session/credential.h"

#include <atf-c.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"

/* A folder that is root's up to /, which a test's own is not; on a file system that only this process has. */
#define PLACE "/root/credentials"

static struct kv_credential one;
static char name[] = "c", *names[] = { name };
static struct kv_config config = { .credentials = &one, .credential_count = 1 };
static struct kv_policy policy = { .credentials = { .item = names, .count = 1 }, .network = KV_NET_PROXY };

static void
put_file(const char *path, const char *bytes, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ((ssize_t)size, write(fd, bytes, size));
	ATF_REQUIRE_EQ(0, fchmod(fd, mode));
	ATF_REQUIRE_EQ(0, close(fd));
}

static void
prepare(enum kv_source source, const char *from, enum kv_delivery delivery)
{
	static bool mounted;

	if (!mounted)
		ATF_REQUIRE(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("test", "/root", "tmpfs", 0, "mode=0700") == 0 && mkdir(PLACE, 0700) == 0);
	mounted = true;
	memset(&one, 0, sizeof(one));
	(void)strcpy(one.name, "c");
	one.source = source;
	one.delivery = delivery;
	ATF_REQUIRE_EQ(0, kv_format(one.from, sizeof(one.from), "%s", from));
}

/* The value that is read, as text; a refusal must name the credential and not hold the value. */
static void
check_read(const char *expected, size_t size)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_secrets secrets;

	ATF_REQUIRE_EQ_MSG(0, kv_secrets_read(&config, &policy, &secrets, &err), "%s", err.msg);
	ATF_REQUIRE_EQ(1, secrets.count);
	ATF_CHECK_EQ_MSG(size, secrets.secret[0].size, "%zu bytes", secrets.secret[0].size);
	ATF_CHECK_EQ(0, memcmp(expected, secrets.secret[0].value, size + 1));
	ATF_CHECK(secrets.secret[0].credential == &one);
	kv_secrets_wipe(&secrets);
	ATF_CHECK(secrets.secret == NULL && secrets.count == 0);
	kv_secrets_wipe(&secrets);
}

static void
check_refused(const char *why)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_secrets secrets;

	ATF_CHECK_EQ(-1, kv_secrets_read(&config, &policy, &secrets, &err));
	ATF_CHECK(secrets.secret == NULL && secrets.count == 0);
	ATF_CHECK_MSG(strncmp(err.msg, "credential c: ", 14) == 0, "%s", err.msg);
	ATF_CHECK_MSG(strstr(err.msg, why) != NULL, "'%s' not in '%s'", why, err.msg);
	ATF_CHECK_MSG(strstr(err.msg, "s3cret") == NULL, "%s", err.msg);
}

static void
set_command(const char *script)
{
	kv_list_release(&one.command);
	ATF_REQUIRE_EQ(0, kv_list_add(&one.command, "/bin/sh"));
	ATF_REQUIRE_EQ(0, kv_list_add(&one.command, "-c"));
	ATF_REQUIRE_EQ(0, kv_list_add(&one.command, script));
}

#define ROOT_TC(case_) \
ATF_TC(case_); \
ATF_TC_HEAD(case_, tc) { atf_tc_set_md_var(tc, "require.user", "root"); } \
ATF_TC_BODY(case_, tc)

ROOT_TC(files)
{
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0602 };

	prepare(KV_SOURCE_FILE, PLACE "/f", KV_DELIVERY_FILE);
	check_refused("No such file");
	put_file(PLACE "/f", "s3cret\0\n\xff\n", 10, 0600);
	check_read("s3cret\0\n\xff\n", 10);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ATF_REQUIRE_EQ(0, chmod(PLACE "/f", modes[i]));
		check_refused(PLACE "/f: ");
	}
	ATF_REQUIRE_EQ(0, chmod(PLACE "/f", 0400));
	check_read("s3cret\0\n\xff\n", 10);
	ATF_REQUIRE_EQ(0, chown(PLACE "/f", 1000, 0));
	check_refused("belongs to uid 1000");
	ATF_REQUIRE_EQ(0, unlink(PLACE "/f"));
	ATF_REQUIRE_EQ(0, mkfifo(PLACE "/f", 0600));
	check_refused("not a regular file");
	ATF_REQUIRE_EQ(0, unlink(PLACE "/f"));
	put_file(PLACE "/g", "s3cret", 6, 0600);
	ATF_REQUIRE_EQ(0, symlink(PLACE "/g", PLACE "/f"));
	check_refused("a symbolic link");
	/* The folder counts, too. */
	prepare(KV_SOURCE_FILE, PLACE "/g", KV_DELIVERY_FILE);
	check_read("s3cret", 6);
	ATF_REQUIRE_EQ(0, chmod(PLACE, 0777));
	check_refused("writable by others");
	ATF_REQUIRE_EQ(0, chmod(PLACE, 0700));
	ATF_REQUIRE_EQ(0, truncate(PLACE "/g", KV_SECRET_MAX));
	prepare(KV_SOURCE_FILE, PLACE "/g", KV_DELIVERY_STDIN);
	ATF_REQUIRE_EQ(0, truncate(PLACE "/g", KV_SECRET_MAX + 1));
	check_refused("larger than 65536 bytes");
	ATF_REQUIRE_EQ(0, truncate(PLACE "/g", 0));
	check_refused("empty");
}

ROOT_TC(systemd)
{
	prepare(KV_SOURCE_SYSTEMD, "kavach-test-of-none", KV_DELIVERY_FILE);
	check_refused("systemd has no credential of the name kavach-test-of-none");
	put_file(PLACE "/kavach-test-of-none", "s3cret", 6, 0400);
	ATF_REQUIRE_EQ(0, setenv("CREDENTIALS_DIRECTORY", PLACE, 1));
	check_read("s3cret", 6);
	ATF_REQUIRE_EQ(0, chmod(PLACE "/kavach-test-of-none", 0440));
	check_refused("open to others than root");
	ATF_REQUIRE_EQ(0, unsetenv("CREDENTIALS_DIRECTORY"));
}

/* Gone, or waiting to be reaped by whoever is pid 1 here. */
static bool
is_over(const char *pid)
{
	char path[64], stat[512];

	ATF_REQUIRE_EQ(0, kv_format(path, sizeof(path), "/proc/%d/stat", atoi(pid)));
	for (int i = 0; i < 100; i++) {
		if (kv_read_file(AT_FDCWD, path, stat, sizeof(stat)) < 0 || strstr(stat, ") Z ") != NULL)
			return true;
		(void)usleep(10000);
	}
	return false;
}

static volatile sig_atomic_t children;

static void
child_ended(int sig)
{
	(void)sig;
	children++;
}

ROOT_TC(commands)
{
	static const char clean[] =
	    "HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /\n0\n5";
	struct timespec before, after;
	char status[64];

	prepare(KV_SOURCE_COMMAND, "", KV_DELIVERY_VARIABLE);
	(void)signal(SIGCHLD, child_ended);
	set_command("echo s3cret");
	check_read("s3cret", 6);
	set_command("printf 's3cret\\n\\n'");
	check_read("s3cret\n", 7);
	ATF_REQUIRE_EQ(0, setenv("SECRET_OF_SSHD", "x", 1));
	set_command("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort | tr '\\n' ' '; pwd; cat; id -u; ls -l /proc/self/fd | wc -l");
	check_read(clean, sizeof(clean) - 1);
	set_command("echo s3cret; exit 3");
	check_refused("its command ended with status 3");
	set_command("echo s3cret; kill -9 $$");
	check_refused("its command was killed");
	set_command("echo s3cret >&2");
	check_refused("its value is empty");
	set_command("echo");
	check_refused("its value is empty");
	set_command("head -c 70000 /dev/zero");
	check_refused("its command gave more than 65536 bytes");
	/* What stays behind with the pipe holds nobody up, and does not live on. */
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	set_command("sleep 4 & echo $! > " PLACE "/pid; echo s3cret");
	check_read("s3cret", 6);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	ATF_CHECK(after.tv_sec - before.tv_sec < 3);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, PLACE "/pid", status, sizeof(status)) > 0);
	ATF_CHECK(is_over(status));
	ATF_CHECK_EQ(0, children);
	ATF_CHECK_EQ(-1, waitpid(-1, NULL, WNOHANG));
	(void)signal(SIGCHLD, SIG_IGN);
	set_command("echo s3cret");
	check_read("s3cret", 6);
	kv_list_release(&one.command);
}

ROOT_TC(a_command_that_hangs)
{
	struct kv_error err = KV_ERROR_INIT;
	struct timespec before, after;
	char buf[17];

	prepare(KV_SOURCE_COMMAND, "", KV_DELIVERY_VARIABLE);
	set_command("echo s3cret; trap '' TERM INT HUP; sleep 9");
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	ATF_CHECK_EQ(-1, kv_secret_run(&one.command, buf, 16, 500, &err));
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	ATF_CHECK(after.tv_sec - before.tv_sec < 3);
	ATF_CHECK_STREQ("its command took too long", err.msg);
	/* Somebody else's program is not started. */
	kv_list_release(&one.command);
	put_file(PLACE "/x", "#!/bin/sh\necho s3cret\n", 22, 0755);
	ATF_REQUIRE_EQ(0, kv_list_add(&one.command, PLACE "/x"));
	check_read("s3cret", 6);
	ATF_REQUIRE_EQ(0, chmod(PLACE "/x", 0777));
	check_refused("writable by others");
	ATF_REQUIRE_EQ(0, chmod(PLACE "/x", 0644));
	check_refused("cannot be executed");
	ATF_REQUIRE_EQ(0, unlink(PLACE "/x"));
	check_refused("No such file");
	kv_list_release(&one.command);
}

ROOT_TC(what_a_delivery_takes)
{
	prepare(KV_SOURCE_FILE, PLACE "/f", KV_DELIVERY_HEADER);
	(void)strcpy(one.prefix, "Bearer ");
	put_file(PLACE "/f", "s3cret\n", 7, 0600);
	check_read("Bearer s3cret", 13);
	put_file(PLACE "/f", "s3cret\nX: y\n", 12, 0600);
	check_refused("a newline or a control character");
	put_file(PLACE "/f", "s3cret\r\n", 8, 0600);
	check_refused("a newline or a control character");
	put_file(PLACE "/f", "s3c\0ret", 7, 0600);
	check_refused("a newline or a control character");
	ATF_REQUIRE_EQ(0, truncate(PLACE "/f", 9000));
	check_refused("too long for a header");
	/* A header is nobody's where there is no proxy: it is not even read. */
	policy.network = KV_NET_OFF;
	{
		struct kv_error err = KV_ERROR_INIT;
		struct kv_secrets secrets;

		ATF_CHECK_EQ(0, kv_secrets_read(&config, &policy, &secrets, &err));
		ATF_CHECK_EQ(0, secrets.count);
		kv_secrets_wipe(&secrets);
	}
	policy.network = KV_NET_PROXY;
	prepare(KV_SOURCE_FILE, PLACE "/f", KV_DELIVERY_VARIABLE);
	put_file(PLACE "/f", "s3c\0ret", 7, 0600);
	check_refused("a NUL byte");
	put_file(PLACE "/f", "s3c\nret\n", 8, 0600);
	check_read("s3c\nret", 7);
	prepare(KV_SOURCE_FILE, PLACE "/f", KV_DELIVERY_STDIN);
	check_read("s3c\nret\n", 8);
	(void)strcpy(one.name, "other");
	check_refused("its definition could not be read");
}

/* AddressSanitizer makes nothing of mlock(2). */
#ifdef __SANITIZE_ADDRESS__
#define LOCKS(line) true
#else
#define LOCKS(line) (strstr(line, " lo ") != NULL)
#endif

/* The flags of the mapping that holds the value: smaps says "lo" locked, "dd" not dumped, "wf" wiped on fork. */
static void
check_flags(const char *value)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	bool inside = false, seen = false;

	ATF_REQUIRE(smaps != NULL);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)(uintptr_t)value >= from && (unsigned long)(uintptr_t)value < to;
		if (!inside || strncmp(line, "VmFlags:", 8) != 0)
			continue;
		seen = true;
		ATF_CHECK_MSG(LOCKS(line) && strstr(line, " dd ") != NULL && strstr(line, " wf ") != NULL,
		    "%s", line);
	}
	ATF_CHECK(seen);
	(void)fclose(smaps);
}

ROOT_TC(memory)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_secrets secrets;
	pid_t pid;
	int status;

	prepare(KV_SOURCE_FILE, PLACE "/f", KV_DELIVERY_FILE);
	put_file(PLACE "/f", "s3cret", 6, 0600);
	ATF_REQUIRE_EQ(0, kv_secrets_read(&config, &policy, &secrets, &err));
	check_flags(secrets.secret[0].value);
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0)
		_exit(secrets.secret[0].value[0] == '\0' ? 0 : 1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_EQ(0, status);
	ATF_CHECK_STREQ("s3cret", secrets.secret[0].value);
	kv_secrets_wipe(&secrets);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, files);
	ATF_TP_ADD_TC(tp, systemd);
	ATF_TP_ADD_TC(tp, commands);
	ATF_TP_ADD_TC(tp, a_command_that_hangs);
	ATF_TP_ADD_TC(tp, what_a_delivery_takes);
	ATF_TP_ADD_TC(tp, memory);
	return atf_no_error();
}

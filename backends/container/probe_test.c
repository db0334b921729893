/*
 * What is known of a runtime: the key, the file, and the waiting. That a start is a real one
 * is tested with the runtimes themselves (tests/e2e/probe.sh).
 */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"
#include "common/testing.h"

#define RUNC	KV_RUNTIME_RUNC

static const char *const folders[] = { "bin", NULL };
static char probe_path[4096], folder_path[4096];
static const struct kv_probe_place place = {
	.folder = folder_path, .program = probe_path, .runtimes = folders,
};
static volatile sig_atomic_t heard;

static void
hear(int sig)
{
	heard = sig;
}

static void
put_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ(0, kv_write_all(fd, text, strlen(text)));
	ATF_REQUIRE_EQ(0, fchmod(fd, mode));
	ATF_REQUIRE_EQ(0, close(fd));
}

/* A runtime, a cache's folder, and a script in the place of kavach-probe. */
static void
make_place(const char *script)
{
	char here[2048];

	(void)umask(022);
	ATF_REQUIRE(getcwd(here, sizeof(here)) != NULL);
	(void)snprintf(probe_path, sizeof(probe_path), "%s/kavach-probe", here);
	(void)snprintf(folder_path, sizeof(folder_path), "%s/cache", here);
	ATF_REQUIRE(mkdir("bin", 0755) == 0 && mkdir("cache", 0755) == 0);
	put_file("bin/runc", "#!/bin/sh\n", 0755);
	put_file("kavach-probe", script, 0755);
}

static void
key_of(char key[KV_PROBE_KEY])
{
	ATF_REQUIRE_EQ(0, kv_probe_key(&place, RUNC, "bin/runc", key));
}

static void
keep(const char *key, const struct kv_probe *probe)
{
	struct kv_error err = KV_ERROR_INIT;
	int fd = open("cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ_MSG(0, kv_probe_write(fd, RUNC, key, probe, &err), "%s", err.msg);
	ATF_REQUIRE_EQ(0, close(fd));
}

ATF_TC_WITHOUT_HEAD(the_key_changes_with_the_program);
ATF_TC_BODY(the_key_changes_with_the_program, tc)
{
	const struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	const struct timespec later[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000, .tv_nsec = 1 } };
	char before[KV_PROBE_KEY], after[KV_PROBE_KEY], boot[64];

	make_place("");
	ATF_REQUIRE_EQ(0, utimensat(AT_FDCWD, "bin/runc", times, 0));
	key_of(before);
	key_of(after);
	ATF_CHECK_STREQ(before, after);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) > 0);
	ATF_CHECK(strstr(before, boot) != NULL);

	ATF_REQUIRE_EQ(0, utimensat(AT_FDCWD, "bin/runc", later, 0));
	key_of(after);
	ATF_CHECK_MSG(strcmp(before, after) != 0, "another time");
	/* The same bytes and time in another file. */
	put_file("bin/new", "#!/bin/sh\n", 0755);
	ATF_REQUIRE_EQ(0, utimensat(AT_FDCWD, "bin/new", later, 0));
	key_of(before);
	ATF_REQUIRE_EQ(0, rename("bin/new", "bin/runc"));
	key_of(after);
	ATF_CHECK_MSG(strcmp(before, after) != 0, "another file");
	key_of(before);
	put_file("bin/runc", "#!/bin/bash\n", 0755);
	ATF_REQUIRE_EQ(0, utimensat(AT_FDCWD, "bin/runc", later, 0));
	key_of(after);
	ATF_CHECK_MSG(strcmp(before, after) != 0, "another size");
	/* kavach's own program counts too, and so does what podman uses. */
	key_of(before);
	put_file("kavach-probe", "#", 0755);
	key_of(after);
	ATF_CHECK_MSG(strcmp(before, after) != 0, "another kavach");
	ATF_REQUIRE_EQ(0, kv_probe_key(&place, KV_RUNTIME_PODMAN, "bin/podman", before));
	put_file("bin/crun", "#", 0755);
	ATF_REQUIRE_EQ(0, kv_probe_key(&place, KV_RUNTIME_PODMAN, "bin/podman", after));
	if (geteuid() == 0)
		ATF_CHECK_MSG(strcmp(before, after) != 0, "another crun");
}

ROOT_CASE(what_is_kept_is_read_back, "both answers; another key, another boot: nothing")
{
	const struct kv_probe good = { .starts = true, .when = 1, .version = "1.2\n3", .option = "ptrace,uds" };
	const struct kv_probe bad = { .when = 2, .reason = "it said: \033[31mno\ta\n\xff" };
	struct kv_probe got;
	char key[KV_PROBE_KEY], other[KV_PROBE_KEY];
	char *at;

	make_place("");
	key_of(key);
	ATF_CHECK_EQ(-1, kv_probe_read("cache", RUNC, key, &got));
	keep(key, &good);
	ATF_REQUIRE_EQ(0, kv_probe_read("cache", RUNC, key, &got));
	ATF_CHECK(got.starts && got.when == 1);
	ATF_CHECK_STREQ("1.2?3", got.version);
	ATF_CHECK_STREQ("ptrace,uds", got.option);
	ATF_CHECK_STREQ("", got.reason);
	ATF_CHECK_EQ(-1, kv_probe_read("cache", KV_RUNTIME_CRUN, key, &got));
	keep(key, &bad);
	ATF_REQUIRE_EQ(0, kv_probe_read("cache", RUNC, key, &got));
	ATF_CHECK(!got.starts);
	ATF_CHECK_STREQ("it said: ?[31mno?a??", got.reason);

	memcpy(other, key, sizeof(other));
	at = strstr(other, "kernel=");
	ATF_REQUIRE(at != NULL);
	at[7]++;
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, other, &got), "another kernel");
	memcpy(other, key, sizeof(other));
	at = strchr(strstr(other, "kernel="), '\n');
	at[-1] = at[-1] == '0' ? '1' : '0';
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, other, &got), "another boot");
	ATF_CHECK(!got.starts && got.reason[0] == '\0');
}

static void
must_not_read(const char *key, const char *tail, const char *what)
{
	struct kv_probe got = { .starts = true };
	char text[2 * KV_PROBE_KEY];

	(void)snprintf(text, sizeof(text), "%s%s", key, tail);
	put_file("cache/runc", text, 0644);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "%s", what);
	ATF_CHECK(!got.starts);
}

ROOT_CASE(a_damaged_file_is_nothing, "cut at every byte, with more than it has, with what contradicts itself")
{
	static const char sound[] = "starts=yes\nwhen=1\nversion=1\noption=\nreason=\n";
	struct kv_probe got;
	char key[KV_PROBE_KEY], text[2 * KV_PROBE_KEY];

	make_place("");
	key_of(key);
	(void)snprintf(text, sizeof(text), "%s%s", key, sound);
	put_file("cache/runc", text, 0644);
	ATF_REQUIRE_EQ(0, kv_probe_read("cache", RUNC, key, &got));
	for (size_t len = 0; len < strlen(sound); len++) {
		char cut[sizeof(sound)] = "";

		memcpy(cut, sound, len);
		must_not_read(key, cut, cut);
	}
	must_not_read(key, "starts=yes\nwhen=1\nversion=1\noption=\nreason=\n\n", "a line more");
	must_not_read(key, "starts=yes\nwhen=1\nversion=1\noption=\nreason=no\n", "starts, and why not");
	must_not_read(key, "starts=no\nwhen=1\nversion=1\noption=\nreason=\n", "neither");
	must_not_read(key, "starts=maybe\nwhen=1\nversion=1\noption=\nreason=\n", "no answer");
	must_not_read(key, "starts=yes\nwhen=-1\nversion=1\noption=\nreason=\n", "no time");
	must_not_read(key, "starts=yes\nwhen=99999999999\nversion=1\noption=\nreason=\n", "a time to come");
	must_not_read(key, "starts=yes\nwhen=1\nversion=\033\noption=\nreason=\n", "a control character");
	must_not_read(key, "starts=yes\nwhen=1\noption=\nversion=1\nreason=\n", "another order");
	must_not_read(key, "starts=yes\nwhen=1\nversion=1\nreason=\noption="
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "too long");
	put_file("cache/runc", "", 0644);
	ATF_CHECK_EQ(-1, kv_probe_read("cache", RUNC, key, &got));
}

ROOT_CASE(only_roots_file_counts, "owner and mode of file and folder, links, a pipe")
{
	const struct kv_probe good = { .starts = true, .when = 1 };
	struct kv_probe got;
	char key[KV_PROBE_KEY];

	make_place("");
	key_of(key);
	keep(key, &good);
	ATF_REQUIRE_EQ(0, kv_probe_read("cache", RUNC, key, &got));
	ATF_REQUIRE_EQ(0, chown("cache/runc", 4242, 0));
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "somebody else's file");
	ATF_REQUIRE(chown("cache/runc", 0, 0) == 0 && chmod("cache/runc", 0666) == 0);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "anybody's file");
	ATF_REQUIRE(chmod("cache/runc", 0644) == 0 && chmod("cache", 0777) == 0);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "anybody's folder");
	ATF_REQUIRE(chmod("cache", 0755) == 0 && chown("cache", 4242, 0) == 0);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "somebody else's folder");
	ATF_REQUIRE(chown("cache", 0, 0) == 0 && symlink("cache", "link") == 0);
	ATF_CHECK_EQ(0, kv_probe_read("cache", RUNC, key, &got));
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("link", RUNC, key, &got), "a link to the folder");
	ATF_REQUIRE(rename("cache/runc", "cache/real") == 0 && symlink("real", "cache/runc") == 0);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "a link");
	ATF_REQUIRE(unlink("cache/runc") == 0 && mkfifo("cache/runc", 0644) == 0);
	ATF_CHECK_EQ_MSG(-1, kv_probe_read("cache", RUNC, key, &got), "a pipe");
}

/* The first number in a file that a script writes when it runs. */
static pid_t
number_in(const char *path)
{
	char text[4096];
	int pid = 0;

	for (int i = 0; i < 300 && pid == 0; i++) {
		if (kv_read_file(AT_FDCWD, path, text, sizeof(text)) > 0)
			(void)sscanf(text, "%d", &pid);
		(void)usleep(10000);
	}
	return pid;
}

ROOT_CASE(a_probe_that_hangs_is_left_alone, "bounded; no child, no signal, no descriptor, another session")
{
	int64_t begin, took;
	char text[4096], here[4096], script[8192];
	pid_t pid;
	int leak;

	ATF_REQUIRE(getcwd(here, sizeof(here)) != NULL);
	(void)snprintf(script, sizeof(script), "#!/bin/sh\ncd '%.2000s'\n"
	    "{ cut -d' ' -f1,4,6 /proc/$$/stat; ls /proc/$$/fd; echo end; } > t && mv t seen\nexec sleep 60\n", here);
	make_place(script);
	/* Not close-on-exec. */
	leak = dup2(STDIN_FILENO, 77);
	ATF_REQUIRE(leak == 77 && signal(SIGCHLD, hear) != SIG_ERR);
	begin = kv_probe_now_ms();
	ATF_CHECK_EQ(1, kv_probe_run(&place, RUNC, begin + 300));
	took = kv_probe_now_ms() - begin;
	ATF_CHECK_MSG(took >= 290 && took < 3000, "%lld ms", (long long)took);
	ATF_CHECK_EQ(-1, waitpid(-1, NULL, WNOHANG | __WALL));
	ATF_CHECK_EQ(ECHILD, errno);
	ATF_CHECK_EQ(0, heard);
	pid = number_in("seen");
	ATF_REQUIRE(pid > 1);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, "seen", text, sizeof(text)) > 0);
	ATF_CHECK_EQ_MSG(0, kill(pid, 0), "it goes on");
	ATF_CHECK(getsid(pid) != getsid(0) && getsid(pid) > 0);
	ATF_CHECK_MSG(strstr(text, "\n0\n1\n") != NULL && strstr(text, "\n77\n") == NULL, "%s", text);
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	(void)close(leak);
}

ROOT_CASE(a_probe_that_ends_is_not_waited_for, "at once where it ends, also by itself, also where there is none")
{
	int64_t begin = kv_probe_now_ms();

	make_place("#!/bin/sh\nexit 3\n");
	ATF_CHECK_EQ(0, kv_probe_run(&place, RUNC, begin + 20000));
	put_file("kavach-probe", "#!/bin/sh\nkill -9 $$\n", 0755);
	ATF_CHECK_EQ(0, kv_probe_run(&place, RUNC, begin + 20000));
	ATF_REQUIRE_EQ(0, unlink("kavach-probe"));
	ATF_CHECK_EQ(0, kv_probe_run(&place, RUNC, begin + 20000));
	ATF_CHECK(kv_probe_now_ms() - begin < 10000);
}

static void
look(int64_t wait_ms, struct kv_probe *out)
{
	char program[KV_RUNTIME_MAX];

	kv_probe_look(&place, RUNC, kv_probe_now_ms() + wait_ms, program, out);
}

ROOT_CASE(nothing_is_available_by_mistake, "a probe that ends well and says nothing, hangs, or is not there")
{
	struct kv_probe got;
	char program[KV_RUNTIME_MAX];

	make_place("#!/bin/sh\nexit 0\n");
	look(5000, &got);
	ATF_CHECK(!got.starts);
	ATF_CHECK_STREQ("the probe ended without an answer", got.reason);
	put_file("kavach-probe", "#!/bin/sh\nexec sleep 5\n", 0755);
	look(200, &got);
	ATF_CHECK(!got.starts);
	ATF_CHECK_STREQ("still being probed", got.reason);
	kv_probe_look(&place, KV_RUNTIME_CRUN, 0, program, &got);
	ATF_CHECK(!got.starts);
	ATF_CHECK_STREQ("not installed", got.reason);
	ATF_CHECK_STREQ("", program);
}

ROOT_CASE(what_is_known_is_not_probed_again, "and a failure only after a while, without waiting for it")
{
	struct kv_probe probe = { .starts = true, .when = 1, .version = "1" }, got;
	char key[KV_PROBE_KEY], here[2048], script[4096];

	ATF_REQUIRE(getcwd(here, sizeof(here)) != NULL);
	(void)snprintf(script, sizeof(script), "#!/bin/sh\necho $$ > '%s/ran'\nexec sleep 5\n", here);
	make_place(script);
	key_of(key);
	keep(key, &probe);
	look(5000, &got);
	ATF_CHECK(got.starts);
	probe = (struct kv_probe){ .when = kv_probe_uptime_s(), .reason = "no" };
	keep(key, &probe);
	look(5000, &got);
	ATF_CHECK_STREQ("no", got.reason);
	ATF_CHECK_EQ(-1, access("ran", F_OK));
	if (kv_probe_uptime_s() > KV_PROBE_FAILED_S + 1) {
		int64_t begin = kv_probe_now_ms();

		probe.when = 1;
		keep(key, &probe);
		look(5000, &got);
		ATF_CHECK_STREQ("no", got.reason);
		ATF_CHECK(kv_probe_now_ms() - begin < 3000);
		ATF_CHECK(number_in("ran") > 1);
	}
}

ROOT_CASE(others_than_root_look_only, "what root has found is known to all; nobody else starts a probe")
{
	const struct kv_probe good = { .starts = true, .when = 1 };
	struct kv_probe got;
	char key[KV_PROBE_KEY], here[2048], script[4096];

	ATF_REQUIRE(getcwd(here, sizeof(here)) != NULL);
	(void)snprintf(script, sizeof(script), "#!/bin/sh\necho $$ > '%s/ran'\n", here);
	make_place(script);
	/* Where ordinary users get to. */
	ATF_REQUIRE_EQ(0, chmod(".", 0755));
	(void)snprintf(folder_path, sizeof(folder_path), "cache");
	ATF_REQUIRE_EQ(0, seteuid(65534));
	look(5000, &got);
	ATF_CHECK(!got.starts);
	ATF_CHECK_STREQ("not known yet: root probes it (kavachctl backends)", got.reason);
	ATF_REQUIRE_EQ(0, seteuid(0));
	key_of(key);
	keep(key, &good);
	ATF_REQUIRE_EQ(0, seteuid(65534));
	look(5000, &got);
	ATF_REQUIRE_EQ(0, seteuid(0));
	ATF_CHECK(got.starts);
	ATF_CHECK_EQ(-1, access("ran", F_OK));
}

ATF_TC_WITHOUT_HEAD(the_runtimes_own_words);
ATF_TC_BODY(the_runtimes_own_words, tc)
{
	char last[] = "one\ntwo: \tno\r\n\n", stamp[] = "time=\"x\" level=error msg=\"no such thing\"", none[] = "\n";

	ATF_CHECK_STREQ("two:  no", kv_runtime_words(last));
	ATF_CHECK_STREQ("\"no such thing\"", kv_runtime_words(stamp));
	ATF_CHECK_STREQ("", kv_runtime_words(none));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, the_key_changes_with_the_program);
	ATF_TP_ADD_TC(tp, what_is_kept_is_read_back);
	ATF_TP_ADD_TC(tp, a_damaged_file_is_nothing);
	ATF_TP_ADD_TC(tp, only_roots_file_counts);
	ATF_TP_ADD_TC(tp, a_probe_that_hangs_is_left_alone);
	ATF_TP_ADD_TC(tp, a_probe_that_ends_is_not_waited_for);
	ATF_TP_ADD_TC(tp, nothing_is_available_by_mistake);
	ATF_TP_ADD_TC(tp, what_is_known_is_not_probed_again);
	ATF_TP_ADD_TC(tp, others_than_root_look_only);
	ATF_TP_ADD_TC(tp, the_runtimes_own_words);
	return atf_no_error();
}

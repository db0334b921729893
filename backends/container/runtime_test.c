#include "backends/container/runtime.h"

#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/container/oci_config.h"
#include "common/error.h"

static const struct kv_runtime_start plain = {
	.program = "/usr/bin/x", .state = "/s", .bundle = "/b", .id = "kv", .network = KV_NET_OFF,
};

/* The words with a space between each, or the message of the error in "!...". */
static const char *
line(enum kv_runtime runtime, const struct kv_runtime_start *start)
{
	static char out[2048];
	const char *argv[KV_RUNTIME_ARGV];
	struct kv_error err = KV_ERROR_INIT;
	char text[2048];
	size_t at = 0;

	if (kv_runtime_argv(runtime, start, argv, text, sizeof(text), &err) != 0) {
		(void)snprintf(out, sizeof(out), "!%s", err.msg);
		return out;
	}
	out[0] = '\0';
	for (size_t i = 0; argv[i] != NULL; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s", i > 0 ? " " : "", argv[i]);
	return out;
}

ATF_TC_WITHOUT_HEAD(names_are_those_of_the_programs);
ATF_TC_BODY(names_are_those_of_the_programs, tc)
{
	enum kv_runtime found = KV_RUNTIME_COUNT;

	for (int i = 0; i < KV_RUNTIME_COUNT; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/usr/local/bin/%s", kv_runtime_name((enum kv_runtime)i));
		ATF_CHECK_EQ(0, kv_runtime_of(path, &found));
		ATF_CHECK_EQ(i, (int)found);
	}
	ATF_CHECK_EQ(-1, kv_runtime_of("/usr/bin/run", &found));
	ATF_CHECK_EQ(-1, kv_runtime_of("/usr/bin/runc2", &found));
	ATF_CHECK_EQ(-1, kv_runtime_of("/usr/bin/runc/", &found));
	ATF_CHECK_EQ(-1, kv_runtime_of("", &found));
}

static void
program(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ(0, fchmod(fd, mode));
	(void)close(fd);
}

static int
find(const char *const *folders, char out[KV_RUNTIME_MAX])
{
	return kv_runtime_find_in(folders, KV_RUNTIME_RUNC, out);
}

ATF_TC(only_roots_own_program_is_found);
ATF_TC_HEAD(only_roots_own_program_is_found, tc)
{
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(only_roots_own_program_is_found, tc)
{
	static const char *const folders[] = { "absent", "first", "second", NULL };
	char out[KV_RUNTIME_MAX];

	ATF_REQUIRE(mkdir("first", 0755) == 0 && mkdir("second", 0755) == 0 && mkdir("open", 0755) == 0);
	ATF_CHECK_EQ(-1, find(folders, out));
	program("second/runc", 0755);
	ATF_REQUIRE_EQ(0, find(folders, out));
	ATF_CHECK_STREQ("second/runc", out);

	/* Each of these is passed over, and the second one taken. */
	program("first/runc", 0775);
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE_EQ(0, chmod("first/runc", 0757));
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE_EQ(0, chmod("first/runc", 0644));
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE(chmod("first/runc", 0755) == 0 && chown("first/runc", 4242, 0) == 0);
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE(chown("first/runc", 0, 0) == 0 && chmod("first", 0777) == 0);
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE_EQ(0, chmod("first", 0755));
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "first/runc") == 0);

	/* A link is as good as where it leads. */
	ATF_REQUIRE(unlink("first/runc") == 0 && chmod("open", 0777) == 0);
	program("open/other", 0755);
	ATF_REQUIRE_EQ(0, symlink("../open/other", "first/runc"));
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
	ATF_REQUIRE_EQ(0, chmod("open", 0755));
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "first/runc") == 0);
	ATF_REQUIRE(unlink("first/runc") == 0 && mkdir("first/runc", 0755) == 0);
	ATF_CHECK(find(folders, out) == 0 && strcmp(out, "second/runc") == 0);
}

ATF_TC_WITHOUT_HEAD(crun_and_runc_start_detached);
ATF_TC_BODY(crun_and_runc_start_detached, tc)
{
	struct kv_runtime_start start = plain;

	ATF_CHECK_STREQ("/usr/bin/x --cgroup-manager=disabled --root /s run --detach --bundle /b kv",
	    line(KV_RUNTIME_CRUN, &start));
	ATF_CHECK_STREQ("/usr/bin/x --root /s run --detach --bundle /b kv",
	    line(KV_RUNTIME_RUNC, &start));
	start.console = "/c";
	start.debug = true;
	ATF_CHECK_STREQ("/usr/bin/x --cgroup-manager=disabled --debug --root /s run --detach --bundle /b "
	    "--console-socket /c kv", line(KV_RUNTIME_CRUN, &start));
	start.option = "ptrace";
	ATF_CHECK_STREQ("!container: /usr/bin/x has no option ptrace", line(KV_RUNTIME_RUNC, &start));
}

#define RUNSC "/usr/bin/x --root=/s --rootless --ignore-cgroups --network="
#define FILES " --file-access=shared --file-access-mounts=shared"
#define RUN " run -detach -bundle=/b"

ATF_TC_WITHOUT_HEAD(runsc_is_told_what_its_release_knows);
ATF_TC_BODY(runsc_is_told_what_its_release_knows, tc)
{
	struct kv_runtime_start start = plain;

	start.option = "ptrace";
	ATF_CHECK_STREQ(RUNSC "none --platform=ptrace --oci-seccomp --fsgofer-host-uds" FILES RUN " kv",
	    line(KV_RUNTIME_RUNSC, &start));
	start.option = "ptrace,overlay2,uds";
	start.network = KV_NET_HOST;
	ATF_CHECK_STREQ(RUNSC "host --platform=ptrace --oci-seccomp --host-uds=open" FILES
	    " --overlay2=none" RUN " kv", line(KV_RUNTIME_RUNSC, &start));
	start.option = "systrap,uds,overlay2,directfs";
	start.network = KV_NET_LOOPBACK;
	start.console = "/c";
	ATF_CHECK_STREQ(RUNSC "none --platform=systrap --oci-seccomp --host-uds=open" FILES
	    " --overlay2=none --directfs=false" RUN " -console-socket=/c kv",
	    line(KV_RUNTIME_RUNSC, &start));
	start.debug = true;
	ATF_CHECK(strstr(line(KV_RUNTIME_RUNSC, &start), " --debug --debug-log=/s/log/ --") != NULL);
	for (const char *const *bad = (const char *const[]){ "", ",uds", "ptrace,", "ptrace,ud",
	    "ptrace,uds ", "ptrace,udsx", NULL }; *bad != NULL; bad++) {
		start.option = *bad;
		ATF_CHECK_MSG(line(KV_RUNTIME_RUNSC, &start)[0] == '!', "taken: %s", *bad);
	}
	start.option = NULL;
	ATF_CHECK_STREQ("!container: runsc's platform is not known", line(KV_RUNTIME_RUNSC, &start));
}

ATF_TC_WITHOUT_HEAD(nothing_that_reads_as_a_flag_or_is_relative);
ATF_TC_BODY(nothing_that_reads_as_a_flag_or_is_relative, tc)
{
	static const char *const ids[] = { "", "-x", ".", "..", "a/b", "a b", "a\n", "\xe4", NULL };
	struct kv_runtime_start start = plain;

	for (size_t i = 0; ids[i] != NULL; i++) {
		start.id = ids[i];
		ATF_CHECK_EQ('!', line(KV_RUNTIME_RUNC, &start)[0]);
	}
	start.id = "kv-1_a.b";
	ATF_CHECK_EQ('/', line(KV_RUNTIME_RUNC, &start)[0]);
	start.bundle = "-b";
	ATF_CHECK_EQ('!', line(KV_RUNTIME_RUNC, &start)[0]);
	start = plain;
	start.state = "state";
	ATF_CHECK_EQ('!', line(KV_RUNTIME_RUNC, &start)[0]);
	start = plain;
	start.console = "";
	ATF_CHECK_EQ('!', line(KV_RUNTIME_RUNC, &start)[0]);
	start = plain;
	start.program = "runc";
	ATF_CHECK_EQ('!', line(KV_RUNTIME_RUNC, &start)[0]);
}

ATF_TC_WITHOUT_HEAD(a_line_that_does_not_fit_is_an_error);
ATF_TC_BODY(a_line_that_does_not_fit_is_an_error, tc)
{
	const char *argv[KV_RUNTIME_ARGV];
	char text[512];
	size_t size = 1;
	struct kv_error err = KV_ERROR_INIT;

	for (; size < sizeof(text); size++) {
		err = (struct kv_error)KV_ERROR_INIT;
		if (kv_runtime_argv(KV_RUNTIME_CRUN, &plain, argv, text, size, &err) == 0)
			break;
		ATF_CHECK_EQ(KV_ERR_SYSTEM, err.code);
	}
	/* The words of crun_and_runc_start_detached, each with its NUL. */
	ATF_CHECK_EQ(sizeof("/usr/bin/x --cgroup-manager=disabled --root /s run --detach --bundle /b kv"),
	    size);
}

ATF_TC_WITHOUT_HEAD(podman_is_told_by_words);
ATF_TC_BODY(podman_is_told_by_words, tc)
{
	static const char *const rbind[] = { "rbind", NULL }, *const ro[] = { "rbind", "ro", NULL };
	static const char *const args[] = { "/run/kavach/init", NULL };
	struct kv_oci_mount mounts[] = {
		{ "/home/ann", "bind", "/home/ann", rbind }, { "/run/kavach", "bind", "/i", ro },
		{ "/run", "tmpfs", "tmpfs", rbind }, { "/dev/pts", "devpts", "devpts", rbind },
	};
	static const uint32_t groups[] = { 100, 4242 };
	struct kv_oci_spec spec = {
		.hostname = "h", .uid = 7, .gid = 8, .args = args, .read_only_root = true,
		.mounts = mounts, .mount_count = sizeof(mounts) / sizeof(mounts[0]), .seccomp = KV_SECCOMP_STRICT,
	};
	struct kv_runtime_start start = plain;
	const char *text;

	ATF_CHECK_STREQ("!podman takes no bundle", line(KV_RUNTIME_PODMAN, &start));
	start.spec = &spec;
	ATF_CHECK_STREQ("!podman: its runtime is not known", line(KV_RUNTIME_PODMAN, &start));
	start.option = "/usr/bin/crun";
	text = line(KV_RUNTIME_PODMAN, &start);
	ATF_CHECK_MATCH("--runtime=/usr/bin/crun --root=/s/store .*--runtime-flag=root=/s/crun", text);
	ATF_CHECK_MATCH("--user=7:8 --group-add=keep-groups --hostname=h --read-only=true --security-opt=seccomp=/s/seccomp.json", text);
	ATF_CHECK_MATCH("type=bind,src=/home/ann,target=/home/ann --mount type=bind,src=/i,target=/run/kavach,ro=true", text);
	ATF_CHECK_MATCH("--tmpfs /run:.* --mount type=bind,src=/s/pts,target=/dev/pts", text);
	ATF_CHECK_MATCH("--name=kv /b/rootfs /run/kavach/init$", text);
	spec.groups = groups;
	spec.group_count = 2;
	ATF_CHECK_MATCH("--user=7:8 --group-add=100 --group-add=4242 --hostname=h", line(KV_RUNTIME_PODMAN, &start));
	mounts[0].source = "/home/a,ro=false";
	ATF_CHECK_STREQ("!podman cannot mount /home/ann", line(KV_RUNTIME_PODMAN, &start));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names_are_those_of_the_programs);
	ATF_TP_ADD_TC(tp, only_roots_own_program_is_found);
	ATF_TP_ADD_TC(tp, crun_and_runc_start_detached);
	ATF_TP_ADD_TC(tp, runsc_is_told_what_its_release_knows);
	ATF_TP_ADD_TC(tp, nothing_that_reads_as_a_flag_or_is_relative);
	ATF_TP_ADD_TC(tp, a_line_that_does_not_fit_is_an_error);
	ATF_TP_ADD_TC(tp, podman_is_told_by_words);
	return atf_no_error();
}

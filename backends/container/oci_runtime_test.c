/* What the configuration does in the hands of the real crun, runc and runsc. */
#include <atf-c.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "backends/container/testbundle.h"
#include "backends/container/oci_config.h"
#include "common/cleanup.h"
#include "common/error.h"

static const char *const args[] = { "/probe", "one", "two \"words\"\n", NULL };
static const char *const env[] = { "PATH=/", "KV_PROBE=a b\\\"c", NULL };
static const char *const rbind[] = { "rbind", "nosuid", NULL };
static const char *const data_options[] = { "bind", "nosuid", "noexec", NULL };
static const char *const fixed_options[] = { "bind", "ro", "nosuid", NULL };
static const char *const tmp_options[] = { "nosuid", "nodev", "mode=1777", "size=1m", NULL };

static const struct kv_oci_mount mounts[] = {
	{ .destination = "/dev", .type = "bind", .source = "/dev", .options = rbind },
	{ .destination = "/data", .type = "bind", .source = BUNDLE_PATH "/data", .options = data_options },
	{ .destination = "/fixed", .type = "bind", .source = BUNDLE_PATH "/fixed", .options = fixed_options },
	{ .destination = "/tmp", .type = "tmpfs", .source = "tmpfs", .options = tmp_options },
};

static const struct kv_oci_spec spec = {
	.root = "rootfs", .read_only_root = true, .hostname = "kv-host",
	.uid = BUNDLE_UID, .gid = BUNDLE_UID, .args = args, .env = env, .cwd = "/data", .open_files = 123,
	.mounts = mounts, .mount_count = sizeof(mounts) / sizeof(mounts[0]), .seccomp = KV_SECCOMP_BASIC,
};

/* Debian 12's release; another is tried with, say, "systrap,uds,overlay2,directfs". */
static const char *
runsc_option(void)
{
	const char *option = getenv("KV_TEST_RUNSC");

	return option != NULL ? option : "ptrace,uds,overlay2";
}

static struct bundle_result
start(enum kv_runtime runtime, const char *config, const char *bad_root)
{
	const struct bundle_run run = {
		.runtime = runtime, .option = runtime == KV_RUNTIME_RUNSC ? runsc_option() : "",
		.config = config, .bad_root = bad_root,
	};
	struct bundle_result result;

	bundle_run(&run, &result);
	return result;
}

static struct bundle_result
run(enum kv_runtime runtime, const struct kv_oci_spec *wanted)
{
	struct kv_error err = KV_ERROR_INIT;
	kv_cleanup_free char *text = NULL;

	ATF_REQUIRE_MSG(kv_oci_config(wanted, &text, &err) == 0, "%s", err.msg);
	return start(runtime, text, NULL);
}

/* The member at "a.b" becomes this value; without a value it goes. "mounts+": one more mount. */
static void
set(struct json_object *config, const char *path, const char *value)
{
	const char *dot = strrchr(path, '.');
	char parent[64];

	(void)snprintf(parent, sizeof(parent), "%.*s", dot != NULL ? (int)(dot - path) : 0, path);
	if (dot != NULL) {
		config = json_object_object_get(config, parent);
		path = dot + 1;
	}
	ATF_REQUIRE(config != NULL);
	if (strcmp(path, "mounts+") == 0)
		ATF_REQUIRE_EQ(0, json_object_array_add(json_object_object_get(config, "mounts"),
		    json_tokener_parse(value)));
	else if (value == NULL)
		json_object_object_del(config, path);
	else
		ATF_REQUIRE_EQ(0, json_object_object_add(config, path, json_tokener_parse(value)));
}

/* Which of them: bits. */
enum { CRUN = 1 << KV_RUNTIME_CRUN, RUNC = 1 << KV_RUNTIME_RUNC, RUNSC = 1 << KV_RUNTIME_RUNSC };

struct expected {
	int runtimes;
	const char *line;
};

static bool
has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, line, n) == 0 && text[n] == '\n')
			return true;
	}
	return false;
}

static void
check_lines(enum kv_runtime runtime, enum kv_seccomp profile, const char *text, const struct expected *lines,
    size_t count)
{
	struct kv_oci_spec wanted = spec;
	struct bundle_result result;

	wanted.seccomp = profile;
	wanted.seccomp_text = text;
	result = run(runtime, &wanted);
	ATF_CHECK_MSG(has_line(result.output, "end"), "the probe did not come to its end: %s", result.output);
	ATF_CHECK_EQ(0, result.runtime_status);
	ATF_CHECK_MSG(result.written, "what it wrote to /data stayed in the container");
	/* runsc's container is no process of this kernel. */
	if (runtime != KV_RUNTIME_RUNSC)
		ATF_CHECK(WIFEXITED(result.container_status) && WEXITSTATUS(result.container_status) == 7);
	for (size_t i = 0; i < count; i++) {
		if ((lines[i].runtimes & 1 << runtime) != 0)
			ATF_CHECK_MSG(has_line(result.output, lines[i].line), "%s with %s: no %s in: %s",
			    kv_runtime_name(runtime), kv_seccomp_name(profile), lines[i].line, result.output);
	}
}

#define HOST	(CRUN | RUNC)	/* they have the host's kernel */
#define ALL	(HOST | RUNSC)

/* What holds with every profile. */
static const struct expected confined[] = {
	{ ALL, "capabilities=0,0,0,0,0" }, { ALL, "no_new_privs=1" },
	{ ALL, "ids=4242,4242:" }, { ALL, "pid=1" },
	{ ALL, "hostname=kv-host" }, { ALL, "open_files=123,123" }, { ALL, "cwd=/data" },
	{ ALL, "env=a b\\\"c" }, { ALL, "arg=one" }, { ALL, "arg=two \"words\"" },
	{ ALL, "/proc/kcore=-1" },
	{ HOST, "/proc/keys=0" }, { HOST, "/proc/timer_list=0" }, { HOST, "/proc/sys=ro" },
	{ RUNSC, "/proc/keys=-1" }, { RUNSC, "/proc/timer_list=-1" },
	{ ALL, "/proc/self/comm=6" },
	{ HOST, "/new=EROFS" }, { RUNSC, "/new=EACCES" }, { ALL, "/data/new=ok" },
	{ HOST, "/fixed/new=EROFS" }, { RUNSC, "/fixed/new=EACCES" }, { ALL, "/fixed/given=6" },
	{ CRUN | RUNSC, "/tmp/new=ok" }, { HOST, "/data=nosuid,noexec" },
};

/* Without a filter: what the same calls answer. */
static const struct expected off[] = {
	{ HOST, "seccomp=0" }, { ALL, "TIOCSTI=EBADF" }, { ALL, "TIOCSTI_high=EBADF" }, { ALL, "unshare_user=ok" },
	{ HOST, "clone3=EINVAL" }, { HOST, "socket_vsock=ok" }, { HOST, "i386=ran" },
};

static const struct expected denied[] = {
	{ ALL, "seccomp=2" },
	{ ALL, "unshare_user=EPERM" }, { ALL, "unshare_files=ok" }, { ALL, "clone_user=EPERM" }, { ALL, "clone=ok" },
	{ HOST, "clone3=ENOSYS" }, { RUNSC, "clone3=EPERM" },
	{ ALL, "mount=EPERM" }, { ALL, "keyctl=EPERM" }, { ALL, "chroot=EPERM" }, { ALL, "bpf=EPERM" },
	{ ALL, "TCGETS=EBADF" }, { ALL, "socket_unix=ok" }, { ALL, "getppid=ok" },
	{ HOST, "seccomp_call=ok" }, { HOST, "landlock=ok" }, { ALL, "no_new_privs_again=ok" },
	{ HOST, "i386=killed" },
};

static const struct expected denied_by_arguments[] = {
	{ ALL, "TIOCSTI=EPERM" }, { ALL, "TIOCSTI_high=EPERM" },
	{ HOST, "socket_vsock=EAFNOSUPPORT" }, { RUNSC, "socket_vsock=EPERM" },
	{ ALL, "sysv_queue=ok" }, { ALL, "ptrace=ok" },
};

/* An allow-list cannot say "not TIOCSTI": that is for the exact filter. */
static const struct expected not_allowed[] = {
	{ ALL, "sysv_queue=EPERM" }, { ALL, "ptrace=EPERM" }, { ALL, "TIOCSTI=EBADF" },
};

static const struct expected file_denies[] = {
	{ ALL, "sysv_queue=EPERM" }, { ALL, "ptrace=ok" }, { ALL, "TIOCSTI=EPERM" }, { ALL, "unshare_user=ok" },
	{ ALL, "getppid=ok" },
};

static const struct expected file_allows[] = {
	{ ALL, "sysv_queue=ok" }, { ALL, "ptrace=EPERM" }, { ALL, "getppid=ok" }, { ALL, "keyctl=EPERM" },
	{ HOST, "clone3=ENOSYS" },
};

#define CHECK(runtime, profile, text, lines) \
	check_lines(runtime, profile, text, lines, sizeof(lines) / sizeof((lines)[0]))

static void
check_confinement(enum kv_runtime runtime)
{
	CHECK(runtime, KV_SECCOMP_OFF, NULL, confined);
	CHECK(runtime, KV_SECCOMP_STRICT, NULL, confined);
}

static void
check_profiles(enum kv_runtime runtime)
{
	CHECK(runtime, KV_SECCOMP_OFF, NULL, off);
	CHECK(runtime, KV_SECCOMP_BASIC, NULL, denied);
	CHECK(runtime, KV_SECCOMP_BASIC, NULL, denied_by_arguments);
	CHECK(runtime, KV_SECCOMP_DESKTOP, NULL, denied);
	CHECK(runtime, KV_SECCOMP_DESKTOP, NULL, denied_by_arguments);
	CHECK(runtime, KV_SECCOMP_STRICT, NULL, denied);
	CHECK(runtime, KV_SECCOMP_STRICT, NULL, not_allowed);
	/* getppid is in strict: the exact filter denies it, the outer ring lets it through. */
	CHECK(runtime, KV_SECCOMP_FILE, "default = allow\ndeny msgget\ndeny getppid\n", file_denies);
	CHECK(runtime, KV_SECCOMP_FILE, "default = deny\nallow msgget\nallow clone3\n", file_allows);
}

#define A_MOUNT(destination, type, source, option) \
	"{\"destination\":\"" destination "\",\"type\":\"" type "\",\"source\":\"" source \
	"\",\"options\":[\"" option "\"]}"
#define A_SECCOMP(action, op) \
	"{\"defaultAction\":\"" action "\",\"syscalls\":[{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\"," \
	"\"args\":[{\"index\":0,\"value\":1,\"op\":\"" op "\"}]}]}"

/* What is not as it should be: who refuses it. The others pass it over, so kv_oci_config does not. */
static const struct broken {
	int refused_by;
	const char *name, *path, *value, *bad_root;
} broken[] = {
	{ HOST, "a misspelt option of a tmpfs", "mounts+", A_MOUNT("/tmp", "tmpfs", "tmpfs", "sise=1m"), NULL },
	{ HOST, "an unknown type", "mounts+", A_MOUNT("/tmp", "nofs", "nofs", "ro"), NULL },
	{ ALL, "a bind of nothing", "mounts+", A_MOUNT("/tmp", "bind", "/nowhere", "bind"), NULL },
	{ RUNSC, "a relative mount", "mounts+", A_MOUNT("tmp", "tmpfs", "tmpfs", "ro"), NULL },
	{ ALL, "no root named", "root", NULL, NULL },
	{ ALL, "a root that is not there", "root.path", "\"nowhere\"", NULL },
	{ ALL, "no rootfs in the bundle", NULL, NULL, "rootfs" },
	{ RUNC, "a relative folder", "process.cwd", "\"data\"", NULL },
	{ ALL, "nothing to execute", "process.args", "[]", NULL },
	{ ALL, "a command that is not there", "process.args", "[\"/nowhere\"]", NULL },
	{ RUNC, "a namespace twice", "linux.namespaces",
	    "[{\"type\":\"pid\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"mount\"}]", NULL },
	{ HOST, "a namespace that is none", "linux.namespaces",
	    "[{\"type\":\"pid\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"maunt\"}]", NULL },
	{ HOST, "a user that is not mapped", "process.user", "{\"uid\":77,\"gid\":77}", NULL },
	{ ALL, "a seccomp action", "linux.seccomp", A_SECCOMP("SCMP_ACT_MAYBE", "SCMP_CMP_EQ"), NULL },
	{ ALL, "a seccomp operator", "linux.seccomp", A_SECCOMP("SCMP_ACT_ALLOW", "SCMP_CMP_WHAT"), NULL },
	{ ALL, "a limit's name", "process.rlimits", "[{\"type\":\"RLIMIT_NOFOO\",\"hard\":9,\"soft\":9}]", NULL },
	{ HOST, "a limit that rises", "process.rlimits",
	    "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1073741816,\"soft\":9}]", NULL },
};

static void
check_refusals(enum kv_runtime runtime)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct broken *b = &broken[i];
		struct kv_error err = KV_ERROR_INIT;
		kv_cleanup_free char *text = NULL;
		struct bundle_result result;
		struct json_object *config;

		if ((b->refused_by & 1 << runtime) == 0)
			continue;
		ATF_REQUIRE_EQ(0, kv_oci_config(&spec, &text, &err));
		config = json_tokener_parse(text);
		ATF_REQUIRE(config != NULL);
		if (b->path != NULL)
			set(config, b->path, b->value);
		result = start(runtime, json_object_to_json_string(config), b->bad_root);
		(void)json_object_put(config);
		ATF_CHECK_MSG(WIFEXITED(result.runtime_status) && WEXITSTATUS(result.runtime_status) != 0,
		    "%s: %s: taken", kv_runtime_name(runtime), b->name);
		ATF_CHECK_MSG(strstr(result.output, "hostname=") == NULL, "%s: it ran", b->name);
		ATF_CHECK_MSG(!result.left, "%s: left: %s", b->name, result.output);
	}
}

/* Text that no reader of JSON takes. */
static void
check_text(enum kv_runtime runtime)
{
	static const char *const texts[] = { "", "{", "[]", "null", "{\"ociVersion\":\"1.0.2\"}", NULL };

	for (size_t i = 0; texts[i] != NULL; i++) {
		struct bundle_result result = start(runtime, texts[i], NULL);

		ATF_CHECK_MSG(WIFEXITED(result.runtime_status) && WEXITSTATUS(result.runtime_status) != 0,
		    "%s takes: %s", kv_runtime_name(runtime), texts[i]);
		ATF_CHECK(!result.left);
	}
}

#define RUNTIME_CASE(case_, program, text, body)				\
	ATF_TC(case_);								\
	ATF_TC_HEAD(case_, tc)							\
	{									\
		atf_tc_set_md_var(tc, "descr", text);				\
		atf_tc_set_md_var(tc, "require.user", "root");			\
		atf_tc_set_md_var(tc, "require.progs", program);		\
		atf_tc_set_md_var(tc, "timeout", "120");			\
	}									\
	ATF_TC_BODY(case_, tc) { body; }

#define CONFINES "what a container sees of the host, with and without a filter"
#define PROFILES "each profile denies what it should, and the same call is answered where it should be"
#define REFUSES "a broken configuration does not start, and leaves nothing"
RUNTIME_CASE(crun_confines, "crun", CONFINES, check_confinement(KV_RUNTIME_CRUN))
RUNTIME_CASE(runc_confines, "runc", CONFINES, check_confinement(KV_RUNTIME_RUNC))
RUNTIME_CASE(runsc_confines, "runsc", CONFINES, check_confinement(KV_RUNTIME_RUNSC))
RUNTIME_CASE(crun_profiles, "crun", PROFILES, check_profiles(KV_RUNTIME_CRUN))
RUNTIME_CASE(runc_profiles, "runc", PROFILES, check_profiles(KV_RUNTIME_RUNC))
RUNTIME_CASE(runsc_profiles, "runsc", PROFILES, check_profiles(KV_RUNTIME_RUNSC))
RUNTIME_CASE(crun_refuses, "crun", REFUSES, check_refusals(KV_RUNTIME_CRUN); check_text(KV_RUNTIME_CRUN))
RUNTIME_CASE(runc_refuses, "runc", REFUSES, check_refusals(KV_RUNTIME_RUNC); check_text(KV_RUNTIME_RUNC))
RUNTIME_CASE(runsc_refuses, "runsc", REFUSES, check_refusals(KV_RUNTIME_RUNSC); check_text(KV_RUNTIME_RUNSC))

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, crun_confines);
	ATF_TP_ADD_TC(tp, runc_confines);
	ATF_TP_ADD_TC(tp, runsc_confines);
	ATF_TP_ADD_TC(tp, crun_profiles);
	ATF_TP_ADD_TC(tp, runc_profiles);
	ATF_TP_ADD_TC(tp, runsc_profiles);
	ATF_TP_ADD_TC(tp, crun_refuses);
	ATF_TP_ADD_TC(tp, runc_refuses);
	ATF_TP_ADD_TC(tp, runsc_refuses);
	return atf_no_error();
}

#include "backends/container/testbundle.h"

#include <atf-c.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define NOBODY	(0x70000000U + BUNDLE_UID)	/* uid 0 of the namespace */
#define SECONDS	40

/* Everything below runs in children of the test: failure is a line on stderr and a status of its own. */
#define must(condition)								\
	do {									\
		if (!(condition)) {						\
			(void)dprintf(2, "fixture: %s: %s\n", #condition, strerror(errno)); \
			_exit(99);						\
		}								\
	} while (0)

/* A user namespace with uid and gid 0 -> NOBODY, BUNDLE_UID -> itself. A descriptor. */
static int
user_namespace(void)
{
	char path[64], map[128];
	int ready[2], fd;
	pid_t pid;

	must(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(unshare(CLONE_NEWUSER) == 0);
		must(write(ready[1], "x", 1) == 1);
		pause();
		_exit(0);
	}
	must(read(ready[0], map, 1) == 1);
	(void)snprintf(map, sizeof(map), "0 %u 1\n%u %u 1\n", NOBODY, BUNDLE_UID, BUNDLE_UID);
	for (const char *const *name = (const char *const[]){ "uid_map", "gid_map", NULL }; *name; name++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, *name);
		must(kv_write_file(AT_FDCWD, path, map) == 0);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0);
	must(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	return fd;
}

static void
folder(const char *path, uid_t owner)
{
	must(mkdir(path, 0755) == 0 && chown(path, owner, owner) == 0);
}

static void
copy_probe(const char *from, const char *to)
{
	kv_cleanup_close int in = open(from, O_RDONLY | O_CLOEXEC);
	kv_cleanup_close int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	struct stat st;

	must(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)(st.st_size - done));

		must(n > 0);
		done += n;
	}
	must(fchmod(out, 0755) == 0);
}

static void
make_bundle(const struct bundle_run *run, const char *probe)
{
	static const char *const folders[] = { "", "/state", "/rootfs", "/rootfs/proc", "/rootfs/dev",
	    "/rootfs/tmp", "/rootfs/data", "/rootfs/fixed", "/fixed", NULL };
	char path[256];
	int fd;

	/* From here on /tmp is ours, so open what is below the old one first. */
	fd = open(probe, O_PATH | O_CLOEXEC);
	must(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(mount("none", "/tmp", "tmpfs", 0, "mode=0755") == 0);
	for (size_t i = 0; folders[i] != NULL; i++) {
		char made[256];

		(void)snprintf(made, sizeof(made), BUNDLE_PATH "%s", folders[i]);
		folder(made, NOBODY);
	}
	folder(BUNDLE_PATH "/data", BUNDLE_UID);
	copy_probe(path, BUNDLE_PATH "/rootfs/probe");
	must(kv_replace_file(AT_FDCWD, BUNDLE_PATH "/config.json", run->config, strlen(run->config), 0644) == 0);
	must(kv_replace_file(AT_FDCWD, BUNDLE_PATH "/fixed/given", "given\n", 6, 0644) == 0);
	if (run->bad_root != NULL) {
		(void)snprintf(path, sizeof(path), BUNDLE_PATH "/%s", run->bad_root);
		must(rename(path, BUNDLE_PATH "/gone") == 0);
	}
}

static void
start_runtime(const struct bundle_run *run, int user)
{
	const char *argv[KV_RUNTIME_ARGV];
	char program[KV_RUNTIME_MAX], text[4096];
	struct kv_error err = KV_ERROR_INIT;
	const struct kv_runtime_start start = {
		.program = program, .state = BUNDLE_PATH "/state", .bundle = BUNDLE_PATH, .id = "kv-test",
		.option = run->option, .network = KV_NET_OFF,
	};

	must(kv_runtime_find(run->runtime, program) == 0);
	must(kv_runtime_argv(run->runtime, &start, argv, text, sizeof(text), &err) == 0);
	must(setns(user, CLONE_NEWUSER) == 0 && unshare(CLONE_NEWNS) == 0);
	must(syscall(SYS_setgroups, 0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
	/* A TMPDIR of the test's is not there any more, and runsc falls over it. */
	must(clearenv() == 0 && chdir(BUNDLE_PATH) == 0);
	must(setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1) == 0);
	/* execve takes char *const[], for no reason of today. */
	(void)execv(program, (char *const *)(void *)argv);
	must(false);
}

static bool
is_empty(const char *path)
{
	kv_cleanup_dir DIR *dir = opendir(path);
	const struct dirent *entry;

	must(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			(void)dprintf(2, "fixture: left: %s\n", entry->d_name);
			return false;
		}
	}
	return true;
}

/* What pid 1 of the outer namespace tells the test. */
struct report {
	int runtime_status, container_status, written, left;
};

static void
outer_init(const struct bundle_run *run, const char *probe, int tell)
{
	struct report report = { .container_status = -1 };
	int user, status;
	pid_t runtime, pid;

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
	/* crun looks at it even when it is to leave cgroups alone. */
	must(mount("none", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
	make_bundle(run, probe);
	user = user_namespace();
	runtime = fork();
	must(runtime >= 0);
	if (runtime == 0)
		start_runtime(run, user);
	while ((pid = wait(&status)) > 0) {
		if (pid == runtime)
			report.runtime_status = status;
		else if (report.container_status == -1 || status != 0)
			report.container_status = status;
	}
	/* What was refused is to leave nothing; a container that ended leaves its state until it is deleted. */
	report.written = access(BUNDLE_PATH "/data/new", F_OK) == 0;
	report.left = !is_empty(BUNDLE_PATH "/state");
	must(write(tell, &report, sizeof(report)) == sizeof(report));
	_exit(0);
}

/* The probe is built beside the test. */
static void
probe_path(char *out, size_t size)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	ATF_REQUIRE(n > 0);
	self[n] = '\0';
	slash = strrchr(self, '/');
	ATF_REQUIRE(slash != NULL);
	*slash = '\0';
	slash = strstr(self, "/.libs");
	if (slash != NULL)
		*slash = '\0';
	(void)snprintf(out, size, "%.4000s/testprobe", self);
}

static void
first_child(const struct bundle_run *run, const char *probe, int out, int tell)
{
	kv_cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int status;

	/* Its init goes with it, and with that all that the runtime started. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(SECONDS);
	must(null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2);
	must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS |
	    CLONE_NEWNET) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		outer_init(run, probe, tell);
	}
	must(waitpid(pid, &status, 0) == pid);
	_exit(0);
}

void
bundle_run(const struct bundle_run *run, struct bundle_result *out)
{
	struct report report = { .runtime_status = -1 };
	char probe[4096];
	int text[2], tell[2];
	ssize_t n;
	pid_t pid;

	probe_path(probe, sizeof(probe));
	ATF_REQUIRE(pipe2(text, O_CLOEXEC) == 0 && pipe2(tell, O_CLOEXEC) == 0);
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0)
		first_child(run, probe, text[1], tell[1]);
	(void)close(text[1]);
	(void)close(tell[1]);
	n = kv_read_all(text[0], out->output, sizeof(out->output) - 1);
	ATF_REQUIRE(n >= 0);
	out->output[n] = '\0';
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	ATF_REQUIRE_MSG(kv_read_all(tell[0], &report, sizeof(report)) == sizeof(report), "%s", out->output);
	(void)close(text[0]);
	(void)close(tell[0]);
	out->runtime_status = report.runtime_status;
	out->container_status = report.container_status;
	out->written = report.written != 0;
	out->left = report.left != 0;
}

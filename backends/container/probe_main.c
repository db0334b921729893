/*
 * kavach-probe RUNTIME [MILLISECONDS]: finds out whether a runtime works on this host, and keeps the
 * answer for all logins (probe.h). For root; started by the PAM module and kavachctl.
 *
 * MUST NOT trust its caller: su(1) starts it with what a user has set. Its answer counts for everybody, so
 * none is kept that the caller's limits may have made.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/thaw.h"
#include "backends/container/probe.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "session/session.h"

#define LONGEST_S	120	/* all of it; a backup of the limits of each step */
#define WAIT_STEP_US	50000
#define MASK_WORDS	128	/* of processors: more than any kernel has */

static int
usage(void)
{
	(void)fprintf(stderr, "usage: kavach-probe crun|runc|runsc|podman|wasmtime|wasmi [milliseconds]\n");
	return KV_EXIT_USAGE;
}

/* A limit that a login does not have and a caller can set. */
static int
at_least(int resource, rlim_t least)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
		return -1;
	if (limit.rlim_cur >= least)
		return 0;
	limit.rlim_cur = least;
	limit.rlim_max = limit.rlim_max < least ? least : limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit);
}

/*
 * What a user of su has set besides, all of which can make a start too slow: his cgroup (which he could also freeze, with the
 * lock in our hands), processors, and a place among the first to be killed. What cannot be undone is the host's.
 */
static void
leave_caller(void)
{
	struct kv_error ignored = KV_ERROR_INIT;
	kv_cleanup_close int proc = kv_proc_open(&ignored);
	unsigned long all[MASK_WORDS];

	if (proc >= 0) {
		kv_thaw_leave(proc);
		(void)kv_write_file(proc, "self/oom_score_adj", "0");
	}
	memset(all, 0xff, sizeof(all));
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
	(void)syscall(SYS_ioprio_set, 1 /* a process */, 0, 0);
}

static int
be_plain(struct kv_error *err)
{
	static const struct {
		int resource;
		rlim_t least;
	} limits[] = {
		{ RLIMIT_AS, RLIM_INFINITY }, { RLIMIT_DATA, RLIM_INFINITY }, { RLIMIT_CPU, RLIM_INFINITY },
		{ RLIMIT_FSIZE, 64 << 20 }, { RLIMIT_NOFILE, 512 }, { RLIMIT_NPROC, 512 },
		{ RLIMIT_STACK, 1 << 20 }, { RLIMIT_MEMLOCK, 64 << 10 }, { RLIMIT_SIGPENDING, 64 },
	};
	static const struct sched_param plain = { 0 };

	if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		return kv_error_sys(err, "kavach-probe is root's");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (at_least(limits[i].resource, limits[i].least) != 0)
			return kv_error_sys(err, "the caller's limits are too low to tell anything");
	if (sched_setscheduler(0, SCHED_OTHER, &plain) != 0 || setpriority(PRIO_PROCESS, 0, 0) != 0)
		return kv_error_sys(err, "priority");
	leave_caller();
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(LONGEST_S);
	return chdir("/") == 0 && clearenv() == 0 ? 0 : kv_error_sys(err, "/");
}

/* One probe of a runtime at a time. 0 with the lock; 1: another one has it still. */
static int
lock(int folder, enum kv_runtime runtime, uint64_t wait_ms, int *out, struct kv_error *err)
{
	int64_t until = kv_probe_now_ms() + (int64_t)wait_ms;
	kv_cleanup_close int fd = -1;
	char name[32];

	if (kv_format(name, sizeof(name), "%s.lock", kv_runtime_name(runtime)) != 0 ||
	    (fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600)) < 0)
		return kv_error_sys(err, "%s", name);
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return kv_error_sys(err, "%s", name);
		if (kv_probe_now_ms() >= until)
			return 1;
		(void)usleep(WAIT_STEP_US);
	}
	*out = kv_steal_fd(&fd);
	return 0;
}

/* Has somebody else found it while this one waited. */
static bool
is_known(enum kv_runtime runtime, const char *key)
{
	struct kv_probe known;

	return kv_probe_read(KV_PROBE_DIR, runtime, key, &known) == 0 &&
	    (known.starts || kv_probe_uptime_s() - known.when < KV_PROBE_FAILED_S);
}

static int
probe(enum kv_runtime runtime, uint64_t wait_ms, struct kv_error *err)
{
	kv_cleanup_close int folder = -1, held = -1;
	char program[KV_RUNTIME_MAX], key[KV_PROBE_KEY];
	struct kv_probe found;
	int status;

	if (be_plain(err) != 0 || kv_session_probe_folder(true, &folder, err) != 0)
		return -1;
	status = lock(folder, runtime, wait_ms, &held, err);
	if (status != 0)
		return status < 0 ? -1 : 0;
	if (kv_runtime_find(runtime, program) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s is not installed", kv_runtime_name(runtime));
	/* Before it is looked at: what is replaced meanwhile is looked at again. */
	if (kv_probe_key(&kv_probe_host, runtime, program, key) != 0)
		return kv_error_sys(err, "%s", program);
	if (is_known(runtime, key))
		return 0;
	kv_probe_find(runtime, program, &found);
	return kv_probe_write(folder, runtime, key, &found, err);
}

int
main(int argc, char *argv[])
{
	struct kv_error err = KV_ERROR_INIT;
	enum kv_runtime runtime;
	uint64_t wait_ms = 0;

	if (argc < 2 || argc > 3 || strchr(argv[1], '/') != NULL || kv_runtime_of(argv[1], &runtime) != 0 ||
	    (argc == 3 && kv_parse_u64(argv[2], 0, 1000000, &wait_ms) != 0))
		return usage();
	if (probe(runtime, wait_ms, &err) == 0)
		return KV_EXIT_OK;
	(void)fprintf(stderr, "kavach-probe: %s\n", err.msg);
	return kv_error_exit(err.code);
}

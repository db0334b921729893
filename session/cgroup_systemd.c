/*
 * Where systemd runs it is the master of the cgroup tree: the session's cgroup is
 * a transient scope of its making, delegated to us. The only file that speaks
 * D-Bus; not part of the wrapper.
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define BUS_TIMEOUT_US	5000000u
#define MANAGER		"org.freedesktop.systemd1"
#define MANAGER_PATH	"/org/freedesktop/systemd1"
#define MANAGER_IFACE	"org.freedesktop.systemd1.Manager"
#define SLICE		"kavach.slice"

static void
unref_bus(sd_bus **bus)
{
	(void)sd_bus_flush_close_unref(*bus);
}

static void
unref_message(sd_bus_message **m)
{
	(void)sd_bus_message_unref(*m);
}

#define cleanup_bus	__attribute__((cleanup(unref_bus)))
#define cleanup_message	__attribute__((cleanup(unref_message)))

bool
kv_cgroup_systemd_here(void)
{
	struct stat st;

	return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

static int
bus_error(int r, const sd_bus_error *be, struct kv_error *err)
{
	(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "systemd made no scope: %s",
	    be != NULL && be->message != NULL ? be->message : strerror(-r));
	err->sys_errno = -r;
	return -1;
}

static int
open_bus(sd_bus **bus)
{
	int r = sd_bus_open_system(bus);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(*bus, BUS_TIMEOUT_US);
	return r;
}

/* The scope's properties: who is in it, that it is ours to divide, and the limits. */
static int
append_properties(sd_bus_message *m, const struct kv_limits *limits)
{
	int r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)",
	    "Description", "s", "kavach session",
	    "Slice", "s", SLICE,
	    "Delegate", "b", 1,
	    "PIDs", "au", 1, (uint32_t)getpid());

	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)", "CPUAccounting", "b", 1,
		    "MemoryAccounting", "b", 1, "TasksAccounting", "b", 1);
	if (r >= 0 && limits->memory != 0)
		r = sd_bus_message_append(m, "(sv)(sv)", "MemoryMax", "t", limits->memory,
		    "MemorySwapMax", "t", (uint64_t)0);
	if (r >= 0 && limits->cpu_milli != 0)
		r = sd_bus_message_append(m, "(sv)", "CPUQuotaPerSecUSec", "t",
		    (uint64_t)limits->cpu_milli * 1000);
	if (r >= 0 && limits->processes != 0)
		r = sd_bus_message_append(m, "(sv)", "TasksMax", "t", (uint64_t)limits->processes);
	return r;
}

/* StartTransientUnit; *job is valid as long as *reply. */
static int
start_scope(sd_bus *bus, const char *unit, const struct kv_limits *limits,
    sd_bus_message **reply, const char **job, sd_bus_error *be)
{
	cleanup_message sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, MANAGER_PATH, MANAGER_IFACE,
	    "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_properties(m, limits);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, m, BUS_TIMEOUT_US, be, reply);
	if (r >= 0)
		r = sd_bus_message_read(*reply, "o", job);
	return r;
}

struct job_wait {
	const char *job;
	bool done, good;
};

static int
job_removed(sd_bus_message *m, void *arg, sd_bus_error *be)
{
	struct job_wait *wait = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)be;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 ||
	    wait->job == NULL || strcmp(path, wait->job) != 0)
		return 0;
	wait->done = true;
	wait->good = strcmp(result, "done") == 0;
	return 0;
}

static uint64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int
wait_job(sd_bus *bus, struct job_wait *wait)
{
	uint64_t end = now_us() + BUS_TIMEOUT_US, now;

	while (!wait->done) {
		int r = sd_bus_process(bus, NULL);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		now = now_us();
		if (now >= end)
			return -ETIMEDOUT;
		r = sd_bus_wait(bus, end - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return wait->good ? 0 : -EIO;
}

/* The scope's cgroup, as systemd names it. */
static int
read_control_group(sd_bus *bus, const char *unit, char *path, size_t size, sd_bus_error *be)
{
	cleanup_message sd_bus_message *reply = NULL;
	kv_cleanup_free char *group = NULL;
	const char *object;
	int r = sd_bus_call_method(bus, MANAGER, MANAGER_PATH, MANAGER_IFACE, "GetUnit", be,
	    &reply, "s", unit);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &object);
	if (r >= 0)
		r = sd_bus_get_property_string(bus, MANAGER, object,
		    "org.freedesktop.systemd1.Scope", "ControlGroup", be, &group);
	if (r < 0)
		return r;
	if (group[0] != '/' || group[1] == '\0')
		return -ENOENT;
	return kv_format(path, size, "%s", group) == 0 ? 0 : -errno;
}

/* main below the scope, with the caller in it; then the limits are read back. */
static int
settle(struct kv_cgroup *out, const struct kv_limits *limits, struct kv_error *err)
{
	kv_cleanup_close int dir = kv_cgroup_open(out, 0, ".");

	if (dir < 0 || (mkdirat(dir, KV_CGROUP_MAIN, 0755) != 0 && errno != EEXIST) ||
	    kv_cgroup_move(dir, KV_CGROUP_MAIN, 0) != 0)
		return kv_error_sys(err, "cgroup %s", out->path);
	/* Written again: systemd rounds a CPU quota to a period of its own choice. */
	return kv_cgroup_limits_set(KV_CGROUP_V2, (const int[3]){ dir, dir, dir }, limits, err);
}

int
kv_cgroup_systemd_create(const char *id, const struct kv_limits *limits,
    struct kv_cgroup *out, struct kv_error *err)
{
	cleanup_bus sd_bus *bus = NULL;
	cleanup_message sd_bus_message *reply = NULL;
	sd_bus_error be = SD_BUS_ERROR_NULL;
	struct job_wait wait = { .job = NULL };
	struct kv_error ignored = KV_ERROR_INIT;
	char unit[64];
	int r;

	if (kv_format(unit, sizeof(unit), "kavach-%s.scope", id) != 0 ||
	    kv_format(out->mount, sizeof(out->mount), "%s", KV_CGROUP_ROOT) != 0)
		return kv_error_sys(err, "scope of %s", id);
	r = open_bus(&bus);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, MANAGER, MANAGER_PATH, MANAGER_IFACE,
		    "JobRemoved", job_removed, &wait);
	if (r >= 0)
		r = start_scope(bus, unit, limits, &reply, &wait.job, &be);
	if (r >= 0)
		r = wait_job(bus, &wait);
	if (r >= 0)
		r = read_control_group(bus, unit, out->path, sizeof(out->path), &be);
	if (r < 0)
		(void)bus_error(r, &be, err);
	sd_bus_error_free(&be);
	if (r < 0)
		return -1;
	if (settle(out, limits, err) == 0)
		return 0;
	(void)kv_cgroup_remove(out, &ignored);
	return -1;
}

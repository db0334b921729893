/*
 * The limits of a session's cgroup, written and read back. libc only: the
 * wrapper reads them back too.
 */
#include "session/cgroup_impl.h"

#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_US	100000u

/* What one limit is called, and what stands in its file. */
struct limit_file {
	const char *what;	/* the policy's key */
	unsigned int hierarchy;
	const char *file;
	uint64_t value;
	uint64_t slack;		/* the kernel rounds down by less than this */
	bool optional;		/* a file that some kernels do not have */
};

#define LIMIT_FILES 6

static size_t
files_v2(const struct kv_limits *l, struct limit_file out[LIMIT_FILES])
{
	size_t n = 0;

	if (l->memory != 0) {
		out[n++] = (struct limit_file){ "memory_limit", KV_CG_MEMORY, "memory.max",
			l->memory, 65536, false };
		/* No swap: the limit would be one on resident memory only. */
		out[n++] = (struct limit_file){ "memory_limit", KV_CG_MEMORY, "memory.swap.max",
			0, 1, true };
	}
	if (l->processes != 0)
		out[n++] = (struct limit_file){ "process_limit", KV_CG_PIDS, "pids.max",
			l->processes, 1, false };
	return n;
}

static size_t
files_v1(const struct kv_limits *l, struct limit_file out[LIMIT_FILES])
{
	size_t n = 0;

	if (l->memory != 0) {
		out[n++] = (struct limit_file){ "memory_limit", KV_CG_MEMORY,
			"memory.limit_in_bytes", l->memory, 65536, false };
		out[n++] = (struct limit_file){ "memory_limit", KV_CG_MEMORY,
			"memory.memsw.limit_in_bytes", l->memory, 65536, true };
	}
	if (l->processes != 0)
		out[n++] = (struct limit_file){ "process_limit", KV_CG_PIDS, "pids.max",
			l->processes, 1, false };
	if (l->cpu_milli != 0) {
		out[n++] = (struct limit_file){ "cpu_limit", KV_CG_CPU, "cpu.cfs_period_us",
			PERIOD_US, 1, false };
		out[n++] = (struct limit_file){ "cpu_limit", KV_CG_CPU, "cpu.cfs_quota_us",
			(uint64_t)l->cpu_milli * (PERIOD_US / 1000), 1, false };
	}
	return n;
}

static int
unavailable(const struct limit_file *f, struct kv_error *err)
{
	int saved = errno;

	(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "%s cannot be set on this host: %s: %s",
	    f->what, f->file, strerror(saved));
	err->sys_errno = saved;
	return -1;
}

static int
check_one(const struct limit_file *f, int fd, struct kv_error *err)
{
	char text[64];
	uint64_t got;

	if (kv_read_file(fd, f->file, text, sizeof(text)) < 0) {
		if (f->optional && errno == ENOENT)
			return 0;
		return unavailable(f, err);
	}
	if (kv_parse_u64(text, 0, UINT64_MAX, &got) != 0 || got > f->value ||
	    f->value - got >= f->slack)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "%s does not hold: %s is not what was set", f->what, f->file);
	return 0;
}

static int
set_one(const struct limit_file *f, int fd, struct kv_error *err)
{
	char text[32];

	if (kv_format(text, sizeof(text), "%llu", (unsigned long long)f->value) != 0)
		return kv_error_sys(err, "%s", f->what);
	if (fd < 0) {
		errno = ENODEV;
		return unavailable(f, err);
	}
	if (kv_write_file(fd, f->file, text) != 0) {
		if (f->optional && errno == ENOENT)
			return 0;
		return unavailable(f, err);
	}
	return check_one(f, fd, err);
}

static void
cpu_max_text(uint32_t milli, char *text, size_t size)
{
	(void)snprintf(text, size, "%llu %u",
	    (unsigned long long)milli * (PERIOD_US / 1000), PERIOD_US);
}

static const struct limit_file cpu_max = { "cpu_limit", KV_CG_CPU, "cpu.max", 0, 1, false };

static int
check_cpu_max(int fd, uint32_t milli, struct kv_error *err)
{
	char want[64], got[64];

	cpu_max_text(milli, want, sizeof(want));
	if (kv_read_file(fd, cpu_max.file, got, sizeof(got)) < 0)
		return unavailable(&cpu_max, err);
	if (strcmp(want, got) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "cpu_limit does not hold: cpu.max is not what was set");
	return 0;
}

static size_t
limit_files(enum kv_cgroup_version version, const struct kv_limits *limits,
    struct limit_file out[LIMIT_FILES])
{
	return version == KV_CGROUP_V2 ? files_v2(limits, out) : files_v1(limits, out);
}

int
kv_cgroup_limits_set(enum kv_cgroup_version version, const int fd[3],
    const struct kv_limits *limits, struct kv_error *err)
{
	struct limit_file files[LIMIT_FILES];
	size_t count = limit_files(version, limits, files);
	char text[64];

	for (size_t i = 0; i < count; i++)
		if (set_one(&files[i], fd[files[i].hierarchy], err) != 0)
			return -1;
	if (version != KV_CGROUP_V2 || limits->cpu_milli == 0)
		return 0;
	cpu_max_text(limits->cpu_milli, text, sizeof(text));
	if (kv_write_file(fd[KV_CG_CPU], cpu_max.file, text) != 0)
		return unavailable(&cpu_max, err);
	return check_cpu_max(fd[KV_CG_CPU], limits->cpu_milli, err);
}

int
kv_cgroup_limits_check(enum kv_cgroup_version version, const int fd[3],
    const struct kv_limits *limits, struct kv_error *err)
{
	struct limit_file files[LIMIT_FILES];
	size_t count = limit_files(version, limits, files);

	for (size_t i = 0; i < count; i++) {
		if (fd[files[i].hierarchy] < 0) {
			errno = ENODEV;
			return unavailable(&files[i], err);
		}
		if (check_one(&files[i], fd[files[i].hierarchy], err) != 0)
			return -1;
	}
	if (version != KV_CGROUP_V2 || limits->cpu_milli == 0)
		return 0;
	return check_cpu_max(fd[KV_CG_CPU], limits->cpu_milli, err);
}

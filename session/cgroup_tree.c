/*
 * Walking and reading cgroup folders. libc only: stage two uses it too.
 */
#include "session/cgroup_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdbool.h>
#include <sys/stat.h>

const char *const kv_cgroup_v1_names[KV_CGROUP_HIERARCHIES] = {
	[KV_CG_MEMORY] = "memory",
	[KV_CG_PIDS] = "pids",
	[KV_CG_CPU] = "cpu",
	[KV_CG_FREEZER] = "freezer",
	[KV_CG_CPUACCT] = "cpuacct",
};

unsigned int
kv_cgroup_hierarchies(enum kv_cgroup_version version)
{
	switch (version) {
	case KV_CGROUP_V1:
		return KV_CGROUP_HIERARCHIES;
	case KV_CGROUP_V2:
		return 1;
	case KV_CGROUP_NONE:
		break;
	}
	return 0;
}

int
kv_cgroup_open(const struct kv_cgroup *cgroup, unsigned int hierarchy, const char *sub)
{
	char path[3 * KV_PATH_MAX];
	int n;

	if (cgroup->version == KV_CGROUP_NONE) {
		errno = ENOENT;
		return -1;
	}
	if (cgroup->version == KV_CGROUP_V2)
		n = kv_format(path, sizeof(path), "%s%s/%s", cgroup->mount, cgroup->path, sub);
	else
		n = kv_format(path, sizeof(path), "%s/%s%s/%s", cgroup->mount,
		    kv_cgroup_v1_names[hierarchy], cgroup->path, sub);
	if (n != 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
is_single_threaded(void)
{
	struct stat st;

	/* A folder of proc(5) has two links and one for each thread. */
	return stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
}

int
kv_cgroup_move(int dirfd, const char *sub, pid_t pid)
{
	char path[KV_PATH_MAX], text[32];

	/*
	 * "0" into v1's tasks is the one way that does not wait for an RCU grace period
	 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start): 0.2 ms instead of 10.
	 */
	if (pid == 0 && is_single_threaded() && kv_format(path, sizeof(path), "%s/tasks", sub) == 0 &&
	    kv_write_file(dirfd, path, "0") == 0)
		return 0;

	if (kv_format(path, sizeof(path), "%s/cgroup.procs", sub) != 0 ||
	    kv_format(text, sizeof(text), "%ld", (long)pid) != 0)
		return -1;
	return kv_write_file(dirfd, path, text);
}

int
kv_cgroup_walk(int parent, const char *name, unsigned int depth, kv_cgroup_visit *visit, void *arg)
{
	kv_cleanup_close int fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	kv_cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int copy, result;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return -1;
	if ((dir = fdopendir(copy)) == NULL) {
		(void)close(copy);
		return -1;
	}
	while (depth > 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		result = kv_cgroup_walk(fd, entry->d_name, depth - 1, visit, arg);
		if (result != 0)
			return result;
	}
	return visit(parent, name, fd, arg);
}

int
kv_cgroup_procs(int fd, kv_cgroup_each *each, void *arg)
{
	kv_cleanup_close int procs = kv_openat(fd, "cgroup.procs", O_RDONLY, 0, false);
	kv_cleanup_file FILE *file = NULL;
	char line[32];
	uint64_t pid;

	if (procs < 0)
		return -1;
	file = fdopen(procs, "re");
	if (file == NULL)
		return -1;
	(void)kv_steal_fd(&procs);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		/* 0 is a process outside of the reader's pid namespace. */
		if (kv_parse_u64(line, 1, INT32_MAX, &pid) == 0)
			each((pid_t)pid, arg);
	}
	return 0;
}

uint64_t
kv_cgroup_number(int dirfd, const char *file)
{
	char text[64];
	uint64_t value;

	if (kv_read_file(dirfd, file, text, sizeof(text)) < 0 ||
	    kv_parse_u64(text, 0, UINT64_MAX, &value) != 0)
		return 0;
	return value;
}

uint64_t
kv_cgroup_keyed(int dirfd, const char *file, const char *key)
{
	char text[4096], *next = text, *line;
	size_t len = strlen(key);
	uint64_t value;

	if (kv_read_file(dirfd, file, text, sizeof(text)) < 0)
		return 0;
	while ((line = strsep(&next, "\n")) != NULL)
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return kv_parse_u64(line + len + 1, 0, UINT64_MAX, &value) == 0 ? value : 0;
	return 0;
}

#include "session/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

int
kv_opener_start(int proc, pid_t pid, uint64_t *start, struct kv_error *err)
{
	char path[64], stat[1024];
	char *field, *end;

	(void)snprintf(path, sizeof(path), "%s%ld/stat", proc == AT_FDCWD ? "/proc/" : "", (long)pid);
	if (kv_read_file(proc, path, stat, sizeof(stat)) < 0)
		return kv_error_sys(err, "%s", path);
	/* The name in field 2 may hold anything; behind the last ')' stands field 3. */
	field = strrchr(stat, ')');
	for (int i = 2; field != NULL && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL)
		return kv_error_set(err, KV_ERR_SYSTEM, "%s is not understood", path);
	end = strchr(field + 1, ' ');
	if (end != NULL)
		*end = '\0';
	if (kv_parse_u64(field + 1, 0, UINT64_MAX, start) != 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "%s is not understood", path);
	return 0;
}

int
kv_opener_open(int proc, pid_t pid, uint64_t start, struct kv_error *err)
{
	kv_cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0U);
	uint64_t now;

	if (fd < 0 && errno != ESRCH)
		return kv_error_sys(err, "pidfd of process %ld", (long)pid);
	/* The descriptor first, then the start time: no other process can take the pid in between. */
	if (fd < 0 || (proc != -1 && (kv_opener_start(proc, pid, &now, err) != 0 || now != start)))
		return kv_error_set(err, KV_ERR_DENIED, "the session it belongs to is over");
	return kv_steal_fd(&fd);
}

#include "backends/process/userns.h"

#include <fcntl.h>
#include <sys/prctl.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"

static int
write_map(int proc, const char *file, unsigned int id, struct kv_error *err)
{
	char line[32];

	if (kv_format(line, sizeof(line), "%u %u 1", id, id) != 0 ||
	    kv_write_file(proc, file, line) != 0)
		return kv_error_sys(err, "%s", file);
	return 0;
}

int
kv_userns_map(uid_t uid, gid_t gid, struct kv_error *err)
{
	kv_cleanup_close int proc = -1;
	int status = 0;

	/*
	 * The files belong to root while the process is not dumpable. What could be
	 * gained by tracing it now is a namespace that the user can make anyway.
	 */
	if (prctl(PR_SET_DUMPABLE, 1) != 0)
		return kv_error_sys(err, "dumpable");
	proc = kv_proc_open(err);
	if (proc < 0)
		status = -1;
	else if (kv_write_file(proc, "self/setgroups", "deny") != 0)
		status = kv_error_sys(err, "setgroups");
	if (status == 0)
		status = write_map(proc, "self/uid_map", uid, err);
	if (status == 0)
		status = write_map(proc, "self/gid_map", gid, err);
	if (prctl(PR_SET_DUMPABLE, 0) != 0 && status == 0)
		status = kv_error_sys(err, "dumpable");
	return status;
}

#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

static bool
shows_caller(int proc)
{
	char link[32];
	struct statfs fs;
	ssize_t n;
	uint64_t pid;

	if (fstatfs(proc, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	n = readlinkat(proc, "self", link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	return kv_parse_u64(link, 1, INT32_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

static int
open_detached(struct kv_error *err)
{
	kv_cleanup_close int context = fsopen("proc", FSOPEN_CLOEXEC);
	int tree;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return kv_error_sys(err, "procfs");
	tree = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return tree >= 0 ? tree : kv_error_sys(err, "procfs");
}

int
kv_proc_open(struct kv_error *err)
{
	kv_cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (proc >= 0 && shows_caller(proc))
		return kv_steal_fd(&proc);
	return open_detached(err);
}

int
kv_proc_namespace(int proc, const char *name, uint64_t *inode, struct kv_error *err)
{
	char path[32], link[64];
	size_t len = strlen(name);
	ssize_t n;

	if (kv_format(path, sizeof(path), "self/ns/%s", name) != 0)
		return kv_error_sys(err, "%s", name);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	if (n < 0)
		return kv_error_sys(err, "/proc/%s", path);
	link[n] = '\0';
	/* "mnt:[4026531840]", namespaces(7) */
	if ((size_t)n < len + 4 || strncmp(link, name, len) != 0 || strncmp(link + len, ":[", 2) != 0 ||
	    link[n - 1] != ']')
		return kv_error_set(err, KV_ERR_SYSTEM, "/proc/%s is not a namespace", path);
	link[n - 1] = '\0';
	if (kv_parse_u64(link + len + 2, 1, UINT64_MAX, inode) != 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "/proc/%s is not a namespace", path);
	return 0;
}

#include "admin/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

static int
find(const char *name, char *path, size_t size, struct kv_error *err)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin" };

	if (name[0] == '/' && access(name, X_OK) == 0)
		return kv_format(path, size, "%s", name);
	for (size_t i = 0; name[0] != '/' && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (kv_format(path, size, "%s/%s", folders[i], name) == 0 && access(path, X_OK) == 0)
			return 0;
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s is not installed", name);
}

static _Noreturn void
execute(const char *path, const char *dir, const char *const *argv)
{
	static char *const environment[] = {
		(char *)(uintptr_t)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)(uintptr_t)"HOME=/nonexistent",
		(char *)(uintptr_t)"LC_ALL=C", NULL,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || (dir != NULL && chdir(dir) != 0))
		_exit(126);
	(void)umask(022);
	(void)execve(path, (char *const *)(uintptr_t)argv, environment);
	_exit(126);
}

int
kv_tool(const char *dir, const char *const *argv, struct kv_error *err)
{
	char path[128];
	pid_t pid, done;
	int status;

	if (find(argv[0], path, sizeof(path), err) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		execute(path, dir, argv);
	if (pid < 0)
		return kv_error_sys(err, "%s", argv[0]);
	do
		done = waitpid(pid, &status, 0);
	while (done < 0 && errno == EINTR);
	if (done != pid)
		return kv_error_sys(err, "%s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return kv_error_set(err, KV_ERR_DENIED, "%s failed (%s %d)", argv[0],
	    WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

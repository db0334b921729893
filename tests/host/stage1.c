/*
 * stage1 PID USER COMMAND: runs a command with /bin/sh as the user where sshd's half of a
 * session runs: in the namespaces of the session that PID opened, with the inheritable
 * capabilities, without a sandbox. For tests of the wrapper. The view forbids to execute
 * anything there; this opens it, so that what the wrapper itself refuses can be seen.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <unistd.h>

#include "session/caps.h"

static void
must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(125);
}

static void
join(const char *pid, const char *name, int type)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && setns(fd, type) == 0, path);
	(void)close(fd);
}

static void
grant(void)
{
	cap_t caps = cap_get_proc();

	must(caps != NULL, "capabilities");
	for (cap_value_t c = 0; c < 64; c++) {
		if ((KV_WRAPPER_CAPS & (1ULL << c)) != 0)
			must(cap_set_flag(caps, CAP_INHERITABLE, 1, &c, CAP_SET) == 0, "capabilities");
	}
	must(cap_set_proc(caps) == 0, "capabilities");
	(void)cap_free(caps);
}

int
main(int argc, char *argv[])
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_NOEXEC };
	const struct passwd *pw = argc == 4 ? getpwnam(argv[2]) : NULL;

	must(pw != NULL, "usage: stage1 PID USER COMMAND");
	join(argv[1], "net", CLONE_NEWNET);
	join(argv[1], "mnt", CLONE_NEWNS);
	must(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) == 0, "mount_setattr");
	must(initgroups(pw->pw_name, pw->pw_gid) == 0 && setgid(pw->pw_gid) == 0, "groups");
	grant();
	must(setuid(pw->pw_uid) == 0 && chdir("/") == 0, "user");
	(void)execl("/bin/bash", "bash", "-c", argv[3], (char *)NULL);
	perror("/bin/bash");
	return 125;
}

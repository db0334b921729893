/*
 * loop [-e PID | -c PID] [-u USER] COMMAND [ARG...]: starts the command once for each byte on
 * standard input, waits for its end, and prints how many microseconds that took. So
 * bench/run can take turns between several of them, each in its own place.
 *
 * -e PID   in the mount and network namespaces of PID, the opener of a session, with the
 *          wrapper's capabilities inheritable: where sshd's children are. Root.
 * -c PID   in all namespaces of PID, the shim of a container, as the root of its user namespace:
 *          where a runtime is started. Root.
 * -u USER  as that user.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "session/caps.h"

static int
enter(const char *pid)
{
	static const struct {
		const char *name;
		int type;
	} namespaces[] = { { "net", CLONE_NEWNET }, { "mnt", CLONE_NEWNS } };
	int fd[2];

	for (size_t i = 0; i < 2; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/proc/%.16s/ns/%s", pid, namespaces[i].name);
		fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fd[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < 2; i++) {
		if (setns(fd[i], namespaces[i].type) != 0)
			return -1;
		(void)close(fd[i]);
	}
	return 0;
}

/* The user namespace last: most of the others are not its own. */
static int
enter_shim(const char *pid)
{
	int process = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);

	if (process < 0 ||
	    setns(process, CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNS) != 0 ||
	    setns(process, CLONE_NEWUSER) != 0 || close(process) != 0)
		return -1;
	return setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0 ? -1 : 0;
}

static int
become(const struct passwd *user, bool session)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (session) {
		if (syscall(SYS_capget, &header, data) != 0)
			return -1;
		data[0].inheritable = (uint32_t)KV_WRAPPER_CAPS;
		data[1].inheritable = (uint32_t)(KV_WRAPPER_CAPS >> 32);
		if (syscall(SYS_capset, &header, data) != 0)
			return -1;
	}
	return setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0 ? -1 : 0;
}

static int64_t
microseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
serve(char *argv[])
{
	static char path[] = "PATH=/usr/bin:/bin", language[] = "LANG=C.UTF-8";
	char *envp[] = { path, language, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char byte;

	if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attributes) != 0 ||
	    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, 0, 1) != 0 ||
	    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) != 0)
		return 71;
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		int64_t start = microseconds();
		int status;
		pid_t pid;

		errno = posix_spawn(&pid, argv[0], &files, &attributes, argv, envp);
		if (errno != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			(void)fprintf(stderr, "loop: %s did not end well\n", argv[0]);
			return 1;
		}
		(void)dprintf(STDOUT_FILENO, "%lld\n", (long long)(microseconds() - start));
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *opener = NULL, *shim = NULL, *name = NULL;
	const struct passwd *user = NULL;
	int option;

	while ((option = getopt(argc, argv, "+c:e:u:")) != -1) {
		if (option == 'c')
			shim = optarg;
		else if (option == 'e')
			opener = optarg;
		else if (option == 'u')
			name = optarg;
		else
			return 64;
	}
	if (optind >= argc || (opener != NULL && name == NULL)) {
		(void)fprintf(stderr, "usage: loop [-e PID | -c PID] [-u USER] COMMAND [ARG...]\n");
		return 64;
	}
	if (name != NULL && ((user = getpwnam(name)) == NULL || initgroups(name, user->pw_gid) != 0)) {
		perror(name);
		return 71;
	}
	if ((opener != NULL && enter(opener) != 0) || (shim != NULL && enter_shim(shim) != 0) || chdir("/") != 0 ||
	    (user != NULL && become(user, opener != NULL) != 0)) {
		perror("loop");
		return 71;
	}
	return serve(&argv[optind]);
}

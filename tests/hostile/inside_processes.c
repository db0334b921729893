#include "tests/hostile/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return OPEN;
}

/* Process 1 inside is kavach's own: nothing of it may be read or reached through. */
static void
first_process(bool foreign)
{
	static const struct { const char *name; bool shown; } files[] = {
		{ "mem", false }, { "root", false }, { "cwd", false }, { "exe", false },
		{ "fd/3", false }, { "fd/4", false }, { "environ", true }, { "maps", true }, { "fd", true },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64], name[128];

		(void)snprintf(path, sizeof(path), "/proc/1/%s", files[i].name);
		(void)snprintf(name, sizeof(name), "B1 %s", path);
		if (foreign && files[i].shown) {
			/* What leads on from there (mem, root, fd/N) is probed. */
			does_not_apply(name, "gVisor shows it of any process, and there is nothing of ours in it");
			continue;
		}
		report(name, try_open(path, O_RDONLY));
	}
	report("B4 ptrace of process 1", ptrace(PTRACE_SEIZE, 1, NULL, NULL) != 0 ? errno : OPEN);
}

static void
outside(int pid)
{
	int pipes[2];

	if (pid == 0)
		return;
	report("B7 signal an outside process", kill(pid, 0) != 0 ? errno : OPEN);
	if (pipe(pipes) != 0)
		return;
	report("B7 F_SETOWN to an outside process", fcntl(pipes[0], F_SETOWN, pid) != 0 ? errno : OPEN);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void
descriptors(void)
{
	int extra = -1, folder = -1;

	for (int fd = 0; fd < 65536; fd++) {
		struct stat st;

		if (fstat(fd, &st) != 0)
			continue;
		if (fd > 2)
			extra = fd;
		if (S_ISDIR(st.st_mode))
			folder = fd;
	}
	report("B13 descriptors above 2", extra < 0 ? EBADF : OPEN);
	report("B13 descriptors of folders", folder < 0 ? EBADF : OPEN);
}

static bool
says(const char *status, const char *name, const char *value)
{
	const char *at = strstr(status, name);

	return at != NULL && strncmp(at + strlen(name), value, strlen(value)) == 0 &&
	    at[strlen(name) + strlen(value)] == '\n';
}

static bool
bare(const char *status, bool seccomp, bool foreign)
{
	const char none[] = "0000000000000000";

	return says(status, "\nCapInh:\t", none) && says(status, "\nCapPrm:\t", none) &&
	    says(status, "\nCapEff:\t", none) && says(status, "\nCapBnd:\t", none) &&
	    /* gVisor of 2022 writes neither; kavach-init asks by system calls. */
	    (foreign || (says(status, "\nCapAmb:\t", none) && says(status, "\nNoNewPrivs:\t", "1"))) &&
	    (!seccomp || says(status, "\nSeccomp:\t", "2"));
}

/* Every task that can be seen. */
static void
tasks(bool seccomp, bool foreign)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned int seen = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		char path[300], status[8192], name[64];
		ssize_t n;
		int fd;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
		if (fd >= 0)
			(void)close(fd);
		if (n <= 0)
			continue;
		status[n] = '\0';
		seen++;
		(void)snprintf(name, sizeof(name), "B21 privileges of process %.16s", entry->d_name);
		report(name, bare(status, seccomp, foreign) ? EPERM : OPEN);
	}
	if (proc != NULL)
		(void)closedir(proc);
	if (seen == 0)
		report("B21 no process to be seen", OPEN);
}

void
probe_processes(const struct options *options)
{
	descriptors();
	first_process(options->foreign);
	outside(options->pid);
	tasks(options->seccomp, options->foreign);
}

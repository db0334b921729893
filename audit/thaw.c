#include "audit/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/chain.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"

#define HOLDERS_MAX	16	/* processes with a lock on a file of this inode number, on whatever file system */
#define LOOK_MS		1300	/* su's caller can leave it many descriptors and the kernel many locks */
#define SETTLE_TRIES	100	/* of 1 ms */

struct look {
	int proc;
	struct stat file;
	long long end_ms;
};

/* "1: FLOCK  ADVISORY  WRITE 708 00:16:1234 0 EOF" (proc_locks(5)): the pid, 0 for others. */
static pid_t
holder_of(char *line, uint64_t inode)
{
	static const char *const words[] = { NULL, "FLOCK", "ADVISORY", "WRITE" };
	char *next = line, *word = NULL, *last;
	uint64_t pid = 0, number;

	for (size_t i = 0; i < 6; i++) {
		do
			word = strsep(&next, " ");
		while (word != NULL && *word == '\0');
		if (word == NULL || (i > 0 && i < 4 && strcmp(word, words[i]) != 0))
			return 0;
		/* 0 and below: of another pid namespace. */
		if (i == 4 && kv_parse_u64(word, 1, INT32_MAX, &pid) != 0)
			return 0;
	}
	/* Not the device: of some file systems stat(2) tells another. The file itself is looked at. */
	last = strrchr(word, ':');
	if (last == NULL || kv_parse_u64(last + 1, 0, UINT64_MAX, &number) != 0 || number != inode)
		return 0;
	return (pid_t)pid;
}

static size_t
candidates(const struct look *look, pid_t pids[HOLDERS_MAX])
{
	int fd = openat(look->proc, "locks", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
	size_t count = 0, lines = 0;
	char line[256];

	if (f == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while (count < HOLDERS_MAX && fgets(line, sizeof(line), f) != NULL) {
		pid_t pid = holder_of(line, look->file.st_ino);

		if (pid > 0 && pid != getpid())
			pids[count++] = pid;
		if (++lines % 1024 == 0 && kv_clock_ms() >= look->end_ms)
			break;
	}
	(void)fclose(f);
	return count;
}

/* A descriptor of this file, with the lock on it: pids come again, and a child can have inherited a lock. */
static bool
has_lock(const struct look *look, pid_t pid, const char *fd)
{
	char path[64], text[2048];
	struct stat st;

	if (kv_format(path, sizeof(path), "%ld/fd/%s", (long)pid, fd) != 0 ||
	    fstatat(look->proc, path, &st, 0) != 0 ||
	    st.st_dev != look->file.st_dev || st.st_ino != look->file.st_ino)
		return false;
	return kv_format(path, sizeof(path), "%ld/fdinfo/%s", (long)pid, fd) == 0 &&
	    kv_read_file(look->proc, path, text, sizeof(text)) >= 0 && strstr(text, "\nlock:") != NULL &&
	    strstr(text, " FLOCK ") != NULL && strstr(text, " WRITE ") != NULL;
}

static bool
holds(const struct look *look, pid_t pid)
{
	kv_cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	size_t seen = 0;
	char path[32];
	int fd;

	if (kv_format(path, sizeof(path), "%ld/fd", (long)pid) != 0)
		return false;
	fd = openat(look->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && has_lock(look, pid, entry->d_name))
			return true;
		if (++seen % 1024 == 0 && kv_clock_ms() >= look->end_ms)
			return false;
	}
	return false;
}

/* The letter of proc_pid_stat(5); 0: no such process. */
static char
state_of(const struct look *look, pid_t pid)
{
	char path[32], text[1024], *rest;

	if (kv_format(path, sizeof(path), "%ld/stat", (long)pid) != 0 ||
	    kv_read_file(look->proc, path, text, sizeof(text)) < 0)
		return '\0';
	rest = strrchr(text, ')');
	if (rest == NULL || rest[1] != ' ')
		return '\0';
	return rest[2];
}

/*
 * Stopped by us while we look again and move: else it could be thawed in between, go on into its session's
 * cgroup, and be taken out of that one. A stop that is pending comes before anything else that it does. If we
 * are frozen here ourselves, the next who waits continues it.
 */
static void
thaw(const struct look *look, pid_t pid, int pidfd)
{
	bool frozen = false;
	char state = '\0';

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0) != 0)
		return;
	for (int i = 0; i < SETTLE_TRIES; i++) {
		state = state_of(look, pid);
		frozen = kv_thaw_is_frozen(look->proc, pid);
		if (state == 'T' || state == '\0' || (frozen && state != 'R'))
			break;
		kv_sleep_ms(1);
	}
	if (frozen && state != 'R' && holds(look, pid))
		(void)kv_thaw_move(look->proc, pid);
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
}

static void
help(const struct look *look, pid_t pid)
{
	kv_cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* In this order: what the pid means now is what the descriptor means. */
	if (pidfd < 0 || !holds(look, pid))
		return;
	if (kv_thaw_is_frozen(look->proc, pid))
		thaw(look, pid, pidfd);
	else if (state_of(look, pid) == 'T')
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
}

void
kv_thaw_holder(int lock_fd)
{
	struct kv_error ignored = KV_ERROR_INIT;
	struct look look = { .end_ms = kv_clock_ms() + LOOK_MS };
	pid_t pids[HOLDERS_MAX];
	int saved = errno;

	look.proc = kv_proc_open(&ignored);
	if (look.proc >= 0 && fstat(lock_fd, &look.file) == 0) {
		size_t count = candidates(&look, pids);

		for (size_t i = 0; i < count && kv_clock_ms() < look.end_ms; i++)
			help(&look, pids[i]);
	}
	if (look.proc >= 0)
		(void)close(look.proc);
	errno = saved;
}

#include "session/testhost.h"

#include <atf-c.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "session/ticket.h"

#define LOG_FILE	"/run/test.log"
#define BEFORE_FILE	"/run/test.before"

static void
must(bool good, const char *what)
{
	ATF_REQUIRE_MSG(good, "%s: %s", what, strerror(errno));
}

void
testhost_file(const char *path, const char *text)
{
	must(kv_replace_file(AT_FDCWD, path, text, strlen(text), 0644) == 0, path);
}

static void
copy_file(const char *from, const char *to)
{
	static char bytes[4 << 20];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = kv_read_all(fd, bytes, sizeof(bytes));
	(void)close(fd);
	must(n >= 0 && kv_replace_file(AT_FDCWD, to, bytes, (size_t)n, 0644) == 0, to);
}

static void
make_etc(const char *shell)
{
	char line[512];

	must(mkdir("/run/etc", 0755) == 0, "/run/etc");
	copy_file("/etc/ld.so.cache", "/run/etc/ld.so.cache");
	must(mkdir("/run/etc/kavach", 0755) == 0 && mkdir("/run/etc/pam.d", 0755) == 0, "etc");
	testhost_file("/run/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
	(void)snprintf(line, sizeof(line), "root:x:0:0::/root:/bin/sh\n%s:x:%d:%d::/home/%s:%s\n"
	    "other:x:60124:60124::/home/other:/bin/sh\n",
	    TESTHOST_USER, TESTHOST_UID, TESTHOST_UID, TESTHOST_USER, shell);
	testhost_file("/run/etc/passwd", line);
	testhost_file("/run/etc/group", "root:x:0:\n" TESTHOST_USER ":x:60123:\nother:x:60124:\n"
	    "staff:x:50:" TESTHOST_USER "\n");
	must(mount("/run/etc", "/etc", NULL, MS_BIND, NULL) == 0, "/etc");
}

static void
make_dev(void)
{
	static const struct { const char *name; unsigned int major, minor; } nodes[] = {
		{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 },
		{ "urandom", 1, 9 }, { "tty", 5, 0 },
	};
	char path[64];

	must(mkdir("/run/dev", 0755) == 0, "/run/dev");
	must(mount("dev", "/run/dev", "tmpfs", MS_NOSUID, "mode=755") == 0, "/run/dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		(void)snprintf(path, sizeof(path), "/run/dev/%s", nodes[i].name);
		must(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) == 0 &&
		    chmod(path, 0666) == 0, path);
	}
	must(mkdir("/run/dev/pts", 0755) == 0 && mkdir("/run/dev/shm", 0755) == 0, "dev");
	must(mount("/dev/pts", "/run/dev/pts", NULL, MS_BIND, NULL) == 0, "pts");
	must(symlink("pts/ptmx", "/run/dev/ptmx") == 0, "ptmx");
	must(symlink("/proc/self/fd", "/run/dev/fd") == 0, "fd");
	must(mount("/run/dev", "/dev", NULL, MS_MOVE, NULL) == 0, "/dev");
}

/* A wrapper to be found where it would be installed, whatever is there on the host. */
static void
make_wrapper(void)
{
	char dir[] = KV_SBINDIR, path[sizeof(dir)];
	size_t len = strlen(dir);

	memcpy(path, dir, sizeof(path));
	while (access(path, F_OK) != 0)
		*strrchr(path, '/') = '\0';
	must(path[0] != '\0', "the folder of the wrapper");
	must(mount("sbin", path, "tmpfs", 0, "mode=755") == 0, path);
	for (size_t i = strlen(path) + 1; i <= len; i++)
		if (dir[i] == '/' || dir[i] == '\0') {
			char kept = dir[i];

			dir[i] = '\0';
			must(mkdir(dir, 0755) == 0 || errno == EEXIST, dir);
			dir[i] = kept;
		}
	copy_file("/bin/true", KV_SBINDIR "/kavach-session");
	must(chmod(KV_SBINDIR "/kavach-session", 0755) == 0, "wrapper");
}

static size_t
where_am_i(char *text, size_t size)
{
	char mnt[64] = "", net[64] = "", cgroup[4096] = "";

	(void)!readlink("/proc/self/ns/mnt", mnt, sizeof(mnt) - 1);
	(void)!readlink("/proc/self/ns/net", net, sizeof(net) - 1);
	(void)kv_read_file(AT_FDCWD, "/proc/self/cgroup", cgroup, sizeof(cgroup));
	return (size_t)snprintf(text, size, "%s %s\n%s", mnt, net, cgroup);
}

void
testhost_enter(const char *shell)
{
	char before[8192];

	must(unshare(CLONE_NEWNS) == 0, "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	must(mount("run", "/run", "tmpfs", MS_NOSUID, "mode=755") == 0, "/run");
	must(mount("lib", "/var/lib", "tmpfs", MS_NOSUID, "mode=755") == 0, "/var/lib");
	must(mount("home", "/home", "tmpfs", MS_NOSUID, "mode=755") == 0, "/home");
	must(mkdir("/home/" TESTHOST_USER, 0700) == 0, "home");
	must(chown("/home/" TESTHOST_USER, TESTHOST_UID, TESTHOST_UID) == 0, "home");
	make_etc(shell);
	make_dev();
	make_wrapper();
	(void)where_am_i(before, sizeof(before));
	testhost_file(BEFORE_FILE, before);
}

pid_t
testhost_log_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)unlink("/dev/log");
	must(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "/dev/log");
	testhost_file(LOG_FILE, "");
	pid = fork();
	if (pid == 0) {
		int out = open(LOG_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
		char line[16384];
		ssize_t n;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while ((n = recv(fd, line, sizeof(line) - 1, 0)) > 0) {
			line[n] = '\n';
			(void)kv_write_all(out, line, (size_t)n + 1);
		}
		_exit(0);
	}
	(void)close(fd);
	return pid;
}

void
testhost_log_stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)unlink("/dev/log");
}

unsigned int
testhost_log_count(const char *text)
{
	static char bytes[1 << 20];
	unsigned int count = 0;

	if (kv_read_file(AT_FDCWD, LOG_FILE, bytes, sizeof(bytes)) < 0)
		return 0;
	for (const char *at = bytes; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

bool
testhost_log_has(const char *text)
{
	for (int i = 0; i < 200; i++) {
		if (testhost_log_count(text) > 0)
			return true;
		(void)usleep(5000);
	}
	return false;
}

static void
check_no_folders(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		ATF_CHECK_MSG(entry->d_name[0] == '.', "%s/%s is left", path, entry->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

void
testhost_check_clean(void)
{
	static char before[8192], now[8192], mounts[1 << 18];

	check_no_folders(KV_SESSIONS_DIR);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, BEFORE_FILE, before, sizeof(before)) > 0);
	(void)where_am_i(now, sizeof(now));
	ATF_CHECK_STREQ(before, now);
	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/self/mountinfo", mounts, sizeof(mounts)) > 0);
	ATF_CHECK_EQ(NULL, strstr(mounts, "/kavach/"));
}

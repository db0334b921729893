#include "backends/process/landlock.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/landlock_abi.h"
#include "common/error.h"
#include "session/ticket.h"

static void
need_abi(int abi)
{
	if (kv_landlock_probe() < abi)
		atf_tc_skip("this kernel's Landlock is older than ABI %d", abi);
}

static void
grant(struct kv_ticket *ticket, const char *path, bool writable)
{
	struct kv_ticket_landlock *rule = &ticket->landlock[ticket->landlock_count++];

	(void)snprintf(rule->path, sizeof(rule->path), "%s", path);
	rule->writable = writable;
}

/* Runs action confined by the ticket, in a child: what it returns (an errno, or 0). */
static int
confined(const struct kv_ticket *ticket, int (*action)(const void *), const void *data)
{
	struct kv_error err = KV_ERROR_INIT;
	int status;
	pid_t pid = fork();

	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		int fd = ticket == NULL ? KV_LANDLOCK_NOTHING : kv_landlock_build(ticket, &err);

		if (fd == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || kv_landlock_enforce(fd, &err) != 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(254);
		}
		_exit(action(data));
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) != 254);
	return WEXITSTATUS(status);
}

static int
result(int rc)
{
	return rc < 0 ? errno : 0;
}

static int read_(const void *p) { return result(open(p, O_RDONLY)); }
static int write_(const void *p) { return result(open(p, O_WRONLY)); }
static int truncate_(const void *p) { return result(truncate(p, 0)); }
static int unlink_(const void *p) { return result(unlink(p)); }
static int mkdir_(const void *p) { return result(mkdir(p, 0700)); }
static int block_(const void *p) { return result(mknod(p, S_IFBLK | 0600, makedev(0, 0))); }

static int
rename_(const void *p)
{
	const char *const *names = p;

	return result(rename(names[0], names[1]));
}

static void
file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ATF_REQUIRE(fd >= 0);
	(void)close(fd);
}

static void
full(char *out, const char *name)
{
	char cwd[256];

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	(void)snprintf(out, KV_PATH_MAX, "%s/%s", cwd, name);
}

ATF_TC_WITHOUT_HEAD(rights_of_each_abi);
ATF_TC_BODY(rights_of_each_abi, tc)
{
	static const struct { int abi; uint64_t fs, net, scoped; } want[] = {
		{ -1, 0, 0, 0 }, { 0, 0, 0, 0 }, { 1, 0x1fff, 0, 0 }, { 2, 0x3fff, 0, 0 }, { 3, 0x7fff, 0, 0 },
		{ 4, 0x7fff, 3, 0 }, { 5, 0xffff, 3, 0 }, { 6, 0xffff, 3, 3 }, { 7, 0xffff, 3, 3 }, { 8, 0xffff, 3, 3 },
		{ 9, 0x1ffff, 3, 3 }, { 99, 0x1ffff, 3, 3 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct kv_landlock_abi has = kv_landlock_abi_rights(want[i].abi);

		ATF_CHECK_EQ(want[i].fs, has.fs);
		ATF_CHECK_EQ(want[i].net, has.net);
		ATF_CHECK_EQ(want[i].scoped, has.scoped);
	}
}

ATF_TC_WITHOUT_HEAD(grants);
ATF_TC_BODY(grants, tc)
{
	ATF_CHECK_EQ(0xd, kv_landlock_grant("/a", false, true, 0xffff));
	ATF_CHECK_EQ(0x5, kv_landlock_grant("/a", false, false, 0xffff));
	ATF_CHECK_EQ(0xffff & ~0x8840, kv_landlock_grant("/a", true, true, 0xffff));
	ATF_CHECK_EQ(0x4007, kv_landlock_grant("/a", true, false, 0xffff));
	ATF_CHECK((kv_landlock_grant("/dev", true, true, 0xffff) & KV_LL_IOCTL_DEV) != 0);
	ATF_CHECK((kv_landlock_grant("/dev/tty", false, false, 0xffff) & KV_LL_IOCTL_DEV) != 0);
	ATF_CHECK((kv_landlock_grant("/devil", true, true, 0xffff) & KV_LL_IOCTL_DEV) == 0);
	ATF_CHECK_EQ(0x1fff & ~0x840, kv_landlock_grant("/dev", true, true, 0x1fff));
	/* A socket is written to. */
	ATF_CHECK_EQ(0xd, kv_landlock_grant("/a", false, true, 0x1ffff));
	ATF_CHECK_EQ(0x1ffff & ~0x8840, kv_landlock_grant("/a", true, true, 0x1ffff));
	ATF_CHECK_EQ(0x14007, kv_landlock_grant("/a", true, false, 0x1ffff));
}

ATF_TC_WITHOUT_HEAD(old_kernels_refuse_what_they_lack);
ATF_TC_BODY(old_kernels_refuse_what_they_lack, tc)
{
	static struct kv_ticket paths, ports, host, none;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_landlock_abi out;

	grant(&paths, "/", false);
	ATF_CHECK_EQ(-1, kv_landlock_plan(&paths, 0, &out, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK_EQ(0, kv_landlock_plan(&paths, 1, &out, &err));
	ATF_CHECK_EQ(0x1fff, out.fs);
	ports.ports_count = 1;
	ATF_CHECK_EQ(-1, kv_landlock_plan(&ports, 7, &out, &err));	/* no seccomp */
	ports.filter_count = 1;
	ATF_CHECK_EQ(-1, kv_landlock_plan(&ports, 3, &out, &err));
	ATF_CHECK_EQ(0, kv_landlock_plan(&ports, 4, &out, &err));
	ATF_CHECK_EQ(KV_LL_CONNECT_TCP, out.net);
	/* The host's abstract sockets come with the host's network where the kernel cannot part them. */
	host.network = KV_NET_HOST;
	ATF_CHECK_EQ(0, kv_landlock_plan(&host, 5, &out, &err));
	ATF_CHECK((out.scoped & KV_LL_SCOPE_ABSTRACT) == 0);
	ATF_CHECK_EQ(0, kv_landlock_plan(&host, 6, &out, &err));
	ATF_CHECK((out.scoped & KV_LL_SCOPE_ABSTRACT) != 0);
	for (int abi = 0; abi < 8; abi++) {
		ATF_CHECK_EQ(0, kv_landlock_plan(&none, abi, &out, &err));
		ATF_CHECK_EQ(abi < 2 ? 0 : KV_LL_MAKE_BLOCK | KV_LL_REFER, out.fs);
	}
	none.network = KV_NET_OFF;
	ATF_CHECK_EQ(0, kv_landlock_plan(&none, 9, &out, &err));
	ATF_CHECK_EQ(KV_LL_MAKE_BLOCK | KV_LL_REFER | KV_LL_RESOLVE_UNIX, out.fs);
	ATF_CHECK_EQ(0, kv_landlock_plan(&host, 9, &out, &err));
	ATF_CHECK_EQ(KV_LL_MAKE_BLOCK | KV_LL_REFER, out.fs);
}

ATF_TC_WITHOUT_HEAD(paths);
ATF_TC_BODY(paths, tc)
{
	static struct kv_ticket ticket;
	const char *const across[] = { "rw/f", "ro/new" }, *const within[] = { "rw/f", "rw/sub/f" };

	need_abi(3);
	ATF_REQUIRE(mkdir("ro", 0700) == 0 && mkdir("rw", 0700) == 0 && mkdir("rw/sub", 0700) == 0 &&
	    mkdir("no", 0700) == 0);
	file("ro/f");
	file("rw/f");
	file("no/f");
	grant(&ticket, "ro", false);
	full(ticket.landlock[0].path, "ro");
	grant(&ticket, "rw", true);
	full(ticket.landlock[1].path, "rw");
	ATF_CHECK_EQ(0, confined(NULL, read_, "no/f"));
	ATF_CHECK_EQ(0, confined(&ticket, read_, "ro/f"));
	ATF_CHECK_EQ(0, confined(&ticket, read_, "ro"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, read_, "no/f"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, read_, "no"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, write_, "ro/f"));
	ATF_CHECK_EQ(0, confined(&ticket, write_, "rw/f"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, truncate_, "ro/f"));
	ATF_CHECK_EQ(0, confined(&ticket, truncate_, "rw/f"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, mkdir_, "ro/d"));
	ATF_CHECK_EQ(0, confined(&ticket, mkdir_, "rw/d"));
	ATF_CHECK_EQ(EACCES, confined(&ticket, unlink_, "ro/f"));
	ATF_CHECK(confined(&ticket, rename_, across) != 0);
	ATF_CHECK_EQ(0, confined(&ticket, rename_, within));
	ATF_CHECK_EQ(EACCES, confined(&ticket, block_, "rw/block"));
	ATF_CHECK_EQ(0, confined(NULL, unlink_, "ro/f"));
}

ATF_TC_WITHOUT_HEAD(missing_path_refuses);
ATF_TC_BODY(missing_path_refuses, tc)
{
	static struct kv_ticket ticket;
	struct kv_error err = KV_ERROR_INIT;

	need_abi(1);
	grant(&ticket, "/no/such/path", false);
	ATF_CHECK_EQ(-1, kv_landlock_build(&ticket, &err));
	ATF_CHECK_EQ(KV_ERR_UNAVAILABLE, err.code);
	ATF_CHECK(strstr(err.msg, "/no/such/path") != NULL);
}

ATF_TC_WITHOUT_HEAD(implied_paths);
ATF_TC_BODY(implied_paths, tc)
{
	static struct kv_ticket ticket;
	struct kv_error err = KV_ERROR_INIT;

	ATF_CHECK_EQ(0, kv_landlock_implied(&ticket, &err));
	ATF_CHECK_EQ(0, ticket.landlock_count);
	grant(&ticket, "/srv", false);
	(void)snprintf(ticket.home, sizeof(ticket.home), "/home/u");
	ticket.home_mode = KV_HOME_RO;
	ATF_CHECK_EQ(0, kv_landlock_implied(&ticket, &err));
	ATF_CHECK_EQ(6, ticket.landlock_count);
	ATF_CHECK_STREQ("/home/u", ticket.landlock[1].path);
	ATF_CHECK(!ticket.landlock[1].writable);
	while (ticket.landlock_count < sizeof(ticket.landlock) / sizeof(ticket.landlock[0]))
		grant(&ticket, "/x", false);
	ATF_CHECK_EQ(-1, kv_landlock_implied(&ticket, &err));
}

static int
connect_tcp(const void *data)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memcpy(&to.sin_port, data, sizeof(to.sin_port));
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

ATF_TC_WITHOUT_HEAD(ports);
ATF_TC_BODY(ports, tc)
{
	static struct kv_ticket ticket;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need_abi(4);
	ATF_REQUIRE(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 8) == 0 &&
	    getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	ticket.filter_count = 1;
	ticket.ports_count = 1;
	ticket.ports[0] = ntohs(at.sin_port);
	ATF_CHECK_EQ(0, confined(&ticket, connect_tcp, &at.sin_port));
	ticket.ports[0] = (uint16_t)(ticket.ports[0] == 1 ? 2 : 1);
	ATF_CHECK_EQ(EACCES, confined(&ticket, connect_tcp, &at.sin_port));
	ATF_CHECK_EQ(0, confined(NULL, connect_tcp, &at.sin_port));
	(void)close(fd);
}

static int
connect_abstract(const void *data)
{
	const struct sockaddr_un *to = data;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return result(connect(fd, (const struct sockaddr *)to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(to->sun_path + 1))));
}

static int
signal_pid(const void *data)
{
	return result(kill(*(const pid_t *)data, 0));
}

ATF_TC_WITHOUT_HEAD(scopes);
ATF_TC_BODY(scopes, tc)
{
	static struct kv_ticket ticket;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t self = getpid();

	need_abi(6);
	(void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "kv-landlock-test-%d", (int)self);
	ATF_REQUIRE(bind(fd, (struct sockaddr *)&at,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(at.sun_path + 1))) == 0 &&
	    listen(fd, 8) == 0);
	ATF_CHECK_EQ(0, confined(NULL, connect_abstract, &at));
	ATF_CHECK_EQ(EPERM, confined(&ticket, connect_abstract, &at));
	ATF_CHECK_EQ(0, confined(NULL, signal_pid, &self));
	ATF_CHECK_EQ(EPERM, confined(&ticket, signal_pid, &self));
	(void)close(fd);
}

static int
connect_path(const void *data)
{
	const struct sockaddr_un *to = data;

	return result(connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)to, sizeof(*to)));
}

ATF_TC_WITHOUT_HEAD(sockets_with_a_path);
ATF_TC_BODY(sockets_with_a_path, tc)
{
	static struct kv_ticket ticket;
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	need_abi(9);
	ATF_REQUIRE(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0);
	full(ticket.data[0], "");
	ticket.data[0][strlen(ticket.data[0]) - 1] = '\0';
	/* In a folder of /tmp, which is the session's: only elsewhere is there something to deny. */
	if (strncmp(ticket.data[0], "/tmp/", 5) == 0 || strncmp(ticket.data[0], "/var/tmp/", 9) == 0)
		atf_tc_skip("run it in a folder outside of /tmp");
	ticket.network = KV_NET_OFF;
	ATF_CHECK_EQ(0, confined(NULL, connect_path, &at));
	ATF_CHECK_EQ(EACCES, confined(&ticket, connect_path, &at));
	ticket.data_count = 1;
	ATF_CHECK_EQ(0, confined(&ticket, connect_path, &at));
	ticket.data_count = 0;
	ticket.network = KV_NET_HOST;
	ATF_CHECK_EQ(0, confined(&ticket, connect_path, &at));
	(void)close(fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rights_of_each_abi);
	ATF_TP_ADD_TC(tp, grants);
	ATF_TP_ADD_TC(tp, old_kernels_refuse_what_they_lack);
	ATF_TP_ADD_TC(tp, paths);
	ATF_TP_ADD_TC(tp, missing_path_refuses);
	ATF_TP_ADD_TC(tp, implied_paths);
	ATF_TP_ADD_TC(tp, ports);
	ATF_TP_ADD_TC(tp, scopes);
	ATF_TP_ADD_TC(tp, sockets_with_a_path);
	return atf_no_error();
}

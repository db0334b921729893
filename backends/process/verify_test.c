/* verify passes with every layer there, and names the layer for each one that is not. */
#include "backends/process/verify.h"

#include <atf-c.h>
#include <errno.h>
#include <linux/mount.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/landlock.h"
#include "backends/process/seccomp.h"
#include "backends/process/verify_parts.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

/* Layers to leave out, one at a time. */
enum leave {
	NOTHING, PID, MOUNT, NET, LO_UP, ROOT, BOUNDING, SECUREBITS, CAPS, NNP, LANDLOCK, SECCOMP, LIMITS,
	SCORE, IDENTITY, GROUPS,
};

#define EXTRA_GROUP 4321

static struct kv_ticket ticket;

static uint64_t
inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Those that we have; one of them too few: then we have one that nobody has decided. */
static void
own_groups(bool without_one)
{
	gid_t seen[KV_LOGIN_GROUPS_MAX];
	int count = getgroups(KV_LOGIN_GROUPS_MAX, seen);

	ATF_REQUIRE(count >= 0);
	for (int i = 0; i < count; i++)
		if (seen[i] != 0 && (!without_one || seen[i] != EXTRA_GROUP))
			ticket.login_groups[ticket.login_groups_count++] = seen[i];
}

static void
fill(enum leave leave)
{
	struct kv_error err = KV_ERROR_INIT;
	size_t count = 0;

	memset(&ticket, 0, sizeof(ticket));
	ticket.inner = KV_BACKEND_AUTO;
	ticket.base_score = 50;
	ticket.uid = leave == IDENTITY ? 1 : 0;
	own_groups(leave == GROUPS);
	ticket.userns_ino = inode("/proc/self/ns/user");
	ticket.host_netns_ino = inode("/proc/self/ns/net");
	ticket.mntns_ino = inode("/proc/self/ns/mnt");
	ticket.read_only_root = true;
	ticket.memory_limit = 1;
	ticket.score = leave == SCORE ? 69 : 68;
	ticket.landlock_count = 1;
	(void)snprintf(ticket.landlock[0].path, KV_PATH_MAX, "/proc");
	ATF_REQUIRE_EQ_MSG(0, kv_seccomp_compile(KV_SECCOMP_STRICT, NULL, ticket.filter, KV_TICKET_FILTER_MAX,
	    &count, &err), "%s", err.msg);
	ticket.filter_count = (uint32_t)count;
}

/* Layers but seccomp. 0, or -1 with a word on stdout. */
static int
lock_down(enum leave leave)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };
	struct kv_error err = KV_ERROR_INIT;
	int fd = kv_landlock_build(&ticket, &err);

	for (int cap = 0; leave != BOUNDING && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
	if (leave != SECUREBITS && prctl(PR_SET_SECUREBITS, 0xef) != 0)
		return -1;
	if (leave != CAPS && syscall(SYS_capset, &header, none) != 0)
		return -1;
	if (leave != NNP && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return fd < 0 || (leave != LANDLOCK && leave != NNP && kv_landlock_enforce(fd, &err) != 0) ? -1 : 0;
}

static int
lo_up(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	lo.ifr_flags = IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &lo);
}

/* In the child of the namespaces: layers, verify, the message to the pipe. */
static void
inside(enum leave leave, int out)
{
	const struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_verified verified = { 0, "" };

	if (leave == LO_UP && lo_up() != 0)
		goto broken;
	if (leave != MOUNT && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0 || mount("t", "/tmp", "tmpfs", 0, NULL) != 0 ||
	    mount("/usr", "/usr", NULL, MS_BIND, NULL) != 0 || mount("/etc", "/etc", NULL, MS_BIND, NULL) != 0))
		goto broken;
	for (size_t i = 0; leave != MOUNT && leave != ROOT && i < 3; i++) {
		static const char *const trees[] = { "/", "/usr", "/etc" };

		if (syscall(SYS_mount_setattr, AT_FDCWD, trees[i], 0, &ro, sizeof(ro)) != 0)
			goto broken;
	}
	if (lock_down(leave) != 0 || (leave != SECCOMP && leave != NNP && leave != CAPS &&
	    kv_seccomp_install(ticket.filter, ticket.filter_count, &err) != 0))
		goto broken;
	if (kv_process_verify(&ticket, leave != LIMITS, &verified, &err) == 0)
		(void)snprintf(err.msg, sizeof(err.msg), "verified %d %s", verified.score, verified.layers);
	(void)kv_write_all(out, err.msg, strlen(err.msg));
	_exit(0);
broken:
	(void)kv_write_all(out, "broken test", 11);
	_exit(1);
}

static const char *
verify_without(enum leave leave)
{
	static char message[1024];
	int pipes[2], flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET;
	ssize_t n;
	pid_t pid;

	fill(leave);
	ATF_REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		flags &= ~(leave == PID ? CLONE_NEWPID : leave == MOUNT ? CLONE_NEWNS : leave == NET ? CLONE_NEWNET : 0);
		if (unshare(flags) != 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			inside(leave, pipes[1]);
		(void)waitpid(pid, NULL, 0);
		_exit(0);
	}
	(void)close(pipes[1]);
	n = kv_read_all(pipes[0], message, sizeof(message) - 1);
	message[n > 0 ? n : 0] = '\0';
	(void)close(pipes[0]);
	(void)waitpid(pid, NULL, 0);
	return message;
}

ATF_TC(each_layer);
ATF_TC_HEAD(each_layer, tc)
{
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(each_layer, tc)
{
	static const struct { enum leave leave; const char *says; } cases[] = {
		{ NOTHING, "verified 68 ns,caps,seccomp,landlock,net,ro,limits" },
		{ PID, "pid namespace" }, { MOUNT, "/proc" }, { NET, "network namespace" },
		{ LO_UP, "lo is up" }, { ROOT, "read-only root" }, { BOUNDING, "CapBnd" },
		{ SECUREBITS, "securebits" }, { CAPS, "CapPrm" }, { NNP, "no_new_privs" },
		{ LANDLOCK, "landlock" }, { SECCOMP, "seccomp" }, { LIMITS, "limits" },
		{ SCORE, "promised is 69" }, { IDENTITY, "another user" },
		{ GROUPS, "the additional group 4321" },
	};

	const gid_t groups[] = { 0, EXTRA_GROUP, 4 };

	if (kv_landlock_probe() == 0)
		atf_tc_skip("no Landlock here");
	ATF_REQUIRE_EQ(0, setgroups(3, groups));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = verify_without(cases[i].leave);

		ATF_CHECK_MSG(strstr(got, cases[i].says) != NULL, "expected %s, got: %s", cases[i].says, got);
		ATF_CHECK_MSG((strncmp(got, "verified", 8) == 0) == (i == 0), "%s", got);
	}
}

ATF_TC_WITHOUT_HEAD(pure_parts);
ATF_TC_BODY(pure_parts, tc)
{
	const char head[] = "Inter-|   Receive\n face |bytes\n";
	char dev[256];

	(void)snprintf(dev, sizeof(dev), "%s    lo: 1 2\n", head);
	ATF_CHECK(kv_verify_only_loopback(head));
	ATF_CHECK(kv_verify_only_loopback(dev));
	(void)snprintf(dev, sizeof(dev), "%s    lo: 1 2\nlo2: 1\n", head);
	ATF_CHECK(!kv_verify_only_loopback(dev));

	memset(&ticket, 0, sizeof(ticket));
	ticket.landlock_count = 2;
	(void)snprintf(ticket.landlock[0].path, KV_PATH_MAX, "/usr/");
	(void)snprintf(ticket.landlock[1].path, KV_PATH_MAX, "/etcetera");
	ATF_CHECK_STREQ("/", kv_verify_hidden_folder(&ticket));
	(void)snprintf(ticket.landlock[0].path, KV_PATH_MAX, "/");
	ATF_CHECK(kv_verify_hidden_folder(&ticket) == NULL);

	ATF_CHECK_EQ(1, kv_verify_closed_port(&ticket));
	ticket.ports_count = 2;
	ticket.ports[0] = 2;
	ticket.ports[1] = 1;
	ATF_CHECK_EQ(3, kv_verify_closed_port(&ticket));
}

/* 0, or what is said. */
static const char *
groups_say(const gid_t *seen, int count, long overflow)
{
	static struct kv_error err;

	err = (struct kv_error)KV_ERROR_INIT;
	return kv_verify_groups(seen, count, &ticket, overflow, &err) == 0 ? "" : err.msg;
}

ATF_TC_WITHOUT_HEAD(groups);
ATF_TC_BODY(groups, tc)
{
	const gid_t all[] = { 30, 100, 20, 30 }, more[] = { 20, 30, 0 }, fewer[] = { 30 }, nobody[] = { 100, 65534, 65534 };

	memset(&ticket, 0, sizeof(ticket));
	ticket.gid = 100;
	ATF_CHECK_STREQ("", groups_say(all, 0, -1));
	ATF_CHECK_STREQ("", groups_say(all + 1, 1, -1));
	ATF_CHECK(strstr(groups_say(fewer, 1, -1), "additional group 30") != NULL);
	ticket.login_groups_count = 2;
	ticket.login_groups[0] = 20;
	ticket.login_groups[1] = 30;
	ATF_CHECK_STREQ("", groups_say(all, 4, -1));
	ATF_CHECK(strstr(groups_say(more, 3, -1), "additional group 0") != NULL);
	ATF_CHECK(strstr(groups_say(fewer, 1, -1), "group 20 is missing") != NULL);
	ATF_CHECK(strstr(groups_say(nobody, 3, -1), "additional group 65534") != NULL);
	/* In a user namespace they are all nobody's. */
	ATF_CHECK_STREQ("", groups_say(nobody, 3, 65534));
	ATF_CHECK(strstr(groups_say(nobody, 1, 65534), "group 65534 is missing") != NULL);
	ATF_CHECK(strstr(groups_say(all, 4, 65534), "additional group 30") != NULL);
	ticket.login_groups_count = 0;
	ATF_CHECK(strstr(groups_say(nobody, 3, 65534), "additional group 65534") != NULL);
	/* A container's: root's group is not among them. */
	ticket.container_root = 1;
	ticket.groups_count = 1;
	ticket.groups[0] = 30;
	ATF_CHECK_STREQ("", groups_say(fewer, 1, -1));
	ATF_CHECK(strstr(groups_say(all, 4, -1), "additional group 20") != NULL);
	ATF_CHECK(strstr(groups_say(all, 0, -1), "group 30 is missing") != NULL);
}

/* The addends here are those of policy/score.c. */
ATF_TC_WITHOUT_HEAD(score_is_the_policys);
ATF_TC_BODY(score_is_the_policys, tc)
{
	static struct kv_policy policy;

	for (unsigned int bits = 0; bits < 64; bits++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_verified out;

		memset(&ticket, 0, sizeof(ticket));
		memset(&policy, 0, sizeof(policy));
		ticket.inner = KV_BACKEND_AUTO;
		ticket.base_score = 50;
		ticket.filter_count = (bits & 1) != 0;
		policy.seccomp = (bits & 1) != 0 ? KV_SECCOMP_BASIC : KV_SECCOMP_OFF;
		ticket.landlock_count = (uint32_t)(policy.landlock_count = (bits & 2) != 0);
		policy.network = (bits & 4) != 0 ? KV_NET_OFF : KV_NET_LOOPBACK;
		ticket.network = (int32_t)policy.network;
		ticket.read_only_root = policy.read_only_root = (bits & 8) != 0;
		ticket.memory_limit = policy.memory_limit = (bits & 16) != 0;
		ticket.cpu_limit_milli = policy.cpu_limit_milli = (bits & 32) != 0;
		ticket.score = kv_score(50, KV_BACKEND_PROCESS, &policy);
		ATF_CHECK_EQ_MSG(0, kv_verify_score(&ticket, &out, &err), "%s", err.msg);
		ATF_CHECK_EQ(ticket.score, out.score);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, each_layer);
	ATF_TP_ADD_TC(tp, pure_parts);
	ATF_TP_ADD_TC(tp, groups);
	ATF_TP_ADD_TC(tp, score_is_the_policys);
	return atf_no_error();
}

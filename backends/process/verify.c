#include "backends/process/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "backends/process/landlock.h"
#include "backends/process/verify_parts.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"
#include "session/ticket.h"

#define SECUREBITS_MASK 0xffUL
#define SECUREBITS_WANT ((SECURE_ALL_BITS | SECURE_ALL_LOCKS) & ~(1UL << SECURE_KEEP_CAPS) & SECUREBITS_MASK)

static int
missing(const char *layer, const char *why, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: %s: %s", layer, why);
}

static int
verify_process(const struct kv_ticket *ticket, struct kv_error *err)
{
	char status[32768];	/* the groups are in it */
	int bits = prctl(PR_GET_SECUREBITS);

	if (kv_read_file(AT_FDCWD, "/proc/self/status", status, sizeof(status)) < 0)
		return missing("/proc/self/status", strerror(errno), err);
	if (kv_verify_status(status, ticket, err) != 0 || kv_verify_own_groups(ticket, false, err) != 0)
		return -1;
	/* A runtime empties the bounding set instead; none of them locks securebits. */
	if (ticket->container_root != 0)
		return 0;
	if (bits < 0 || ((unsigned long)bits & SECUREBITS_MASK) != SECUREBITS_WANT)
		return missing("capabilities", "securebits are not locked", err);
	return 0;
}

/* The inode of one of the caller's namespaces, or 0. */
static uint64_t
namespace_inode(const char *name)
{
	kv_cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct kv_error ignored = KV_ERROR_INIT;
	uint64_t inode;

	return proc >= 0 && kv_proc_namespace(proc, name, &inode, &ignored) == 0 ? inode : 0;
}

static int
verify_namespaces(const struct kv_ticket *ticket, struct kv_error *err)
{
	uint64_t mnt = namespace_inode("mnt"), user = namespace_inode("user"), net = namespace_inode("net");
	struct statfs proc;
	char self[16];
	ssize_t n;

	if (net == 0 || (net == ticket->host_netns_ino) != (ticket->network == KV_NET_HOST))
		return missing("network namespace", "not the one that was decided", err);
	if (ticket->backend == KV_BACKEND_NOOP)
		return 0;	/* it has none of its own, and no points for them */
	if (getpid() != 1)
		return missing("pid namespace", "not its first process", err);
	/* A procfs of another pid namespace would name this process otherwise. */
	n = readlink("/proc/self", self, sizeof(self));
	if (statfs("/proc", &proc) != 0 || proc.f_type != PROC_SUPER_MAGIC || n != 1 || self[0] != '1')
		return missing("/proc", "not the sandbox's own", err);
	if (mnt == 0 || mnt == ticket->mntns_ino)
		return missing("mount namespace", "the session's, not the sandbox's", err);
	if (user == 0 || (user == ticket->userns_ino) !=
	    (ticket->privilege == KV_PRIV_CAPS && ticket->container_root == 0))
		return missing("user namespace", "not the one that was decided", err);
	return 0;
}

static int
verify_network(const struct kv_ticket *ticket, struct kv_error *err)
{
	char dev[4096];
	struct ifreq lo = { .ifr_name = "lo" };
	/* A proxy is reached over lo. */
	bool up = ticket->network == KV_NET_LOOPBACK || ticket->network == KV_NET_PROXY;

	if (ticket->network == KV_NET_HOST)
		return 0;
	if (kv_read_file(AT_FDCWD, "/proc/self/net/dev", dev, sizeof(dev)) < 0)
		return missing("network", "cannot list the interfaces", err);
	if (!kv_verify_only_loopback(dev))
		return missing("network", "there is an interface besides lo", err);
	kv_cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &lo) != 0)
		return missing("network", "cannot read the state of lo", err);
	if (((lo.ifr_flags & IFF_UP) != 0) != up)
		return missing("network", up ? "lo is down" : "lo is up", err);
	return 0;
}

static int
verify_root(const struct kv_ticket *ticket, struct kv_error *err)
{
	static const char *const trees[] = { "/", "/usr", "/etc" };

	for (size_t i = 0; ticket->read_only_root && i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct statvfs st;

		if (statvfs(trees[i], &st) != 0)
			return missing("read-only root", strerror(errno), err);
		if ((st.f_flag & ST_RDONLY) == 0)
			return missing("read-only root", trees[i], err);
	}
	return 0;
}

/* What a module is given to read. */
static int
verify_folders(const struct kv_ticket *ticket, struct kv_error *err)
{
	for (uint32_t i = 0; ticket->backend == KV_BACKEND_WASM && i < ticket->landlock_count; i++) {
		struct statvfs st;

		if (!kv_verify_is_closed(&ticket->landlock[i]))
			continue;
		if (statvfs(ticket->landlock[i].path, &st) != 0)
			return missing(ticket->landlock[i].path, strerror(errno), err);
		if ((st.f_flag & ST_RDONLY) == 0)
			return missing(ticket->landlock[i].path, "not read-only", err);
	}
	return 0;
}

static int
verify_port(const struct kv_ticket *ticket, struct kv_error *err)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(kv_verify_closed_port(ticket)),
	};
	kv_cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return missing("allowed_ports", strerror(errno), err);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EACCES)
		return missing("allowed_ports", "a port that is not allowed is open", err);
	return 0;
}

/*
 * Landlock by attempts. Every ruleset of ours forbids block devices to be made, and the kernel
 * asks Landlock (EACCES) before it looks at capabilities (EPERM); a folder that
 * anyone may list shows the file rules where one is not granted.
 */
static int
verify_landlock(const struct kv_ticket *ticket, struct kv_error *err)
{
	const char *hidden = ticket->landlock_count > 0 ? kv_verify_hidden_folder(ticket) : NULL;

	if (ticket->landlock_count > 0 || ticket->ports_count > 0 || kv_landlock_probe() >= 2) {
		if (mknod("/tmp/.kavach-verify", S_IFBLK | 0600, makedev(0, 0)) == 0 || errno != EACCES)
			return missing("landlock", "not in force", err);
	}
	if (hidden != NULL) {
		kv_cleanup_close int fd = open(hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 || errno != EACCES)
			return missing("landlock: open to all", hidden, err);
	}
	return ticket->ports_count > 0 ? verify_port(ticket, err) : 0;
}

int
kv_process_verify(const struct kv_ticket *ticket, bool limits_ok, struct kv_verified *out,
    struct kv_error *err)
{
	bool limits = ticket->memory_limit != 0 || ticket->cpu_limit_milli != 0 || ticket->process_limit != 0;

	if (verify_process(ticket, err) != 0 || verify_namespaces(ticket, err) != 0 ||
	    verify_network(ticket, err) != 0 || verify_root(ticket, err) != 0 || verify_folders(ticket, err) != 0 ||
	    verify_landlock(ticket, err) != 0)
		return -1;
	if (limits && !limits_ok)
		return missing("limits", "the cgroup does not hold them", err);
	return kv_verify_score(ticket, out, err);
}

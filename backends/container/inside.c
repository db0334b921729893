#include "backends/container/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/confine.h"
#include "backends/process/verify.h"
#include "backends/process/verify_parts.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

int
kv_inside_close_from(int fd)
{
	/* Not ~0U: an old gVisor takes the last one for a signed number. */
	return (int)syscall(SYS_close_range, fd, INT_MAX, 0);
}

int
kv_inside_confine(const struct kv_ticket *ticket, bool foreign, struct kv_error *err)
{
	if (foreign && (ticket->landlock_count > 0 || ticket->ports_count > 0))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "this container's kernel has no Landlock");
	return kv_process_confine_more(ticket, !foreign, err);
}

static int
missing(const char *layer, const char *why, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: %s: %s", layer, why);
}

/* The capability sets by system calls: gVisor's /proc/self/status does not have them all. */
static int
verify_caps(struct kv_error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	memset(data, 0xff, sizeof(data));
	if (syscall(SYS_capget, &header, data) != 0)
		return missing("capabilities", strerror(errno), err);
	if ((data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective |
	    data[1].permitted | data[1].inheritable) != 0)
		return missing("capabilities", "one is held", err);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return missing("capabilities", "the bounding set is not empty", err);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return missing("no_new_privs", "not set", err);
	return 0;
}

static int
verify_identity(const struct kv_ticket *ticket, struct kv_error *err)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return missing("identity", strerror(errno), err);
	for (int i = 0; i < 3; i++)
		if (uid[i] != ticket->uid || gid[i] != ticket->gid)
			return missing("identity", "another user or group", err);
	return kv_verify_own_groups(ticket, false, err);
}

static int
verify_foreign(const struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	char dev[4096];
	ssize_t n;

	if (verify_caps(err) != 0 || verify_identity(ticket, err) != 0)
		return -1;
	if (ticket->filter_count > 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
		return missing("seccomp", "no filter", err);
	if (getpid() != 1)
		return missing("pid namespace", "not its first process", err);
	if (ticket->network == KV_NET_HOST)
		return 0;
	/* Not kv_read_file: gVisor has no openat2(2). */
	fd = open("/proc/net/dev", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : kv_read_all(fd, dev, sizeof(dev) - 1);
	if (n <= 0)
		return missing("network", "cannot list the interfaces", err);
	dev[n] = '\0';
	return kv_verify_only_loopback(dev) ? 0 : missing("network", "there is an interface besides lo", err);
}

int
kv_inside_verify(const struct kv_ticket *ticket, bool foreign, bool limits_ok,
    struct kv_verified *out, struct kv_error *err)
{
	bool limits = ticket->memory_limit != 0 || ticket->cpu_limit_milli != 0 || ticket->process_limit != 0;

	if (!foreign)
		return kv_process_verify(ticket, limits_ok, out, err);
	if (verify_foreign(ticket, err) != 0)
		return -1;
	if (limits && !limits_ok)
		return missing("limits", "the cgroup does not hold them", err);
	return kv_verify_score(ticket, out, err);
}

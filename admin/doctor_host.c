/* What the host as a whole leaves open: the wrapper, /etc/shells, kernel switches, syslog. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define WRAPPER KV_SBINDIR "/kavach-session"
#define CHSH "/usr/bin/chsh"

#ifndef LANDLOCK_CREATE_RULESET_VERSION
#define LANDLOCK_CREATE_RULESET_VERSION (1U << 0)
#endif

static bool
any_user(const struct kv_doctor *d, bool (*test)(const struct kv_doctor_user *))
{
	for (size_t i = 0; i < d->user_count; i++)
		if (test(&d->users[i]))
			return true;
	return false;
}

static bool
without_seccomp(const struct kv_doctor_user *user)
{
	return user->seccomp_off;
}

static bool
on_host_network(const struct kv_doctor_user *user)
{
	return user->host_network;
}

static bool
wants_caps(const struct kv_doctor_user *user)
{
	return user->needs_caps;
}

/* `=ei` with exactly the three: effective bit, nothing permitted, no more inheritable. */
static bool
right_caps(int fd)
{
	const uint32_t want = 1U << CAP_SYS_ADMIN | 1U << CAP_SETPCAP | 1U << CAP_DAC_OVERRIDE;
	struct vfs_ns_cap_data cap;
	ssize_t n = fgetxattr(fd, "security.capability", &cap, sizeof(cap));

	if (n < (ssize_t)sizeof(struct vfs_cap_data))
		return false;
	return (le32toh(cap.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) != 0 &&
	    cap.data[0].permitted == 0 && cap.data[1].permitted == 0 &&
	    le32toh(cap.data[0].inheritable) == want && cap.data[1].inheritable == 0;
}

static void
check_wrapper(struct kv_doctor *d)
{
	kv_cleanup_close int fd = kv_doctor_open(d, WRAPPER, O_RDONLY | O_NONBLOCK);
	struct statvfs vfs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		kv_doctor_add(d, &(struct kv_report){ "wrapper-missing", KV_HIGH, kv_no_user, WRAPPER,
		    "Install kavach again." },
		    "the login shell of confined accounts cannot be opened: they cannot log in");
		return;
	}
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		kv_doctor_add(d, &(struct kv_report){ "wrapper-writable", KV_HIGH, kv_no_user, WRAPPER,
		    "chown root:root and chmod 0755 it, and see who has changed it." },
		    "the wrapper belongs to uid %u with mode %04o: others than root can replace it",
		    (unsigned int)st.st_uid, (unsigned int)(st.st_mode & 07777));
	if (!any_user(d, wants_caps))
		return;
	if ((st.st_mode & S_ISUID) == 0 && !right_caps(fd))
		kv_doctor_add(d, &(struct kv_report){ "wrapper-capabilities", KV_HIGH, kv_no_user, WRAPPER,
		    "setcap cap_sys_admin,cap_setpcap,cap_dac_override=ei " WRAPPER },
		    "the file capabilities are not the three that it needs as =ei, and no others");
	if (fstatvfs(fd, &vfs) == 0 && (vfs.f_flag & ST_NOSUID) != 0)
		kv_doctor_add(d, &(struct kv_report){ "wrapper-nosuid", KV_HIGH, kv_no_user, WRAPPER,
		    "Mount that file system without nosuid, or use privilege = userns." },
		    "its file system is mounted nosuid: file capabilities do not count there");
}

static void
check_shells(struct kv_doctor *d)
{
	unsigned int line = kv_doctor_line(d, "/etc/shells", WRAPPER, " \t#");
	char where[KV_DOCTOR_WHERE];
	struct stat st;

	if (line == 0 || !kv_doctor_stat(d, CHSH, &st) || (st.st_mode & S_ISUID) == 0)
		return;
	(void)snprintf(where, sizeof(where), "/etc/shells:%u", line);
	kv_doctor_add(d, &(struct kv_report){ "shells-lists-wrapper", KV_MEDIUM, kv_no_user, where,
	    "Take the line out: chsh then refuses those whose shell is the wrapper." },
	    "who has the wrapper as login shell may change it with chsh");
}

static void
check_switches(struct kv_doctor *d)
{
	long value;

	if (any_user(d, without_seccomp) &&
	    (!kv_doctor_number(d, "/proc/sys/dev/tty/legacy_tiocsti", &value) || value != 0))
		kv_doctor_add(d, &(struct kv_report){ "tiocsti", KV_MEDIUM, kv_no_user,
		    "/proc/sys/dev/tty/legacy_tiocsti",
		    "sysctl dev.tty.legacy_tiocsti=0, or give the policy seccomp = basic." },
		    "a policy has seccomp off, and TIOCSTI can push input into a terminal");
	if (!any_user(d, without_seccomp) ||
	    !kv_doctor_number(d, "/proc/sys/user/max_user_namespaces", &value) || value == 0)
		return;
	if (kv_doctor_number(d, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &value) &&
	    value != 0)
		return;
	if (kv_doctor_number(d, "/proc/sys/kernel/unprivileged_userns_clone", &value) && value == 0)
		return;
	kv_doctor_add(d, &(struct kv_report){ "user-namespaces", KV_MEDIUM, kv_no_user,
	    "/proc/sys/user/max_user_namespaces", "Give the policy seccomp = basic, which refuses "
	    "user namespaces, or close them on the host." },
	    "a policy has seccomp off, and users may make user namespaces");
}

static void
check_landlock(struct kv_doctor *d)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi >= 6)
		return;
	kv_doctor_add(d, &(struct kv_report){ "landlock-abi",
	    any_user(d, on_host_network) ? KV_MEDIUM : KV_LOW, kv_no_user, "the running kernel",
	    "Run Linux 6.12 or newer with landlock in lsm=." },
	    "Landlock's ABI is %ld, and from 6 on it shuts off abstract sockets and signals%s",
	    abi < 0 ? 0L : abi, any_user(d, on_host_network) ?
	    "; a policy has network = host, which shares the host's abstract sockets" : "");
}

static void
check_syslog(struct kv_doctor *d)
{
	struct stat st;

	if (kv_doctor_stat(d, "/dev/log", &st) && S_ISSOCK(st.st_mode))
		return;
	kv_doctor_add(d, &(struct kv_report){ "syslog-missing",
	    d->have_config && !d->config.audit_required ? KV_MEDIUM : KV_HIGH, kv_no_user, "/dev/log",
	    "Run a syslog daemon, or systemd-journald." }, "nothing takes records%s",
	    d->have_config && !d->config.audit_required ? "" : ", so confined logins are refused");
}

void
kv_doctor_host(struct kv_doctor *d)
{
	check_wrapper(d);
	check_shells(d);
	check_switches(d);
	check_landlock(d);
	check_syslog(d);
}

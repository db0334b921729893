#include "proxy/confine.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "proxy/config.h"
#include "proxy/fence.h"
#include "proxy/filter.h"
#include "proxy/secret.h"

#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define STATUS_MAX	8192
/* A client's, its upstream's, four of two pipes; and some. */
#define DESCRIPTORS	4096

/* The line "NAME:\tvalue" of /proc/self/status. */
static bool
says(const char *status, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	for (const char *at = status; at != NULL && *at != '\0';) {
		if (strncmp(at, name, name_len) == 0 && strncmp(at + name_len, ":\t", 2) == 0 &&
		    strncmp(at + name_len + 2, value, value_len) == 0 && at[name_len + 2 + value_len] == '\n')
			return true;
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	return false;
}

static int
missing(const char *layer, const char *why, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: %s: %s", layer, why);
}

static int
verify_status(const char *status, bool filtered, struct kv_error *err)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
	char uid[64], gid[64];

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (!says(status, sets[i], "0000000000000000"))
			return missing("capabilities", sets[i], err);
	}
	if (kv_format(uid, sizeof(uid), "%u\t%u\t%u\t%u", getuid(), getuid(), getuid(), getuid()) != 0 ||
	    kv_format(gid, sizeof(gid), "%u\t%u\t%u\t%u", getgid(), getgid(), getgid(), getgid()) != 0)
		return kv_error_sys(err, "status");
	if (getuid() == 0 || getgid() == 0 || !says(status, "Uid", uid) || !says(status, "Gid", gid))
		return missing("identity", "not a user of its own", err);
	if (!says(status, "NoNewPrivs", "1"))
		return missing("no_new_privs", "not set", err);
	if (!says(status, "TracerPid", "0"))
		return missing("identity", "traced", err);
	if (filtered && !says(status, "Seccomp", "2"))
		return missing("seccomp", "no filter", err);
	return 0;
}

/* No group but the own one: a file that a group may read is not for this process. */
static int
verify_groups(struct kv_error *err)
{
	gid_t groups[64];
	int count = getgroups(64, groups);

	if (count < 0)
		return kv_error_sys(err, "groups");
	for (int i = 0; i < count; i++) {
		if (groups[i] != getgid())
			return missing("identity", "groups of others", err);
	}
	return 0;
}

static int
raise_descriptors(struct kv_error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return kv_error_sys(err, "RLIMIT_NOFILE");
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return kv_error_sys(err, "RLIMIT_NOFILE");
	return 0;
}

/* Reads from the descriptor that was opened before Landlock. */
static int
read_status(int fd, char status[STATUS_MAX], struct kv_error *err)
{
	ssize_t n = pread(fd, status, STATUS_MAX - 1, 0);

	if (n <= 0)
		return kv_error_sys(err, "/proc/self/status");
	status[n] = '\0';
	return 0;
}

int
kv_confine_begin(struct kv_error *err)
{
	char status[STATUS_MAX];
	kv_cleanup_close int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return kv_error_sys(err, "no_new_privs");
	if (fd < 0)
		return kv_error_sys(err, "/proc/self/status");
	if (read_status(fd, status, err) != 0 || verify_status(status, false, err) != 0 || verify_groups(err) != 0)
		return -1;
	if (raise_descriptors(err) != 0 || kv_secret_start(err) != 0)
		return -1;
	return 0;
}

static int
verify_cores(struct kv_error *err)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return missing("cores", "RLIMIT_CORE", err);
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return missing("cores", "dumpable", err);
	return 0;
}

int
kv_confine_finish(const struct kv_egress_config *config, int audit, struct kv_error *err)
{
	char status[STATUS_MAX];
	kv_cleanup_close int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return kv_error_sys(err, "/proc/self/status");
	/* What the filter does not let be asked is asked before. */
	if (verify_cores(err) != 0 || verify_groups(err) != 0 || kv_fence_enforce(config, audit, err) != 0 ||
	    kv_fence_verify(config, err) != 0 || kv_filter_enforce(err) != 0 || kv_filter_verify(err) != 0)
		return -1;
	return read_status(fd, status, err) == 0 ? verify_status(status, true, err) : -1;
}

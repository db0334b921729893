#include "wrapper/privilege.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/confine.h"
#include "common/error.h"
#include "session/caps.h"

#define RECORD_CAPS (1ULL << CAP_DAC_OVERRIDE)

static int
permitted(unsigned long long *out, struct kv_error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return kv_error_sys(err, "capabilities");
	*out = data[0].permitted | ((unsigned long long)data[1].permitted << 32);
	return 0;
}

/* The setuid build: from root to the user for good, keeping the set. */
static int
leave_root(struct kv_error *err)
{
	uid_t user = getuid();

	if (prctl(PR_SET_KEEPCAPS, 1) != 0)
		return kv_error_sys(err, "keep capabilities");
	if (setresgid(getgid(), getgid(), getgid()) != 0 || setresuid(user, user, user) != 0)
		return kv_error_sys(err, "become the user");
	if (prctl(PR_SET_KEEPCAPS, 0) != 0)
		return kv_error_sys(err, "keep capabilities");
	if (kv_process_set_caps(KV_WRAPPER_CAPS, 0, err) != 0)
		return -1;
	if (setresuid(0, 0, 0) == 0 || geteuid() != user)
		return kv_error_set(err, KV_ERR_SYSTEM, "root could be had again");
	/* A change of user sets it to fs.suid_dumpable, with which the user might trace what holds capabilities. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return kv_error_sys(err, "dumpable");
	return 0;
}

int
kv_privilege_take(bool *held, struct kv_error *err)
{
	unsigned long long now;

	*held = false;
	if (geteuid() != getuid() && leave_root(err) != 0)
		return -1;
	if (permitted(&now, err) != 0)
		return -1;
	if ((now & KV_WRAPPER_CAPS) != KV_WRAPPER_CAPS)
		return kv_process_set_caps(0, 0, err);
	*held = true;
	return kv_process_set_caps(KV_WRAPPER_CAPS, 0, err);
}

int
kv_privilege_raise(struct kv_error *err)
{
	unsigned long long now;

	return permitted(&now, err) != 0 ? -1 : kv_process_set_caps(now, now, err);
}

int
kv_privilege_lower(struct kv_error *err)
{
	unsigned long long now;

	return permitted(&now, err) != 0 ? -1 : kv_process_set_caps(now, 0, err);
}

int
kv_privilege_shrink(struct kv_error *err)
{
	unsigned long long now;

	return permitted(&now, err) != 0 ? -1 : kv_process_set_caps(now & RECORD_CAPS, 0, err);
}

int
kv_privilege_drop(struct kv_error *err)
{
	return kv_process_set_caps(0, 0, err);
}

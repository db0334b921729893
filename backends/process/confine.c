/*
 * The order, and why:
 *   1. Landlock's ruleset is built: it opens paths, which later layers forbid.
 *   2. the bounding set, then securebits: both need CAP_SETPCAP.
 *   3. the five capability sets: capset(2) with nothing, ambient goes with them.
 *   4. no_new_privs: from here an unprivileged process may restrict itself.
 *   5. landlock_restrict_self(2).
 *   6. seccomp last: the profile need not allow any of the above.
 */
#include "backends/process/confine.h"

#include <linux/securebits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/landlock.h"
#include "backends/process/seccomp.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "session/ticket.h"

#define SECUREBITS_ALL \
	(SECURE_ALL_BITS & ~(1UL << SECURE_KEEP_CAPS))

static int
set_caps(unsigned long long permitted, unsigned long long effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)effective, .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32), .permitted = (uint32_t)(permitted >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

static int
drop_bounding(struct kv_error *err)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap) != 0)
			return kv_error_sys(err, "capability bounding set");
	}
	return 0;
}

static int
drop_caps(struct kv_error *err)
{
	if (drop_bounding(err) != 0)
		return -1;
	if (prctl(PR_SET_SECUREBITS, SECUREBITS_ALL | SECURE_ALL_LOCKS) != 0)
		return kv_error_sys(err, "securebits");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return kv_error_sys(err, "ambient capabilities");
	if (set_caps(0, 0) != 0)
		return kv_error_sys(err, "capabilities");
	return 0;
}

static int
limit(int resource, rlim_t value, const char *name, struct kv_error *err)
{
	struct rlimit now, want = { .rlim_cur = value, .rlim_max = value };

	if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
		return kv_error_sys(err, "%s limit", name);
	if (now.rlim_max < want.rlim_max)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &want) != 0)
		return kv_error_sys(err, "%s limit", name);
	return 0;
}

/* ruleset: from kv_landlock_build; -1 is its error. */
static int
confine(const struct kv_ticket *ticket, int ruleset, bool with_caps, struct kv_error *err)
{
	if (ruleset == -1)
		return -1;
	if (limit(RLIMIT_CORE, 0, "core file", err) != 0)
		return -1;
	if (ticket->open_files_limit != 0 &&
	    limit(RLIMIT_NOFILE, ticket->open_files_limit, "open files", err) != 0)
		return -1;
	if (with_caps && drop_caps(err) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return kv_error_sys(err, "no_new_privs");
	if (ruleset != KV_LANDLOCK_NOTHING && kv_landlock_enforce(ruleset, err) != 0)
		return -1;
	if (ticket->filter_count != 0 &&
	    kv_seccomp_install(ticket->filter, ticket->filter_count, err) != 0)
		return -1;
	return 0;
}

int
kv_process_confine(const struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int ruleset = kv_landlock_build(ticket, err);

	return confine(ticket, ruleset, true, err);
}

int
kv_process_confine_more(const struct kv_ticket *ticket, bool landlock, struct kv_error *err)
{
	kv_cleanup_close int ruleset = landlock ? kv_landlock_build(ticket, err) : KV_LANDLOCK_NOTHING;

	return confine(ticket, ruleset, false, err);
}

int
kv_process_set_caps(unsigned long long permitted, unsigned long long effective, struct kv_error *err)
{
	if (set_caps(permitted, effective) != 0)
		return kv_error_sys(err, "capabilities");
	return 0;
}

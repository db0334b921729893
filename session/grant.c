/*
 * The inheritable capabilities by which the wrapper's file capabilities count.
 */
#include "session/session.h"

#include "common/error.h"
#include "session/caps.h"

#include <errno.h>
#include <sys/capability.h>

static int
set_inheritable(cap_t caps, bool grant)
{
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++) {
		if ((KV_WRAPPER_CAPS & (1ULL << c)) == 0)
			continue;
		if (cap_set_flag(caps, CAP_INHERITABLE, 1, &c, grant ? CAP_SET : CAP_CLEAR) != 0)
			return -1;
	}
	return cap_set_proc(caps);
}

int
kv_session_grant(bool grant, struct kv_error *err)
{
	cap_t caps = cap_get_proc();
	int result, saved;

	if (caps == NULL)
		return kv_error_sys(err, "cannot read the capabilities");
	result = set_inheritable(caps, grant);
	saved = errno;
	(void)cap_free(caps);
	errno = saved;
	if (result != 0)
		return kv_error_sys(err, "cannot %s the wrapper's capabilities",
		    grant ? "grant" : "withdraw");
	return 0;
}

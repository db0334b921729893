/* For the unit tests of all folders; part of no program. */
#ifndef KV_COMMON_TESTING_H
#define KV_COMMON_TESTING_H

#include <atf-c.h>

#include "common/error.h"
#include "common/proc.h"

/* A test case that needs root, with what it shows; 90 s at the most. */
#define ROOT_CASE(name, text)						\
	ATF_TC(name);							\
	ATF_TC_HEAD(name, tc)						\
	{								\
		atf_tc_set_md_var(tc, "descr", text);			\
		atf_tc_set_md_var(tc, "require.user", "root");		\
		atf_tc_set_md_var(tc, "timeout", "90");			\
	}								\
	ATF_TC_BODY(name, tc)

/* A procfs that shows the caller; fails the test where there is none. */
static inline int
testing_proc(void)
{
	struct kv_error err = KV_ERROR_INIT;
	int proc = kv_proc_open(&err);

	ATF_REQUIRE_MSG(proc >= 0, "%s", err.msg);
	return proc;
}

#endif

#include "common/error.h"

#include <atf-c.h>
#include <errno.h>
#include <string.h>

ATF_TC_WITHOUT_HEAD(sys_names_errno);
ATF_TC_BODY(sys_names_errno, tc)
{
	struct kv_error err = KV_ERROR_INIT;

	errno = EACCES;
	ATF_CHECK_EQ(-1, kv_error_sys(&err, "open %s", "/x"));
	ATF_CHECK_EQ(KV_ERR_SYSTEM, err.code);
	ATF_CHECK_EQ(EACCES, err.sys_errno);
	ATF_CHECK_STREQ("open /x: Permission denied", err.msg);
}

ATF_TC_WITHOUT_HEAD(wrap_keeps_code_and_never_overflows);
ATF_TC_BODY(wrap_keeps_code_and_never_overflows, tc)
{
	struct kv_error err = KV_ERROR_INIT;

	(void)kv_error_set(&err, KV_ERR_CONFIG, "bad");
	for (int i = 0; i < 1000; i++)
		(void)kv_error_wrap(&err, "context");
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	ATF_CHECK(strlen(err.msg) < sizeof(err.msg));
	ATF_CHECK_EQ(0, strncmp(err.msg, "context: context", 16));
}

ATF_TC_WITHOUT_HEAD(every_code_has_its_exit_status);
ATF_TC_BODY(every_code_has_its_exit_status, tc)
{
	ATF_CHECK_EQ(0, kv_error_exit(KV_ERR_NONE));
	ATF_CHECK_EQ(64, kv_error_exit(KV_ERR_USAGE));
	ATF_CHECK_EQ(78, kv_error_exit(KV_ERR_CONFIG));
	ATF_CHECK_EQ(69, kv_error_exit(KV_ERR_UNAVAILABLE));
	ATF_CHECK(kv_error_exit(KV_ERR_DENIED) != 0);
	ATF_CHECK(kv_error_exit(KV_ERR_SYSTEM) != 0);
	ATF_CHECK(kv_error_exit(KV_ERR_NOMEM) != 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, sys_names_errno);
	ATF_TP_ADD_TC(tp, wrap_keeps_code_and_never_overflows);
	ATF_TP_ADD_TC(tp, every_code_has_its_exit_status);
	return atf_no_error();
}

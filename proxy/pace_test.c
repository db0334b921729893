#include "proxy/pace.h"

#include <atf-c.h>

#define START	5000000LL

ATF_TC_WITHOUT_HEAD(some_are_free);
ATF_TC_BODY(some_are_free, tc)
{
	struct kv_pace pace = { 0 };

	ATF_CHECK_EQ(0, kv_pace_wait(&pace, START));
	for (int i = 0; i < KV_PACE_FREE; i++)
		kv_pace_count(&pace, START);
	ATF_CHECK_EQ(0, kv_pace_wait(&pace, START));
	kv_pace_count(&pace, START);
	ATF_CHECK_EQ(KV_PACE_MS, kv_pace_wait(&pace, START));
	ATF_CHECK_EQ(1, kv_pace_wait(&pace, START + KV_PACE_MS - 1));
	ATF_CHECK_EQ(0, kv_pace_wait(&pace, START + KV_PACE_MS));
}

/* Whoever takes each turn that there is gets no more than that, for ever; rest makes up for it, but saves nothing. */
ATF_TC_WITHOUT_HEAD(the_rest_is_paced);
ATF_TC_BODY(the_rest_is_paced, tc)
{
	struct kv_pace pace = { 0 };
	long long now = START;
	int count = 0;

	for (; now < START + 100000; now++)
		for (; kv_pace_wait(&pace, now) == 0; count++)
			kv_pace_count(&pace, now);
	ATF_CHECK_MSG(count >= KV_PACE_FREE + 100000 / KV_PACE_MS && count <= KV_PACE_FREE + 100000 / KV_PACE_MS + 1, "%d", count);
	now += 1000LL * KV_PACE_FREE * KV_PACE_MS;
	for (count = 0; kv_pace_wait(&pace, now) == 0; count++)
		kv_pace_count(&pace, now);
	ATF_CHECK_EQ(KV_PACE_FREE + 1, count);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, some_are_free);
	ATF_TP_ADD_TC(tp, the_rest_is_paced);
	return atf_no_error();
}

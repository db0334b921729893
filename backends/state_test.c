#include "backends/backend.h"

#include <atf-c.h>

#include "common/error.h"

ATF_TC_WITHOUT_HEAD(only_the_moves_of_a_life_are_allowed);
ATF_TC_BODY(only_the_moves_of_a_life_are_allowed, tc)
{
	static const char *const allowed[] = {
		/* from created, running, paused, stopped, destroyed; to each of the same */
		[KV_STATE_CREATED] = ".r..d", [KV_STATE_RUNNING] = "..psd", [KV_STATE_PAUSED] = ".r.sd",
		[KV_STATE_STOPPED] = "....d", [KV_STATE_DESTROYED] = ".....",
	};

	for (int from = KV_STATE_CREATED; from <= KV_STATE_DESTROYED; from++) {
		for (int to = KV_STATE_CREATED; to <= KV_STATE_DESTROYED; to++) {
			struct kv_error err = KV_ERROR_INIT;
			int answer = kv_state_move((enum kv_state)from, (enum kv_state)to, &err);

			ATF_CHECK_EQ_MSG(allowed[from][to] == '.' ? -1 : 0, answer, "%s to %s",
			    kv_state_name((enum kv_state)from), kv_state_name((enum kv_state)to));
			ATF_CHECK_EQ(answer == 0 ? KV_ERR_NONE : KV_ERR_DENIED, err.code);
		}
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, only_the_moves_of_a_life_are_allowed);
	return atf_no_error();
}

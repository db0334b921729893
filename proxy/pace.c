#include "proxy/pace.h"

void
kv_pace_count(struct kv_pace *pace, long long now)
{
	pace->paid = (pace->paid > now ? pace->paid : now) + KV_PACE_MS;
}

long long
kv_pace_wait(const struct kv_pace *pace, long long now)
{
	long long over = pace->paid - now - (long long)KV_PACE_FREE * KV_PACE_MS;

	return over > 0 ? over : 0;
}

#include "backends/backend.h"

#include "common/error.h"

const char *
kv_state_name(enum kv_state state)
{
	static const char *const names[] = {
		[KV_STATE_CREATED] = "created",
		[KV_STATE_RUNNING] = "running",
		[KV_STATE_PAUSED] = "paused",
		[KV_STATE_STOPPED] = "stopped",
		[KV_STATE_DESTROYED] = "destroyed",
	};

	return names[state];
}

int
kv_state_move(enum kv_state from, enum kv_state to, struct kv_error *err)
{
	static const bool allowed[][5] = {
		[KV_STATE_CREATED] = { [KV_STATE_RUNNING] = true, [KV_STATE_DESTROYED] = true },
		[KV_STATE_RUNNING] = {
			[KV_STATE_PAUSED] = true, [KV_STATE_STOPPED] = true, [KV_STATE_DESTROYED] = true,
		},
		[KV_STATE_PAUSED] = {
			[KV_STATE_RUNNING] = true, [KV_STATE_STOPPED] = true, [KV_STATE_DESTROYED] = true,
		},
		[KV_STATE_STOPPED] = { [KV_STATE_DESTROYED] = true },
		[KV_STATE_DESTROYED] = { false },
	};

	if (!allowed[from][to])
		return kv_error_set(err, KV_ERR_DENIED, "a sandbox that is %s cannot become %s",
		    kv_state_name(from), kv_state_name(to));
	return 0;
}

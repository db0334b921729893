#include "audit/audit.h"

const char *
kv_event_name(enum kv_event event)
{
	static const char *const name[KV_EVENT_COUNT] = {
		[KV_EVENT_SESSION_OPEN] = "session-open",
		[KV_EVENT_SESSION_DENY] = "session-deny",
		[KV_EVENT_SANDBOX_START] = "sandbox-start",
		[KV_EVENT_SANDBOX_EXIT] = "sandbox-exit",
		[KV_EVENT_SESSION_CLOSE] = "session-close",
		[KV_EVENT_LIMIT_HIT] = "limit-hit",
		[KV_EVENT_EGRESS_ALLOW] = "egress-allow",
		[KV_EVENT_EGRESS_DENY] = "egress-deny",
		[KV_EVENT_POLICY_ERROR] = "policy-error",
		[KV_EVENT_ADMIN] = "admin",
	};

	if ((unsigned int)event >= KV_EVENT_COUNT)
		return "?";
	return name[event];
}

const char *
kv_chain_name(enum kv_chain_kind kind)
{
	static const char *const names[KV_CHAIN_KINDS] = {
		[KV_CHAIN_SESSION] = "session",
		[KV_CHAIN_EGRESS] = "egress",
	};

	return names[kind];
}

/* Between the one who started the wrapper and the sandbox: terminal, signals, end. */
#ifndef KV_WRAPPER_RELAY_H
#define KV_WRAPPER_RELAY_H

#include "backends/backend.h"

struct kv_error;

/*
 * Is the wrapper the leader of its session, as under sshd, login and cron? Then the command
 * gets a session of its own in its place, and the terminal with it. Under su(1) the
 * command stays in the caller's session.
 */
bool kv_relay_leads(void);

/*
 * Starts the command (backend->go), passes signals on and waits for the end. All signals must be blocked.
 * A sandbox without a terminal of its own gets the caller's: with own_session the wrapper gives up its
 * controlling terminal for it first. One with (sandbox->terminal) has it relayed to the caller's (common/pty_relay.h), its
 * master closed at the end, and the caller's terminal put back, also on failure.
 * *end: how the command ended; a sandbox that broke counts as killed. 0 or -1.
 */
int kv_relay_run(const struct kv_backend *backend, struct kv_sandbox *sandbox, bool own_session,
    struct kv_outcome *end, struct kv_error *err);

/* Ends this process as the command ended: the same exit status or the same signal. */
_Noreturn void kv_relay_end(int status);

#endif

/*
 * While the lock of the host's chain is held nobody but root may stop the holder (nor freeze it: audit/thaw.h).
 * su(1) runs PAM with its caller's real uid, and on its caller's terminal: without this its caller could
 * stop it there, and keep everybody else out.
 */
#ifndef KV_AUDIT_HOLD_H
#define KV_AUDIT_HOLD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct kv_hold {
	sigset_t mask;		/* as it was */
	uid_t real, saved;
	bool uids;		/* they were changed */
};

/*
 * Blocks all signals that can be blocked and, with effective uid 0, makes the real and
 * saved uid 0 too (kill(2) looks at them). Always undone by kv_hold_leave. 0, or -1 with errno
 * and nothing changed.
 */
int kv_hold_enter(struct kv_hold *hold);
void kv_hold_leave(const struct kv_hold *hold);

#endif

#include "audit/hold.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

int
kv_hold_enter(struct kv_hold *hold)
{
	sigset_t all;
	uid_t effective;

	hold->uids = false;
	if (getresuid(&hold->real, &effective, &hold->saved) != 0)
		return -1;
	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &hold->mask) != 0)
		return -1;
	if (effective != 0 || (hold->real == 0 && hold->saved == 0))
		return 0;
	if (setresuid(0, 0, 0) == 0) {
		hold->uids = true;
		/*
		 * A kill(2) that saw the old uid may still be under way, and come when the lock is held. It sends in the
		 * RCU section in which it looked: this waits for the end of all such, and stops here if it must.
		 */
		(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		return 0;
	}
	int saved = errno;
	(void)sigprocmask(SIG_SETMASK, &hold->mask, NULL);
	errno = saved;
	return -1;
}

void
kv_hold_leave(const struct kv_hold *hold)
{
	int saved = errno;

	/* The effective uid stays 0, so this cannot be refused. */
	if (hold->uids)
		(void)!setresuid(hold->real, 0, hold->saved);
	(void)sigprocmask(SIG_SETMASK, &hold->mask, NULL);
	errno = saved;
}

#include "backends/process/first.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/message.h"
#include "common/error.h"

bool
kv_first_redirect(const struct kv_launch *launch)
{
	const int from[] = { launch->input, launch->output, launch->errors };

	for (int fd = 0; fd <= 2; fd++) {
		if (from[fd] >= 0 && dup2(from[fd], fd) != fd)
			return false;
	}
	return true;
}

int
kv_first_keyring(struct kv_error *err)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return kv_error_sys(err, "session keyring");
	return 0;
}

_Noreturn void
kv_first_fail(int control, const struct kv_error *err)
{
	struct kv_message message = { .type = KV_MSG_FAILED };

	message.error = *err;
	(void)kv_message_send(control, &message);
	_exit(KV_EXIT_SYSTEM);
}

#include "backends/process/seccomp.h"

#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"

int
kv_seccomp_install(const struct sock_filter *filter, size_t count, struct kv_error *err)
{
	struct sock_fprog program = {
		.len = (unsigned short)count,
		/* The kernel only reads it; the member is not const. */
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	if (count == 0 || count > BPF_MAXINSNS)
		return kv_error_set(err, KV_ERR_CONFIG, "seccomp: a filter of %zu instructions", count);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return kv_error_sys(err, "seccomp");
	return 0;
}

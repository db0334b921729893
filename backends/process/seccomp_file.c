/* A profile file as a filter, for backends/process. */
#include <errno.h>

#include "backends/process/seccomp_internal.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "policy/trust.h"

struct filter {
	scmp_filter_ctx ctx;	/* NULL until the default is known */
	uint32_t other;		/* what is done where it is not the default */
};

static int
set_fallback(void *arg, bool deny, struct kv_error *err)
{
	struct filter *filter = arg;

	filter->ctx = kv_seccomp_context(deny ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
	filter->other = deny ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
	if (filter->ctx == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "seccomp: out of memory");
	return 0;
}

static int
add_call(void *arg, const char *name, int number, struct kv_error *err)
{
	struct filter *filter = arg;
	int rc = seccomp_rule_add_array(filter->ctx, filter->other, number, 0, NULL);

	if (rc == 0)
		return 0;
	errno = -rc;
	return kv_error_sys(err, "seccomp: %s", name);
}

int
kv_seccomp_parse(const char *name, const char *text, size_t size, scmp_filter_ctx *out,
    struct kv_error *err)
{
	struct filter filter = { .ctx = NULL };
	const struct kv_seccomp_reader reader = {
		.arg = &filter, .fallback = set_fallback, .call = add_call,
	};

	if (kv_seccomp_read(name, text, size, &reader, err) != 0) {
		if (filter.ctx != NULL)
			seccomp_release(filter.ctx);
		return -1;
	}
	*out = filter.ctx;
	return 0;
}

int
kv_seccomp_file(const char *path, scmp_filter_ctx *out, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	const char *name;
	kv_cleanup_close int dir = kv_trust_parent(path, true, &name, err);
	size_t size;

	if (dir < 0 || kv_trust_read(dir, name, path, KV_TRUST_ROOT, &text, &size, err) != 0)
		return -1;
	return kv_seccomp_parse(path, text, size, out, err);
}

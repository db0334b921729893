#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
kv_error_set(struct kv_error *err, enum kv_errcode code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->sys_errno = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int
kv_error_sys(struct kv_error *err, const char *fmt, ...)
{
	int saved = errno;
	size_t used;
	va_list ap;

	err->code = saved == ENOMEM ? KV_ERR_NOMEM : KV_ERR_SYSTEM;
	err->sys_errno = saved;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int
kv_error_wrap(struct kv_error *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	size_t used;
	va_list ap;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", old);
	return -1;
}

int
kv_error_exit(enum kv_errcode code)
{
	switch (code) {
	case KV_ERR_NONE:
		return KV_EXIT_OK;
	case KV_ERR_USAGE:
		return KV_EXIT_USAGE;
	case KV_ERR_CONFIG:
		return KV_EXIT_CONFIG;
	case KV_ERR_DENIED:
		return KV_EXIT_NOPERM;
	case KV_ERR_UNAVAILABLE:
		return KV_EXIT_UNAVAILABLE;
	case KV_ERR_SYSTEM:
	case KV_ERR_NOMEM:
		break;
	}
	return KV_EXIT_SYSTEM;
}

/*
 * Errors, the same way everywhere in kavach.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and takes a
 * struct kv_error * as its last argument: untouched on success, always set on
 * failure. The caller owns it; it is of fixed size, so that setting it never
 * allocates and works after fork().
 */
#ifndef KV_COMMON_ERROR_H
#define KV_COMMON_ERROR_H

#include <stdarg.h>

enum kv_errcode {
	KV_ERR_NONE = 0,
	KV_ERR_USAGE,		/* the caller's words are wrong */
	KV_ERR_CONFIG,		/* the policy is broken or not to be trusted */
	KV_ERR_DENIED,		/* understood, and the answer is no */
	KV_ERR_UNAVAILABLE,	/* this host lacks what is needed */
	KV_ERR_SYSTEM,		/* a system call failed; sys_errno says how */
	KV_ERR_NOMEM,
};

struct kv_error {
	enum kv_errcode code;
	int sys_errno;		/* 0 where no system call failed */
	char msg[512];		/* one line, no newline, for a person */
};

#define KV_ERROR_INIT { .code = KV_ERR_NONE, .sys_errno = 0, .msg = "" }

/* Exit statuses of kavachctl and of a refusing wrapper (sysexits(3)). */
enum kv_exit {
	KV_EXIT_OK = 0,
	KV_EXIT_NO = 1,
	KV_EXIT_USAGE = 64,
	KV_EXIT_UNAVAILABLE = 69,
	KV_EXIT_SYSTEM = 71,
	KV_EXIT_NOPERM = 77,	/* a login that is refused */
	KV_EXIT_CONFIG = 78,
};

/* Sets err and returns -1, so that "return kv_error_set(...)" reads well. */
int kv_error_set(struct kv_error *err, enum kv_errcode code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with errno: code KV_ERR_SYSTEM, and ": strerror(errno)" at the end. */
int kv_error_sys(struct kv_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message; returns -1. */
int kv_error_wrap(struct kv_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The exit status for a code. Total. */
int kv_error_exit(enum kv_errcode code);

#endif

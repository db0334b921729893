/*
 * Inside the seccomp compiler: the tables and how a profile is put together.
 *
 * A filter is a chain of programs that libseccomp makes, each of which allows
 * by default or not; a system call passes when every one of them allows it. So
 * no profile, a file's included, can take back what an earlier link denied.
 */
#ifndef KV_BACKENDS_PROCESS_SECCOMP_INTERNAL_H
#define KV_BACKENDS_PROCESS_SECCOMP_INTERNAL_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_error;

/* Which profiles a denial belongs to. CORE: all of them, a file's too. */
enum {
	KV_DENY_CORE = 1 << 0,
	KV_DENY_BASIC = 1 << 1,
	KV_DENY_DESKTOP = 1 << 2,
	KV_DENY_STRICT = 1 << 3,
};

/* One denial: a system call, or a system call with these arguments. */
struct kv_seccomp_denial {
	const char *name;
	unsigned int profiles;
	uint16_t error;		/* errno that it answers with */
	unsigned int argc;
	struct scmp_arg_cmp argv[2];
};

const struct kv_seccomp_denial *kv_seccomp_denials(size_t *count);

/* What `strict` allows, the most frequent first; ended by NULL. */
const char *const *kv_seccomp_strict_names(void);

/* The highest system call number that is looked at; x32 and beyond are killed anyway. */
#define KV_SECCOMP_NUMBERS 1024

/* What is made of a profile's text. Each answers 0 or -1. */
struct kv_seccomp_reader {
	void *arg;
	int (*fallback)(void *arg, bool deny, struct kv_error *err);	/* once, first */
	/* A call that is not treated by the default: denied where that allows, and the other way round. */
	int (*call)(void *arg, const char *name, int number, struct kv_error *err);
};

/*
 * Reads the text of a profile file (kavach.conf(5)) and hands it to the reader. name is for
 * messages. Calls that the native architecture does not have are left out. 0, or -1 with
 * KV_ERR_CONFIG or what the reader set.
 */
int kv_seccomp_read(const char *name, const char *text, size_t size, const struct kv_seccomp_reader *reader,
    struct kv_error *err);

/*
 * Adds the text of a profile file (kavach.conf(5)) to a new filter context.
 * name is for messages. *out is to be released by the caller.
 */
int kv_seccomp_parse(const char *name, const char *text, size_t size, scmp_filter_ctx *out,
    struct kv_error *err);

/* Opens, checks and reads the file, then kv_seccomp_parse. */
int kv_seccomp_file(const char *path, scmp_filter_ctx *out, struct kv_error *err);

/* A new context with the answer to wrong architectures and the tree set. NULL: out of memory. */
scmp_filter_ctx kv_seccomp_context(uint32_t fallback);

#endif

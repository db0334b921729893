/*
 * Landlock's kernel interface up to ABI 9, of which the headers of the oldest
 * supported systems know less, and the pure parts of landlock.c.
 */
#ifndef KV_BACKENDS_PROCESS_LANDLOCK_ABI_H
#define KV_BACKENDS_PROCESS_LANDLOCK_ABI_H

#include "backends/process/landlock.h"

#define KV_LL_EXECUTE		(1ULL << 0)
#define KV_LL_WRITE_FILE	(1ULL << 1)
#define KV_LL_READ_FILE		(1ULL << 2)
#define KV_LL_READ_DIR		(1ULL << 3)
#define KV_LL_MAKE_CHAR		(1ULL << 6)
#define KV_LL_MAKE_BLOCK	(1ULL << 11)
#define KV_LL_MAKE_SYM		(1ULL << 12)
#define KV_LL_REFER		(1ULL << 13)
#define KV_LL_TRUNCATE		(1ULL << 14)
#define KV_LL_IOCTL_DEV		(1ULL << 15)
#define KV_LL_RESOLVE_UNIX	(1ULL << 16)	/* connect(2), sendto(2) to a socket by its path; not one of the own domain */
/* The rights that a file can be given; the others are a folder's. */
#define KV_LL_FILE_RIGHTS \
	(KV_LL_EXECUTE | KV_LL_WRITE_FILE | KV_LL_READ_FILE | KV_LL_TRUNCATE | KV_LL_IOCTL_DEV | \
	KV_LL_RESOLVE_UNIX)

#define KV_LL_BIND_TCP		(1ULL << 0)
#define KV_LL_CONNECT_TCP	(1ULL << 1)
#define KV_LL_SCOPE_ABSTRACT	(1ULL << 0)
#define KV_LL_SCOPE_SIGNAL	(1ULL << 1)

#define KV_LL_CREATE_VERSION	1U
#define KV_LL_RULE_PATH		1
#define KV_LL_RULE_PORT		2

struct kv_ll_ruleset {
	uint64_t fs, net, scoped;
};

struct kv_ll_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct kv_ll_port {
	uint64_t allowed, port;
};

/* What a rule grants of what is handled. Pure. */
uint64_t kv_landlock_grant(const char *path, bool writable, bool directory, uint64_t handled);

/* What a ticket's ruleset handles on a kernel with this ABI. Pure. 0, or -1 with KV_ERR_UNAVAILABLE. */
int kv_landlock_plan(const struct kv_ticket *ticket, int abi, struct kv_landlock_abi *out,
    struct kv_error *err);

#endif

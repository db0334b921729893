/*
 * Opening policy files: each once, checked on its descriptor, together with
 * every folder above it. Internal to policy/ (and for other files that are trusted like it).
 */
#ifndef KV_POLICY_TRUST_H
#define KV_POLICY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct kv_error;

#define KV_POLICY_FILE_MAX (1U << 20)	/* bytes of one file */

/*
 * Opens the folder that holds `path` by walking down from /, component by
 * component, without following a symbolic link. With check: each belongs to root and is
 * writable by nobody else. *name: the last component, within path. Returns a
 * descriptor, or -1.
 */
int kv_trust_parent(const char *path, bool check, const char **name, struct kv_error *err);

/* Opens dirfd/name as a folder, checked the same way. missing: out, there is none. A descriptor or -1. */
int kv_trust_folder(int dirfd, const char *name, const char *shown, bool check, bool *missing,
    struct kv_error *err);

/* What a file must be besides a regular one that is not a link. */
enum kv_trust {
	KV_TRUST_ANY,		/* nothing */
	KV_TRUST_ROOT,		/* root's, and writable by nobody else */
	KV_TRUST_CLOSED,	/* root's, and open to nobody else: 0600 or 0400 */
};

/*
 * Opens dirfd/name for reading; never blocks on what is no regular file. shown: its whole path, for
 * messages. *st is its own. A descriptor or -1.
 */
int kv_trust_open(int dirfd, const char *name, const char *shown, enum kv_trust trust, struct stat *st,
    struct kv_error *err);

/*
 * Reads dirfd/name: a regular file (never blocks on anything else), not a link,
 * not empty, at most KV_POLICY_FILE_MAX bytes. shown: its whole path, for
 * messages. *text is owned by the caller and ends with NUL. 0 or -1.
 */
int kv_trust_read(int dirfd, const char *name, const char *shown, enum kv_trust trust, char **text,
    size_t *size, struct kv_error *err);

#endif

/*
 * Small file helpers. All descriptors are close-on-exec; EINTR is retried.
 */
#ifndef KV_COMMON_IO_H
#define KV_COMMON_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_error;

/*
 * openat2(2) that follows no magic link and, with `beneath`, leaves dirfd in
 * no way and follows no symbolic link at all. mode counts with O_CREAT only.
 * Returns the descriptor, or -1 with errno.
 */
int kv_openat(int dirfd, const char *path, int flags, mode_t mode, bool beneath);

/* Reads at most size bytes until end of file. Returns the count, -1 with errno. */
ssize_t kv_read_all(int fd, void *buf, size_t size);

/* Writes all of it. 0, or -1 with errno. */
int kv_write_all(int fd, const void *buf, size_t size);

/*
 * Reads a small file (below size - 1 bytes) relative to dirfd into buf, ends it
 * with NUL and cuts a trailing newline. Returns its length, or -1 with errno;
 * EFBIG when it does not fit.
 */
ssize_t kv_read_file(int dirfd, const char *path, char *buf, size_t size);

/* Writes text to an existing file (cgroupfs, /proc) in one write(2). 0 or -1 with errno. */
int kv_write_file(int dirfd, const char *path, const char *text);

/*
 * Makes or replaces dirfd/path atomically with the bytes: a temporary name,
 * fsync, rename. 0 or -1 with errno.
 */
int kv_replace_file(int dirfd, const char *path, const void *buf, size_t size, mode_t mode);

/*
 * Parses the whole of s as a decimal number from min to max; no sign, no
 * space, no "0x". 0 or -1.
 */
int kv_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* Closes all descriptors from this one on. 0, or -1 with errno. */
int kv_close_from(unsigned int from);

/* snprintf(3) that fails (-1, errno ENAMETOOLONG) instead of cutting. */
int kv_format(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif

#include "common/io.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int
kv_openat(int dirfd, const char *path, int flags, mode_t mode, bool beneath)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOCTTY),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_NO_MAGICLINKS |
		    (beneath ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : 0),
	};
	long fd;

	if ((flags & O_PATH) != 0)
		how.flags &= ~(uint64_t)O_NOCTTY;	/* EINVAL beside O_PATH */
	do
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return (int)fd;
}

ssize_t
kv_read_all(int fd, void *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, (char *)buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int
kv_write_all(int fd, const void *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = write(fd, (const char *)buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		used += (size_t)n;
	}
	return 0;
}

ssize_t
kv_read_file(int dirfd, const char *path, char *buf, size_t size)
{
	kv_cleanup_close int fd = kv_openat(dirfd, path, O_RDONLY, 0, false);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = kv_read_all(fd, buf, size);
	if (n < 0)
		return -1;
	if ((size_t)n >= size) {
		errno = EFBIG;
		return -1;
	}
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int
kv_write_file(int dirfd, const char *path, const char *text)
{
	kv_cleanup_close int fd = kv_openat(dirfd, path, O_WRONLY, 0, false);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if ((size_t)n != len) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int
kv_replace_file(int dirfd, const char *path, const void *buf, size_t size, mode_t mode)
{
	kv_cleanup_close int fd = -1;
	char temp[256];

	if (kv_format(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid()) != 0)
		return -1;
	(void)unlinkat(dirfd, temp, 0);
	fd = kv_openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, false);
	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) == 0 && kv_write_all(fd, buf, size) == 0 && fsync(fd) == 0 &&
	    renameat(dirfd, temp, dirfd, path) == 0)
		return 0;
	int saved = errno;
	(void)unlinkat(dirfd, temp, 0);
	errno = saved;
	return -1;
}

int
kv_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -1;
	}
	if (value < min || value > max)
		return -1;
	*out = value;
	return 0;
}

int
kv_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Kernels before 5.9, or a filter that answers ENOSYS, have no close_range(2). */
static int
close_by_list(unsigned int from)
{
	kv_cleanup_dir DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int own;

	if (dir == NULL)
		return -1;
	own = dirfd(dir);
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		uint64_t fd;

		if (kv_parse_u64(entry->d_name, from, 1U << 30, &fd) == 0 && (int)fd != own)
			(void)close((int)fd);
	}
	return errno == 0 ? 0 : -1;
}

int
kv_close_from(unsigned int from)
{
	if (syscall(SYS_close_range, from, ~0U, 0U) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -1;
	return close_by_list(from);
}

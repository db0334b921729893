/*
 * Preloaded into every program of a container whose kernel answers EINVAL to
 * AT_NO_AUTOMOUNT (gVisor of 2022), which ls(1), stat(1) and find(1) pass: takes the flag away. There is
 * nothing in a container that could be automounted.
 */
/* The plain names are wanted, both. */
#undef _FILE_OFFSET_BITS
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
statx(int dirfd, const char *restrict path, int flags, unsigned int mask, struct statx *restrict st)
{
	return (int)syscall(SYS_statx, dirfd, path, flags & ~AT_NO_AUTOMOUNT, mask, st);
}

int
fstatat(int dirfd, const char *restrict path, struct stat *restrict st, int flags)
{
	return (int)syscall(SYS_newfstatat, dirfd, path, st, flags & ~AT_NO_AUTOMOUNT);
}

int
fstatat64(int dirfd, const char *restrict path, struct stat64 *restrict st, int flags)
{
	return (int)syscall(SYS_newfstatat, dirfd, path, st, flags & ~AT_NO_AUTOMOUNT);
}

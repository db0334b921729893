/*
 * Scope cleanup: a variable declared with one of these is released when it
 * goes out of scope, with errno kept. Always initialise it; hand it on with
 * kv_steal_fd() or kv_steal_ptr().
 */
#ifndef KV_COMMON_CLEANUP_H
#define KV_COMMON_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
kv_cleanup_freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void
kv_cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

static inline void
kv_cleanup_dirp(DIR **d)
{
	int saved = errno;

	if (*d != NULL)
		(void)closedir(*d);
	errno = saved;
}

static inline void
kv_cleanup_filep(FILE **f)
{
	int saved = errno;

	if (*f != NULL)
		(void)fclose(*f);
	errno = saved;
}

#define kv_cleanup_free  __attribute__((cleanup(kv_cleanup_freep)))
#define kv_cleanup_close __attribute__((cleanup(kv_cleanup_closep)))
#define kv_cleanup_dir   __attribute__((cleanup(kv_cleanup_dirp)))
#define kv_cleanup_file  __attribute__((cleanup(kv_cleanup_filep)))

static inline int
kv_steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *
kv_steal_ptr(void *pp)
{
	void **p = pp;
	void *taken = *p;

	*p = NULL;
	return taken;
}

#endif

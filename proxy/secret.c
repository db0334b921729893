#include "proxy/secret.h"

#include "common/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define HEADER	16	/* before what the caller gets: how long the mapping is */

int
kv_secret_start(struct kv_error *err)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit lock;

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return kv_error_sys(err, "cores cannot be forbidden");
	/*
	 * With a limit this would make later mappings fail: what counts is address space. There only
	 * the values themselves are locked.
	 */
	if (getrlimit(RLIMIT_MEMLOCK, &lock) == 0 && lock.rlim_cur == RLIM_INFINITY &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return kv_error_sys(err, "memory cannot be locked");
	return 0;
}

void *
kv_secret_new(size_t size)
{
	char *at;

	if (size > SIZE_MAX - HEADER) {
		errno = ENOMEM;
		return NULL;
	}
	size += HEADER;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (mlock(at, size) != 0 || madvise(at, size, MADV_DONTDUMP) != 0 || madvise(at, size, MADV_DONTFORK) != 0) {
		int saved = errno;

		(void)munmap(at, size);
		errno = saved;
		return NULL;
	}
	memcpy(at, &size, sizeof(size));
	return at + HEADER;
}

void
kv_secret_free(void *memory)
{
	size_t size;
	char *at;

	if (memory == NULL)
		return;
	at = (char *)memory - HEADER;
	memcpy(&size, at, sizeof(size));
	explicit_bzero(at, size);
	(void)munmap(at, size);
}

char *
kv_secret_keep(const char *value, size_t len)
{
	char *copy = kv_secret_new(len + 1);

	if (copy != NULL)
		memcpy(copy, value, len);
	return copy;
}

void
kv_secret_drop(char *value)
{
	kv_secret_free(value);
}

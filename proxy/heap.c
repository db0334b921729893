/*
 * free(3) and realloc(3) of this program and of all libraries in it: what is given back is wiped first.
 *
 * libcurl, nghttp2 and OpenSSL copy a request's head, with the credential in it, into buffers of their own.
 * Their own hooks for memory would leave out nghttp2, which libcurl gives none; so this stands before the C
 * library's functions, which do the work (malloc(3) lets a program replace its allocator; glibc
 * exports what is called here for this). Not with sanitizers, which bring an allocator of their own.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__SANITIZE_ADDRESS__)

void *__libc_malloc(size_t size);
void *__libc_realloc(void *at, size_t size);
void __libc_free(void *at);

void
free(void *at)
{
	int saved = errno;

	if (at == NULL)
		return;
	explicit_bzero(at, malloc_usable_size(at));
	__libc_free(at);
	errno = saved;
}

void *
realloc(void *at, size_t size)
{
	size_t had = at != NULL ? malloc_usable_size(at) : 0;
	void *copy;

	if (at == NULL)
		return __libc_malloc(size);
	if (size == 0) {
		free(at);
		return NULL;
	}
	/* Where it is: only what is cut off can be lost sight of. */
	if (size <= had && size >= had / 2)
		return at;
	copy = __libc_malloc(size);
	if (copy == NULL)
		return NULL;
	memcpy(copy, at, size < had ? size : had);
	free(at);
	return copy;
}

#endif

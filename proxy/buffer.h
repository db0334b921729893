/* Bytes on their way: a bounded buffer that holds memory only while it has something to hold. */
#ifndef KV_PROXY_BUFFER_H
#define KV_PROXY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct kv_buffer {
	char *data;		/* owned; NULL while empty */
	size_t room, start, end;
};

static inline size_t
kv_buffer_used(const struct kv_buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline char *
kv_buffer_at(const struct kv_buffer *buffer)
{
	return buffer->data + buffer->start;
}

/* Makes room for size bytes behind what is there, moving or growing it; at most max bytes in all. 0, or -1 with errno (ENOBUFS: above max). */
int kv_buffer_reserve(struct kv_buffer *buffer, size_t size, size_t max);
/* Appends; 0 or -1 as above. */
int kv_buffer_add(struct kv_buffer *buffer, const char *data, size_t size, size_t max);
/* Takes bytes off the start; the memory is given back with the last. */
void kv_buffer_take(struct kv_buffer *buffer, size_t size);
void kv_buffer_free(struct kv_buffer *buffer);

/* Reads once from a socket into it, at most up to max bytes in all. Bytes; 0 at its end; -1 with errno. */
ssize_t kv_buffer_receive(struct kv_buffer *buffer, int fd, size_t max);
/* Sends what it can. 0, or -1 with errno; EAGAIN is no error. */
int kv_buffer_send(struct kv_buffer *buffer, int fd);

#endif

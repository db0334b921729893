#include "proxy/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STEP	1024

int
kv_buffer_reserve(struct kv_buffer *buffer, size_t size, size_t max)
{
	size_t used = kv_buffer_used(buffer), want;
	char *data;

	if (size > max || used > max - size) {
		errno = ENOBUFS;
		return -1;
	}
	if (buffer->room - buffer->end >= size)
		return 0;
	if (buffer->start > 0) {
		memmove(buffer->data, buffer->data + buffer->start, used);
		buffer->start = 0;
		buffer->end = used;
	}
	if (buffer->room - used >= size)
		return 0;
	want = (used + size + STEP - 1) / STEP * STEP;
	data = realloc(buffer->data, want < max ? want : max);
	if (data == NULL)
		return -1;
	buffer->data = data;
	buffer->room = want < max ? want : max;
	return 0;
}

int
kv_buffer_add(struct kv_buffer *buffer, const char *data, size_t size, size_t max)
{
	if (size == 0)
		return 0;
	if (kv_buffer_reserve(buffer, size, max) != 0)
		return -1;
	memcpy(buffer->data + buffer->end, data, size);
	buffer->end += size;
	return 0;
}

void
kv_buffer_take(struct kv_buffer *buffer, size_t size)
{
	buffer->start += size;
	if (buffer->start >= buffer->end)
		kv_buffer_free(buffer);
}

void
kv_buffer_free(struct kv_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct kv_buffer){ .data = NULL };
}

ssize_t
kv_buffer_receive(struct kv_buffer *buffer, int fd, size_t max)
{
	size_t used = kv_buffer_used(buffer);
	ssize_t n;

	if (used >= max || kv_buffer_reserve(buffer, max - used, max) != 0)
		return -1;
	do
		n = recv(fd, buffer->data + buffer->end, max - used, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buffer->end += (size_t)n;
	else if (used == 0)
		kv_buffer_free(buffer);
	return n;
}

int
kv_buffer_send(struct kv_buffer *buffer, int fd)
{
	while (kv_buffer_used(buffer) > 0) {
		ssize_t n = send(fd, kv_buffer_at(buffer), kv_buffer_used(buffer), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			kv_buffer_take(buffer, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return 0;
		else if (n == 0 || errno != EINTR)
			return -1;
	}
	return 0;
}

#include "backends/process/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
kv_message_send(int fd, const struct kv_message *message)
{
	ssize_t n;

	do
		n = send(fd, message, sizeof(*message), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*message) ? 0 : -1;
}

int
kv_message_recv(int fd, struct kv_message *message)
{
	ssize_t n;

	do
		n = recv(fd, message, sizeof(*message), MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n != (ssize_t)sizeof(*message)) {
		if (n > 0)
			errno = EPROTO;
		return -1;
	}
	return 1;
}

int
kv_message_send_fds(int fd, const struct kv_message *message, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * KV_MESSAGE_FDS)];
	} control;
	struct iovec io = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &io, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (count > KV_MESSAGE_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		cmsg = &control.align;
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*message) ? 0 : -1;
}

/* What came beyond the room, or was cut, is closed. */
static int
take_fds(struct msghdr *header, int *fds, size_t *count)
{
	size_t room = *count;
	bool cut = (header->msg_flags & MSG_CTRUNC) != 0;

	*count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (*count < room) {
				fds[(*count)++] = one;
			} else {
				(void)close(one);
				cut = true;
			}
		}
	}
	if (!cut)
		return 0;
	while (*count > 0)
		(void)close(fds[--*count]);
	errno = EPROTO;
	return -1;
}

int
kv_message_recv_fds(int fd, struct kv_message *message, int *fds, size_t *count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * KV_MESSAGE_FDS)];
	} control;
	struct iovec io = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		*count = 0;
		return n == 0 || errno == ECONNRESET ? 0 : -1;
	}
	if (take_fds(&header, fds, count) != 0)
		return -1;
	if (n == (ssize_t)sizeof(*message))
		return 1;
	while (*count > 0)
		(void)close(fds[--*count]);
	errno = EPROTO;
	return -1;
}

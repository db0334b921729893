#include "proxy/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t
to_sockaddr(const struct kv_address *address, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (address->v6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, 16);
		return sizeof(*in6);
	}
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, address->bytes, 4);
	return sizeof(*in);
}

static void
drop(struct kv_dial *dial)
{
	kv_loop_timer_stop(dial->loop, &dial->timer);
	kv_loop_forget(dial->loop, &dial->watch);
	if (dial->watch.fd >= 0)
		(void)close(dial->watch.fd);
	dial->watch.fd = -1;
}

static void
finish(struct kv_dial *dial)
{
	const int on = 1;
	int fd = dial->watch.fd;

	kv_loop_timer_stop(dial->loop, &dial->timer);
	kv_loop_forget(dial->loop, &dial->watch);
	dial->watch.fd = -1;
	/* What is relayed is passed on as it comes, and who is gone without a word is noticed some day. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	dial->dialled(dial, fd);
}

static void
try_next(struct kv_dial *dial)
{
	struct sockaddr_storage to;

	while (dial->next < dial->addresses->count) {
		const struct kv_address *address = &dial->addresses->at[dial->next++];
		socklen_t len = to_sockaddr(address, dial->port, &to);

		dial->watch.fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
		if (dial->watch.fd >= 0 && connect(dial->watch.fd, (struct sockaddr *)&to, len) == 0) {
			finish(dial);
			return;
		}
		if (dial->watch.fd >= 0 && errno == EINPROGRESS &&
		    kv_loop_watch(dial->loop, &dial->watch, EPOLLOUT) == 0 &&
		    kv_loop_timer(dial->loop, &dial->timer, KV_DIAL_MS) == 0)
			return;
		dial->error = errno;
		drop(dial);
	}
	dial->dialled(dial, -1);
}

static void
ready(struct kv_watch *watch, uint32_t events)
{
	struct kv_dial *dial = KV_OWNER(struct kv_dial, watch, watch);
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0) {
		finish(dial);
		return;
	}
	dial->error = error;
	drop(dial);
	try_next(dial);
}

static void
expired(struct kv_timer *timer)
{
	struct kv_dial *dial = KV_OWNER(struct kv_dial, timer, timer);

	dial->error = ETIMEDOUT;
	drop(dial);
	try_next(dial);
}

void
kv_dial_start(struct kv_dial *dial, struct kv_loop *loop, const struct kv_addresses *addresses, uint16_t port,
    void (*dialled)(struct kv_dial *dial, int fd))
{
	*dial = (struct kv_dial){
		.loop = loop, .watch = { .fd = -1, .ready = ready }, .timer = { .expired = expired },
		.addresses = addresses, .port = port, .error = EHOSTUNREACH, .dialled = dialled,
	};
	try_next(dial);
}

void
kv_dial_stop(struct kv_dial *dial)
{
	if (dial->loop != NULL)
		drop(dial);
	dial->loop = NULL;
}

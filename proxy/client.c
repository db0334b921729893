#include "proxy/client_impl.h"

#include "common/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BATCH	16
#define ACCEPT_PAUSE_MS	100

void
kv_client_wake(struct kv_client *client)
{
	kv_loop_task(client->proxy->loop, &client->task);
}

void
kv_client_patience(struct kv_client *client, long long ms)
{
	client->late = false;
	(void)kv_loop_timer(client->proxy->loop, &client->timer, ms);
}

bool
kv_client_waits_its_turn(struct kv_client *client)
{
	long long wait = kv_pace_wait(&client->proxy->pace, kv_loop_now(client->proxy->loop));

	if (wait > 0)
		kv_client_patience(client, wait);
	else if (client->paced)
		kv_client_patience(client, KV_HEAD_WAIT_MS);
	client->paced = wait > 0;
	return client->paced;
}

static void
listen_again(struct kv_proxy *proxy)
{
	if (proxy->count < KV_CLIENTS_MAX && proxy->pause.place == 0)
		(void)kv_loop_watch(proxy->loop, &proxy->listener, EPOLLIN);
}

/* cut: the client must not take what it got for the whole. */
static void
close_client(struct kv_client *client, bool cut)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct kv_proxy *proxy = client->proxy;

	kv_request_end(client);
	kv_loop_task_cancel(&client->task);
	kv_loop_timer_stop(proxy->loop, &client->timer);
	kv_loop_forget(proxy->loop, &client->watch);
	if (cut)
		(void)setsockopt(client->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)close(client->watch.fd);
	kv_buffer_free(&client->in);
	kv_buffer_free(&client->out);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		proxy->clients = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	free(client);
	proxy->count--;
	listen_again(proxy);
}

static enum kv_step
step_flush(struct kv_client *client)
{
	if (kv_buffer_send(&client->out, client->watch.fd) != 0)
		return KV_STEP_CUT;
	client->stuck = kv_buffer_used(&client->out) > 0;
	if (client->stuck)
		return client->late ? KV_STEP_CUT : KV_STEP_WAIT;
	kv_request_end(client);
	if (!client->keep) {
		(void)shutdown(client->watch.fd, SHUT_WR);
		kv_client_patience(client, KV_LINGER_MS);
		client->state = KV_CLIENT_LINGER;
		return KV_STEP_AGAIN;
	}
	client->again = true;
	client->state = KV_CLIENT_HEAD;
	kv_client_patience(client, KV_HEAD_WAIT_MS);
	return KV_STEP_AGAIN;
}

/* Closed at once, bytes that are not read would make the kernel take back what was answered (RFC 9112, 9.6). */
static enum kv_step
step_linger(struct kv_client *client)
{
	char waste[4096];

	kv_buffer_free(&client->in);
	for (int i = 0; i < 16 && client->readable; i++) {
		ssize_t n = recv(client->watch.fd, waste, sizeof(waste), 0);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return KV_STEP_CLOSE;
		client->readable = n > 0;
	}
	return client->late ? KV_STEP_CLOSE : KV_STEP_WAIT;
}

static enum kv_step
step(struct kv_client *client)
{
	switch (client->state) {
	case KV_CLIENT_HEAD:
		return kv_step_head(client);
	case KV_CLIENT_SOCKS:
		return kv_step_socks(client);
	case KV_CLIENT_RESOLVE:
		return kv_step_resolve(client);
	case KV_CLIENT_EXCHANGE:
		return kv_step_exchange(client);
	case KV_CLIENT_DIAL:
		return kv_step_dial(client);
	case KV_CLIENT_FLUSH:
		return step_flush(client);
	case KV_CLIENT_LINGER:
		return step_linger(client);
	case KV_CLIENT_TUNNEL:
	default:
		return KV_STEP_WAIT;
	}
}

/* What the socket is watched for in this state. */
static uint32_t
wanted(const struct kv_client *client)
{
	uint32_t events = client->stuck ? EPOLLOUT : 0;

	switch (client->state) {
	case KV_CLIENT_HEAD:
	case KV_CLIENT_SOCKS:
		return client->paced ? events : events | EPOLLIN;
	case KV_CLIENT_LINGER:
		return events | EPOLLIN;
	case KV_CLIENT_EXCHANGE:
		return events | EPOLLRDHUP | (kv_exchange_reads(client) ? (uint32_t)EPOLLIN : 0);
	case KV_CLIENT_RESOLVE:
	case KV_CLIENT_DIAL:
		return events | EPOLLRDHUP;
	case KV_CLIENT_FLUSH:
	case KV_CLIENT_TUNNEL:
	default:
		return events;
	}
}

static void
run(struct kv_task *task)
{
	struct kv_client *client = KV_OWNER(struct kv_client, task, task);
	enum kv_step next = client->gone ? KV_STEP_CUT : KV_STEP_AGAIN;

	while (next == KV_STEP_AGAIN)
		next = step(client);
	if (next == KV_STEP_WAIT && client->state != KV_CLIENT_TUNNEL &&
	    kv_loop_watch(client->proxy->loop, &client->watch, wanted(client)) != 0)
		next = KV_STEP_CUT;
	if (next == KV_STEP_CLOSE || next == KV_STEP_CUT)
		close_client(client, next == KV_STEP_CUT);
}

static void
ready(struct kv_watch *watch, uint32_t events)
{
	struct kv_client *client = KV_OWNER(struct kv_client, watch, watch);

	if ((events & EPOLLIN) != 0)
		client->readable = true;
	if ((events & (EPOLLERR | EPOLLRDHUP)) != 0 ||
	    /* Both ways are shut; with something to read that comes first. */
	    ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0))
		client->gone = true;
	kv_client_wake(client);
}

static void
expired(struct kv_timer *timer)
{
	struct kv_client *client = KV_OWNER(struct kv_client, timer, timer);

	client->late = true;
	kv_client_wake(client);
}

static int
add_client(struct kv_proxy *proxy, int fd)
{
	const int on = 1;
	struct kv_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return -1;
	client->proxy = proxy;
	client->watch = (struct kv_watch){ .fd = fd, .ready = ready };
	client->timer.expired = expired;
	client->task.run = run;
	client->upstream_fd = -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* no TCP: no matter */
	client->next = proxy->clients;
	if (client->next != NULL)
		client->next->previous = client;
	proxy->clients = client;
	proxy->count++;
	client->readable = true;	/* most have said something already */
	kv_client_patience(client, KV_HEAD_WAIT_MS);
	kv_client_wake(client);
	return 0;
}

static void
accept_some(struct kv_watch *watch, uint32_t events)
{
	struct kv_proxy *proxy = KV_OWNER(struct kv_proxy, listener, watch);

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH && proxy->count < KV_CLIENTS_MAX; i++) {
		int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0 && add_client(proxy, fd) == 0)
			continue;
		if (fd >= 0) {
			(void)close(fd);
		} else if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) {
			return;
		}
		/* Out of something. It stays in the queue, and epoll would report it at once again. */
		kv_loop_forget(proxy->loop, watch);
		(void)kv_loop_timer(proxy->loop, &proxy->pause, ACCEPT_PAUSE_MS);
		return;
	}
	if (proxy->count >= KV_CLIENTS_MAX)
		kv_loop_forget(proxy->loop, watch);
}

static void
pause_over(struct kv_timer *timer)
{
	listen_again(KV_OWNER(struct kv_proxy, pause, timer));
}

int
kv_clients_start(struct kv_proxy *proxy, struct kv_error *err)
{
	proxy->listener.ready = accept_some;
	proxy->pause.expired = pause_over;
	if (kv_loop_watch(proxy->loop, &proxy->listener, EPOLLIN) != 0)
		return kv_error_sys(err, "the listening socket");
	return 0;
}

void
kv_clients_stop(struct kv_proxy *proxy)
{
	kv_loop_forget(proxy->loop, &proxy->listener);
	kv_loop_timer_stop(proxy->loop, &proxy->pause);
	while (proxy->clients != NULL)
		close_client(proxy->clients, true);
	/* The last of them had the listener watched again. */
	kv_loop_forget(proxy->loop, &proxy->listener);
}

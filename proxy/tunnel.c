#include "proxy/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Rounds of one direction before others have their turn. */
#define ROUNDS	8

void
kv_pipes_close(struct kv_pipes *pipes)
{
	while (pipes->count > 0) {
		pipes->count--;
		(void)close(pipes->idle[pipes->count][0]);
		(void)close(pipes->idle[pipes->count][1]);
	}
}

static int
take_pipe(struct kv_pipes *pipes, int out[2])
{
	if (pipes->count == 0)
		return pipe2(out, O_NONBLOCK | O_CLOEXEC);
	pipes->count--;
	out[0] = pipes->idle[pipes->count][0];
	out[1] = pipes->idle[pipes->count][1];
	return 0;
}

/* An empty one goes back; one with bytes of this tunnel in it must not. */
static void
give_pipe(struct kv_pipes *pipes, struct kv_flow *flow)
{
	if (flow->pipe[0] < 0)
		return;
	if (flow->in_pipe == 0 && pipes->count < KV_PIPES_IDLE) {
		pipes->idle[pipes->count][0] = flow->pipe[0];
		pipes->idle[pipes->count][1] = flow->pipe[1];
		pipes->count++;
	} else {
		(void)close(flow->pipe[0]);
		(void)close(flow->pipe[1]);
	}
	flow->pipe[0] = flow->pipe[1] = -1;
}

/* From the sender into the pipe, which is empty. 1: something came; 0: nothing now; -1: it is gone. */
static int
fill(struct kv_tunnel *tunnel, struct kv_flow *flow, int from)
{
	ssize_t n;

	if (flow->pipe[0] < 0 && take_pipe(tunnel->pipes, flow->pipe) != 0)
		return -1;
	do
		n = splice(from, NULL, flow->pipe[1], NULL, KV_PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	flow->read_end = n == 0;
	flow->in_pipe = (size_t)n;
	return n > 0;
}

/* From buffer and pipe to the receiver. 0, or -1: it is gone. */
static int
drain(struct kv_flow *flow, int to)
{
	size_t before = kv_buffer_used(&flow->first);

	if (kv_buffer_send(&flow->first, to) != 0)
		return -1;
	flow->bytes += before - kv_buffer_used(&flow->first);
	flow->stuck = kv_buffer_used(&flow->first) > 0;
	while (!flow->stuck && flow->in_pipe > 0) {
		ssize_t n = splice(flow->pipe[0], NULL, to, NULL, flow->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n > 0) {
			flow->in_pipe -= (size_t)n;
			flow->bytes += (uint64_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			flow->stuck = true;
		} else if (n == 0 || errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

/* Moves what can be moved. 1: there is more to do soon; 0: not now; -1: one side is gone. */
static int
move(struct kv_tunnel *tunnel, struct kv_flow *flow, int from, int to)
{
	int got = 1;

	for (int i = 0; i < ROUNDS && got == 1 && !flow->ended; i++) {
		if (drain(flow, to) != 0)
			return -1;
		if (flow->stuck)
			return 0;
		got = flow->read_end ? 0 : fill(tunnel, flow, from);
		if (got < 0)
			return -1;
		if (flow->read_end) {
			flow->ended = true;
			if (shutdown(to, SHUT_WR) != 0 && errno != ENOTCONN)
				return -1;
		}
	}
	if (flow->in_pipe == 0)
		give_pipe(tunnel->pipes, flow);
	return got == 1 && !flow->ended;
}

static int
watch(struct kv_tunnel *tunnel)
{
	const struct kv_flow *up = &tunnel->up, *down = &tunnel->down;
	uint32_t client = (!up->read_end && !up->stuck ? (uint32_t)EPOLLIN : 0) | (down->stuck ? (uint32_t)EPOLLOUT : 0);
	uint32_t upstream = (!down->read_end && !down->stuck ? (uint32_t)EPOLLIN : 0) | (up->stuck ? (uint32_t)EPOLLOUT : 0);

	/*
	 * A socket that is shut both ways, or broken, is reported whatever is asked for, again and again; so one of which nothing
	 * is wanted is not watched.
	 */
	if (client == 0)
		kv_loop_forget(tunnel->loop, &tunnel->client);
	if (upstream == 0)
		kv_loop_forget(tunnel->loop, &tunnel->upstream);
	if ((client != 0 && kv_loop_watch(tunnel->loop, &tunnel->client, client) != 0) ||
	    (upstream != 0 && kv_loop_watch(tunnel->loop, &tunnel->upstream, upstream) != 0))
		return -1;
	return 0;
}

static void
end(struct kv_tunnel *tunnel, bool broken)
{
	tunnel->over = true;
	kv_loop_forget(tunnel->loop, &tunnel->client);
	kv_loop_forget(tunnel->loop, &tunnel->upstream);
	tunnel->done(tunnel, broken);
}

static void
run(struct kv_task *task)
{
	struct kv_tunnel *tunnel = KV_OWNER(struct kv_tunnel, task, task);
	int up = move(tunnel, &tunnel->up, tunnel->client.fd, tunnel->upstream.fd);
	int down = move(tunnel, &tunnel->down, tunnel->upstream.fd, tunnel->client.fd);

	if (up < 0 || down < 0 || watch(tunnel) != 0) {
		end(tunnel, true);
	} else if (tunnel->up.ended && tunnel->down.ended) {
		end(tunnel, false);
	} else if (up > 0 || down > 0) {
		kv_loop_task(tunnel->loop, &tunnel->task);
	}
}

static void
client_ready(struct kv_watch *at, uint32_t events)
{
	struct kv_tunnel *tunnel = KV_OWNER(struct kv_tunnel, client, at);

	(void)events;
	kv_loop_task(tunnel->loop, &tunnel->task);
}

static void
upstream_ready(struct kv_watch *at, uint32_t events)
{
	struct kv_tunnel *tunnel = KV_OWNER(struct kv_tunnel, upstream, at);

	(void)events;
	kv_loop_task(tunnel->loop, &tunnel->task);
}

int
kv_tunnel_start(struct kv_tunnel *tunnel, struct kv_loop *loop, struct kv_pipes *pipes, int client_fd, int upstream_fd,
    struct kv_buffer *to_upstream, struct kv_buffer *to_client, void (*done)(struct kv_tunnel *tunnel, bool broken))
{
	*tunnel = (struct kv_tunnel){
		.loop = loop, .pipes = pipes, .done = done, .task = { .run = run },
		.client = { .fd = client_fd, .ready = client_ready },
		.upstream = { .fd = upstream_fd, .ready = upstream_ready },
		.up = { .first = *to_upstream, .pipe = { -1, -1 } },
		.down = { .first = *to_client, .pipe = { -1, -1 } },
	};
	*to_upstream = *to_client = (struct kv_buffer){ .data = NULL };
	if (watch(tunnel) != 0)
		return -1;
	kv_loop_task(loop, &tunnel->task);
	return 0;
}

void
kv_tunnel_stop(struct kv_tunnel *tunnel)
{
	if (tunnel->loop == NULL)
		return;
	kv_loop_task_cancel(&tunnel->task);
	kv_loop_forget(tunnel->loop, &tunnel->client);
	kv_loop_forget(tunnel->loop, &tunnel->upstream);
	give_pipe(tunnel->pipes, &tunnel->up);
	give_pipe(tunnel->pipes, &tunnel->down);
	kv_buffer_free(&tunnel->up.first);
	kv_buffer_free(&tunnel->down.first);
	if (tunnel->upstream.fd >= 0)
		(void)close(tunnel->upstream.fd);
	tunnel->loop = NULL;
}

/*
 * A relay between two sockets, for CONNECT and SOCKS. The bytes stay in the kernel (splice(2)); what cannot be passed on
 * yet waits in a pipe of at most KV_PIPE_SIZE bytes, and its sender is not read meanwhile. Each half
 * ends by itself: the end of one's sending is the end of the other's receiving, and no more.
 */
#ifndef KV_PROXY_TUNNEL_H
#define KV_PROXY_TUNNEL_H

#include "proxy/buffer.h"
#include "proxy/loop.h"

#define KV_PIPE_SIZE	65536
#define KV_PIPES_IDLE	32	/* empty ones that are kept */

/* Pipes that no tunnel needs at the moment. */
struct kv_pipes {
	int idle[KV_PIPES_IDLE][2];
	size_t count;
};

void kv_pipes_close(struct kv_pipes *pipes);

struct kv_flow {
	struct kv_buffer first;	/* goes before all else; owned */
	int pipe[2];		/* with in_pipe > 0 only */
	size_t in_pipe;
	bool read_end;		/* the sender has said all */
	bool ended;		/* .. and the receiver was told */
	bool stuck;		/* the receiver takes no more now */
	uint64_t bytes;
};

struct kv_tunnel {
	struct kv_loop *loop;
	struct kv_pipes *pipes;
	struct kv_watch client, upstream;	/* client.fd borrowed, upstream.fd owned */
	struct kv_task task;
	struct kv_flow up, down;
	bool over;
	/* From the loop: both halves have ended (broken false), or one of the two is gone. */
	void (*done)(struct kv_tunnel *tunnel, bool broken);
};

/* to_upstream, to_client: what comes first; taken over, left empty. 0, or -1 with errno (upstream_fd is taken all the same). */
int kv_tunnel_start(struct kv_tunnel *tunnel, struct kv_loop *loop, struct kv_pipes *pipes, int client_fd, int upstream_fd,
    struct kv_buffer *to_upstream, struct kv_buffer *to_client, void (*done)(struct kv_tunnel *tunnel, bool broken));
/* At any time, after done too. Closes the upstream's socket. */
void kv_tunnel_stop(struct kv_tunnel *tunnel);

#endif

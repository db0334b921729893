/* A TCP connection to the first of some checked addresses that takes one. */
#ifndef KV_PROXY_DIAL_H
#define KV_PROXY_DIAL_H

#include "proxy/loop.h"
#include "proxy/resolve.h"

#define KV_DIAL_MS	10000	/* for one address */

struct kv_dial {
	struct kv_loop *loop;
	struct kv_watch watch;
	struct kv_timer timer;
	const struct kv_addresses *addresses;	/* borrowed: all of them were checked */
	size_t next;
	uint16_t port;
	int error;			/* errno of the last that failed */
	/* From the loop or from within kv_dial_start. fd: now the callee's (non-blocking), or -1: see error. */
	void (*dialled)(struct kv_dial *dial, int fd);
};

void kv_dial_start(struct kv_dial *dial, struct kv_loop *loop, const struct kv_addresses *addresses, uint16_t port,
    void (*dialled)(struct kv_dial *dial, int fd));
/* At any time, after the end too. */
void kv_dial_stop(struct kv_dial *dial);

#endif

/* What all connections of one proxy share. */
#ifndef KV_PROXY_PROXY_H
#define KV_PROXY_PROXY_H

#include "proxy/config.h"
#include "proxy/loop.h"
#include "proxy/pace.h"
#include "proxy/tunnel.h"

#define KV_CLIENTS_MAX	256	/* connections at once; further ones wait in the listener's queue */

struct kv_client;

struct kv_proxy {
	struct kv_loop *loop;
	const struct kv_egress_config *config;
	char **lines;			/* for each credential its whole header line, in locked memory; owned */
	struct kv_journal *journal;
	struct kv_resolver *resolver;
	struct kv_upstream *upstream;
	struct kv_pipes pipes;
	struct kv_pace pace;
	struct kv_watch listener;
	int own;			/* for kv_own_has; owned */
	struct kv_timer pause;		/* after accept(2) failed for want of something */
	struct kv_client *clients;	/* a list; owned */
	size_t count;
};

#endif

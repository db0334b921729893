/*
 * The host's own addresses. One of them may be public and behind a packet filter; from the proxy it would
 * be reached as from the host itself. They come and go, so the kernel is asked each time.
 */
#ifndef KV_PROXY_OWN_H
#define KV_PROXY_OWN_H

#include <stdbool.h>

struct kv_address;
struct kv_error;

/* A socket for kv_own_has, made before the filter that lets none be made; the caller closes it. -1 with err. */
int kv_own_open(struct kv_error *err);

/* Is this one of the addresses of the host's interfaces now. Also true when the kernel does not say. */
bool kv_own_has(int fd, const struct kv_address *address);

#endif

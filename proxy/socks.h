/*
 * SOCKS5 (RFC 1928), as far as a client of this proxy needs it: no authentication, CONNECT. Pure.
 */
#ifndef KV_PROXY_SOCKS_H
#define KV_PROXY_SOCKS_H

#include "proxy/host.h"

enum { KV_SOCKS_OK = 0, KV_SOCKS_FAILURE = 1, KV_SOCKS_DENIED = 2, KV_SOCKS_NET = 3, KV_SOCKS_HOST = 4,
	KV_SOCKS_REFUSED = 5, KV_SOCKS_COMMAND = 7, KV_SOCKS_ADDRESS = 8 };

/* Both return the bytes taken, 0 when more are needed, -1 when malformed (of the request: *reply is what to answer first). */

/* The greeting: *method is what to answer, 0 (none) or 0xff (nothing acceptable). */
long kv_socks_greeting(const uint8_t *in, size_t len, uint8_t *method);
/* The request. A name is canonicalised; a name that is none is malformed with KV_SOCKS_ADDRESS. */
long kv_socks_request(const uint8_t *in, size_t len, struct kv_host *host, uint16_t *port, uint8_t *reply);
/* The answer, always 10 bytes (0.0.0.0:0). */
void kv_socks_reply(uint8_t reply, uint8_t out[10]);

#endif

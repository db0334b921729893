/*
 * The clients inside of the session: HTTP/1.1 requests with an absolute URI, CONNECT, SOCKS5.
 *
 * What a client can make the proxy hold: a head of KV_HEAD_MAX bytes, libcurl's buffers for one exchange, and
 * what one read from upstream brought. Nothing of a request is sent on before its whole head was understood and
 * allowed, and its address was checked.
 */
#ifndef KV_PROXY_CLIENT_H
#define KV_PROXY_CLIENT_H

struct kv_error;
struct kv_proxy;

/* Takes clients from proxy->listener.fd (non-blocking). 0, or -1 with err. */
int kv_clients_start(struct kv_proxy *proxy, struct kv_error *err);
/* Ends all of them; what was under way is recorded. */
void kv_clients_stop(struct kv_proxy *proxy);

#endif

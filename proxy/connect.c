/* CONNECT and SOCKS5: the request, dialling, and the tunnel. */
#include "proxy/client_impl.h"

#include "proxy/socks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SOCKS_MAX	512	/* bytes of greeting and request, each */

static enum kv_step
say(struct kv_client *client, const void *bytes, size_t len)
{
	if (kv_buffer_add(&client->out, bytes, len, KV_HEAD_MAX) != 0 ||
	    kv_buffer_send(&client->out, client->watch.fd) != 0)
		return KV_STEP_CUT;
	client->stuck = kv_buffer_used(&client->out) > 0;
	return KV_STEP_AGAIN;
}

static enum kv_step
read_more(struct kv_client *client)
{
	ssize_t n;

	if (client->late)
		return KV_STEP_CLOSE;
	if (!client->readable)
		return KV_STEP_WAIT;
	n = kv_buffer_receive(&client->in, client->watch.fd, SOCKS_MAX);
	if (n > 0)
		return KV_STEP_AGAIN;
	client->readable = false;
	return n < 0 && errno == EAGAIN ? KV_STEP_WAIT : KV_STEP_CLOSE;
}

/* What is no SOCKS5 is a refusal like any other. */
static enum kv_step
malformed(struct kv_client *client, uint8_t reply)
{
	uint8_t bytes[10];

	kv_request_begin(client, NULL, 0, "SOCKS");
	kv_pace_count(&client->proxy->pace, client->since);
	client->event.allowed = false;
	client->event.why = "malformed";
	client->keep = false;
	kv_socks_reply(reply, bytes);
	if (kv_buffer_add(&client->out, (const char *)bytes, sizeof(bytes), KV_HEAD_MAX) != 0)
		return KV_STEP_CUT;
	client->state = KV_CLIENT_FLUSH;
	kv_client_patience(client, KV_LINGER_MS);
	return KV_STEP_AGAIN;
}

static enum kv_step
greeting(struct kv_client *client)
{
	uint8_t answer[2] = { 5, 0 };
	long n = kv_socks_greeting((const uint8_t *)kv_buffer_at(&client->in), kv_buffer_used(&client->in), &answer[1]);

	if (n == 0)
		return kv_buffer_used(&client->in) >= SOCKS_MAX ? KV_STEP_CLOSE : read_more(client);
	if (n < 0)
		return malformed(client, KV_SOCKS_FAILURE);
	kv_buffer_take(&client->in, (size_t)n);
	client->again = true;	/* from here on, the request is awaited */
	if (answer[1] != 0)
		client->keep = false;
	return say(client, answer, sizeof(answer)) == KV_STEP_CUT ? KV_STEP_CUT :
	    answer[1] != 0 ? KV_STEP_CLOSE : KV_STEP_AGAIN;
}

enum kv_step
kv_step_socks(struct kv_client *client)
{
	const struct kv_proxy *proxy = client->proxy;
	uint8_t reply = KV_SOCKS_FAILURE;
	struct kv_host host;
	uint16_t port;
	long n;

	if (kv_buffer_used(&client->in) == 0)
		return read_more(client);
	if (kv_client_waits_its_turn(client))
		return KV_STEP_WAIT;
	if (!client->again)
		return greeting(client);
	n = kv_socks_request((const uint8_t *)kv_buffer_at(&client->in), kv_buffer_used(&client->in), &host, &port, &reply);
	if (n == 0)
		return kv_buffer_used(&client->in) >= SOCKS_MAX ? KV_STEP_CLOSE : read_more(client);
	if (n < 0)
		return malformed(client, reply);
	kv_buffer_take(&client->in, (size_t)n);
	kv_request_begin(client, &host, port, "SOCKS");
	if (!kv_journal_ready(proxy->journal))
		return kv_fail(client, KV_FAIL_RECORDS);
	kv_egress_decide_tunnel(proxy->config, &host, port, &client->verdict);
	if (!client->verdict.allowed)
		return kv_refuse(client, client->verdict.why, client->verdict.rule);
	return kv_request_resolve(client, &host);
}

static void
dialled(struct kv_dial *dial, int fd)
{
	struct kv_client *client = KV_OWNER(struct kv_client, dial, dial);

	client->dialled = true;
	client->upstream_fd = fd;
	kv_client_wake(client);
}

enum kv_step
kv_connect_begin(struct kv_client *client)
{
	client->state = KV_CLIENT_DIAL;
	client->dialled = false;
	kv_dial_start(&client->dial, client->proxy->loop, &client->addresses, client->event.port, dialled);
	return KV_STEP_AGAIN;
}

static void
tunnel_done(struct kv_tunnel *tunnel, bool broken)
{
	struct kv_client *client = KV_OWNER(struct kv_client, tunnel, tunnel);

	client->keep = false;
	client->event.up = tunnel->up.bytes;
	client->event.down = tunnel->down.bytes;
	if (broken)
		client->gone = true;
	else
		client->state = KV_CLIENT_FLUSH;
	kv_client_wake(client);
}

enum kv_step
kv_step_dial(struct kv_client *client)
{
	static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	uint8_t reply[10];
	int fd = client->upstream_fd;

	if (!client->dialled)
		return KV_STEP_WAIT;
	if (fd < 0)
		return kv_fail(client, client->dial.error == ETIMEDOUT ? KV_FAIL_TIMEOUT : KV_FAIL_CONNECT);
	kv_socks_reply(KV_SOCKS_OK, reply);
	if (client->head != NULL ? kv_buffer_add(&client->out, established, strlen(established), KV_HEAD_MAX) != 0 :
	    kv_buffer_add(&client->out, (const char *)reply, sizeof(reply), KV_HEAD_MAX) != 0)
		return KV_STEP_CUT;
	client->event.status = 200;
	kv_request_forget_head(client);
	client->state = KV_CLIENT_TUNNEL;
	client->stuck = false;
	client->upstream_fd = -1;
	kv_loop_forget(client->proxy->loop, &client->watch);
	if (kv_tunnel_start(&client->tunnel, client->proxy->loop, &client->proxy->pipes, client->watch.fd, fd, &client->in,
	    &client->out, tunnel_done) != 0)
		return KV_STEP_CUT;
	return KV_STEP_WAIT;
}

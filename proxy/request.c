/* A request's head: read, decided on, its name resolved, its addresses checked. */
#include "proxy/client_impl.h"

#include "proxy/own.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKS_VERSION	5

void
kv_request_forget_head(struct kv_client *client)
{
	kv_buffer_take(&client->in, client->head_len);
	client->head_len = 0;
}

void
kv_request_begin(struct kv_client *client, const struct kv_host *host, uint16_t port, const char *method)
{
	client->since = kv_loop_now(client->proxy->loop);
	client->recorded = false;
	client->event = (struct kv_event_egress){ .allowed = true, .port = port };
	if (host != NULL)
		memcpy(client->event.host, host->name, sizeof(client->event.host));
	(void)snprintf(client->event.method, sizeof(client->event.method), "%s", method);
	kv_loop_timer_stop(client->proxy->loop, &client->timer);
	client->late = false;
}

void
kv_request_end(struct kv_client *client)
{
	kv_resolver_cancel(&client->question);
	kv_exchange_free(client->exchange);
	client->exchange = NULL;
	free(client->headers);
	client->headers = NULL;
	kv_answer_free(&client->answer);
	kv_dial_stop(&client->dial);
	if (client->tunnel.loop != NULL) {
		client->event.up = client->tunnel.up.bytes;
		client->event.down = client->tunnel.down.bytes;
	}
	kv_tunnel_stop(&client->tunnel);
	if (client->upstream_fd >= 0)
		(void)close(client->upstream_fd);
	client->upstream_fd = -1;
	client->event.ms = kv_loop_now(client->proxy->loop) - client->since;
	if (client->since != 0 && !client->recorded)
		kv_journal_write(client->proxy->journal, &client->event);
	client->since = 0;
	kv_request_forget_head(client);
	free(client->head);
	client->head = NULL;
}

static enum kv_step
decide(struct kv_client *client)
{
	struct kv_proxy *proxy = client->proxy;
	const struct kv_head *head = client->head;
	const char *line = kv_buffer_at(&client->in);

	/* The first line is whole and well-formed by now. */
	client->http10 = memcmp((const char *)memchr(line, '\n', client->head_len) - 2, "0\r", 2) == 0;
	client->keep = head->keep_alive;
	kv_request_begin(client, &head->host, head->port, head->method);
	if (!kv_journal_ready(proxy->journal))
		return kv_fail(client, KV_FAIL_RECORDS);
	if (head->connect)
		kv_egress_decide_tunnel(proxy->config, &head->host, head->port, &client->verdict);
	else
		kv_egress_decide(proxy->config, head, &client->verdict);
	if (!client->verdict.allowed)
		return kv_refuse(client, client->verdict.why, client->verdict.rule);
	if (!head->connect)
		client->event.port = client->verdict.port;
	return kv_request_resolve(client, &head->host);
}

/* Nothing that could be a request: what was understood of it, nothing, stands in the record. */
static enum kv_step
malformed(struct kv_client *client, int status, const char *what)
{
	kv_request_begin(client, NULL, 0, "");
	free(client->head);
	client->head = NULL;
	return kv_refuse_malformed(client, status, what);
}

/* What is in the buffer. 1: a whole head; 0: not yet; -1: none. */
static int
parse(struct kv_client *client, const char **why)
{
	long len;

	if (client->head == NULL)
		client->head = calloc(1, sizeof(*client->head));
	if (client->head == NULL) {
		*why = "no memory";
		return -1;
	}
	len = kv_head_parse(kv_buffer_at(&client->in), kv_buffer_used(&client->in), client->head, why);
	client->head_len = len > 0 ? (size_t)len : 0;
	return len > 0 ? 1 : (int)len;
}

enum kv_step
kv_step_head(struct kv_client *client)
{
	const char *why = "";
	ssize_t n;

	if (kv_buffer_used(&client->in) > 0) {
		int found;

		if (kv_client_waits_its_turn(client))
			return KV_STEP_WAIT;
		if (!client->again && *kv_buffer_at(&client->in) == SOCKS_VERSION) {
			client->state = KV_CLIENT_SOCKS;
			return KV_STEP_AGAIN;
		}
		found = parse(client, &why);
		if (found != 0)
			return found > 0 ? decide(client) : malformed(client, 400, why);
	}
	if (client->late)
		return client->again && kv_buffer_used(&client->in) == 0 ? KV_STEP_CLOSE :
		    malformed(client, 408, "no whole request came in time");
	if (!client->readable)
		return KV_STEP_WAIT;
	n = kv_buffer_receive(&client->in, client->watch.fd, KV_HEAD_MAX);
	if (n > 0) {
		client->readable = kv_buffer_used(&client->in) == KV_HEAD_MAX;
		return KV_STEP_AGAIN;
	}
	client->readable = false;
	if (n < 0 && errno == EAGAIN)
		return KV_STEP_WAIT;
	return n < 0 && errno == ENOBUFS ? malformed(client, 400, "too large") : KV_STEP_CLOSE;
}

static void
answered(struct kv_question *question)
{
	kv_client_wake(KV_OWNER(struct kv_client, question, question));
}

enum kv_step
kv_request_resolve(struct kv_client *client, const struct kv_host *host)
{
	client->state = KV_CLIENT_RESOLVE;
	client->question.answered = answered;
	kv_resolver_ask(client->proxy->resolver, host, &client->question);
	return KV_STEP_AGAIN;
}

/* NULL, or why the proxy does not connect there. */
static const char *
closed(const struct kv_proxy *proxy, const struct kv_address *address)
{
	const char *why = kv_egress_address(proxy->config, address);

	if (why != NULL || kv_egress_listed(proxy->config, address))
		return why;
	return kv_own_has(proxy->own, address) ? "this host" : NULL;
}

enum kv_step
kv_step_resolve(struct kv_client *client)
{
	const struct kv_addresses *answer = &client->question.answer;
	char by[64] = "";

	if (client->question.pending != NULL)
		return KV_STEP_WAIT;
	client->addresses.count = 0;
	client->next_address = 0;
	for (size_t i = 0; i < answer->count; i++) {
		const char *why = closed(client->proxy, &answer->at[i]);
		char text[46];

		if (why == NULL) {
			client->addresses.at[client->addresses.count++] = answer->at[i];
			continue;
		}
		kv_address_text(&answer->at[i], text);
		(void)snprintf(by, sizeof(by), "%s %s", why, text);
	}
	if (answer->count == 0)
		return kv_fail(client, KV_FAIL_NAME);
	if (client->addresses.count == 0)
		return kv_refuse(client, "address", by);
	return client->head != NULL && !client->head->connect ? kv_exchange_begin(client) : kv_connect_begin(client);
}

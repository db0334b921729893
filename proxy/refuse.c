/* What the proxy itself tells a client: refusals and failures, in one sentence. */
#include "proxy/client_impl.h"

#include "common/io.h"
#include "proxy/socks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX	1024

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} known[] = {
		{ 400, "Bad Request" }, { 403, "Forbidden" }, { 408, "Request Timeout" }, { 431, "Request Header Fields Too Large" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].status == status)
			return known[i].text;
	}
	return "Error";
}

static bool
is(const char *why, const char *what)
{
	return why != NULL && strcmp(why, what) == 0;
}

/* The sentence for a refused request: which rule, and whom to ask. */
static void
sentence(const struct kv_client *client, const char *why, const char *by, char out[TEXT_MAX])
{
	const struct kv_event_egress *event = &client->event;
	const char *ask = "ask your administrator";

	if (is(why, "host"))
		(void)snprintf(out, TEXT_MAX, "kavach: %s is not in allowed_hosts; %s\n", event->host, ask);
	else if (is(why, "port"))
		(void)snprintf(out, TEXT_MAX, "kavach: port %u of %s is not in allowed_ports; %s\n", event->port, event->host, ask);
	else if (is(why, "method"))
		(void)snprintf(out, TEXT_MAX, "kavach: %s is not in allowed_methods; %s\n", event->method, ask);
	else if (is(why, "path"))
		(void)snprintf(out, TEXT_MAX, "kavach: this path of %s is not in allowed_paths; %s\n", event->host, ask);
	else if (is(why, "tunnel"))
		(void)snprintf(out, TEXT_MAX, "kavach: no tunnel to %s: %s could not be looked after in it; %s\n", event->host,
		    by[0] != '\0' ? by : "allowed_methods", ask);
	else if (is(why, "address"))
		(void)snprintf(out, TEXT_MAX, "kavach: the address of %s is not public (%s), and not in allowed_hosts; %s\n",
		    event->host, by, ask);
	else
		(void)snprintf(out, TEXT_MAX, "kavach: refused (%s); %s\n", why, ask);
}

static enum kv_step
answer_http(struct kv_client *client, int status, const char *text)
{
	bool to_head = client->head != NULL && strcmp(client->head->method, "HEAD") == 0;
	char head[256];

	/* A body that was not read, or bytes that were not understood, may follow: the connection is of no more use. */
	client->keep = client->keep && client->head != NULL && client->head->keep_alive && !client->head->connect &&
	    client->head->body == KV_BODY_NONE;
	if (kv_format(head, sizeof(head), "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n", status,
	    reason(status), strlen(text), client->keep ? "" : "Connection: close\r\n") != 0 ||
	    kv_buffer_add(&client->out, head, strlen(head), KV_HEAD_MAX) != 0 ||
	    (!to_head && kv_buffer_add(&client->out, text, strlen(text), KV_HEAD_MAX) != 0))
		return KV_STEP_CUT;
	client->state = KV_CLIENT_FLUSH;
	kv_client_patience(client, KV_HEAD_WAIT_MS);
	return KV_STEP_AGAIN;
}

static enum kv_step
answer_socks(struct kv_client *client, uint8_t reply)
{
	uint8_t bytes[10];

	client->keep = false;
	kv_socks_reply(reply, bytes);
	if (kv_buffer_add(&client->out, (const char *)bytes, sizeof(bytes), KV_HEAD_MAX) != 0)
		return KV_STEP_CUT;
	client->state = KV_CLIENT_FLUSH;
	kv_client_patience(client, KV_HEAD_WAIT_MS);
	return KV_STEP_AGAIN;
}

/* What went wrong that is nobody's rule. */
static const char *
failure(enum kv_failure what)
{
	switch (what) {
	case KV_FAIL_RECORDS:
		return "kavach: records cannot be written at the moment, and without them no request is taken; ask your administrator\n";
	case KV_FAIL_NAME:
		return "kavach: %s has no address\n";
	case KV_FAIL_CONNECT:
		return "kavach: %s cannot be reached\n";
	case KV_FAIL_TLS:
		return "kavach: %s cannot prove by TLS that it is %s\n";
	case KV_FAIL_TIMEOUT:
		return "kavach: %s did not answer in time\n";
	case KV_FAIL_MEMORY:
		return "kavach: there is no memory for this request\n";
	case KV_FAIL_NONSENSE:
	default:
		return "kavach: %s broke off, or its response makes no sense\n";
	}
}

/* Puts the host where the sentence has %s. */
static void
fill_in(const char *sentence_text, const char *host, char out[TEXT_MAX])
{
	size_t used = 0;

	for (; *sentence_text != '\0' && used + KV_HOST_MAX + 1 < TEXT_MAX; sentence_text++) {
		if (strncmp(sentence_text, "%s", 2) == 0) {
			used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s", host);
			sentence_text++;
		} else {
			out[used++] = *sentence_text;
		}
	}
	out[used] = '\0';
}

static int
status_of(enum kv_failure what)
{
	return what == KV_FAIL_RECORDS || what == KV_FAIL_MEMORY ? 503 : what == KV_FAIL_TIMEOUT ? 504 : 502;
}

/* A refusal is told before its answer goes out, however slowly that is read. */
static void
record_now(struct kv_client *client)
{
	if (!client->recorded)
		kv_journal_write(client->proxy->journal, &client->event);
	client->recorded = true;
}

enum kv_step
kv_refuse(struct kv_client *client, const char *why, const char *by)
{
	char text[TEXT_MAX];

	kv_pace_count(&client->proxy->pace, kv_loop_now(client->proxy->loop));
	client->event.allowed = false;
	client->event.status = 403;
	client->event.why = why;
	(void)snprintf(client->event.by, sizeof(client->event.by), "%s", by);
	record_now(client);
	if (client->head == NULL)
		return answer_socks(client, KV_SOCKS_DENIED);
	sentence(client, why, client->event.by, text);
	return answer_http(client, 403, text);
}

enum kv_step
kv_fail(struct kv_client *client, enum kv_failure what)
{
	char text[TEXT_MAX];
	int status = status_of(what);

	kv_pace_count(&client->proxy->pace, kv_loop_now(client->proxy->loop));
	client->event.allowed = true;
	client->event.status = status;
	if (what == KV_FAIL_RECORDS)
		client->recorded = true;	/* it could not be */
	if (client->head == NULL)
		return answer_socks(client, what == KV_FAIL_RECORDS ? KV_SOCKS_DENIED :
		    what == KV_FAIL_CONNECT ? KV_SOCKS_REFUSED : KV_SOCKS_HOST);
	fill_in(failure(what), client->event.host, text);
	return answer_http(client, status, text);
}

enum kv_step
kv_refuse_malformed(struct kv_client *client, int status, const char *what)
{
	char text[TEXT_MAX];

	kv_pace_count(&client->proxy->pace, kv_loop_now(client->proxy->loop));
	client->keep = false;
	client->event.allowed = false;
	client->event.status = status;
	client->event.why = status == 408 ? "timeout" : "malformed";
	(void)snprintf(client->event.by, sizeof(client->event.by), "%s", what);
	record_now(client);
	(void)snprintf(text, sizeof(text), status == 408 ? "kavach: %s\n" : "kavach: the request is malformed: %s\n", what);
	return answer_http(client, status, text);
}

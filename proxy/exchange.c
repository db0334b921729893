/* A request by libcurl, its body and its response, with back-pressure in both directions. */
#include "proxy/client_impl.h"

#include "proxy/forward.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What may wait for a client: a head written anew, or what one read from upstream brought. */
#define OUT_MAX	(2UL * KV_ANSWER_MAX + 32768)

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

static void
progress(struct kv_client *client)
{
	client->moved = kv_loop_now(client->proxy->loop);
}

static long
on_head(void *owner, const char *line, size_t len)
{
	struct kv_client *client = owner;
	struct kv_answer *answer = &client->answer;
	bool was = answer->complete;

	progress(client);
	if (kv_answer_line(answer, line, len) != 0)
		return KV_EXCHANGE_STOP;
	if (was || !answer->complete)
		return 0;
	client->framing = kv_answer_framing(answer, strcmp(client->head->method, "HEAD") == 0, client->http10);
	if (client->framing == KV_FRAME_CLOSE)
		client->keep = false;
	client->event.status = answer->status;
	if (kv_answer_write(answer, client->framing, client->keep, &client->out) != 0)
		return KV_EXCHANGE_STOP;
	kv_buffer_free(&answer->lines);
	/* It goes out with the first of the body, or from the step if that is not there yet. */
	kv_client_wake(client);
	return 0;
}

/* Sends what waits and these bytes; what cannot be sent waits. 0, or -1: the client is lost. */
static int
send_body(struct kv_client *client, const char *data, size_t len)
{
	char size[24];
	bool chunked = client->framing == KV_FRAME_CHUNKED;
	struct iovec part[4] = {
		{ kv_buffer_at(&client->out), kv_buffer_used(&client->out) },
		{ size, chunked ? (size_t)snprintf(size, sizeof(size), "%zx\r\n", len) : 0 },
		{ (void *)(uintptr_t)data, len },
		{ (void *)(uintptr_t)"\r\n", chunked ? 2 : 0 },
	};
	struct msghdr message = { .msg_iov = part, .msg_iovlen = 4 };
	ssize_t n;
	size_t sent;

	do
		n = sendmsg(client->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -1;
	sent = n > 0 ? (size_t)n : 0;
	if (sent < part[0].iov_len) {
		kv_buffer_take(&client->out, sent);
		sent = 0;
	} else {
		sent -= part[0].iov_len;
		kv_buffer_free(&client->out);
	}
	for (size_t i = 1; i < 4; i++) {
		size_t gone = sent < part[i].iov_len ? sent : part[i].iov_len;

		sent -= gone;
		if (kv_buffer_add(&client->out, (const char *)part[i].iov_base + gone, part[i].iov_len - gone, OUT_MAX) != 0)
			return -1;
	}
	client->stuck = kv_buffer_used(&client->out) > 0;
	return 0;
}

static long
on_body(void *owner, const char *data, size_t len)
{
	struct kv_client *client = owner;

	if (client->stuck) {
		client->response_waits = true;
		return KV_EXCHANGE_WAIT;
	}
	progress(client);
	if (!client->answer.complete || (client->framing == KV_FRAME_LENGTH &&
	    len > client->answer.length - client->event.down))
		return KV_EXCHANGE_STOP;
	if (client->framing == KV_FRAME_NONE || len == 0)
		return 0;
	if (send_body(client, data, len) != 0) {
		client->gone = true;
		kv_client_wake(client);
		return KV_EXCHANGE_STOP;
	}
	client->event.down += len;
	if (client->stuck)
		kv_client_wake(client);	/* to be watched for room */
	return 0;
}

/* More of the request's body into the buffer, or straight to where libcurl wants it. As recv(2); EOF is the client's loss. */
static long
receive(struct kv_client *client, char *data, size_t room)
{
	ssize_t n;

	if (!client->readable)
		return KV_EXCHANGE_WAIT;
	n = data != NULL ? recv(client->watch.fd, data, room, 0) : kv_buffer_receive(&client->in, client->watch.fd, KV_HEAD_MAX);
	if (n > 0) {
		/* Less than asked for: there is no more now. */
		client->readable = data != NULL ? (size_t)n == room : kv_buffer_used(&client->in) == KV_HEAD_MAX;
		return n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		client->readable = false;
		return KV_EXCHANGE_WAIT;
	}
	client->gone = true;
	kv_client_wake(client);
	return KV_EXCHANGE_STOP;
}

static long
give_length(struct kv_client *client, char *data, size_t room)
{
	size_t had = kv_buffer_used(&client->in);
	long n;

	if (room > client->body_left)
		room = (size_t)client->body_left;
	if (room == 0)
		return 0;
	if (had > 0) {
		n = (long)(had < room ? had : room);
		memcpy(data, kv_buffer_at(&client->in), (size_t)n);
		kv_buffer_take(&client->in, (size_t)n);
	} else {
		n = receive(client, data, room);
	}
	if (n > 0)
		client->body_left -= (uint64_t)n;
	return n;
}

static long
give_chunked(struct kv_client *client, char *data, size_t room)
{
	for (;;) {
		size_t used = 0;
		long n = 0;

		if (kv_buffer_used(&client->in) > 0 && !client->chunks.done) {
			n = kv_chunks_read(&client->chunks, kv_buffer_at(&client->in), kv_buffer_used(&client->in), &used, data, room);
			kv_buffer_take(&client->in, used);
		}
		if (n < 0) {
			client->malformed = true;
			return KV_EXCHANGE_STOP;
		}
		if (n > 0 || client->chunks.done)
			return n;
		n = receive(client, NULL, 0);
		if (n < 0)
			return n;
	}
}

static long
on_give(void *owner, char *data, size_t room)
{
	struct kv_client *client = owner;
	long n;

	if (!client->continued && client->head->expect_continue && !client->http10 && !client->answer.complete) {
		if (kv_buffer_add(&client->out, continue_line, strlen(continue_line), OUT_MAX) != 0)
			return KV_EXCHANGE_STOP;
		kv_client_wake(client);
	}
	client->continued = true;
	n = client->head->body == KV_BODY_CHUNKED ? give_chunked(client, data, room) : give_length(client, data, room);
	if (n > 0) {
		client->event.up += (uint64_t)n;
		progress(client);
	}
	client->body_done = n == 0 || (client->head->body == KV_BODY_LENGTH && client->body_left == 0);
	if (n == KV_EXCHANGE_WAIT) {
		client->body_waits = true;
		kv_client_wake(client);
	}
	return n;
}

static void
on_done(void *owner, enum kv_exchange_end end)
{
	struct kv_client *client = owner;

	client->ended = true;
	client->how = end;
	kv_client_wake(client);
}

static const struct kv_exchange_calls calls = { on_head, on_body, on_give, on_done };

bool
kv_exchange_reads(const struct kv_client *client)
{
	return client->body_waits && !client->body_done;
}

/* At the next address that was checked. */
static enum kv_step
start(struct kv_client *client, const char *target)
{
	const struct kv_head *head = client->head;
	struct kv_upstream_request request = {
		.method = head->method, .target = target,
		.host = head->host.name, .host_v6 = head->host.is_address && head->host.address.v6,
		.port = client->verdict.port, .tls = client->verdict.tls,
		.address = client->addresses.at[client->next_address++], .headers = client->headers,
		.has_body = head->body != KV_BODY_NONE, .length = head->body == KV_BODY_LENGTH ? (int64_t)head->length : -1,
	};

	kv_answer_free(&client->answer);
	client->ended = false;
	client->exchange = kv_exchange_start(client->proxy->upstream, &request, &calls, client);
	if (client->exchange == NULL)
		return kv_refuse(client, 502, NULL, NULL);
	return KV_STEP_WAIT;
}

enum kv_step
kv_exchange_begin(struct kv_client *client)
{
	const struct kv_egress_credential *credential = client->verdict.credential;
	const struct kv_proxy *proxy = client->proxy;
	char *line = credential != NULL ? proxy->lines[credential - proxy->config->credential] : NULL;

	client->state = KV_CLIENT_EXCHANGE;
	client->headers = kv_forward_headers(client->head, credential != NULL ? credential->header : NULL, line, &client->target);
	if (client->headers == NULL)
		return kv_refuse(client, 502, NULL, NULL);
	/* What a HEAD request's body would mean is nobody's business to guess. */
	if (client->head->body != KV_BODY_NONE && strcmp(client->head->method, "HEAD") == 0)
		return kv_refuse_malformed(client, 400, "HEAD with a body");
	kv_request_forget_head(client);
	client->chunks = (struct kv_chunks){ .state = 0 };
	client->body_left = client->head->length;
	client->body_done = client->head->body == KV_BODY_NONE;
	client->body_waits = client->continued = client->malformed = client->response_waits = false;
	client->readable = true;
	progress(client);
	kv_client_patience(client, KV_STALL_MS);
	return start(client, client->target);
}

/* It failed before anything was told to the client. */
static enum kv_step
failed(struct kv_client *client)
{
	/* An interim response may be half out. */
	if (kv_buffer_send(&client->out, client->watch.fd) != 0)
		return KV_STEP_CUT;
	client->stuck = kv_buffer_used(&client->out) > 0;
	client->keep = client->keep && client->body_done;
	if (client->malformed)
		return kv_refuse_malformed(client, 400, "chunked body");
	if (client->how == KV_END_CONNECT && client->next_address < client->addresses.count)
		return start(client, client->target);
	return kv_refuse(client, client->how == KV_END_TIMEOUT ? 504 : 502, NULL, NULL);
}

/* The exchange is over, one way or the other. */
static enum kv_step
finish(struct kv_client *client)
{
	bool whole = client->how == KV_END_GOOD && client->answer.complete &&
	    (client->framing != KV_FRAME_LENGTH || client->event.down == client->answer.length);

	kv_exchange_free(client->exchange);
	client->exchange = NULL;
	if (!client->answer.complete)
		return failed(client);
	if (!whole) {
		/* A body that the client could take for the whole is cut; otherwise it is given what there is. */
		(void)kv_buffer_send(&client->out, client->watch.fd);
		return client->framing == KV_FRAME_CLOSE ? KV_STEP_CUT : KV_STEP_CLOSE;
	}
	if (client->framing == KV_FRAME_CHUNKED && kv_buffer_add(&client->out, "0\r\n\r\n", 5, OUT_MAX) != 0)
		return KV_STEP_CUT;
	client->keep = client->keep && client->body_done && (client->head->body != KV_BODY_CHUNKED || client->chunks.done);
	client->state = KV_CLIENT_FLUSH;
	kv_client_patience(client, KV_STALL_MS);
	return KV_STEP_AGAIN;
}

/*
 * An error that came before the request's body was there ends the exchange, as it does in libcurl; but that says nothing
 * while it is paused for more of the body, which such a client may never send.
 */
static bool
is_refused_early(const struct kv_client *client)
{
	return client->body_waits && client->answer.complete && client->answer.status >= 300 &&
	    (client->framing == KV_FRAME_NONE ||
	    (client->framing == KV_FRAME_LENGTH && client->event.down == client->answer.length));
}

enum kv_step
kv_step_exchange(struct kv_client *client)
{
	long long still = kv_loop_now(client->proxy->loop) - client->moved;
	bool receive_on, send_on;

	if (!client->ended && is_refused_early(client)) {
		client->ended = true;
		client->how = KV_END_GOOD;
	}
	if (client->ended)
		return finish(client);
	if (client->late && still >= KV_STALL_MS) {
		client->ended = true;
		client->how = KV_END_TIMEOUT;
		return finish(client);
	}
	if (client->late)
		kv_client_patience(client, KV_STALL_MS - still);
	if (kv_buffer_send(&client->out, client->watch.fd) != 0)
		return KV_STEP_CUT;
	client->stuck = kv_buffer_used(&client->out) > 0;
	receive_on = client->response_waits && !client->stuck;
	send_on = client->body_waits && (client->readable || kv_buffer_used(&client->in) > 0);
	if (!receive_on && !send_on)
		return KV_STEP_WAIT;
	if (receive_on)
		client->response_waits = false;
	if (send_on)
		client->body_waits = false;
	kv_exchange_continue(client->exchange, receive_on, send_on);
	return client->gone ? KV_STEP_CUT : KV_STEP_WAIT;
}

#include "proxy/upstream.h"

#include "common/error.h"
#include "proxy/loop.h"
#include "proxy/upstream_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX	64	/* that are kept while nobody uses them */


struct socket_watch {
	struct kv_watch watch;
	struct kv_upstream *upstream;
	struct socket_watch *next;
};

static void
pump(struct kv_upstream *upstream, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(upstream->multi, fd, what, &running);
	kv_loop_task(upstream->loop, &upstream->finished);
}

static void
socket_ready(struct kv_watch *watch, uint32_t events)
{
	const struct socket_watch *at = KV_OWNER(struct socket_watch, watch, watch);
	int what = ((events & (EPOLLIN | EPOLLRDHUP)) != 0 ? CURL_CSELECT_IN : 0) |
	    ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
	    ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR : 0);

	pump(at->upstream, watch->fd, what);
}

static void
timer_expired(struct kv_timer *timer)
{
	pump(KV_OWNER(struct kv_upstream, timer, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *data, void *of_socket)
{
	struct kv_upstream *upstream = data;
	struct socket_watch *at = of_socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (at == NULL)
			return 0;
		kv_loop_forget(upstream->loop, &at->watch);
		(void)curl_multi_assign(upstream->multi, fd, NULL);
		at->next = upstream->spare;
		upstream->spare = at;
		return 0;
	}
	if (at == NULL) {
		at = upstream->spare;
		if (at != NULL)
			upstream->spare = at->next;
		else
			at = calloc(1, sizeof(*at));
		if (at == NULL)
			return -1;
		*at = (struct socket_watch){ .watch = { .fd = fd, .ready = socket_ready }, .upstream = upstream };
		(void)curl_multi_assign(upstream->multi, fd, at);
	}
	return kv_loop_watch(upstream->loop, &at->watch, ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
	    ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0));
}

static int
timer_wanted(CURLM *multi, long ms, void *data)
{
	struct kv_upstream *upstream = data;

	(void)multi;
	if (ms < 0)
		kv_loop_timer_stop(upstream->loop, &upstream->timer);
	else if (kv_loop_timer(upstream->loop, &upstream->timer, ms) != 0)
		return -1;
	return 0;
}

static enum kv_exchange_end
end_of(const struct kv_exchange *exchange, CURLcode result)
{
	if (result == CURLE_OK)
		return KV_END_GOOD;
	if (exchange->stopped)
		return KV_END_STOPPED;
	if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR || result == CURLE_SSL_CIPHER ||
	    result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_CERTPROBLEM)
		return KV_END_TLS;
	/* Before the request was looked at once more, none of it was sent. */
	if (!exchange->sent && (result == CURLE_COULDNT_CONNECT || result == CURLE_OPERATION_TIMEDOUT ||
	    result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR))
		return KV_END_CONNECT;
	return result == CURLE_OPERATION_TIMEDOUT ? KV_END_TIMEOUT : KV_END_BROKEN;
}

/* From the bottom of the stack: what libcurl says is done. */
static void
take_finished(struct kv_task *task)
{
	struct kv_upstream *upstream = KV_OWNER(struct kv_upstream, finished, task);
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(upstream->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		struct kv_exchange *exchange = NULL;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange) != CURLE_OK || exchange == NULL)
			continue;
		(void)curl_multi_remove_handle(upstream->multi, easy);
		exchange->running = false;
		exchange->calls->done(exchange->owner, end_of(exchange, result));
	}
}

struct kv_upstream *
kv_upstream_new(struct kv_loop *loop, struct kv_error *err)
{
	struct kv_upstream *upstream = calloc(1, sizeof(*upstream));

	if (upstream == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (upstream->multi = curl_multi_init()) == NULL) {
		(void)kv_error_set(err, KV_ERR_NOMEM, "libcurl");
		free(upstream);
		return NULL;
	}
	upstream->loop = loop;
	upstream->timer.expired = timer_expired;
	upstream->finished.run = take_finished;
	if (curl_multi_setopt(upstream->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) != CURLM_OK ||
	    curl_multi_setopt(upstream->multi, CURLMOPT_SOCKETDATA, upstream) != CURLM_OK ||
	    curl_multi_setopt(upstream->multi, CURLMOPT_TIMERFUNCTION, timer_wanted) != CURLM_OK ||
	    curl_multi_setopt(upstream->multi, CURLMOPT_TIMERDATA, upstream) != CURLM_OK ||
	    curl_multi_setopt(upstream->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
	    curl_multi_setopt(upstream->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX) != CURLM_OK) {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "libcurl lacks an option of its multi interface");
		kv_upstream_free(upstream);
		return NULL;
	}
	return upstream;
}

void
kv_upstream_free(struct kv_upstream *upstream)
{
	if (upstream == NULL)
		return;
	for (size_t i = 0; i < upstream->idle_count; i++)
		curl_easy_cleanup(upstream->idle[i]);
	(void)curl_multi_cleanup(upstream->multi);
	kv_loop_timer_stop(upstream->loop, &upstream->timer);
	kv_loop_task_cancel(&upstream->finished);
	while (upstream->spare != NULL) {
		struct socket_watch *at = upstream->spare;

		upstream->spare = at->next;
		free(at);
	}
	curl_global_cleanup();
	free(upstream);
}

/* A handle with nothing of an earlier request in it. */
static CURL *
take_easy(struct kv_upstream *upstream)
{
	CURL *easy;

	if (upstream->idle_count > 0)
		return upstream->idle[--upstream->idle_count];
	easy = curl_easy_init();
	if (easy != NULL && kv_easy_prepare(easy) != 0) {
		curl_easy_cleanup(easy);
		easy = NULL;
	}
	return easy;
}

struct kv_exchange *
kv_exchange_start(struct kv_upstream *upstream, const struct kv_upstream_request *request,
    const struct kv_exchange_calls *calls, void *owner)
{
	struct kv_exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->upstream = upstream;
	exchange->calls = calls;
	exchange->owner = owner;
	exchange->address = request->address;
	exchange->easy = take_easy(upstream);
	if (exchange->easy == NULL || kv_easy_request(exchange, request) != 0 ||
	    curl_multi_add_handle(upstream->multi, exchange->easy) != CURLM_OK) {
		kv_exchange_free(exchange);
		return NULL;
	}
	exchange->running = true;
	return exchange;
}

void
kv_exchange_continue(struct kv_exchange *exchange, bool receive, bool send)
{
	int still;

	if (!exchange->running)
		return;
	exchange->receive_waits = exchange->receive_waits && !receive;
	exchange->send_waits = exchange->send_waits && !send;
	still = (exchange->receive_waits ? CURLPAUSE_RECV : 0) | (exchange->send_waits ? CURLPAUSE_SEND : 0);
	(void)curl_easy_pause(exchange->easy, still);
	kv_loop_task(exchange->upstream->loop, &exchange->upstream->finished);
}

void
kv_exchange_free(struct kv_exchange *exchange)
{
	struct kv_upstream *upstream;

	if (exchange == NULL)
		return;
	upstream = exchange->upstream;
	if (exchange->running)
		(void)curl_multi_remove_handle(upstream->multi, exchange->easy);
	if (exchange->easy != NULL) {
		/* What it points to goes away with the exchange. */
		(void)curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, NULL);
		(void)curl_easy_setopt(exchange->easy, CURLOPT_CONNECT_TO, NULL);
		(void)curl_easy_setopt(exchange->easy, CURLOPT_PRIVATE, NULL);
		if (upstream->idle_count < KV_EASY_IDLE_MAX)
			upstream->idle[upstream->idle_count++] = exchange->easy;
		else
			curl_easy_cleanup(exchange->easy);
	}
	curl_slist_free_all(exchange->connect_to);
	free(exchange);
}

const char *
kv_upstream_roots(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return info != NULL && info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

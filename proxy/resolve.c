#include "proxy/resolve.h"

#include "common/error.h"
#include "proxy/loop.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#define CACHE		32
#define KEEP_MIN_MS	1000	/* names of /etc/hosts have no time to live */
#define KEEP_MAX_MS	60000
#define SERVER_MS	2000	/* for one try at one server */
#define TRIES		2

struct kept {
	char name[KV_HOST_MAX];	/* "": free */
	struct kv_addresses answer;
	long long until;
};

struct server {
	struct kv_watch watch;
	struct kv_resolver *resolver;
	struct server *next;
};

struct kv_resolver {
	struct kv_loop *loop;
	ares_channel channel;
	struct server *servers;		/* c-ares's sockets; owned */
	struct kv_timer timer;
	struct kept kept[CACHE];
};

/* c-ares cannot take back a question, so it is answered to this, which outlives who asked. */
struct pending {
	struct kv_resolver *resolver;
	struct kv_question *question;	/* NULL: nobody waits */
	struct kv_timer timer;
	char name[KV_HOST_MAX];
};

static void
arm(struct kv_resolver *resolver)
{
	struct timeval at;

	if (ares_timeout(resolver->channel, NULL, &at) == NULL)
		kv_loop_timer_stop(resolver->loop, &resolver->timer);
	else
		(void)kv_loop_timer(resolver->loop, &resolver->timer, at.tv_sec * 1000LL + at.tv_usec / 1000 + 1);
}

static void
server_ready(struct kv_watch *watch, uint32_t events)
{
	const struct server *server = KV_OWNER(struct server, watch, watch);
	struct kv_resolver *resolver = server->resolver;
	int fd = watch->fd;

	ares_process_fd(resolver->channel, (events & ~(uint32_t)EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD,
	    (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
	arm(resolver);
}

static void
timer_expired(struct kv_timer *timer)
{
	struct kv_resolver *resolver = KV_OWNER(struct kv_resolver, timer, timer);

	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(resolver);
}

/* c-ares tells what it waits for; neither: it is about to close the socket. */
static void
socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct kv_resolver *resolver = data;
	struct server **at = &resolver->servers, *server;

	while (*at != NULL && (*at)->watch.fd != fd)
		at = &(*at)->next;
	server = *at;
	if (!readable && !writable) {
		if (server == NULL)
			return;
		kv_loop_forget(resolver->loop, &server->watch);
		*at = server->next;
		free(server);
		return;
	}
	if (server == NULL) {
		server = calloc(1, sizeof(*server));
		if (server == NULL)
			return;		/* the question runs into its time-out */
		server->watch.fd = fd;
		server->watch.ready = server_ready;
		server->resolver = resolver;
		server->next = resolver->servers;
		resolver->servers = server;
	}
	(void)kv_loop_watch(resolver->loop, &server->watch,
	    (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0));
}

struct kv_resolver *
kv_resolver_new(struct kv_loop *loop, struct kv_error *err)
{
	struct kv_resolver *resolver = calloc(1, sizeof(*resolver));
	char lookups[] = "fb";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH, .timeout = SERVER_MS, .tries = TRIES, .lookups = lookups,
		.sock_state_cb = socket_changed, .sock_state_cb_data = resolver,
	};
	int status = ARES_ENOMEM;

	if (resolver != NULL) {
		resolver->loop = loop;
		resolver->timer.expired = timer_expired;
		status = ares_library_init(ARES_LIB_INIT_ALL);
		if (status == ARES_SUCCESS)
			status = ares_init_options(&resolver->channel, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
			    ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	}
	if (status != ARES_SUCCESS) {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "resolver: %s", ares_strerror(status));
		free(resolver);
		return NULL;
	}
	return resolver;
}

void
kv_resolver_free(struct kv_resolver *resolver)
{
	if (resolver == NULL)
		return;
	kv_loop_timer_stop(resolver->loop, &resolver->timer);
	ares_destroy(resolver->channel);	/* which ends all questions, and closes all sockets */
	ares_library_cleanup();
	free(resolver);
}

static bool
take_address(const struct sockaddr *from, struct kv_address *out)
{
	*out = (struct kv_address){ .v6 = false };
	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;

		memcpy(out->bytes, &in->sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			memcpy(out->bytes, in6->sin6_addr.s6_addr + 12, 4);
			return true;
		}
		out->v6 = true;
		memcpy(out->bytes, &in6->sin6_addr, 16);
		return true;
	}
	return false;
}

static void
keep(struct kv_resolver *resolver, const char *name, const struct kv_addresses *answer, long long ms)
{
	struct kept *oldest = &resolver->kept[0];

	for (size_t i = 0; i < CACHE; i++) {
		struct kept *kept = &resolver->kept[i];

		if (kept->until < oldest->until)
			oldest = kept;
		if (strcmp(kept->name, name) == 0) {
			oldest = kept;
			break;
		}
	}
	memcpy(oldest->name, name, strlen(name) + 1);
	oldest->answer = *answer;
	ms = ms < KEEP_MIN_MS ? KEEP_MIN_MS : ms;
	oldest->until = kv_loop_now(resolver->loop) + (ms > KEEP_MAX_MS ? KEEP_MAX_MS : ms);
}

/* Answers whoever still waits. */
static void
answer(struct pending *pending, const struct kv_addresses *addresses)
{
	struct kv_question *question = pending->question;

	kv_loop_timer_stop(pending->resolver->loop, &pending->timer);
	if (question == NULL)
		return;
	pending->question = NULL;
	question->pending = NULL;
	question->answer = *addresses;
	question->answered(question);
}

static void
resolved(void *data, int status, int timeouts, struct ares_addrinfo *result)
{
	struct pending *pending = data;
	struct kv_addresses found = { .count = 0 };
	long long ttl = KEEP_MAX_MS / 1000;

	(void)timeouts;
	for (const struct ares_addrinfo_node *node = status == ARES_SUCCESS && result != NULL ? result->nodes : NULL;
	    node != NULL && found.count < KV_ADDRESSES_MAX; node = node->ai_next) {
		if (take_address(node->ai_addr, &found.at[found.count]))
			found.count++;
		ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
	}
	if (result != NULL)
		ares_freeaddrinfo(result);
	if (found.count > 0)
		keep(pending->resolver, pending->name, &found, ttl * 1000);
	answer(pending, &found);
	free(pending);
}

static void
overdue(struct kv_timer *timer)
{
	static const struct kv_addresses none = { .count = 0 };

	answer(KV_OWNER(struct pending, timer, timer), &none);
}

static const struct kv_addresses *
find_kept(const struct kv_resolver *resolver, const char *name)
{
	for (size_t i = 0; i < CACHE; i++) {
		if (strcmp(resolver->kept[i].name, name) == 0 && resolver->kept[i].until > kv_loop_now(resolver->loop))
			return &resolver->kept[i].answer;
	}
	return NULL;
}

void
kv_resolver_ask(struct kv_resolver *resolver, const struct kv_host *host, struct kv_question *question)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	const struct kv_addresses *kept = host->is_address ? NULL : find_kept(resolver, host->name);
	struct pending *pending;

	question->pending = NULL;
	question->answer = (struct kv_addresses){ .count = 0 };
	if (host->is_address)
		question->answer = (struct kv_addresses){ .at = { host->address }, .count = 1 };
	else if (kept != NULL)
		question->answer = *kept;
	pending = question->answer.count == 0 ? calloc(1, sizeof(*pending)) : NULL;
	if (pending == NULL) {
		question->answered(question);
		return;
	}
	pending->resolver = resolver;
	pending->question = question;
	pending->timer.expired = overdue;
	memcpy(pending->name, host->name, sizeof(pending->name));
	question->pending = pending;
	(void)kv_loop_timer(resolver->loop, &pending->timer, KV_RESOLVE_MS);
	ares_getaddrinfo(resolver->channel, host->name, NULL, &hints, resolved, pending);
	arm(resolver);
}

void
kv_resolver_cancel(struct kv_question *question)
{
	struct pending *pending = question->pending;

	if (pending == NULL)
		return;
	kv_loop_timer_stop(pending->resolver->loop, &pending->timer);
	pending->question = NULL;
	question->pending = NULL;
}

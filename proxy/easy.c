/* One request by libcurl: its options, its callbacks, and the last looks at the address. */
#include "proxy/upstream_impl.h"

#include "common/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS	10000L
#define BUFFER		16384L

#define SET(easy, option, value) (curl_easy_setopt((easy), (option), (value)) != CURLE_OK)

static size_t
on_head(char *line, size_t size, size_t count, void *data)
{
	struct kv_exchange *exchange = data;

	if (exchange->calls->head(exchange->owner, line, size * count) != 0) {
		exchange->stopped = true;
		return 0;
	}
	return size * count;
}

static size_t
on_body(char *at, size_t size, size_t count, void *data)
{
	struct kv_exchange *exchange = data;
	long taken = exchange->calls->body(exchange->owner, at, size * count);

	if (taken == KV_EXCHANGE_WAIT) {
		exchange->receive_waits = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (taken != 0) {
		exchange->stopped = true;
		return size * count == 0 ? 1 : 0;
	}
	return size * count;
}

static size_t
on_give(char *at, size_t size, size_t count, void *data)
{
	struct kv_exchange *exchange = data;
	long given = exchange->calls->give(exchange->owner, at, size * count);

	if (given == KV_EXCHANGE_WAIT) {
		exchange->send_waits = true;
		return CURL_READFUNC_PAUSE;
	}
	if (given < 0) {
		exchange->stopped = true;
		return CURL_READFUNC_ABORT;
	}
	return (size_t)given;
}

/* Is this the address that was checked. */
static bool
is_checked(const struct kv_exchange *exchange, const struct sockaddr *to)
{
	if (exchange->address.v6)
		return to->sa_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr,
		    exchange->address.bytes, 16) == 0;
	return to->sa_family == AF_INET && memcmp(&((const struct sockaddr_in *)(const void *)to)->sin_addr,
	    exchange->address.bytes, 4) == 0;
}

static curl_socket_t
on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct kv_exchange *exchange = data;

	if (purpose != CURLSOCKTYPE_IPCXN || !is_checked(exchange, &to->addr))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Before the request goes out, on a new connection or one that was there. */
static int
on_ready(void *data, char *peer, char *local, int peer_port, int local_port)
{
	struct kv_exchange *exchange = data;
	uint8_t bytes[16];

	(void)local;
	(void)peer_port;
	(void)local_port;
	if (peer == NULL || inet_pton(exchange->address.v6 ? AF_INET6 : AF_INET, peer, bytes) != 1 ||
	    memcmp(bytes, exchange->address.bytes, exchange->address.v6 ? 16 : 4) != 0)
		return CURL_PREREQFUNC_ABORT;
	exchange->sent = true;
	return CURL_PREREQFUNC_OK;
}

static CURLcode
on_tls(CURL *easy, void *context, void *data)
{
	(void)easy;
	(void)data;
	/* Idle connections hold no buffers; and nothing below TLS 1.2. */
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 ? CURLE_OK : CURLE_SSL_CONNECT_ERROR;
}

int
kv_easy_prepare(CURL *easy)
{
	if (SET(easy, CURLOPT_HEADERFUNCTION, on_head) || SET(easy, CURLOPT_WRITEFUNCTION, on_body) ||
	    SET(easy, CURLOPT_READFUNCTION, on_give) || SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) ||
	    SET(easy, CURLOPT_PREREQFUNCTION, on_ready) || SET(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls))
		return -1;
	/* Nothing of the environment, nothing of a home, nowhere else than asked. */
	if (SET(easy, CURLOPT_PROXY, "") || SET(easy, CURLOPT_NOPROXY, "*") ||
	    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) || SET(easy, CURLOPT_FOLLOWLOCATION, 0L) ||
	    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L) || SET(easy, CURLOPT_NOSIGNAL, 1L))
		return -1;
	/* The body's bytes as they are; its framing is ours. */
	if (SET(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L) || SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) ||
	    SET(easy, CURLOPT_BUFFERSIZE, BUFFER) || SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER) ||
	    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) || SET(easy, CURLOPT_TCP_KEEPALIVE, 1L))
		return -1;
	/* A folder of roots could not be kept in memory; the file has them all. */
	return SET(easy, CURLOPT_CAPATH, NULL) || SET(easy, CURLOPT_SSL_VERIFYPEER, 1L) ||
	    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L) || SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 86400L) ? -1 : 0;
}

static int
set_place(struct kv_exchange *exchange, const struct kv_upstream_request *request)
{
	char address[46], url[KV_HOST_MAX + 32], to[KV_HOST_MAX + 64];
	const char *open = request->host_v6 ? "[" : "", *close = request->host_v6 ? "]" : "";

	kv_address_text(&request->address, address);
	if (kv_format(url, sizeof(url), "%s://%s%s%s:%u/", request->tls ? "https" : "http", open, request->host, close,
	    request->port) != 0 ||
	    kv_format(to, sizeof(to), request->address.v6 ? "::[%s]:" : "::%s:", address) != 0)
		return -1;
	exchange->connect_to = curl_slist_append(NULL, to);
	if (exchange->connect_to == NULL)
		return -1;
	return SET(exchange->easy, CURLOPT_URL, url) || SET(exchange->easy, CURLOPT_CONNECT_TO, exchange->connect_to) ? -1 : 0;
}

int
kv_easy_request(struct kv_exchange *exchange, const struct kv_upstream_request *request)
{
	CURL *easy = exchange->easy;
	bool head = strcmp(request->method, "HEAD") == 0;

	if (SET(easy, CURLOPT_HEADERDATA, exchange) || SET(easy, CURLOPT_WRITEDATA, exchange) ||
	    SET(easy, CURLOPT_READDATA, exchange) || SET(easy, CURLOPT_OPENSOCKETDATA, exchange) ||
	    SET(easy, CURLOPT_PREREQDATA, exchange) || SET(easy, CURLOPT_PRIVATE, exchange) ||
	    set_place(exchange, request) != 0)
		return -1;
	/* Each of the three kinds undoes what another left in a handle that was used before. */
	if (SET(easy, CURLOPT_HTTPGET, 1L))
		return -1;
	if (head ? SET(easy, CURLOPT_NOBODY, 1L) : request->has_body ? SET(easy, CURLOPT_UPLOAD, 1L) : false)
		return -1;
	return SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(request->has_body ? request->length : -1)) ||
	    SET(easy, CURLOPT_CUSTOMREQUEST, head ? NULL : request->method) ||
	    SET(easy, CURLOPT_REQUEST_TARGET, request->target) ||
	    SET(easy, CURLOPT_HTTPHEADER, request->headers) ? -1 : 0;
}

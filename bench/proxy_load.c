/*
 * A load for HTTP proxies that speaks to one: wrk(1) does not.
 *
 *   proxy_load get PORT URL CONNECTIONS SECONDS keep|new   requests a second; new: a connection for each
 *   proxy_load body PORT URL                               one response; bytes a second
 *   proxy_load sink PATH                                   syslog that throws away, until it is killed
 *
 * A proxy that closes after a response is connected to anew: that is its own cost. Prints "NUMBER ERRORS".
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024

struct connection {
	int fd;
	size_t used, want;	/* of the response: bytes that came, bytes it has (0: not known yet) */
	long long served;	/* on this connection */
	bool closes;
	char head[4096];
};

static char request[2048];
static size_t request_len;
static uint16_t port;
static bool keep;
static long long done, errors;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("connect");
		exit(1);
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
prepare(const char *url, bool kept)
{
	const char *host = strstr(url, "://") + 3;

	keep = kept;
	request_len = (size_t)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: load\r\nAccept: */*\r\n%s\r\n",
	    url, (int)strcspn(host, "/"), host, kept ? "" : "Connection: close\r\n");
}

static void
begin(struct connection *c, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c->fd < 0) {
		c->fd = dial();
		c->served = 0;
		(void)epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
	}
	c->used = c->want = 0;
	if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len && c->served == 0)
		errors++;
}

static void
read_head(struct connection *c)
{
	char *end, *length;

	c->head[c->used < sizeof(c->head) ? c->used : sizeof(c->head) - 1] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return;
	if (strncmp(c->head + 8, " 200", 4) != 0)
		errors++;
	length = strcasestr(c->head, "\r\ncontent-length:");
	c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL || strncmp(c->head, "HTTP/1.0", 8) == 0 || length == NULL;
	if (length != NULL)
		c->want = (size_t)(end + 4 - c->head) + strtoul(length + 17, NULL, 10);
}

static void
step(struct connection *c, int epoll)
{
	char waste[65536];
	bool in_head = c->want == 0 && c->used < sizeof(c->head) - 1;
	ssize_t n = in_head ? recv(c->fd, c->head + c->used, sizeof(c->head) - 1 - c->used, 0) : recv(c->fd, waste, sizeof(waste), 0);

	if (n > 0) {
		c->used += (size_t)n;
		if (in_head)
			read_head(c);
	}
	if (n > 0 && (c->want == 0 || c->used < c->want))
		return;
	/* A connection that was kept may end before its next request: that is no error, it is asked again. */
	if (n <= 0 && c->used == 0 && c->served == 0)
		errors++;
	done += c->used > 0;
	c->served++;
	if (n <= 0 || !keep || c->closes) {
		(void)close(c->fd);
		c->fd = -1;
	}
	begin(c, epoll);
}

static void
get(int count, double seconds)
{
	static struct connection all[CONNECTIONS_MAX];
	struct epoll_event events[256];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	double start = now(), end = start + seconds;

	for (int i = 0; i < count && i < CONNECTIONS_MAX; i++) {
		all[i].fd = -1;
		begin(&all[i], epoll);
	}
	while (now() < end) {
		int n = epoll_wait(epoll, events, 256, 100);

		for (int i = 0; i < n; i++)
			step(events[i].data.ptr, epoll);
	}
	printf("%.0f %lld\n", (double)done / (now() - start), errors);
}

static void
body(void)
{
	static char waste[1 << 18];
	int fd = dial();
	double start = now();
	long long total = 0;
	ssize_t n;

	if (send(fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		errors++;
	while ((n = recv(fd, waste, sizeof(waste), 0)) > 0)
		total += n;
	errors += n < 0;
	printf("%.0f %lld\n", (double)total / (now() - start), errors);
}

static void
sink(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char waste[8192];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, 0666) != 0)
		exit(1);
	while (recv(fd, waste, sizeof(waste), 0) >= 0)
		;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "sink") == 0) {
		sink(argv[2]);
		return 0;
	}
	if (argc < 4)
		return 64;
	port = (uint16_t)atoi(argv[2]);
	if (strcmp(argv[1], "body") == 0) {
		prepare(argv[3], false);
		body();
	} else if (strcmp(argv[1], "get") == 0 && argc == 7) {
		prepare(argv[3], strcmp(argv[6], "keep") == 0);
		get(atoi(argv[4]), atof(argv[5]));
	}
	return 0;
}

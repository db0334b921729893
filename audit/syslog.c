#include "audit/syslog.h"

#include "audit/chain.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define PRIORITY	86	/* authpriv (10 << 3) + info (6) */
#define HEADER_ROOM	64
#define RETRY_MS	5

/* RFC 3164. The time here is for readers: the record carries its own, signed. */
static int
header(char *out, size_t size)
{
	static const char month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return -1;
	return kv_format(out, size, "<%d>%s %2d %02d:%02d:%02d kavach[%ld]: ", PRIORITY,
	    month[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long)getpid());
}

/* Waits for room. 0, or -1 when the time is over (errno ETIMEDOUT). */
static int
wait_for_room(int fd, long long deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	long long left = deadline_ms - kv_clock_ms();

	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	/*
	 * The kernel may call a datagram socket writable whose peer is full, so never
	 * spin: a poll that returns at once is followed by a short sleep.
	 */
	(void)poll(&p, 1, left < 100 ? (int)left : 100);
	if ((p.revents & POLLOUT) != 0)
		kv_sleep_ms(1);
	return 0;
}

/* A connected socket of this type, or -1 with errno. A listener's full queue is waited for. */
static int
connect_to(const struct sockaddr_un *addr, int type, long long deadline_ms)
{
	kv_cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		if (kv_clock_ms() >= deadline_ms) {
			errno = ETIMEDOUT;
			return -1;
		}
		kv_sleep_ms(RETRY_MS);
	}
	return kv_steal_fd(&fd);
}

static int
send_all(int fd, const char *text, size_t len, long long deadline_ms, bool *unsure)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			sent += (size_t)n;
			*unsure = true;
		} else if (n == 0 || errno == EAGAIN || errno == ENOBUFS) {
			if (wait_for_room(fd, deadline_ms) != 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	*unsure = false;
	return 0;
}

int
kv_syslog_send(const char *path, const char *text, size_t len, long long deadline_ms,
    bool *unsure, struct kv_error *err)
{
	char packet[HEADER_ROOM + KV_RECORD_MAX + 1];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	kv_cleanup_close int fd = -1;
	size_t used;

	*unsure = false;
	if (kv_format(addr.sun_path, sizeof(addr.sun_path), "%s", path) != 0 ||
	    header(packet, HEADER_ROOM) != 0)
		return kv_error_sys(err, "audit: %s", path);
	used = strlen(packet);
	if (len > sizeof(packet) - used - 1)
		return kv_error_set(err, KV_ERR_USAGE, "audit: the record is too long");
	memcpy(packet + used, text, len);
	used += len;

	fd = connect_to(&addr, SOCK_DGRAM, deadline_ms);
	if (fd < 0 && errno == EPROTOTYPE) {
		fd = connect_to(&addr, SOCK_STREAM, deadline_ms);
		packet[used++] = '\0';	/* what ends a message on a stream, as in syslog(3) */
	}
	if (fd < 0 || send_all(fd, packet, used, deadline_ms, unsure) != 0)
		return kv_error_sys(err, "audit: syslog at %s did not take the record", path);
	return 0;
}

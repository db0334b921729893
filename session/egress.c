/*
 * Starting a session's proxy: what it gets. How it is started is in egress_spawn.c. Root.
 */
#include "session/egress.h"

#include "session/egress_spawn.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_MAX	(1U << 20)	/* proxy/config.h, and what a pipe holds */
#define BACKLOG		256
#define NO_STATS	"allowed=0 denied=0 up=0 down=0\n"	/* until the proxy has others */

static int
listen_inside(struct kv_error *err)
{
	kv_cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(KV_EGRESS_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, BACKLOG) != 0)
		return kv_error_sys(err, "cannot listen for the session's proxy");
	return kv_steal_fd(&fd);
}

/*
 * The text fits into the pipe, so that it is written before there is a reader; a pipe's
 * pages are never swapped out.
 */
static int
config_pipe(const struct kv_session *s, const struct kv_config *config, const struct kv_policy *policy, struct kv_error *err)
{
	char *text = kv_secret_memory(TEXT_MAX, err);
	int ends[2] = { -1, -1 };
	long size;
	int result = -1;

	if (text == NULL)
		return -1;
	size = kv_egress_text(s->ticket, config, policy, &s->secrets, text, TEXT_MAX, err);
	if (size >= 0 && (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, (int)size) < size ||
	    fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0 || kv_write_all(ends[1], text, (size_t)size) != 0))
		(void)kv_error_sys(err, "cannot tell the proxy its policy");
	else if (size >= 0)
		result = 0;
	kv_secret_forget(text, TEXT_MAX);
	if (ends[1] >= 0)
		(void)close(ends[1]);
	if (result == 0)
		return ends[0];
	if (ends[0] >= 0)
		(void)close(ends[0]);
	return -1;
}

/* Without a chain of the host's there is none for the proxy: audit_required is then off. */
static int
audit_chain(const struct kv_session *s, uid_t uid, int *fd, struct kv_error *err)
{
	*fd = -1;
	if (s->audit.state_fd < 0)
		return 0;
	if (kv_session_chain_make(&s->audit, s->state_fd, s->id, KV_CHAIN_EGRESS, uid, err) != 0)
		return -1;
	*fd = kv_openat(s->state_fd, KV_EGRESS_CHAIN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);
	return *fd >= 0 ? 0 : kv_error_sys(err, "audit: the proxy's chain");
}

static int
prepare(const struct kv_session *s, const struct kv_config *config, const struct kv_policy *policy,
    struct kv_egress_child *c, struct kv_error *err)
{
	c->uid = s->ticket->proxy_uid;
	c->host_net_fd = s->host_net_fd;
	if ((c->fd[KV_EGRESS_FD_LISTENER] = listen_inside(err)) < 0 ||
	    (c->fd[KV_EGRESS_FD_CONFIG] = config_pipe(s, config, policy, err)) < 0 ||
	    audit_chain(s, c->uid, &c->fd[KV_EGRESS_FD_CHAIN], err) != 0)
		return -1;
	c->fd[KV_EGRESS_FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	c->fd[KV_EGRESS_FD_OPENER] = (int)syscall(SYS_pidfd_open, s->ticket->opener_pid, 0);
	c->fd[KV_EGRESS_FD_STATS] = openat(s->state_fd, KV_EGRESS_STATS, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c->fd[KV_EGRESS_FD_NULL] < 0 || c->fd[KV_EGRESS_FD_OPENER] < 0 || c->fd[KV_EGRESS_FD_STATS] < 0 ||
	    kv_write_all(c->fd[KV_EGRESS_FD_STATS], NO_STATS, strlen(NO_STATS)) != 0)
		return kv_error_sys(err, "the proxy's descriptors");
	return 0;
}

static void
release(struct kv_egress_child *c)
{
	for (int i = 0; i < KV_EGRESS_FDS; i++)
		if (c->fd[i] >= 0)
			(void)close(c->fd[i]);
}

int
kv_egress_start(const struct kv_session *s, const struct kv_config *config, const struct kv_policy *policy,
    int *proxy_fd, struct kv_error *err)
{
	struct kv_egress_child c = { .fd = { -1, -1, -1, -1, -1, -1, -1 } };
	int result = prepare(s, config, policy, &c, err);

	if (result == 0)
		result = kv_egress_spawn(&c, proxy_fd, err);
	release(&c);
	return result;
}

void
kv_egress_stop(int *proxy_fd)
{
	struct pollfd p = { .fd = *proxy_fd, .events = POLLIN };

	if (*proxy_fd < 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, *proxy_fd, SIGKILL, NULL, 0);
	while (poll(&p, 1, 1000) < 0 && errno == EINTR)
		;
	(void)close(*proxy_fd);
	*proxy_fd = -1;
}

/* The shim's sockets: for the container's init, and for a pty that the runtime makes. */
#include "backends/container/shim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/container/channel.h"
#include "backends/container/container.h"
#include "backends/process/message.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define CONSOLE_MS 5000
#define SEND_SECONDS 10

int
kv_shim_listen(const char *path, struct kv_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	kv_cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || kv_format(address.sun_path, sizeof(address.sun_path), "%s", path) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, 1) != 0)
		return kv_error_sys(err, "%s", path);
	return kv_steal_fd(&fd);
}

/* The kernel says who connected; gVisor's gofer does it for its guest. */
static bool
is_init(const struct kv_shim *shim, int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return false;
	return who.uid == (shim->runtime == KV_RUNTIME_RUNSC ? 0 : shim->ticket.uid);
}

/*
 * The container's init has the user's own id, so that a process of his outside of the session can stop it. Nobody
 * waits for its reading: neither here nor in the wrapper, which has the same socket later.
 */
static int
bound_sending(int fd)
{
	const struct timeval limit = { .tv_sec = SEND_SECONDS };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* The pty's master comes in one message of the runtime (runc: docs/terminals.md). */
static int
take_console(struct kv_shim *shim, struct kv_error *err)
{
	struct pollfd watched = { .fd = shim->console, .events = POLLIN };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char name[4096];
	struct iovec io = { .iov_base = name, .iov_len = sizeof(name) };
	struct msghdr header = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	const struct cmsghdr *cmsg;
	int master;

	if (poll(&watched, 1, CONSOLE_MS) != 1)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the runtime gave no terminal");
	kv_cleanup_close int fd = accept4(shim->console, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || recvmsg(fd, &header, MSG_CMSG_CLOEXEC) < 0)
		return kv_error_sys(err, "the runtime's terminal");
	cmsg = CMSG_FIRSTHDR(&header);
	if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS || cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "the runtime gave no terminal");
	memcpy(&master, CMSG_DATA(cmsg), sizeof(master));
	return master;
}

static int
tell(const struct kv_shim *shim, int fd, bool limits_ok, struct kv_error *err)
{
	static const int stdio[3] = { 0, 1, 2 };
	struct kv_channel_head head = {
		.magic = KV_CHANNEL_MAGIC, .ticket_size = sizeof(shim->ticket),
		.launch_size = (uint32_t)shim->packed.size,
		.stdio = shim->runtime != KV_RUNTIME_RUNSC, .terminal = shim->terminal,
		.foreign = shim->runtime == KV_RUNTIME_RUNSC,
	};
	struct kv_message begin = { .type = KV_MSG_BEGIN, .flag = limits_ok };

	if (kv_channel_put(fd, &head, sizeof(head)) != 0 ||
	    kv_channel_put(fd, &shim->ticket, sizeof(shim->ticket)) != 0 ||
	    kv_channel_put(fd, shim->packed.bytes, shim->packed.size) != 0 ||
	    kv_message_send_fds(fd, &begin, stdio, head.stdio ? 3 : 0) != 0)
		return kv_error_sys(err, "the container's channel");
	return 0;
}

int
kv_shim_introduce(struct kv_shim *shim, bool limits_ok, struct kv_error *err)
{
	kv_cleanup_close int init = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC);
	kv_cleanup_close int master = -1;
	struct kv_message message = { .type = KV_MSG_INNER };
	int fds[2];

	if (init < 0 || bound_sending(init) != 0)
		return kv_error_sys(err, "the container's channel");
	/* One comes, and no other: what runs inside later finds no socket. */
	(void)close(kv_steal_fd(&shim->listener));
	(void)unlink(KV_SHIM_INSIDE "/" KV_CHANNEL_NAME);
	if (!is_init(shim, init))
		return kv_error_set(err, KV_ERR_DENIED, "somebody else answers for the container");
	if (shim->terminal && (master = take_console(shim, err)) < 0)
		return -1;
	if (tell(shim, init, limits_ok, err) != 0)
		return -1;
	fds[0] = init;
	fds[1] = master;
	if (kv_message_send_fds(KV_SHIM_CONTROL, &message, fds, master >= 0 ? 2 : 1) != 0)
		return kv_error_sys(err, "the wrapper");
	return 0;
}

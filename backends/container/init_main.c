/*
 * kavach-init: the first process of a container. Static, bound read-only into it.
 *
 * MUST NOT start anything of the user's before the layers that are its own (Landlock, the
 * exact seccomp filter) hold, all of them have been read back, and the wrapper has said go.
 * It runs as the user, without a capability, and has nothing of the host but its channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "backends/container/channel.h"
#include "backends/container/inside.h"
#include "backends/container/pack.h"
#include "backends/process/first.h"
#include "backends/process/message.h"
#include "backends/process/serve.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

#define PTMX "/dev/ptmx"

struct init {
	int channel;
	struct kv_channel_head head;
	struct kv_ticket *ticket;
	struct kv_packed packed;
	bool limits_ok;
	bool leads;		/* of the command's session, with the container's terminal */
	int master;		/* of the container's pty that was made here; -1: none */
};

static int
connect_channel(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = KV_RUN_DIR "/" KV_CHANNEL_NAME };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		_exit(KV_EXIT_SYSTEM);
	return fd;
}

static int
receive(struct init *init, struct kv_error *err)
{
	char *bytes;

	if (kv_channel_get(init->channel, &init->head, sizeof(init->head)) != 0 ||
	    init->head.magic != KV_CHANNEL_MAGIC || init->head.ticket_size != sizeof(*init->ticket) ||
	    init->head.launch_size > KV_PACK_MAX)
		return kv_error_set(err, KV_ERR_SYSTEM, "kavach-init is not of the same version as the shim");
	init->ticket = malloc(sizeof(*init->ticket));
	bytes = malloc(init->head.launch_size);
	if (init->ticket == NULL || bytes == NULL ||
	    kv_channel_get(init->channel, init->ticket, sizeof(*init->ticket)) != 0 ||
	    kv_channel_get(init->channel, bytes, init->head.launch_size) != 0) {
		free(bytes);
		return kv_error_sys(err, "the container's channel");
	}
	return kv_unpack(bytes, init->head.launch_size, &init->packed, err);
}

/* A pty of the container's own for those of the caller's descriptors that are a terminal. */
static int
make_terminal(struct init *init, const int fds[3], struct kv_error *err)
{
	kv_cleanup_close int master = -1, slave = -1;
	int unlock = 0;

	if (!isatty(fds[0]) && !isatty(fds[1]) && !isatty(fds[2]))
		return 0;
	master = open(PTMX, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0 ||
	    (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return kv_error_sys(err, "the container gives no terminal");
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fds[fd]) && dup2(slave, fds[fd]) < 0)
			return kv_error_sys(err, "the container's terminal");
	init->master = kv_steal_fd(&master);
	return 0;
}

/*
 * Under su(1) the command is one job of a shell outside, which must see it stop. The kernel drops a
 * stop from the keyboard where nobody in the session would see it (POSIX: an orphaned process group), so init leads the session.
 */
static void
lead_session(struct init *init)
{
	if (init->packed.launch.own_session || init->master < 0)
		return;
	(void)setsid();
	for (int fd = 0; fd <= 2 && !init->leads; fd++)
		init->leads = isatty(fd) && ioctl(fd, TIOCSCTTY, 0) == 0;
}

/* The caller's descriptors become 0, 1 and 2. */
static int
take_stdio(struct init *init, struct kv_error *err)
{
	struct kv_message begin;
	size_t count = 3;
	int fds[3] = { -1, -1, -1 };

	if (kv_message_recv_fds(init->channel, &begin, fds, &count) != 1 || begin.type != KV_MSG_BEGIN)
		return kv_error_sys(err, "the container's channel");
	init->limits_ok = begin.flag;
	if (init->head.stdio == 0)
		return 0;
	if (count != 3)
		return kv_error_set(err, KV_ERR_SYSTEM, "the caller's descriptors did not arrive");
	if (make_terminal(init, fds, err) != 0)
		return -1;
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(fds[fd], fd) != fd)
			return kv_error_sys(err, "descriptor %d", fd);
	}
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fds[fd]);
	lead_session(init);
	return 0;
}

/* Nothing that a runtime forgot stays open; returns where the channel is now. */
static int
close_others(struct init *init)
{
	int top = init->channel > init->master ? init->channel : init->master;

	for (int fd = 3; fd <= top; fd++)
		if (fd != init->channel && fd != init->master)
			(void)close(fd);
	return kv_inside_close_from(top + 1);
}

static _Noreturn void
serve(struct init *init, int signals, struct kv_error *err)
{
	struct kv_serve serve = {
		.launch = &init->packed.launch, .control = init->channel, .opener = -1,
		.signals = signals,
	};
	struct kv_message message;

	serve.leads = init->leads;
	/* gVisor's terminal cannot change hands (TIOCSCTTY): there the command stays in init's session and foreground group. */
	init->packed.launch.own_session = init->head.terminal == 0 && !init->leads;
	if (kv_message_recv(init->channel, &message) != 1 || message.type != KV_MSG_GO)
		_exit(KV_EXIT_SYSTEM);
	if (kv_serve(&serve, err) != 0)
		kv_first_fail(init->channel, err);
	_exit(0);
}

/* The command of a probe: says what the container's kernel cannot do (kv_runtime_start.option), a word a line. */
static int
tell_kernel(void)
{
	static const char word[] = "noautomount\n";
	struct stat st;
	struct statx stx;
	bool knows = syscall(SYS_newfstatat, AT_FDCWD, "/", &st, AT_NO_AUTOMOUNT) == 0 &&
	    syscall(SYS_statx, AT_FDCWD, "/", AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx) == 0;

	return knows || kv_write_all(1, word, sizeof(word) - 1) == 0 ? 0 : KV_EXIT_SYSTEM;
}

int
main(int argc, char *argv[])
{
	struct init init = { .master = -1 };
	struct kv_message ready = { .type = KV_MSG_READY };
	struct kv_error err = KV_ERROR_INIT;
	int signals;

	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return tell_kernel();
	init.channel = connect_channel();
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || receive(&init, &err) != 0 || take_stdio(&init, &err) != 0)
		kv_first_fail(init.channel, &err);
	if (close_others(&init) != 0) {
		(void)kv_error_sys(&err, "descriptors");
		kv_first_fail(init.channel, &err);
	}
	signals = kv_serve_signals(&err);
	if (signals < 0 || kv_inside_confine(init.ticket, init.head.foreign != 0, &err) != 0 ||
	    kv_inside_verify(init.ticket, init.head.foreign != 0, init.limits_ok, &ready.verified, &err) != 0)
		kv_first_fail(init.channel, &err);
	if (kv_message_send_fds(init.channel, &ready, &init.master, init.master >= 0 ? 1 : 0) != 0)
		_exit(KV_EXIT_SYSTEM);
	if (init.master >= 0)
		(void)close(init.master);
	serve(&init, signals, &err);
}

#include "common/pty_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/terminal.h"

#define FOREGROUND_MS	400	/* how often a job in the background looks whether it still is */
#define VACANT_MS	100	/* how often a pty that nobody has open is looked at */

enum { IN, OUT, MASTER };

/* Without job control on it (no controlling terminal of ours) nobody else's job can have it. */
static bool
is_foreground(const struct kv_pty_relay *relay)
{
	pid_t group = tcgetpgrp(relay->in);

	return group < 0 || group == getpgrp();
}

/* TCSANOW: waiting for output to leave could take for ever, and flushing would lose what was typed ahead. */
static int
enter_raw(struct kv_pty_relay *relay)
{
	struct termios raw;

	if (!relay->raw && tcgetattr(relay->in, &relay->saved) != 0)
		return -1;
	if (!relay->reads || !is_foreground(relay)) {
		relay->raw = false;
		return 0;
	}
	raw = relay->saved;
	cfmakeraw(&raw);
	raw.c_iflag &= ~(tcflag_t)(IXANY | IXOFF);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(relay->in, TCSANOW, &raw) != 0)
		return -1;
	relay->raw = true;
	return 0;
}

static void
leave_raw(struct kv_pty_relay *relay)
{
	if (relay->raw && is_foreground(relay))
		(void)tcsetattr(relay->in, TCSANOW, &relay->saved);
	relay->raw = false;
}

int
kv_pty_open(struct kv_pty_relay *relay, int in, int out, int master, struct kv_error *err)
{
	int flags = fcntl(master, F_GETFL);

	relay->in = in;
	relay->out = out;
	relay->master = master;
	relay->reads = kv_terminal_can(in, O_WRONLY);
	relay->told = tcgetsid(in) == getsid(0);
	relay->raw = relay->vacant = false;
	relay->inward.start = relay->inward.end = 0;
	relay->outward.start = relay->outward.end = 0;
	if (tcgetattr(in, &relay->saved) != 0)
		return kv_error_sys(err, "settings of the terminal");
	/* On a master these are the settings of its terminal (tty_mode_ioctl in the kernel). */
	if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    tcsetattr(master, TCSANOW, &relay->saved) != 0)
		return kv_error_sys(err, "settings of the sandbox's terminal");
	kv_pty_resize(relay);
	if (enter_raw(relay) != 0)
		return kv_error_sys(err, "raw mode of the terminal");
	return 0;
}

void
kv_pty_resize(const struct kv_pty_relay *relay)
{
	struct winsize size;

	/* A terminal without a size (0 by 0) has one for its programs to ask for, too. */
	if (ioctl(relay->in, TIOCGWINSZ, &size) == 0)
		(void)ioctl(relay->master, TIOCSWINSZ, &size);
}

static bool
holds(const struct kv_pty_flow *flow)
{
	return flow->start < flow->end;
}

static bool
has_room(const struct kv_pty_flow *flow)
{
	return flow->end < sizeof(flow->data);
}

void
kv_pty_watch(const struct kv_pty_relay *relay, struct pollfd watched[3])
{
	short pty = 0;

	/* Also with no event wanted: poll(2) tells of a hangup. */
	watched[IN] = (struct pollfd){ .fd = relay->in };
	if (relay->raw && has_room(&relay->inward))
		watched[IN].events = POLLIN;
	watched[OUT] = (struct pollfd){ .fd = holds(&relay->outward) ? relay->out : -1, .events = POLLOUT };
	if (has_room(&relay->outward))
		pty |= POLLIN;
	if (holds(&relay->inward))
		pty |= POLLOUT;
	/* A pty that nobody has open reports POLLHUP without end. */
	watched[MASTER] = (struct pollfd){ .fd = relay->vacant || pty == 0 ? -1 : relay->master, .events = pty };
}

int
kv_pty_timeout(const struct kv_pty_relay *relay)
{
	if (relay->vacant)
		return VACANT_MS;
	return relay->reads && !relay->raw ? FOREGROUND_MS : -1;
}

/*
 * One read or write of the caller's terminal that does not block. The flag belongs to the open
 * file description, which the caller's shell and its other jobs have too: it is set for this one call.
 */
static ssize_t
transfer(int fd, char *to, const char *from, size_t size)
{
	int flags = fcntl(fd, F_GETFL), saved;
	ssize_t n;

	if (flags < 0)
		return -1;
	if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -1;
	n = to != NULL ? read(fd, to, size) : write(fd, from, size);
	saved = errno;
	if ((flags & O_NONBLOCK) == 0)
		(void)fcntl(fd, F_SETFL, flags);
	errno = saved;
	return n;
}

/* One read into what is free; errno 0: it read nothing because there is nothing more. */
static bool
fill(struct kv_pty_flow *flow, int fd)
{
	ssize_t n;

	errno = 0;
	n = transfer(fd, flow->data + flow->end, NULL, sizeof(flow->data) - flow->end);
	if (n > 0)
		flow->end += (size_t)n;
	return n > 0;
}

/* One write of what there is. False with errno. */
static bool
empty(struct kv_pty_flow *flow, int fd)
{
	ssize_t n = transfer(fd, NULL, flow->data + flow->start, flow->end - flow->start);

	if (n < 0)
		return false;
	flow->start += (size_t)n;
	if (flow->start == flow->end)
		flow->start = flow->end = 0;
	return true;
}

static bool
is_passing(int error)
{
	return error == EINTR || error == EAGAIN;
}

static void
write_out(struct kv_pty_relay *relay)
{
	/* A terminal that takes nothing, ever (it was opened for reading), must not stop the command. */
	if (!empty(&relay->outward, relay->out) && !is_passing(errno))
		relay->outward.start = relay->outward.end = 0;
}

static void
look_again(struct kv_pty_relay *relay)
{
	struct pollfd pty = { .fd = relay->master, .events = POLLIN };

	if (relay->vacant && poll(&pty, 1, 0) >= 0 &&
	    ((pty.revents & POLLHUP) == 0 || ((pty.revents & POLLIN) != 0 && has_room(&relay->outward))))
		relay->vacant = false;
	if (relay->reads && !relay->raw && is_foreground(relay))
		kv_pty_continue(relay);
}

static bool
step_in(struct kv_pty_relay *relay, short revents)
{
	if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		return false;
	if ((revents & POLLIN) != 0 && !relay->told)
		kv_pty_resize(relay);
	if ((revents & POLLIN) == 0 || fill(&relay->inward, relay->in) || is_passing(errno))
		return true;
	/* EIO without a hangup: another job has become the foreground (SIGTTIN is blocked). */
	if (errno == EIO && !is_foreground(relay)) {
		relay->raw = false;
		return true;
	}
	return errno == 0;	/* somebody else took it out of raw mode, and Ctrl-D was typed */
}

bool
kv_pty_step(struct kv_pty_relay *relay, const struct pollfd watched[3])
{
	int pty = watched[MASTER].fd < 0 ? 0 : watched[MASTER].revents;

	if (relay->vacant || !relay->raw)
		look_again(relay);
	if (!step_in(relay, watched[IN].revents))
		return false;
	if (watched[OUT].fd >= 0 && watched[OUT].revents != 0)
		write_out(relay);
	if (has_room(&relay->outward) && (pty & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    !fill(&relay->outward, relay->master) && !is_passing(errno))
		relay->vacant = true;
	/* Closed, and what it still holds has to wait for the terminal: POLLHUP would not. */
	if (!has_room(&relay->outward) && (pty & POLLHUP) != 0)
		relay->vacant = true;
	/* What was typed stays for whoever opens the pty next. */
	if (holds(&relay->inward) && (pty & POLLOUT) != 0 &&
	    !empty(&relay->inward, relay->master) && !is_passing(errno))
		relay->vacant = true;
	return true;
}

static long
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads what the pty holds at this moment. poll(2) moves on what was written to it, so none means none. */
static bool
read_left(struct kv_pty_relay *relay, size_t *left)
{
	struct pollfd pty = { .fd = relay->master, .events = POLLIN };
	size_t before = relay->outward.end;

	if (!has_room(&relay->outward))
		return true;
	if (*left == 0 || poll(&pty, 1, 0) <= 0 || (pty.revents & POLLIN) == 0)
		return false;
	if (!fill(&relay->outward, relay->master))
		return errno == EINTR;
	*left -= *left < relay->outward.end - before ? *left : relay->outward.end - before;
	return true;
}

void
kv_pty_drain(struct kv_pty_relay *relay, unsigned int ms)
{
	long end = now_ms() + (long)ms, rest;
	size_t left = KV_PTY_LEFT;
	bool more = true;

	while ((rest = end - now_ms()) >= 0) {
		struct pollfd watched[] = {
			{ .fd = relay->in },
			{ .fd = relay->out, .events = POLLOUT },
		};

		more = more && read_left(relay, &left);
		if (!holds(&relay->outward)) {
			if (!more)
				return;
			continue;
		}
		if (poll(watched, 2, (int)rest) < 0 && errno != EINTR)
			return;
		if ((watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			return;
		if (watched[1].revents != 0)
			write_out(relay);
	}
}

void
kv_pty_suspend(struct kv_pty_relay *relay)
{
	leave_raw(relay);
}

void
kv_pty_continue(struct kv_pty_relay *relay)
{
	(void)enter_raw(relay);
	kv_pty_resize(relay);
}

void
kv_pty_stop(struct kv_pty_relay *relay, unsigned int ms)
{
	if (relay != NULL) {
		kv_pty_drain(relay, ms);
		kv_pty_suspend(relay);
	}
	kv_terminal_stop();
	if (relay != NULL)
		kv_pty_continue(relay);
}

void
kv_pty_close(struct kv_pty_relay *relay)
{
	leave_raw(relay);
	relay->reads = false;
}

#include "tests/hostile/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MPTCP 262

static int
try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return OPEN;
}

static int
try_unix(const char *path, bool abstract)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), e;

	if (fd < 0)
		return errno;
	(void)snprintf(to.sun_path + abstract, sizeof(to.sun_path) - 1, "%s", path);
	e = connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1)) == 0 ?
	    OPEN : errno;
	(void)close(fd);
	return e;
}

static int
parse(const char *text, struct sockaddr_in *out)
{
	char address[64];
	const char *colon = strrchr(text, ':');

	if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
		return -1;
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	*out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)) };
	return inet_pton(AF_INET, address, &out->sin_addr) == 1 ? 0 : -1;
}

/* Connects within two seconds; flags: with MSG_FASTOPEN the sending opens it. */
static int
try_tcp(const struct sockaddr_in *to, int protocol, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), e = 0;
	socklen_t len = sizeof(e);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	ssize_t rc;

	if (fd < 0)
		return errno;
	rc = flags == 0 ? connect(fd, (const struct sockaddr *)to, sizeof(*to)) :
	    sendto(fd, "x", 1, flags | MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof(*to));
	e = rc < 0 ? errno : 0;
	if (e == EINPROGRESS)
		e = poll(&wait, 1, 2000) != 1 ? ETIMEDOUT :
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0 ? errno : e;
	(void)close(fd);
	return e;
}

static int
try_udp(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), e;

	if (fd < 0)
		return errno;
	e = sendto(fd, "x", 1, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to)) == 1 ? OPEN : errno;
	(void)close(fd);
	return e;
}

static void
daemons(void)
{
	static const char *const paths[] = {
		"/run/dbus/system_bus_socket", "/run/docker.sock", "/run/podman/podman.sock",
		"/run/containerd/containerd.sock", "/run/systemd/private", "/run/systemd/journal/stdout",
		"/run/systemd/io.systemd.ManagedOOM", "/tmp/.X11-unix/X0", "/dev/log", "/run/nscd/socket",
	};
	char path[64], name[128];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		(void)snprintf(name, sizeof(name), "B8 %s", paths[i]);
		report(name, try_unix(paths[i], false));
	}
	(void)snprintf(path, sizeof(path), "/run/user/%u/bus", getuid());
	report("B8 the user's D-Bus", try_unix(path, false));
	(void)snprintf(path, sizeof(path), "/run/user/%u/systemd/private", getuid());
	report("B17 the user's systemd", try_unix(path, false));
	report("B8 abstract X11", try_unix("/tmp/.X11-unix/X0", true));
}

void
probe_network(const struct options *options)
{
	struct sockaddr_in to;

	if (options->seccomp) {
		report("B8 packet socket", try_socket(AF_PACKET, SOCK_RAW, 0));
		report("B8 vsock", try_socket(40, SOCK_STREAM, 0));
		report("B8 kernel crypto", try_socket(38, SOCK_SEQPACKET, 0));
		report("B8 netlink audit", try_socket(AF_NETLINK, SOCK_RAW, 9));
		report("B8 netlink uevent", try_socket(AF_NETLINK, SOCK_RAW, 15));
		report("B8 MPTCP", try_socket(AF_INET, SOCK_STREAM, MPTCP));
		report("B8 SCTP", try_socket(AF_INET, SOCK_STREAM, 132));
	}
	report("B8 raw socket", try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	daemons();
	if (options->abstract != NULL)
		report("B8 abstract socket outside", try_unix(options->abstract, true));
	if (options->tcp == NULL)
		return;
	if (parse(options->tcp, &to) != 0) {
		report("--tcp=ADDRESS:PORT is wrong", OPEN);
		return;
	}
	if (!options->net) {
		report("B8 TCP outside", try_tcp(&to, 0, 0));
		if (options->foreign)
			does_not_apply("B8 UDP outside", "its loopback is gVisor's own, and a datagram needs no receiver");
		else
			report("B8 UDP outside", try_udp(&to));
	}
	if (!options->net || options->seccomp) {
		report("B8 MPTCP outside", try_tcp(&to, MPTCP, 0));
		report("B8 fast open outside", try_tcp(&to, 0, MSG_FASTOPEN));
	}
}

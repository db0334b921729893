#include "proxy/own.h"

#include "common/error.h"
#include "proxy/host.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
kv_own_open(struct kv_error *err)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	(void)kv_error_sys(err, "the host's own addresses");
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int
ask(int fd, uint32_t number)
{
	const struct {
		struct nlmsghdr head;
		struct ifaddrmsg body;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETADDR, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		    .nlmsg_seq = number },
		.body = { .ifa_family = AF_UNSPEC },
	};

	return send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request) ? 0 : -1;
}

/* Of a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL the own one. */
static bool
names(const struct nlmsghdr *message, const struct kv_address *address)
{
	const struct ifaddrmsg *body = NLMSG_DATA(message);
	size_t size = body->ifa_family == AF_INET6 ? 16 : 4;
	int left = (int)IFA_PAYLOAD(message);

	if (body->ifa_family != AF_INET && body->ifa_family != AF_INET6)
		return false;
	for (const struct rtattr *at = IFA_RTA(body); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		struct kv_address own;

		if ((at->rta_type != IFA_LOCAL && at->rta_type != IFA_ADDRESS) || RTA_PAYLOAD(at) != size)
			continue;
		kv_address_set(&own, size == 16, RTA_DATA(at));
		if (kv_address_equal(&own, address))
			return true;
	}
	return false;
}

/* One of the answer's parts. 1: more follows; 0: that was all; -1: no answer. */
static int
read_part(const void *part, size_t len, uint32_t number, const struct kv_address *address, bool *found)
{
	for (const struct nlmsghdr *at = part; NLMSG_OK(at, len); at = NLMSG_NEXT(at, len)) {
		if (at->nlmsg_seq != number)
			continue;	/* left from one that broke off */
		if (at->nlmsg_type == NLMSG_DONE)
			return 0;
		if (at->nlmsg_type != RTM_NEWADDR || at->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
			return -1;
		*found = *found || names(at, address);
	}
	return 1;
}

bool
kv_own_has(int fd, const struct kv_address *address)
{
	static uint32_t number;
	/* What the kernel fills at the most at once (NLMSG_GOODSIZE is a page at the least; 32 KiB for who gives as much). */
	uint32_t part[8192];
	bool found = false;
	int more = 1;

	if (ask(fd, ++number) != 0)
		return true;
	while (more == 1) {
		/* A dump goes on within the call that reads it: there is nothing to wait for. */
		ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT | MSG_TRUNC);

		if (n <= 0 || (size_t)n > sizeof(part))
			return true;
		more = read_part(part, (size_t)n, number, address, &found);
	}
	return found || more != 0;
}

#include "proxy/fence.h"

#include "backends/process/landlock.h"
#include "backends/process/landlock_abi.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "proxy/config.h"
#include "proxy/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DNS_PORT	53
#define READ		(KV_LL_READ_FILE | KV_LL_READ_DIR)

/* What is read while the proxy runs; what is not there is not needed. Links are followed: resolv.conf is one as a rule. */
static const char *const readable[] = {
	"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/localtime",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/lib/ssl", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/proc/sys/kernel/random/boot_id",	/* the audit chain */
};

static const char *const sockets[] = { "/dev", "/run" };

static int
add_path(int ruleset, int fd, uint64_t rights, uint64_t handled, struct kv_error *err)
{
	struct kv_ll_path rule = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return kv_error_sys(err, "landlock");
	rule.allowed = rights & handled & (S_ISDIR(st.st_mode) ? ~0ULL : KV_LL_FILE_RIGHTS);
	if (syscall(SYS_landlock_add_rule, ruleset, KV_LL_RULE_PATH, &rule, 0) != 0)
		return kv_error_sys(err, "landlock");
	return 0;
}

static int
add_readable(int ruleset, const char *path, uint64_t handled, struct kv_error *err)
{
	kv_cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : add_path(ruleset, fd, READ, handled, err);
}

static int
add_sockets(int ruleset, const char *path, uint64_t handled, struct kv_error *err)
{
	kv_cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : add_path(ruleset, fd, KV_LL_RESOLVE_UNIX, handled, err);
}

static int
add_port(int ruleset, uint16_t port, struct kv_error *err)
{
	struct kv_ll_port rule = { .allowed = KV_LL_CONNECT_TCP, .port = port };

	if (syscall(SYS_landlock_add_rule, ruleset, KV_LL_RULE_PORT, &rule, 0) != 0)
		return kv_error_sys(err, "landlock: port %u", port);
	return 0;
}

/* Calls for each port that an upstream can have. */
static int
each_port(const struct kv_egress_config *config, int (*call)(int data, uint16_t port, struct kv_error *err), int data,
    struct kv_error *err)
{
	static const uint16_t usual[] = { 80, 443 };
	const uint16_t *port = config->port_count > 0 ? config->port : usual;
	size_t count = config->port_count > 0 ? config->port_count : 2;

	for (size_t i = 0; i < count; i++) {
		if (call(data, port[i], err) != 0)
			return -1;
	}
	return call(data, DNS_PORT, err);
}

static int
fill(int ruleset, const struct kv_egress_config *config, int audit, const struct kv_landlock_abi *handled,
    struct kv_error *err)
{
	const char *roots = kv_upstream_roots();

	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
		if (add_readable(ruleset, readable[i], handled->fs, err) != 0)
			return -1;
	}
	if (roots != NULL && add_readable(ruleset, roots, handled->fs, err) != 0)
		return -1;
	if (audit >= 0 && add_path(ruleset, audit, handled->fs & ~(KV_LL_EXECUTE | KV_LL_IOCTL_DEV | KV_LL_MAKE_BLOCK |
	    KV_LL_MAKE_CHAR), handled->fs, err) != 0)
		return -1;
	/* Syslog's socket, also where /dev/log is a link. The name and not the socket: a daemon that starts again makes another. */
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if ((handled->fs & KV_LL_RESOLVE_UNIX) != 0 &&
		    add_sockets(ruleset, sockets[i], handled->fs, err) != 0)
			return -1;
	return handled->net != 0 ? each_port(config, add_port, ruleset, err) : 0;
}

int
kv_fence_enforce(const struct kv_egress_config *config, int audit, struct kv_error *err)
{
	struct kv_landlock_abi handled = kv_landlock_abi_rights(kv_landlock_probe());
	struct kv_ll_ruleset attributes = { .fs = handled.fs, .net = handled.net, .scoped = handled.scoped };
	kv_cleanup_close int ruleset = -1;

	if (handled.fs == 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "this kernel has no Landlock");
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return kv_error_sys(err, "landlock: ruleset");
	if (fill(ruleset, config, audit, &handled, err) != 0)
		return -1;
	return kv_landlock_enforce(ruleset, err);
}

static int
is_port(int data, uint16_t port, struct kv_error *err)
{
	(void)err;
	return port == data ? -1 : 0;
}

/* A connection that must not even be tried. */
static bool
is_port_closed(const struct kv_egress_config *config)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	kv_cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int port = 1;

	while (port < UINT16_MAX && each_port(config, is_port, port, NULL) != 0)
		port++;
	to.sin_port = htons((uint16_t)port);
	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno == EACCES;
}

int
kv_fence_verify(const struct kv_egress_config *config, struct kv_error *err)
{
	static const char *const closed[] = { "/", "/usr", "/etc", "/proc" };

	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		kv_cleanup_close int fd = open(closed[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 || errno != EACCES)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: landlock: %s", closed[i]);
	}
	if (kv_landlock_abi_rights(kv_landlock_probe()).net != 0 && !is_port_closed(config))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: landlock: TCP");
	return 0;
}

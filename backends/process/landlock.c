#include "backends/process/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/landlock_abi.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

#define ABI_HIGHEST 9	/* 8 has no new right */

struct kv_landlock_abi
kv_landlock_abi_rights(int abi)
{
	struct kv_landlock_abi rights = { 0, 0, 0 };

	if (abi >= 1)
		rights.fs = (KV_LL_MAKE_SYM << 1) - 1;
	if (abi >= 2)
		rights.fs |= KV_LL_REFER;
	if (abi >= 3)
		rights.fs |= KV_LL_TRUNCATE;
	if (abi >= 4)
		rights.net = KV_LL_BIND_TCP | KV_LL_CONNECT_TCP;
	if (abi >= 5)
		rights.fs |= KV_LL_IOCTL_DEV;
	if (abi >= 6)
		rights.scoped = KV_LL_SCOPE_ABSTRACT | KV_LL_SCOPE_SIGNAL;
	if (abi >= 9)
		rights.fs |= KV_LL_RESOLVE_UNIX;
	return rights;
}

static int
create(const struct kv_landlock_abi *handled)
{
	struct kv_ll_ruleset attr = {
		.fs = handled->fs, .net = handled->net, .scoped = handled->scoped,
	};
	/* A kernel takes a longer struct than its own as long as the rest is zero. */
	return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
}

int
kv_landlock_probe(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, KV_LL_CREATE_VERSION);

	if (abi > ABI_HIGHEST)
		abi = ABI_HIGHEST;
	for (; abi >= 1; abi--) {
		struct kv_landlock_abi rights = kv_landlock_abi_rights((int)abi);
		kv_cleanup_close int fd = create(&rights);

		if (fd >= 0)
			return (int)abi;
	}
	return 0;
}

uint64_t
kv_landlock_grant(const char *path, bool writable, bool directory, uint64_t handled)
{
	uint64_t rights = KV_LL_EXECUTE | KV_LL_READ_FILE | KV_LL_READ_DIR;

	/* No grant makes device nodes: capabilities forbid it too, and verify.c relies on this one. */
	if (writable)
		rights = handled & ~(KV_LL_IOCTL_DEV | KV_LL_MAKE_BLOCK | KV_LL_MAKE_CHAR);
	/* Terminals are used by ioctl(2), /dev/tty and the pts above all. */
	if (strncmp(path, "/dev", 4) == 0 && (path[4] == '\0' || path[4] == '/'))
		rights |= KV_LL_IOCTL_DEV;
	if (!directory)
		rights &= KV_LL_FILE_RIGHTS;
	return rights & handled;
}

int
kv_landlock_plan(const struct kv_ticket *ticket, int abi, struct kv_landlock_abi *out,
    struct kv_error *err)
{
	struct kv_landlock_abi has = kv_landlock_abi_rights(abi);

	/*
	 * A ruleset that handles any file right denies link(2) and rename(2) across
	 * folders, which git needs, unless it handles and grants that right: so there is none of
	 * the file rights where the kernel does not know it (ABI 1).
	 */
	*out = (struct kv_landlock_abi){ .scoped = has.scoped };
	if ((has.fs & KV_LL_REFER) != 0)
		out->fs = KV_LL_MAKE_BLOCK | KV_LL_REFER;
	/* The host's services are on its network; who has that has them. */
	if (ticket->network != KV_NET_HOST)
		out->fs |= has.fs & KV_LL_RESOLVE_UNIX;
	if (ticket->landlock_count > 0) {
		if (abi < 1)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "this kernel has no Landlock");
		out->fs = has.fs;
	}
	if (ticket->ports_count > 0) {
		if (abi < 4)
			return kv_error_set(err, KV_ERR_UNAVAILABLE,
			    "allowed_ports: this kernel's Landlock knows no TCP ports");
		/* MPTCP and fast open go round it, and only the filter stops those. */
		if (ticket->filter_count == 0)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "allowed_ports needs seccomp");
		out->net = KV_LL_CONNECT_TCP;
	}
	return 0;
}

/* rights: as they are; 0: by kv_landlock_grant. */
static int
add_path(int ruleset, const char *path, bool writable, uint64_t rights, uint64_t handled, struct kv_error *err)
{
	/* Stage one has named it without links: one that is there now is the user's. */
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	kv_cleanup_close int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	struct kv_ll_path attr = { .fd = fd, .allowed = rights };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "landlock: %s: %s", path, strerror(errno));
	if (rights == 0)
		attr.allowed = kv_landlock_grant(path, writable, S_ISDIR(st.st_mode), handled);
	if (syscall(SYS_landlock_add_rule, ruleset, KV_LL_RULE_PATH, &attr, 0) != 0)
		return kv_error_sys(err, "landlock: %s", path);
	return 0;
}

static int
add_sockets_at(int ruleset, const char *path, uint64_t handled, struct kv_error *err)
{
	struct stat st;

	/* A container's root need not have it. */
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return add_path(ruleset, path, false, KV_LL_RESOLVE_UNIX, handled, err);
}

/*
 * Where the processes of a session meet: each of its sandboxes is a domain of its own. /run and /dev are the session's
 * (there is syslog's socket); SSSD's pipes are how libc asks who is who. Where the policy has
 * Landlock paths, those that can be written to are such places too.
 */
static int
add_sockets(int ruleset, const struct kv_ticket *ticket, uint64_t handled, struct kv_error *err)
{
	static const char *const always[] = { "/tmp", "/var/tmp", "/dev", "/run", "/var/lib/sss/pipes" };

	if ((handled & KV_LL_RESOLVE_UNIX) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (add_sockets_at(ruleset, always[i], handled, err) != 0)
			return -1;
	for (uint32_t i = 0; i < ticket->data_count; i++)
		if (add_sockets_at(ruleset, ticket->data[i], handled, err) != 0)
			return -1;
	return ticket->home[0] == '/' ? add_sockets_at(ruleset, ticket->home, handled, err) : 0;
}

static int
add_port(int ruleset, uint16_t port, struct kv_error *err)
{
	struct kv_ll_port attr = { .allowed = KV_LL_CONNECT_TCP, .port = port };

	if (syscall(SYS_landlock_add_rule, ruleset, KV_LL_RULE_PORT, &attr, 0) != 0)
		return kv_error_sys(err, "landlock: port %u", port);
	return 0;
}

int
kv_landlock_build(const struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	struct kv_landlock_abi handled;
	int abi = kv_landlock_probe();

	if (kv_landlock_plan(ticket, abi, &handled, err) != 0)
		return -1;
	if ((handled.fs | handled.net | handled.scoped) == 0)
		return KV_LANDLOCK_NOTHING;
	fd = create(&handled);
	if (fd < 0)
		return kv_error_sys(err, "landlock: ruleset");
	if (ticket->landlock_count == 0 && (handled.fs & KV_LL_REFER) != 0 &&
	    add_path(fd, "/", false, KV_LL_REFER, handled.fs, err) != 0)
		return -1;
	if (add_sockets(fd, ticket, handled.fs, err) != 0)
		return -1;
	for (uint32_t i = 0; i < ticket->landlock_count; i++) {
		if (add_path(fd, ticket->landlock[i].path, ticket->landlock[i].writable, 0,
		    handled.fs, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < ticket->ports_count; i++) {
		if (add_port(fd, ticket->ports[i], err) != 0)
			return -1;
	}
	return kv_steal_fd(&fd);
}

int
kv_landlock_enforce(int ruleset_fd, struct kv_error *err)
{
	if (ruleset_fd == KV_LANDLOCK_NOTHING)
		return 0;
	if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) != 0)
		return kv_error_sys(err, "landlock");
	return 0;
}

static int
imply(struct kv_ticket *ticket, const char *path, bool writable, struct kv_error *err)
{
	struct kv_ticket_landlock *rule;

	if (ticket->landlock_count >= sizeof(ticket->landlock) / sizeof(ticket->landlock[0]))
		return kv_error_set(err, KV_ERR_CONFIG, "landlock: too many paths");
	rule = &ticket->landlock[ticket->landlock_count];
	if (kv_format(rule->path, sizeof(rule->path), "%s", path) != 0)
		return kv_error_sys(err, "landlock: %s", path);
	rule->writable = writable;
	ticket->landlock_count++;
	return 0;
}

int
kv_landlock_implied(struct kv_ticket *ticket, struct kv_error *err)
{
	static const char *const always[] = { "/tmp", "/var/tmp", "/dev", "/proc" };

	if (ticket->landlock_count == 0)
		return 0;
	if (imply(ticket, ticket->home, ticket->home_mode != KV_HOME_RO, err) != 0)
		return -1;
	if (ticket->credentials_dir && imply(ticket, KV_CREDENTIALS_DIR, false, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (imply(ticket, always[i], true, err) != 0)
			return -1;
	}
	return 0;
}

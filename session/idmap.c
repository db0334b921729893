#include "session/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/silent.h"
#include "session/session.h"
#include "session/ticket.h"

#define ROOT_BASE	0x70000000u
#define PROXY_BASE	0x78000000u
#define IDS_COUNT	0x07ffffffu	/* of each of the two ranges */
#define IDS_BUFFER	65536	/* an entry of passwd or group with its strings */

int
kv_idmap_root(uid_t uid, uid_t *out)
{
	if (uid == 0 || uid >= IDS_COUNT)
		return -1;
	*out = ROOT_BASE + uid;
	return 0;
}

bool
kv_idmap_wanted(enum kv_backend_id backend)
{
	return backend == KV_BACKEND_OCI || backend == KV_BACKEND_GVISOR || backend == KV_BACKEND_SYAGNOS;
}

/* Does anybody go by this number. A directory service may hand out what no local file does. */
static int
check_nobody(uid_t id, const char *what, struct kv_error *err)
{
	kv_cleanup_free char *buf = malloc(IDS_BUFFER);
	struct passwd user, *found = NULL;
	struct group group, *same = NULL;
	int e;

	if (buf == NULL)
		return kv_error_sys(err, "ids");
	e = getpwuid_r(id, &user, buf, IDS_BUFFER, &found);
	if (found == NULL && (e == 0 || e == ENOENT || e == ESRCH))
		e = getgrgid_r(id, &group, buf, IDS_BUFFER, &same);
	if (found != NULL || same != NULL || (e != 0 && e != ENOENT && e != ESRCH))
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "id %u, which is %s, is %s", id, what,
		    e != 0 ? strerror(e) : "somebody's on this host");
	return 0;
}

int
kv_idmap_fill(const struct kv_account *account, struct kv_ticket *ticket, struct kv_error *err)
{
	gid_t groups[KV_GROUPS_MAX + 1];
	int count = KV_GROUPS_MAX + 1;
	uid_t root;

	if (kv_idmap_root(account->uid, &root) != 0 || account->gid == 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "the user's ids cannot be had in a container");
	if (check_nobody(root, "root in this user's containers", err) != 0)
		return -1;
	if (getgrouplist(account->user, account->gid, groups, &count) < 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "more than %d groups cannot be had in a container", KV_GROUPS_MAX);
	for (int i = 0; i < count; i++) {
		/* Root's group is not the user's to have where 0 is somebody else. */
		if (groups[i] == account->gid || groups[i] == 0)
			continue;
		if (ticket->groups_count == KV_GROUPS_MAX)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "too many groups");
		ticket->groups[ticket->groups_count++] = groups[i];
	}
	ticket->container_root = root;
	return 0;
}

int
kv_idmap_proxy(uid_t uid, uid_t *out, struct kv_error *err)
{
	if (uid == 0 || uid >= IDS_COUNT)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "there is no id for the proxy of uid %u", uid);
	*out = PROXY_BASE + uid;
	return check_nobody(*out, "this user's proxy", err);
}

/* The kernel takes a map in one write only. */
static int
write_map(pid_t pid, const char *name, const char *text, struct kv_error *err)
{
	char path[64];

	if (kv_format(path, sizeof(path), "/proc/%ld/%s", (long)pid, name) != 0 ||
	    kv_write_file(AT_FDCWD, path, text) != 0)
		return kv_error_sys(err, "cannot map ids for a container (%s)", name);
	return 0;
}

static int
write_maps(const struct kv_ticket *ticket, pid_t pid, struct kv_error *err)
{
	char text[64 * (KV_GROUPS_MAX + 2)];
	size_t used;

	if (kv_format(text, sizeof(text), "0 %u 1\n%u %u 1\n", ticket->container_root, ticket->uid, ticket->uid) != 0)
		return kv_error_sys(err, "id map");
	if (write_map(pid, "uid_map", text, err) != 0)
		return -1;
	used = (size_t)snprintf(text, sizeof(text), "0 %u 1\n%u %u 1\n", ticket->container_root,
	    ticket->gid, ticket->gid);
	for (uint32_t i = 0; i < ticket->groups_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u 1\n",
		    ticket->groups[i], ticket->groups[i]);
	if (used >= sizeof(text))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "too many groups");
	return write_map(pid, "gid_map", text, err);
}

/* The child keeps the namespace until its parent has a descriptor of it. */
static _Noreturn void
hold(int until)
{
	char byte;

	_exit(read(until, &byte, 1) == 0 ? 0 : 1);
}

static int
open_namespace(const struct kv_ticket *ticket, pid_t pid, struct kv_error *err)
{
	char path[64];
	int fd;

	if (write_maps(ticket, pid, err) != 0)
		return -1;
	if (kv_format(path, sizeof(path), "/proc/%ld/ns/user", (long)pid) != 0 ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return kv_error_sys(err, "the containers' user namespace");
	return fd;
}

int
kv_idmap_make(const struct kv_ticket *ticket, struct kv_error *err)
{
	int ends[2], fd;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return kv_error_sys(err, "pipe");
	pid = kv_silent_fork(CLONE_NEWUSER, NULL);
	if (pid == 0) {
		(void)close(ends[1]);
		hold(ends[0]);
	}
	(void)close(ends[0]);
	if (pid < 0) {
		(void)close(ends[1]);
		(void)kv_error_sys(err, "this host gives no user namespace for containers");
		err->code = KV_ERR_UNAVAILABLE;
		return -1;
	}
	fd = open_namespace(ticket, pid, err);
	(void)close(ends[1]);
	(void)kv_silent_wait(pid, NULL);
	return fd;
}

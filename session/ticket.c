/*
 * The ticket on disk. Linked in the wrapper too: libc only.
 *
 * MUST NOT trust a path: the ticket is found by descriptors from / down, with
 * no symbolic link on the way, and everything in it is checked for shape
 * before a caller sees it, although only root can have written it.
 */
#include "session/ticket.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TICKET_NAME	"ticket"
#define INITIAL_USERNS	0xEFFFFFFDU	/* PROC_USER_INIT_INO: fixed by the kernel */
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

int
kv_ticket_write(int dirfd, const struct kv_ticket *ticket, struct kv_error *err)
{
	mode_t mode = ticket->privilege == KV_PRIV_USERNS ? 0444 : 0400;

	if (kv_replace_file(dirfd, TICKET_NAME, ticket, sizeof(*ticket), mode) != 0)
		return kv_error_sys(err, "cannot write the session's ticket");
	return 0;
}

/* One string field of the ticket: where it lies and how long it may be. */
struct text_field {
	size_t offset, size;
};
#define TEXT(f) { offsetof(struct kv_ticket, f), sizeof(((struct kv_ticket *)0)->f) }

static bool
ended(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

static bool
texts_are_ended(const struct kv_ticket *t)
{
	static const struct text_field fields[] = {
		TEXT(session), TEXT(user), TEXT(service), TEXT(from), TEXT(rule),
		TEXT(policy), TEXT(home), TEXT(shell), TEXT(command), TEXT(contact),
		TEXT(cgroup), TEXT(runtime), TEXT(runtime_option),
	};

	for (size_t i = 0; i < COUNT(fields); i++)
		if (!ended((const char *)t + fields[i].offset, fields[i].size))
			return false;
	for (size_t i = 0; i < COUNT(t->environment); i++)
		if (!ended(t->environment[i], sizeof(t->environment[i])))
			return false;
	for (size_t i = 0; i < COUNT(t->wrapped); i++)
		if (!ended(t->wrapped[i], sizeof(t->wrapped[i])))
			return false;
	for (size_t i = 0; i < COUNT(t->noexec); i++)
		if (!ended(t->noexec[i], sizeof(t->noexec[i])))
			return false;
	for (size_t i = 0; i < COUNT(t->secrets); i++)
		if (!ended(t->secrets[i].variable, sizeof(t->secrets[i].variable)))
			return false;
	for (size_t i = 0; i < COUNT(t->data); i++)
		if (!ended(t->data[i], sizeof(t->data[i])))
			return false;
	for (size_t i = 0; i < COUNT(t->landlock); i++)
		if (!ended(t->landlock[i].path, sizeof(t->landlock[i].path)))
			return false;
	return true;
}

/* A bool that holds another value than 0 and 1 must not even be read as one. */
static bool
is_bool(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, 1);
	return byte <= 1;
}

static bool
bools_are_sound(const struct kv_ticket *t)
{
	if (!is_bool(&t->audit_required) || !is_bool(&t->read_only_root) ||
	    !is_bool(&t->own_rootfs) || !is_bool(&t->credentials_dir))
		return false;
	for (size_t i = 0; i < COUNT(t->landlock); i++)
		if (!is_bool(&t->landlock[i].writable) || !is_bool(&t->landlock[i].preopen))
			return false;
	return true;
}

static bool
within(int32_t v, int32_t last)
{
	return v >= 0 && v <= last;
}

static bool
enums_are_in_range(const struct kv_ticket *t)
{
	return within(t->backend, KV_BACKEND_COUNT - 1) &&
	    (t->inner == KV_BACKEND_AUTO || within(t->inner, KV_BACKEND_COUNT - 1)) &&
	    within(t->score, 100) && within(t->min_strength, 100) &&
	    within(t->privilege, KV_PRIV_USERNS) &&
	    within(t->audit_format, KV_AUDIT_JSON) &&
	    within(t->network, KV_NET_HOST) && within(t->seccomp, KV_SECCOMP_FILE) &&
	    within(t->home_mode, KV_HOME_OVERLAY) &&
	    within(t->cgroup_version, KV_CGROUP_V2) && t->opener_pid > 0;
}

static bool
counts_are_in_range(const struct kv_ticket *t)
{
	return t->login_groups_count <= COUNT(t->login_groups) && t->environment_count <= COUNT(t->environment) &&
	    t->secrets_count <= COUNT(t->secrets) &&
	    t->wrapped_count <= COUNT(t->wrapped) &&
	    t->noexec_count <= COUNT(t->noexec) &&
	    t->landlock_count <= COUNT(t->landlock) && t->groups_count <= COUNT(t->groups) &&
	    t->ports_count <= COUNT(t->ports) && t->data_count <= COUNT(t->data) && t->filter_count <= COUNT(t->filter) &&
	    (t->seccomp == KV_SECCOMP_OFF) == (t->filter_count == 0);
}

static bool
id_is_sound(const struct kv_ticket *t)
{
	return strspn(t->session, "0123456789abcdef") == KV_ID_LEN &&
	    t->session[KV_ID_LEN] == '\0';
}

static int
check_place(int proc, const struct kv_ticket *t, struct kv_error *err)
{
	uint64_t ino;

	if (t->uid != getuid())
		return kv_error_set(err, KV_ERR_DENIED, "this session belongs to another user");
	/* Without a capability there is no procfs to be had in the view, and nothing to be stolen. */
	if (proc < 0 && t->privilege == KV_PRIV_USERNS)
		return 0;
	if (kv_proc_namespace(proc, "user", &ino, err) != 0)
		return -1;
	if (ino != t->userns_ino)
		return kv_error_set(err, KV_ERR_DENIED, "started in a foreign user namespace");
	if (t->mntns_ino == 0)
		return kv_error_set(err, KV_ERR_DENIED, "this session was never entered");
	if (kv_proc_namespace(proc, "mnt", &ino, err) != 0)
		return -1;
	if (ino != t->mntns_ino)
		return kv_error_set(err, KV_ERR_DENIED, "started in a foreign mount namespace");
	return 0;
}

static int
check_content(int proc, const struct kv_ticket *t, struct kv_error *err)
{
	if (t->magic != KV_TICKET_MAGIC || t->size != sizeof(*t))
		return kv_error_set(err, KV_ERR_DENIED, "the ticket is of another version of kavach");
	if (!texts_are_ended(t) || !bools_are_sound(t) || !enums_are_in_range(t) ||
	    !counts_are_in_range(t) || !id_is_sound(t))
		return kv_error_set(err, KV_ERR_DENIED, "the ticket is damaged");
	return check_place(proc, t, err);
}

/*
 * Root's; or the caller's own in a user namespace below the host's, where stage one ran
 * without root (kavach-open). Who makes such a namespace and such a ticket by himself gets
 * nothing with it: no capability outside, and he runs outside already.
 */
static bool
owner_is_sound(int proc, uid_t owner)
{
	uint64_t ino;
	struct kv_error ignored = KV_ERROR_INIT;

	if (owner == 0)
		return true;
	return owner == getuid() && kv_proc_namespace(proc, "user", &ino, &ignored) == 0 &&
	    ino != INITIAL_USERNS;
}

/* *dir: KV_SELF_DIR. -1 with *found false where there is none to be seen. */
static int
open_self(int proc, int *dir, bool *found, struct kv_error *err)
{
	kv_cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (root < 0)
		return kv_error_sys(err, "/");
	*dir = kv_openat(root, KV_SELF_DIR + 1, O_PATH | O_DIRECTORY, 0, true);
	if (*dir < 0 && (errno == ENOENT || errno == EACCES || errno == ENOTDIR)) {
		/* On the host /run/kavach is closed to users: EACCES means no session. */
		*found = false;
		return kv_error_set(err, KV_ERR_DENIED, "no session was opened here");
	}
	if (*dir < 0)
		return kv_error_sys(err, "%s", KV_SELF_DIR);
	if (fstat(*dir, &st) != 0)
		return kv_error_sys(err, "%s", KV_SELF_DIR);
	if (!owner_is_sound(proc, st.st_uid) || (st.st_mode & 022) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "%s is not root's alone", KV_SELF_DIR);
	return 0;
}

bool
kv_ticket_present(void)
{
	kv_cleanup_close int dir = -1;
	struct kv_error ignored = KV_ERROR_INIT;
	bool found = true;

	return open_self(-1, &dir, &found, &ignored) == 0 || found;
}

static int
check_file(int proc, int fd, struct stat *st, struct kv_error *err)
{
	if (fstat(fd, st) != 0)
		return kv_error_sys(err, "%s/%s", KV_SELF_DIR, TICKET_NAME);
	if (!S_ISREG(st->st_mode) || !owner_is_sound(proc, st->st_uid) ||
	    (st->st_uid != 0 && (st->st_mode & 07777) != 0444) ||
	    ((st->st_mode & 07777) != 0400 && (st->st_mode & 07777) != 0444))
		return kv_error_set(err, KV_ERR_DENIED, "the ticket is not root's alone");
	if (st->st_size != (off_t)sizeof(struct kv_ticket))
		return kv_error_set(err, KV_ERR_DENIED, "the ticket is of another version of kavach");
	return 0;
}

int
kv_ticket_map(int proc, const struct kv_ticket **out, bool *found, struct kv_error *err)
{
	kv_cleanup_close int dir = -1, fd = -1;
	struct stat st;
	void *map;
	const struct kv_ticket *ticket;

	*found = true;
	if (open_self(proc, &dir, found, err) != 0)
		return -1;
	/* O_NONBLOCK: a FIFO in its place must not hold the login up. */
	fd = kv_openat(dir, TICKET_NAME, O_RDONLY | O_NONBLOCK, 0, true);
	if (fd < 0)
		return kv_error_sys(err, "%s/%s", KV_SELF_DIR, TICKET_NAME);
	if (check_file(proc, fd, &st, err) != 0)
		return -1;
	map = mmap(NULL, sizeof(struct kv_ticket), PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return kv_error_sys(err, "%s/%s", KV_SELF_DIR, TICKET_NAME);
	ticket = map;
	if (check_content(proc, ticket, err) == 0 &&
	    (((st.st_mode & 07777) == 0444) == (ticket->privilege == KV_PRIV_USERNS) ||
	    kv_error_set(err, KV_ERR_DENIED, "the ticket has the wrong mode") == 0)) {
		*out = ticket;
		return 0;
	}
	kv_ticket_unmap(ticket);
	return -1;
}

void
kv_ticket_unmap(const struct kv_ticket *ticket)
{
	if (ticket != NULL)
		(void)munmap((void *)(uintptr_t)ticket, sizeof(*ticket));
}

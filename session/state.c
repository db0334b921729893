/*
 * The state directories below KV_SESSIONS_DIR: making, claiming, removing.
 *
 * MUST NOT use what somebody else made in their place, nor trust the umask.
 */
#include "session/state.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names below it are nobody's but root's to list; each folder in it says who may look into it. */
#define RUN_MODE	0711

/* parent/name as a folder that is root's alone to write. */
static int
open_own(int parent, const char *name, mode_t mode, bool make, int *out, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	struct stat st;
	bool made = make && mkdirat(parent, name, 0700) == 0;

	if (make && !made && errno != EEXIST)
		return kv_error_sys(err, "cannot make %s/%s", KV_RUNSTATEDIR, name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return kv_error_set(err, KV_ERR_DENIED, "%s/%s is not a folder", KV_RUNSTATEDIR, name);
	if (fd < 0)
		return kv_error_sys(err, "cannot open %s/%s", KV_RUNSTATEDIR, name);
	if (fstat(fd, &st) != 0)
		return kv_error_sys(err, "%s/%s", KV_RUNSTATEDIR, name);
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		return kv_error_set(err, KV_ERR_DENIED,
		    "%s/%s does not belong to root alone: somebody else made it, or can write to it",
		    KV_RUNSTATEDIR, name);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		return kv_error_sys(err, "%s/%s", KV_RUNSTATEDIR, name);
	*out = kv_steal_fd(&fd);
	return 0;
}

static int
open_below(const char *name, mode_t mode, bool make, int *out, struct kv_error *err)
{
	kv_cleanup_close int run = open(KV_RUNSTATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_close int own = -1;

	*out = -1;
	if (run < 0)
		return kv_error_sys(err, "%s", KV_RUNSTATEDIR);
	if (open_own(run, "kavach", RUN_MODE, make, &own, err) != 0)
		return -1;
	return open_own(own, name, mode, make, out, err);
}

int
kv_state_open(bool make, int *sessions_fd, struct kv_error *err)
{
	return open_below("sessions", 0700, make, sessions_fd, err);
}

int
kv_session_probe_folder(bool make, int *out, struct kv_error *err)
{
	return open_below("probe", 0755, make, out, err);
}

bool
kv_state_is_id(const char *name)
{
	return strspn(name, "0123456789abcdef") == KV_ID_LEN && name[KV_ID_LEN] == '\0';
}

bool
kv_state_is_new(const char *name, char id[KV_ID_LEN + 1], bool *alive)
{
	const size_t prefix = strlen(KV_NEW_PREFIX), head = prefix + KV_ID_LEN;
	struct kv_state_info si = { .uid = -1 };
	const char *dot;
	char pid[24];
	uint64_t number;

	if (strncmp(name, KV_NEW_PREFIX, prefix) != 0 || strspn(name + prefix, "0123456789abcdef") != KV_ID_LEN ||
	    name[head] != '.')
		return false;
	if (kv_format(pid, sizeof(pid), "%.*s", (int)strcspn(name + head + 1, "."), name + head + 1) != 0 ||
	    kv_parse_u64(pid, 1, INT32_MAX, &number) != 0)
		return false;
	si.info.opener = (pid_t)number;
	dot = strchr(name + head + 1, '.');
	if (dot == NULL || kv_parse_u64(dot + 1, 0, UINT64_MAX, &si.opener_start) != 0)
		return false;
	memcpy(id, name + prefix, KV_ID_LEN);
	id[KV_ID_LEN] = '\0';
	*alive = kv_state_alive(&si);
	return true;
}

static int
make_id(char id[KV_ID_LEN + 1], struct kv_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[KV_ID_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return kv_error_sys(err, "no random numbers for a session's id");
	for (size_t i = 0; i < sizeof(bytes); i++) {
		id[2 * i] = digits[bytes[i] >> 4];
		id[2 * i + 1] = digits[bytes[i] & 15];
	}
	id[KV_ID_LEN] = '\0';
	return 0;
}

static int
fill(int state_fd, const struct kv_state_info *info, int *lock_fd, struct kv_error *err)
{
	kv_cleanup_close int lock = -1;

	if (fchmod(state_fd, 0700) != 0)
		return kv_error_sys(err, "the session's state");
	lock = openat(state_fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0)
		return kv_error_sys(err, "the session's lock");
	if (kv_state_write_info(state_fd, info, err) != 0)
		return -1;
	*lock_fd = kv_steal_fd(&lock);
	return 0;
}

/* The directory under its first name, whole. Where that fails, what is there is removed. */
static int
make(int sessions_fd, const char *name, const struct kv_state_info *info, int *state_fd, int *lock_fd,
    struct kv_error *err)
{
	kv_cleanup_close int dir = -1;

	if (mkdirat(sessions_fd, name, 0700) != 0)
		return kv_error_sys(err, "cannot make the session's state");
	dir = openat(sessions_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		(void)kv_error_sys(err, "the session's state");
	if (dir < 0 || fill(dir, info, lock_fd, err) != 0) {
		(void)kv_state_remove(sessions_fd, name);
		return -1;
	}
	*state_fd = kv_steal_fd(&dir);
	return 0;
}

int
kv_state_make(int sessions_fd, struct kv_state_info *info, int *state_fd, int *lock_fd,
    struct kv_error *err)
{
	kv_cleanup_close int state = -1, lock = -1;
	char name[NAME_MAX + 1];
	char *id = info->info.id;

	if (make_id(id, err) != 0)
		return -1;
	if (kv_format(name, sizeof(name), "%s%s.%ld.%llu", KV_NEW_PREFIX, id, (long)info->info.opener,
	    (unsigned long long)info->opener_start) != 0)
		return kv_error_sys(err, "the session's state");
	if (make(sessions_fd, name, info, &state, &lock, err) != 0)
		return -1;
	if (renameat(sessions_fd, name, sessions_fd, id) != 0) {
		(void)kv_error_sys(err, "cannot make the session's state");
		(void)kv_state_remove(sessions_fd, name);
		return -1;
	}
	*state_fd = kv_steal_fd(&state);
	*lock_fd = kv_steal_fd(&lock);
	return 0;
}

/* The files of one state directory; it has no folders below it. */
static int remove_files(int fd, unsigned int depth);

/* The session's audit chain is a folder; nothing of the user's can be below it. */
static int
remove_folder(int parent, const char *name, unsigned int depth)
{
	kv_cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || depth == 0 || remove_files(fd, depth - 1) != 0)
		return -1;
	return unlinkat(parent, name, AT_REMOVEDIR);
}

static int
remove_files(int fd, unsigned int depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (copy < 0)
		return -1;
	if ((dir = fdopendir(copy)) == NULL) {
		(void)close(copy);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) != 0 && errno != ENOENT &&
		    remove_folder(fd, entry->d_name, depth) != 0)
			return -1;
	}
	return 0;
}

int
kv_state_remove(int sessions_fd, const char *name)
{
	kv_cleanup_close int fd = openat(sessions_fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	/* A wrapper that is dying may leave one more file meanwhile. */
	for (int i = 0; i < 20; i++) {
		if (remove_files(fd, 1) != 0)
			return -1;
		if (unlinkat(sessions_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY)
			return -1;
	}
	return -1;
}

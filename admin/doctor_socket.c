/*
 * UNIX sockets in what a session's view shows of the host that a confined user may connect to. A network namespace
 * parts nobody from them, and Landlock does so only from ABI 9 on.
 */
#include "admin/doctor_impl.h"

#include "backends/process/landlock.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "session/view.h"

#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <time.h>

#define SOCKETS_MAX	256
#define ENTRIES_MAX	400000u
#define SECONDS_MAX	5
#define DEPTH_MAX	24
#define NAMED_MAX	6

struct walk {
	struct kv_doctor *d;
	char *path[SOCKETS_MAX];	/* owned */
	size_t count;
	unsigned int entries;
	time_t end;
	bool cut;
	char at[KV_PATH_MAX];
};

/* The session has its own of these, or an empty one. */
static bool
not_shown(const char *path)
{
	static const char *const own[] = { "/var/tmp", "/var/run", "/var/lock", KV_LOCALSTATEDIR "/lib/kavach" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(path, own[i]) == 0)
			return true;
	for (const struct kv_view_covered *one = kv_view_covered; one->path != NULL; one++)
		if (strcmp(path, one->path) == 0)
			return true;
	return false;
}

static time_t
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void
note(struct walk *w)
{
	if (w->count == SOCKETS_MAX) {
		w->cut = true;
		return;
	}
	w->path[w->count] = strdup(w->at);
	if (w->path[w->count] == NULL)
		w->d->no_memory = true;
	else
		w->count++;
}

/* fd, which it closes: an open folder, whose path is w->at. No link is followed. */
static void
look(struct walk *w, int fd, unsigned int depth)
{
	kv_cleanup_dir DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	size_t len = strlen(w->at);

	if (dir == NULL)
		(void)close(fd);
	while (dir != NULL && !w->cut && (entry = readdir(dir)) != NULL) {
		bool folder = entry->d_type == DT_DIR, open_type = entry->d_type == DT_UNKNOWN;
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++w->entries > ENTRIES_MAX || (w->entries % 256 == 0 && seconds() >= w->end))
			w->cut = true;
		if ((!folder && !open_type && entry->d_type != DT_SOCK) ||
		    kv_format(w->at + len, sizeof(w->at) - len, "/%s", entry->d_name) != 0 || not_shown(w->at)) {
			w->at[len] = '\0';
			continue;
		}
		if (open_type && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			folder = S_ISDIR(st.st_mode);
		if (folder && depth > 0) {
			int below = kv_openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);

			if (below >= 0)
				look(w, below, depth - 1);
		} else if (entry->d_type == DT_SOCK || (open_type && S_ISSOCK(st.st_mode))) {
			note(w);
		}
		w->at[len] = '\0';
	}
}

static bool
in_group(const struct kv_doctor *d, const struct kv_doctor_user *user, gid_t gid)
{
	kv_cleanup_file FILE *file = d->options->root != NULL ? kv_doctor_fopen(d, "/etc/group") : NULL;
	const struct group *gr;

	if (d->options->root == NULL)
		gr = getgrgid(gid);
	else
		while ((gr = file != NULL ? fgetgrent(file) : NULL) != NULL && gr->gr_gid != gid)
			;
	return gr != NULL && kv_list_has(&user->groups, gr->gr_name);
}

/* By owner, group and others; ACLs are not looked at. */
static bool
may(const struct kv_doctor *d, const struct kv_doctor_user *user, const struct stat *st, mode_t bit)
{
	if (st->st_uid == user->uid)
		return (st->st_mode & (bit << 6)) != 0;
	return (st->st_mode & (in_group(d, user, st->st_gid) ? bit << 3 : bit)) != 0;
}

static bool
may_connect(const struct kv_doctor *d, const struct kv_doctor_user *user, const char *path)
{
	char folder[KV_PATH_MAX];
	struct stat st;

	if (!kv_doctor_stat(d, path, &st) || !may(d, user, &st, 02))
		return false;
	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		memcpy(folder, path, i);
		folder[i] = '\0';
		if (!kv_doctor_stat(d, folder, &st) || !may(d, user, &st, 01))
			return false;
	}
	return true;
}

static void
report(struct walk *w, const struct kv_doctor_user *user)
{
	char text[KV_DOCTOR_WHERE] = "";
	const char *first = NULL;
	size_t count = 0, used = 0;
	/* Only internal-sftp and forwarding are without Landlock. */
	bool little = user->only_host_network || (!user->host_network && kv_landlock_probe() >= 9);

	for (size_t i = 0; i < w->count; i++) {
		/* How libc asks SSSD who is who. */
		if (strncmp(w->path[i], "/var/lib/sss/pipes/", 19) == 0 || !may_connect(w->d, user, w->path[i]))
			continue;
		if (first == NULL)
			first = w->path[i];
		if (++count <= NAMED_MAX && kv_format(text + used, sizeof(text) - used, "%s%s", used > 0 ? ", " : "",
		    w->path[i]) == 0)
			used += strlen(text + used);
		else
			text[used] = '\0';
	}
	if (first == NULL)
		return;
	kv_doctor_add(w->d, &(struct kv_report){ "unix-sockets", little ? KV_LOW : KV_MEDIUM, user->name,
	    first, "Close the socket, or a folder above it, to the user by its mode, put it below /run, or run Linux with "
	    "Landlock's ABI 9." },
	    "a session sees %zu UNIX socket%s that the user may connect to, whatever `network` says: %s%s", count,
	    count == 1 ? "" : "s", text, count > NAMED_MAX ? " ..." : "");
}

void
kv_doctor_sockets(struct kv_doctor *d)
{
	static const char *const trees[] = { "/var", "/opt", "/srv", "/etc" };
	struct walk w = { .d = d, .end = seconds() + SECONDS_MAX };

	if (d->user_count == 0)
		return;
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]) && !w.cut; i++) {
		int fd = kv_doctor_open(d, trees[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		(void)kv_format(w.at, sizeof(w.at), "%s", trees[i]);
		if (fd >= 0)
			look(&w, fd, DEPTH_MAX);
	}
	for (size_t i = 0; i < d->user_count; i++)
		report(&w, &d->users[i]);
	if (w.cut)
		kv_doctor_add(d, &(struct kv_report){ "unix-sockets-cut", KV_LOW, kv_no_user, w.at,
		    "Look for the others with find /var /opt /srv -type s." },
		    "there are too many files to look for UNIX sockets among all of them");
	while (w.count > 0)
		free(w.path[--w.count]);
}

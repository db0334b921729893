/*
 * Is a process frozen by a cgroup, of v2 or of v1's freezer; and out of it. The hierarchies are mounted anew and nowhere,
 * so that neither a session's view nor anybody's mount decides what is looked at.
 *
 * A cgroup that cannot be read counts as one that freezes: its owner can nest it so deep that the kernel has no name for it.
 */
#include "audit/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

#define HIERARCHIES_MAX	16

/* One hierarchy of the host: controllers is "" for v2. */
struct hierarchy {
	char controllers[128];
};

static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list != '\0'; list += *list == ',' ? 1 : 0) {
		size_t n = strcspn(list, ",");

		if (n == len && strncmp(list, word, len) == 0)
			return true;
		list += n;
	}
	return false;
}

/* "ID:CONTROLLERS:PATH": the two texts of a line. */
static bool
split(char *line, char **controllers, char **path)
{
	char *colon = strchr(line, ':');

	if (colon == NULL)
		return false;
	*controllers = colon + 1;
	colon = strchr(*controllers, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	*path = colon + 1;
	(*path)[strcspn(*path, "\n")] = '\0';
	return true;
}

static bool
freezes(const char *controllers)
{
	return *controllers == '\0' || has_word(controllers, "freezer");
}

/* The process's place in a hierarchy, to be freed; NULL where it has none that can be told. */
static char *
place(int proc, const char *who, const char *controllers)
{
	kv_cleanup_free char *line = NULL;
	char *path = NULL, *found, *names, name[32];
	size_t room = 0;
	FILE *f;
	int fd;

	if (kv_format(name, sizeof(name), "%s/cgroup", who) != 0)
		return NULL;
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	f = fd >= 0 ? fdopen(fd, "re") : NULL;
	if (f == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	while (path == NULL && getline(&line, &room, f) > 0)
		if (split(line, &names, &found) && strcmp(names, controllers) == 0)
			path = strdup(found);
	(void)fclose(f);
	return path;
}

/* Those that this host has; which can freeze: at most v2 and one of v1. */
static size_t
hierarchies(int proc, bool only_freezers, struct hierarchy *out, size_t max)
{
	kv_cleanup_free char *line = NULL;
	char *path, *names;
	size_t room = 0, count = 0;
	int fd = openat(proc, "self/cgroup", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;

	if (f == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while (count < max && getline(&line, &room, f) > 0)
		if (split(line, &names, &path) && (!only_freezers || freezes(names)) &&
		    kv_format(out[count].controllers, sizeof(out[count].controllers), "%s", names) == 0)
			count++;
	(void)fclose(f);
	return count;
}

/* The root of a hierarchy, readable; -1. */
static int
mount_root(const struct hierarchy *h)
{
	bool v2 = h->controllers[0] == '\0';
	kv_cleanup_close int context = fsopen(v2 ? "cgroup2" : "cgroup", FSOPEN_CLOEXEC);
	kv_cleanup_close int tree = -1;
	char names[sizeof(h->controllers)], *next = names, *word;

	memcpy(names, h->controllers, sizeof(names));
	while (context >= 0 && !v2 && (word = strsep(&next, ",")) != NULL)
		if (fsconfig(context, FSCONFIG_SET_FLAG, word, NULL, 0) != 0)
			return -1;
	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -1;
	tree = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return tree < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* v2: itself or any above it. "frozen" of cgroup.events would wait for its last process, and its owner can have one that never freezes. */
static bool
frozen_v2(int root, char *path)
{
	char text[16], *slash;

	while ((slash = strrchr(path, '/')) != NULL && path[1] != '\0') {
		kv_cleanup_close int dir = kv_openat(root, path + 1, O_RDONLY | O_DIRECTORY, 0, true);

		if (dir < 0 || kv_read_file(dir, "cgroup.freeze", text, sizeof(text)) < 0 || strcmp(text, "0") != 0)
			return true;
		*slash = '\0';
	}
	return false;
}

/* v1: the state is that of all above it too. The root has none. */
static bool
frozen_v1(int root, const char *path)
{
	kv_cleanup_close int dir = -1;
	char text[32];

	if (path[0] != '/' || path[1] == '\0')
		return false;
	dir = kv_openat(root, path + 1, O_RDONLY | O_DIRECTORY, 0, true);
	return dir < 0 || kv_read_file(dir, "freezer.state", text, sizeof(text)) < 0 || strcmp(text, "THAWED") != 0;
}

static bool
frozen_in(int proc, pid_t pid, const struct hierarchy *h, int root)
{
	kv_cleanup_free char *path = NULL;
	char who[16];

	if (kv_format(who, sizeof(who), "%ld", (long)pid) != 0)
		return false;
	path = place(proc, who, h->controllers);
	/* Gone is not frozen. */
	if (path == NULL)
		return faccessat(proc, who, F_OK, 0) == 0;
	return h->controllers[0] == '\0' ? frozen_v2(root, path) : frozen_v1(root, path);
}

bool
kv_thaw_is_frozen(int proc, pid_t pid)
{
	struct hierarchy all[2];
	size_t count = hierarchies(proc, true, all, 2);
	bool frozen = false;

	for (size_t i = 0; i < count && !frozen; i++) {
		kv_cleanup_close int root = mount_root(&all[i]);

		frozen = root >= 0 && frozen_in(proc, pid, &all[i], root);
	}
	return frozen;
}

int
kv_thaw_move(int proc, pid_t pid)
{
	struct hierarchy all[2];
	size_t count = hierarchies(proc, true, all, 2);
	char text[24];
	int result = 0;

	if (kv_format(text, sizeof(text), "%ld", (long)pid) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		kv_cleanup_close int root = mount_root(&all[i]);

		if (root >= 0 && frozen_in(proc, pid, &all[i], root) && kv_write_file(root, "cgroup.procs", text) != 0)
			result = -1;
	}
	return result;
}

void
kv_thaw_leave(int proc)
{
	struct hierarchy all[HIERARCHIES_MAX];
	size_t count = hierarchies(proc, false, all, HIERARCHIES_MAX);

	for (size_t i = 0; i < count; i++) {
		kv_cleanup_close int root = mount_root(&all[i]);

		if (root >= 0)
			(void)kv_write_file(root, "cgroup.procs", "0");
	}
}

/*
 * The folders that a module is given to read, mounted read-only. Landlock forbids to write there, but not
 * to set times (landlock(7)), and a rule for a folder above grants what one for a folder below does not.
 */
#include "backends/process/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/process/verify_parts.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "session/ticket.h"

#define RULES	(sizeof(((struct kv_ticket *)0)->landlock) / sizeof(((struct kv_ticket *)0)->landlock[0]))

struct rules {
	const struct kv_ticket_landlock *rule[RULES];	/* folders of the module; those above others first */
	int tree[RULES];				/* what is to be writable, before anything is not; -1: not cloned */
	size_t count;
};

/* Whatever lies below another path is longer than it. */
static void
sort_in(struct rules *rules, const struct kv_ticket_landlock *rule)
{
	size_t at = rules->count++;

	for (; at > 0 && strlen(rules->rule[at - 1]->path) > strlen(rule->path); at--)
		rules->rule[at] = rules->rule[at - 1];
	rules->rule[at] = rule;
}

/* As the Landlock rule will be opened: by a name without links. */
static int
open_folder(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int
clone_folder(const char *path)
{
	kv_cleanup_close int fd = open_folder(path);

	return fd < 0 ? -1 : open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
}

static int
put_over(int tree, const char *path)
{
	kv_cleanup_close int fd = open_folder(path);

	return fd < 0 ? -1 : move_mount(tree, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int
set(int fd, unsigned int flags, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	return mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr));
}

/* Nothing can be put over the root that a process has; it is changed itself, and /tmp, which is the session's own, is as it was. */
static int
close_root(void)
{
	kv_cleanup_close int root = open_folder("/"), tmp = open_folder("/tmp");

	return root < 0 || tmp < 0 || set(root, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0) != 0 ? -1 :
	    set(tmp, 0, 0, MOUNT_ATTR_RDONLY);
}

static int
close_folder(const char *path)
{
	kv_cleanup_close int tree = -1;

	if (strcmp(path, "/") == 0)
		return close_root();
	tree = clone_folder(path);
	return tree < 0 || set(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0) != 0 ? -1 : put_over(tree, path);
}

static int
apply(struct rules *rules, struct kv_error *err)
{
	bool closed = false;

	for (size_t i = 0; i < rules->count; i++) {
		const struct kv_ticket_landlock *rule = rules->rule[i];

		if (kv_verify_is_closed(rule)) {
			closed = true;
			if (close_folder(rule->path) != 0)
				return kv_error_sys(err, "read-only %s", rule->path);
		}
		/* Below one that was closed, or beside: the same either way. What stands above all is as it was. */
		if (rule->writable && closed && put_over(rules->tree[i], rule->path) != 0)
			return kv_error_sys(err, "writable %s", rule->path);
	}
	return 0;
}

int
kv_process_mounts_ro(const struct kv_ticket *ticket, struct kv_error *err)
{
	struct rules rules = { .count = 0 };
	int status = 0;

	for (uint32_t i = 0; i < ticket->landlock_count; i++)
		if (ticket->landlock[i].preopen)
			sort_in(&rules, &ticket->landlock[i]);
	for (size_t i = 0; i < rules.count; i++) {
		rules.tree[i] = rules.rule[i]->writable && strcmp(rules.rule[i]->path, "/") != 0 ?
		    clone_folder(rules.rule[i]->path) : -1;
		if (rules.tree[i] < 0 && rules.rule[i]->writable && strcmp(rules.rule[i]->path, "/") != 0)
			status = kv_error_sys(err, "writable %s", rules.rule[i]->path);
	}
	if (status == 0)
		status = apply(&rules, err);
	for (size_t i = 0; i < rules.count; i++)
		if (rules.tree[i] >= 0)
			(void)close(rules.tree[i]);
	return status;
}

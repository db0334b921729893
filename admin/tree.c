/* Trees of files: removed, or made root's alone. */
#include "admin/tool.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.h"

/* Walks path and hands each entry to `one`, folders after (or before) what is in them. */
static int
walk(const char *path, bool after, int (*one)(const FTSENT *entry, struct kv_error *err), struct kv_error *err)
{
	char *const paths[] = { (char *)(uintptr_t)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;
	int result = 0;

	if (fts == NULL)
		return kv_error_sys(err, "%s", path);
	while (result == 0 && (errno = 0, entry = fts_read(fts)) != NULL) {
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS) {
			errno = entry->fts_errno;
			if (errno != ENOENT || entry->fts_level > 0)
				result = kv_error_sys(err, "%s", entry->fts_path);
		} else if (entry->fts_info != (after ? FTS_D : FTS_DP)) {
			result = one(entry, err);
		}
	}
	if (result == 0 && entry == NULL && errno != 0)
		result = kv_error_sys(err, "%s", path);
	(void)fts_close(fts);
	return result;
}

static int
remove_one(const FTSENT *entry, struct kv_error *err)
{
	if ((entry->fts_info == FTS_DP ? rmdir(entry->fts_accpath) : unlink(entry->fts_accpath)) != 0)
		return kv_error_sys(err, "cannot remove %s", entry->fts_path);
	return 0;
}

int
kv_tree_remove(const char *path, struct kv_error *err)
{
	return walk(path, true, remove_one, err);
}

static int
harden_one(const FTSENT *entry, struct kv_error *err)
{
	const struct stat *st = entry->fts_statp;
	const char *path = entry->fts_accpath;

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode) && !S_ISFIFO(st->st_mode))
		return kv_error_set(err, KV_ERR_DENIED, "%s is a device or a socket: an image has none", entry->fts_path);
	if (lchown(path, 0, 0) != 0)
		return kv_error_sys(err, "%s", entry->fts_path);
	if (S_ISLNK(st->st_mode))
		return 0;
	if (chmod(path, st->st_mode & 0755) != 0)
		return kv_error_sys(err, "%s", entry->fts_path);
	if (lremovexattr(path, "security.capability") != 0 && errno != ENODATA && errno != ENOTSUP)
		return kv_error_sys(err, "%s: its capabilities", entry->fts_path);
	return 0;
}

int
kv_tree_harden(const char *path, struct kv_error *err)
{
	return walk(path, false, harden_one, err);
}

/*
 * Paths that the policy names, without the symbolic links on their way: what
 * is granted must not be for a user to turn elsewhere.
 */
#ifndef KV_SESSION_WALK_H
#define KV_SESSION_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct kv_error;

/*
 * Opens (O_PATH) the absolute path below root, a descriptor of a root directory, and
 * writes its name without links to out. A link is followed only where it is root's, and every directory
 * walked up to it is root's and writable for nobody else; any other is KV_ERR_DENIED, by name, as are more
 * than 16. Root is who owns the root directory: in a user namespace the owner has another number.
 * Returns the descriptor, or -1.
 */
int kv_walk(int root, const char *path, char *out, size_t size, struct kv_error *err);

/* Is path the home, or one of the kernel's folders, or below: the view has its own of these, which no link leads to. */
bool kv_walk_own(const char *path, const char *home);

#endif

/* Programs that kavachctl has something done by, and trees of files that it makes. Root. */
#ifndef KV_ADMIN_TOOL_H
#define KV_ADMIN_TOOL_H

struct kv_error;

/*
 * Runs argv (argv[0]: a name, looked for in /usr/sbin and /usr/bin alone; or a path) to its end with an environment of its own,
 * standard input and output closed off, and what it says on standard error passed on. dir: its working
 * folder, or NULL. 0, or -1: KV_ERR_UNAVAILABLE (not installed), KV_ERR_DENIED (it failed).
 */
int kv_tool(const char *dir, const char *const *argv, struct kv_error *err);

/* Removes path and all below it; missing is good. Follows no link, leaves no file system. 0 or -1. */
int kv_tree_remove(const char *path, struct kv_error *err);

/*
 * Makes a tree root's: owner and group 0, no setuid, setgid or sticky bit, nothing writable for others, no
 * file capabilities. -1 with KV_ERR_DENIED at a device or a socket. Nobody else may reach the tree meanwhile.
 */
int kv_tree_harden(const char *path, struct kv_error *err);

#endif

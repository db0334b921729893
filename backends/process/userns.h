/* privilege = userns: an unprivileged user namespace instead of capabilities. */
#ifndef KV_BACKENDS_PROCESS_USERNS_H
#define KV_BACKENDS_PROCESS_USERNS_H

#include <sys/types.h>

struct kv_error;

/*
 * Called in a new user namespace, by its first process: maps the user's own ids
 * onto themselves, and nothing else; setgroups is denied (user_namespaces(7)).
 * 0 or -1.
 */
int kv_userns_map(uid_t uid, gid_t gid, struct kv_error *err);

#endif

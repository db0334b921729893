/* The ticket's content, from the decision. Private to session/. */
#ifndef KV_SESSION_FILL_H
#define KV_SESSION_FILL_H

#include "session/session.h"

/*
 * Fills in all but the cgroup and mntns_ino, and compiles the seccomp filter. A thing
 * that does not fit is an error: nothing is cut. 0 or -1.
 */
int kv_ticket_fill(const struct kv_config *config, const struct kv_decision *decision,
    const struct kv_request *request, const struct kv_account *account,
    const char *id, struct kv_ticket *out, struct kv_error *err);

/* The inode of a namespace of the caller ("mnt", "net", "user"). 0 or -1. */
int kv_own_namespace(const char *name, uint64_t *ino, struct kv_error *err);

#endif

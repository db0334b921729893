/* The supplementary groups that the ticket says a session's processes have. */
#ifndef KV_SESSION_FILL_GROUPS_H
#define KV_SESSION_FILL_GROUPS_H

struct kv_account;
struct kv_error;
struct kv_ticket;

/* Those of the account database, as who logs the user in sets them. ticket->gid is set. 0, or -1: KV_ERR_UNAVAILABLE for too many. */
int kv_fill_groups(const struct kv_account *account, struct kv_ticket *ticket, struct kv_error *err);

/*
 * Those that the caller has, as its user namespace shows them: where no root sets any, and the session is made by the
 * user's own process. 0 or -1.
 */
int kv_fill_own_groups(struct kv_ticket *ticket, struct kv_error *err);

#endif

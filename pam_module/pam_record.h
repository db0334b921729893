/*
 * What a login leaves in the log, and the one sentence that its user gets.
 */
#ifndef KV_PAM_MODULE_PAM_RECORD_H
#define KV_PAM_MODULE_PAM_RECORD_H

#include "pam_module/pam_login.h"

/* The subject of a login's records. Borrows from login; session may be NULL. */
struct kv_audit_subject kv_login_subject(const struct kv_login *login, const char *session);

/*
 * Refuses: one record (policy-error or session-deny), one sentence to the user (unless
 * PAM_SILENT), one line of the module's own. Returns the PAM code for the account phase.
 */
int kv_login_refuse(pam_handle_t *pamh, int flags, const struct kv_login *login);

/* Would a record be taken: the state opens, and something listens for syslog. Bounded. 0 or -1. */
int kv_audit_ready(struct kv_error *err);

/* session-open of an open session. 0 or -1. */
int kv_record_open(const struct kv_login *login, const struct kv_session *session, struct kv_error *err);


#endif

/*
 * The open session as PAM data: one for each PAM handle, closed by the process that
 * opened it and by no other.
 */
#ifndef KV_PAM_MODULE_PAM_SESSION_H
#define KV_PAM_MODULE_PAM_SESSION_H

#include "pam_module/pam_login.h"

/* Is a session open on this handle already. */
bool kv_pam_session_is_open(pam_handle_t *pamh);

/*
 * Stage one for a login that is to be confined: opens, enters, grants, records. On
 * failure everything is undone, *refusal and err say why. 0 or -1.
 */
int kv_pam_session_open(pam_handle_t *pamh, const struct kv_login *login,
    enum kv_refusal *refusal, struct kv_error *err);

/*
 * Grants the inheritable capabilities anew to the calling process, which may be a child of the
 * opener, when a session is open that has them. PAM_IGNORE when there is nothing to do.
 */
int kv_pam_session_grant_again(pam_handle_t *pamh);

/* Closes it; nothing to do is success. PAM code. */
int kv_pam_session_close(pam_handle_t *pamh);

#endif

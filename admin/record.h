/* The `admin` audit record: who did what to which session or account. */
#ifndef KV_ADMIN_RECORD_H
#define KV_ADMIN_RECORD_H

#include "policy/policy.h"

/* The format that the policy asks for, be the rest of it broken. */
enum kv_audit_format kv_admin_format(void);

/*
 * Writes it, in the format that the policy asks for. action: "enroll", "kill"
 * ...; session or user is what it was done to, NULL if not; result "ok" or a
 * message. What was done stays done when the record fails; that is said on
 * standard error. 0 or -1.
 */
int kv_admin_record(const char *action, const char *session, const char *user, const char *result);

#endif

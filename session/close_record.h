/* The records that end a session: limit-hit for each limit that was, and session-close. */
#ifndef KV_SESSION_CLOSE_RECORD_H
#define KV_SESSION_CLOSE_RECORD_H

#include "session/session.h"

/*
 * For PAM, kavachctl run and the reaper alike. reason: "closed", "reaped" ... Root. 0, or -1
 * when one could not be written.
 */
int kv_session_record_close(const struct kv_audit *audit, const struct kv_audit_subject *subject,
    const char *reason, const struct kv_usage *usage, struct kv_error *err);

#endif

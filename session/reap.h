/* Removing dead sessions, within a time. Private to session/. */
#ifndef KV_SESSION_REAP_H
#define KV_SESSION_REAP_H

#include "session/session.h"

/* As kv_session_reap, below an open KV_SESSIONS_DIR, for about as long as ms. */
int kv_reap_within(int sessions_fd, const struct kv_audit *audit, unsigned int ms, struct kv_error *err);

#endif

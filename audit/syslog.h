/* Hands one message to the local syslog within a bounded time. No signal, no global state. */
#ifndef KV_AUDIT_SYSLOG_H
#define KV_AUDIT_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>

struct kv_error;

/*
 * Sends the text (authpriv.info, identity kavach) to the socket at path. 0, or
 * -1 with err when it was not taken before deadline_ms (kv_clock_ms). *unsure
 * is then true if a part of it may have arrived.
 */
int kv_syslog_send(const char *path, const char *text, size_t len, long long deadline_ms,
    bool *unsure, struct kv_error *err);

#endif

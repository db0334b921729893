/*
 * Audit records: one line each to syslog (authpriv, identity `kavach`),
 * chained by HMAC-SHA256. Used by the PAM module (root), the wrapper (which raises
 * CAP_DAC_OVERRIDE around these calls) and kavachctl.
 *
 * MUST NOT call openlog(3) or syslog(3): they would change the identity of the
 * process that loaded the PAM module.
 */
#ifndef KV_AUDIT_AUDIT_H
#define KV_AUDIT_AUDIT_H

#include "policy/policy.h"

enum kv_event {
	KV_EVENT_SESSION_OPEN,
	KV_EVENT_SESSION_DENY,
	KV_EVENT_SANDBOX_START,
	KV_EVENT_SANDBOX_EXIT,
	KV_EVENT_SESSION_CLOSE,
	KV_EVENT_LIMIT_HIT,
	KV_EVENT_EGRESS_ALLOW,
	KV_EVENT_EGRESS_DENY,
	KV_EVENT_POLICY_ERROR,
	KV_EVENT_ADMIN,
	KV_EVENT_COUNT,
};

/* Where key and chain head are kept (root, 0700). */
#define KV_AUDIT_DIR KV_LOCALSTATEDIR "/lib/kavach"

/* What every record carries. All borrowed; NULL or -1 fields are left out. */
struct kv_audit_subject {
	const char *session;
	const char *user;
	long long uid;			/* -1: unknown */
	const char *service;
	const char *from;
	const char *rule;
	const char *policy;
	const char *backend;
	int score;			/* -1: none */
};

/* What an event adds: key="value" pairs in order. Values may hold any byte. */
struct kv_audit_pair {
	const char *key;		/* trusted: [a-z_]+ */
	const char *value;		/* untrusted; escaped; bounded */
};

/* Whose chain a record is in: the host's, or one of the two that a session has (audit/session_chain.h). */
enum kv_chain_kind { KV_CHAIN_HOST, KV_CHAIN_SESSION, KV_CHAIN_EGRESS, KV_CHAIN_KINDS };

struct kv_audit {
	int state_fd;			/* KV_AUDIT_DIR, or -1: no chain (mac=none) */
	enum kv_chain_kind chain;	/* which one state_fd holds */
	enum kv_audit_format format;
	const char *socket_path;	/* NULL: /dev/log */
	unsigned int timeout_ms;	/* bound of the wait for syslog; 0: 2000 */
};

/*
 * Writes one record: takes the lock of the chain (bounded wait), numbers and
 * signs the line, hands it to syslog, then advances the head. Makes
 * key and head on first use (root). 0, or -1 with err when syslog did not take it in
 * time or the state cannot be used; the head is then as before, so the chain
 * has no hole. Whether that refuses the session is the caller's business
 * (audit_required).
 */
int kv_audit_write(const struct kv_audit *audit, enum kv_event event,
    const struct kv_audit_subject *subject, const struct kv_audit_pair *pairs, size_t count,
    struct kv_error *err);

/* Opens the state directory, made root 0700 if it is missing. 0 or -1. */
int kv_audit_open_state(const char *dir, int *state_fd, struct kv_error *err);

const char *kv_event_name(enum kv_event event);

/* What `chain=` says in a record. NULL for the host's, whose records do not say it. */
const char *kv_chain_name(enum kv_chain_kind kind);

#endif

/* The wrapper's records: to audit, and to the session's state for its close. */
#ifndef KV_WRAPPER_RECORD_H
#define KV_WRAPPER_RECORD_H

#include <stdint.h>

#include "audit/audit.h"
#include "backends/backend.h"

struct kv_error;
struct kv_ticket;

struct kv_record {
	const struct kv_ticket *ticket;	/* borrowed */
	struct kv_audit audit;
	struct kv_audit_subject subject;
	unsigned int number;		/* N of sandbox.N; 0: none */
	int state_fd;			/* sandbox.N, open for writing; -1: none */
	uint64_t started_ns;		/* CLOCK_MONOTONIC */
};

/*
 * Takes the next number of the session and opens the audit state. The
 * capabilities must be effective. With privilege = userns there is no state to
 * write, and records are not signed. 0 or -1.
 */
int kv_record_open(const struct kv_ticket *ticket, struct kv_record *out, struct kv_error *err);

/*
 * sandbox-start: what was asked for and what was verified. -1 where the record is required
 * and was not taken. Capabilities effective.
 */
int kv_record_start(struct kv_record *record, const struct kv_verified *verified,
    const char *asked, struct kv_error *err);

/* sandbox-exit, with the wait status. Capabilities effective. 0 or -1. */
int kv_record_exit(struct kv_record *record, int status, struct kv_error *err);

/*
 * Removes the cgroups of earlier sandboxes that had background processes, where these have ended: they
 * would stay until the session closes, and the host has 65535 in all. Capabilities effective.
 */
void kv_record_sweep(const struct kv_record *record);

/* session-deny: this shell or command is refused. Capabilities effective if they are held. */
void kv_record_deny(struct kv_record *record, const char *reason);

#endif

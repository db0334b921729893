/*
 * A session's own chains. The wrapper runs as the user, who may stop it at any moment: were it
 * to hold the lock of the host's chain, it could keep everybody else from logging in. So its
 * records (chain=session) are chained by themselves, with a key made from the host's and the
 * session's id, in a folder of the session's state; and the session-close record, which root
 * writes, says where that chain ended. kavach-proxy, which speaks with strangers, has another one
 * (chain=egress): it can sign nothing but its own records.
 */
#ifndef KV_AUDIT_SESSION_CHAIN_H
#define KV_AUDIT_SESSION_CHAIN_H

#include <sys/types.h>

#include "audit/audit.h"

struct kv_error;

/* Their folders below the session's state directory. */
#define KV_SESSION_CHAIN_DIR "audit"
#define KV_EGRESS_CHAIN_DIR "egress"


/* How a session's chain ended. */
struct kv_chain_end {
	bool known;			/* false: there is no such chain, or it cannot be read */
	uint64_t seq;			/* of the last record; 0: none was written */
	uint64_t unsure;		/* first number that may not have arrived; 0: all did */
	char mac[33];			/* hexadecimal */
};

/* The key of one of a session's chains. Pure. */
void kv_session_chain_key(const uint8_t *master, size_t len, const char *id, enum kv_chain_kind kind,
    uint8_t key[32]);

/*
 * Makes a chain in session_dir (a descriptor) whose writer is `owner`: the wrapper's is root's, and it raises a capability to
 * use it. global: the host's chain, which is locked for the moment that its key is read. Root. 0 or -1.
 */
int kv_session_chain_make(const struct kv_audit *global, int session_dir, const char *id, enum kv_chain_kind kind,
    uid_t owner, struct kv_error *err);

/* Reads where it ended. Where that is not known, the close says nothing, and the verifier tells if it saw records. */
void kv_session_chain_end(int session_dir, enum kv_chain_kind kind, struct kv_chain_end *out);

#endif

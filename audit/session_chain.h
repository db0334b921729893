/*
 * A session's own chain. The wrapper runs as the user, who may stop it at any moment: were it
 * to hold the lock of the host's chain, it could keep everybody else from logging in. So its
 * records (chain=session) are chained by themselves, with a key made from the host's and the
 * session's id, in a folder of the session's state; and the session-close record, which root
 * writes, says where that chain ended.
 */
#ifndef KV_AUDIT_SESSION_CHAIN_H
#define KV_AUDIT_SESSION_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_audit;
struct kv_error;

#define KV_SESSION_CHAIN_DIR "audit"	/* below the session's state directory */

/* How a session's chain ended. */
struct kv_chain_end {
	bool known;			/* false: there is no such chain, or it cannot be read */
	uint64_t seq;			/* of the last record; 0: none was written */
	uint64_t unsure;		/* first number that may not have arrived; 0: all did */
	char mac[33];			/* hexadecimal */
};

/* The session's key. Pure. */
void kv_session_chain_key(const uint8_t *master, size_t len, const char *id, uint8_t key[32]);

/*
 * Makes the chain in session_dir (a descriptor). global: the host's chain, which is locked for
 * the moment that its key is read. Root. 0 or -1.
 */
int kv_session_chain_make(const struct kv_audit *global, int session_dir, const char *id, struct kv_error *err);

/* Reads where it ended. Where that is not known, the close says nothing, and the verifier tells if it saw records. */
void kv_session_chain_end(int session_dir, struct kv_chain_end *out);

#endif

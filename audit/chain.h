/*
 * The chain's state: key, head and lock in one folder that only root enters.
 *
 * A MAC in a record is HMAC-SHA256 cut to 128 bits, which RFC 2104 (section 5) allows: nobody
 * without the key can try a guess except by asking the verifier, and 2^-128 for
 * each guess is out of reach; collisions help nobody who cannot sign.
 *
 * When the head is stored (audit.head, replaced in place under the lock):
 *
 *   1. before the record goes out, as *pending*: number N, its MAC, and the first number that is unsure;
 *   2. after syslog took it, as settled. When syslog surely did not take it,
 *      the old head is put back, byte by byte.
 *
 * A process that dies between 1 and 2 leaves a pending head. Nobody can know
 * whether N arrived, so the next record is N + 1, chained to N's MAC, and says
 * so under its own MAC: unsure=N. The verifier then does not ask for N. So a
 * crash is never taken for a forgery, and a removed record is always found
 * except the very one whose writer was killed in the act.
 *
 * There is no fsync(2) on the way of a login. After a power cut the stored head may
 * therefore be older than the log; the head carries the boot's id, and the first
 * record after a boot says resume=boot, so that the verifier accepts it as the
 * successor of one of the last KV_CHAIN_RECENT records.
 *
 * A head that is absent or does not verify begins a new chain whose first record says
 * reset=absent or reset=torn: always a finding.
 */
#ifndef KV_AUDIT_CHAIN_H
#define KV_AUDIT_CHAIN_H

#include "audit/record.h"

#define KV_CHAIN_KEY_FILE	"audit.key"
#define KV_CHAIN_HEAD_FILE	"audit.head"
#define KV_CHAIN_LOCK_FILE	"audit.lock"

#define KV_KEY_SIZE	32
#define KV_MAC_SIZE	16
#define KV_BOOT_SIZE	16
#define KV_HEAD_SIZE	72
#define KV_CHAIN_RECENT	64

struct kv_head {
	uint64_t seq;			/* of the last record; 0: none yet */
	uint8_t mac[KV_MAC_SIZE];	/* its MAC */
	uint64_t unsure;		/* pending: first number that may not have arrived; 0: settled */
	uint8_t boot[KV_BOOT_SIZE];	/* of the writer */
};

struct kv_chain {
	int dir;		/* borrowed */
	int lock_fd, head_fd;
	uint8_t key[KV_KEY_SIZE];
	struct kv_head head;
	uint8_t stored[KV_HEAD_SIZE];	/* the head as it was found */
	const char *reset;		/* why the head begins anew, or NULL */
};

enum kv_head_state { KV_HEAD_SOUND, KV_HEAD_ABSENT, KV_HEAD_TORN };

/*
 * Locks and reads the state, waiting until deadline_ms (kv_clock_ms). Makes key and head when the
 * caller owns the folder and neither is there. 0 or -1. Always kv_chain_close.
 */
int kv_chain_open(struct kv_chain *chain, int dir, long long deadline_ms, struct kv_error *err);
void kv_chain_close(struct kv_chain *chain);

/* What the next record has to say. */
void kv_chain_next(struct kv_chain *chain, struct kv_seal *seal);

/* Steps 1 and 2, and the way back. 0, or -1 with errno. */
int kv_chain_pend(struct kv_chain *chain, const struct kv_seal *seal,
    const uint8_t mac[KV_MAC_SIZE]);
int kv_chain_settle(struct kv_chain *chain);
int kv_chain_restore(struct kv_chain *chain);

void kv_chain_mac(const uint8_t *key, size_t key_len, const char *text, size_t len,
    uint8_t mac[KV_MAC_SIZE]);
void kv_mac_hex(const uint8_t mac[KV_MAC_SIZE], char hex[KV_MAC_HEX + 1]);

void kv_head_encode(const struct kv_head *head, const uint8_t *key, size_t key_len,
    uint8_t out[KV_HEAD_SIZE]);
/* 0, or -1 when the bytes are not a head made with this key. */
int kv_head_decode(const uint8_t in[KV_HEAD_SIZE], const uint8_t *key, size_t key_len,
    struct kv_head *out);

/* CLOCK_MONOTONIC in milliseconds. */
long long kv_clock_ms(void);
void kv_sleep_ms(unsigned int ms);

#endif

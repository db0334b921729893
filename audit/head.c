#include "audit/chain.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/version.h>
#include <string.h>

/* audit.head: magic, seq, MAC, unsure, boot, and a MAC of these. Big-endian. */
#define AT_SEQ		8
#define AT_MAC		16
#define AT_UNSURE	32
#define AT_BOOT		40
#define AT_CHECK	56

static const char magic[AT_SEQ] = { 'k', 'v', 'h', 'e', 'a', 'd', '1', '\n' };

void
kv_chain_mac(const uint8_t *key, size_t key_len, const char *text, size_t len,
    uint8_t mac[KV_MAC_SIZE])
{
	struct hmac_sha256_ctx ctx;
	uint8_t whole[SHA256_DIGEST_SIZE];

	hmac_sha256_set_key(&ctx, key_len, key);
	hmac_sha256_update(&ctx, len, (const uint8_t *)text);
#if NETTLE_VERSION_MAJOR >= 4
	hmac_sha256_digest(&ctx, whole);
#else
	hmac_sha256_digest(&ctx, sizeof(whole), whole);
#endif
	memcpy(mac, whole, KV_MAC_SIZE);
	explicit_bzero(&ctx, sizeof(ctx));
}

void
kv_mac_hex(const uint8_t mac[KV_MAC_SIZE], char hex[KV_MAC_HEX + 1])
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < KV_MAC_SIZE; i++) {
		hex[2 * i] = digit[mac[i] >> 4];
		hex[2 * i + 1] = digit[mac[i] & 15];
	}
	hex[KV_MAC_HEX] = '\0';
}

static void
put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--) {
		to[i] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t
get_u64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

void
kv_head_encode(const struct kv_head *head, const uint8_t *key, size_t key_len,
    uint8_t out[KV_HEAD_SIZE])
{
	memcpy(out, magic, sizeof(magic));
	put_u64(out + AT_SEQ, head->seq);
	memcpy(out + AT_MAC, head->mac, KV_MAC_SIZE);
	put_u64(out + AT_UNSURE, head->unsure);
	memcpy(out + AT_BOOT, head->boot, KV_BOOT_SIZE);
	kv_chain_mac(key, key_len, (const char *)out, AT_CHECK, out + AT_CHECK);
}

int
kv_head_decode(const uint8_t in[KV_HEAD_SIZE], const uint8_t *key, size_t key_len,
    struct kv_head *out)
{
	uint8_t check[KV_MAC_SIZE];

	kv_chain_mac(key, key_len, (const char *)in, AT_CHECK, check);
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    memeql_sec(check, in + AT_CHECK, KV_MAC_SIZE) == 0)
		return -1;
	out->seq = get_u64(in + AT_SEQ);
	memcpy(out->mac, in + AT_MAC, KV_MAC_SIZE);
	out->unsure = get_u64(in + AT_UNSURE);
	memcpy(out->boot, in + AT_BOOT, KV_BOOT_SIZE);
	return 0;
}

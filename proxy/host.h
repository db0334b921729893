/*
 * Hosts: one canonical form, and what a policy's allowed_hosts says of them. Pure.
 *
 * A name is canonicalised before anything is compared: IDNA (UTS 46, non-transitional) to its ASCII form, lower case,
 * one trailing dot cut, brackets taken off an IPv6 address. Whatever inet_aton(3) would read as an address
 * but is not one in its plain form (127.1, 0x7f000001, 017700000001, 2130706433) is refused, since a
 * resolver further on might read it so.
 */
#ifndef KV_PROXY_HOST_H
#define KV_PROXY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_HOST_MAX 254		/* bytes of a canonical host, with NUL: RFC 1035, 2.3.4 */

/* An address: v4 is kept as v4; a v4-mapped IPv6 address (::ffff:a.b.c.d) is v4, too. Network byte order. */
struct kv_address {
	bool v6;
	uint8_t bytes[16];	/* 4 of them with v4 */
};

struct kv_host {
	char name[KV_HOST_MAX];	/* canonical; an address in its inet_ntop(3) form, without brackets */
	bool is_address;
	struct kv_address address;	/* with is_address */
};

/* One item of allowed_hosts: "name", "*.suffix" (below it, not itself), "*" (any name, never an address), or an address. */
struct kv_host_rule {
	enum { KV_HOST_EXACT, KV_HOST_SUFFIX, KV_HOST_ANY, KV_HOST_ADDRESS } kind;
	char text[KV_HOST_MAX + 2];	/* as it is shown in records: canonical */
	struct kv_host host;		/* EXACT, SUFFIX (without "*."), ADDRESS */
};

/* bracketed: it stood in [ ]: then it must be an IPv6 address. No NUL, %, @, space or control byte passes. 0, or -1. */
int kv_host_parse(const char *text, size_t len, bool bracketed, struct kv_host *out);

/* 0, or -1 for what is no item. */
int kv_host_rule_parse(const char *text, struct kv_host_rule *out);

/* Does the rule allow the host by its name (or, for an address, by that address). */
bool kv_host_rule_matches(const struct kv_host_rule *rule, const struct kv_host *host);

/* From 4 or, with v6, 16 bytes in network byte order, as they stand in a sockaddr; makes v4 of what is v4-mapped. */
void kv_address_set(struct kv_address *out, bool v6, const void *bytes);

bool kv_address_equal(const struct kv_address *a, const struct kv_address *b);

/*
 * Why an address is closed unless it is listed, or NULL for a public one: "loopback", "link-local", "private", "metadata",
 * "multicast", "unspecified", "reserved", "shared", "documentation", "translated" (NAT64, 6to4, Teredo
 * and v4-compatible forms of an address that is closed).  All special-purpose blocks of RFC 6890 and the IANA registries.
 */
const char *kv_address_closed(const struct kv_address *address);

/* inet_ntop(3) form. */
void kv_address_text(const struct kv_address *address, char out[46]);

#endif

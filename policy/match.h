/*
 * Matching of words in rules and of host patterns. Pure. Internal to policy/.
 */
#ifndef KV_POLICY_MATCH_H
#define KV_POLICY_MATCH_H

#include <netinet/in.h>
#include <stdbool.h>

/* A word, or one with a * at its beginning or its end (or "*" alone). Case counts. */
bool kv_match_glob(const char *pattern, const char *text);

/* A host name, or *.suffix, which matches names below the suffix; "*" matches all. Case does not count. */
bool kv_match_suffix(const char *pattern, const char *name);

/* An address or network; IPv4 is kept v4-mapped. */
struct kv_net {
	struct in6_addr address;
	unsigned int bits;	/* of 128 */
};

/*
 * Parses ADDRESS or ADDRESS/BITS. 0; 1 where the text is no address at all (a
 * host name, maybe); -1 where it is a wrong one (bits out of range, or set
 * beyond the mask).
 */
int kv_net_parse(const char *text, struct kv_net *out);
bool kv_net_has(const struct kv_net *net, const struct in6_addr *address);

/* One item of a rule's `from`, already checked, against PAM_RHOST. */
bool kv_match_from(const char *pattern, const char *from);

#endif

#include "policy/match.h"

#include "common/io.h"
#include "policy/decide.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

bool
kv_match_glob(const char *pattern, const char *text)
{
	size_t plen = strlen(pattern), tlen = strlen(text);

	if (strcmp(pattern, "*") == 0)
		return tlen > 0;
	if (pattern[0] == '*')
		return tlen >= plen - 1 && strcmp(text + tlen - (plen - 1), pattern + 1) == 0;
	if (plen > 0 && pattern[plen - 1] == '*')
		return strncmp(pattern, text, plen - 1) == 0;
	return strcmp(pattern, text) == 0;
}

bool
kv_match_suffix(const char *pattern, const char *name)
{
	size_t slen, nlen = strlen(name);

	if (strcmp(pattern, "*") == 0)
		return nlen > 0;
	if (pattern[0] != '*')
		return strcasecmp(pattern, name) == 0;
	slen = strlen(pattern + 1);
	return nlen > slen && strcasecmp(name + nlen - slen, pattern + 1) == 0;
}

/* 4 or 6 as the family was written, 0 if it is no address. A scope (%eth0) is dropped. */
static int
address_parse(const char *text, struct in6_addr *out)
{
	char bare[INET6_ADDRSTRLEN + 1];
	size_t len = strcspn(text, "%");
	struct in_addr v4;

	if (len == 0 || len >= sizeof(bare))
		return 0;
	memcpy(bare, text, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET6, bare, out) == 1)
		return 6;
	if (text[len] == '%' || inet_pton(AF_INET, bare, &v4) != 1)
		return 0;
	memset(out, 0, sizeof(*out));
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	memcpy(out->s6_addr + 12, &v4, 4);
	return 4;
}

static bool
prefix_equal(const struct in6_addr *a, const struct in6_addr *b, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(a->s6_addr, b->s6_addr, whole) != 0)
		return false;
	return rest == 0 || (a->s6_addr[whole] ^ b->s6_addr[whole]) >> (8 - rest) == 0;
}

int
kv_net_parse(const char *text, struct kv_net *out)
{
	char address[64];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;
	int family;

	if (strspn(text, "0123456789./") == strlen(text) && len >= sizeof(address))
		return -1;
	if (len >= sizeof(address))
		return 1;
	memcpy(address, text, len);
	address[len] = '\0';
	family = strchr(address, '%') != NULL ? 0 : address_parse(address, &out->address);
	if (family == 0) {
		/* What looks like an address and is none is not taken for a name. */
		bool numeric = strspn(address, "0123456789.") == len || strchr(text, ':') != NULL;

		return numeric || slash != NULL ? -1 : 1;
	}
	out->bits = 128;
	if (slash != NULL) {
		struct in6_addr zero = { 0 };

		if (kv_parse_u64(slash + 1, 0, family == 4 ? 32 : 128, &bits) != 0)
			return -1;
		out->bits = (unsigned int)bits + (family == 4 ? 96 : 0);
		for (unsigned int i = 0; i < 128; i++)
			if (i < out->bits)
				zero.s6_addr[i / 8] |= (uint8_t)(0x80 >> (i % 8));
		for (unsigned int i = 0; i < 16; i++)
			if ((out->address.s6_addr[i] & (uint8_t)~zero.s6_addr[i]) != 0)
				return -1;
	}
	return 0;
}

bool
kv_net_has(const struct kv_net *net, const struct in6_addr *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_mapped = memcmp(address->s6_addr, mapped, sizeof(mapped)) == 0;

	/* ::/0 is the IPv6 Internet; a mapped address came by IPv4. */
	if (is_mapped && net->bits < 96)
		return false;
	return prefix_equal(&net->address, address, net->bits);
}

bool
kv_match_from(const char *pattern, const char *from)
{
	struct in6_addr address;
	struct kv_net net;
	bool numeric = address_parse(from, &address) != 0;

	if (kv_net_parse(pattern, &net) == 0)
		return numeric && kv_net_has(&net, &address);
	return !numeric && kv_match_suffix(pattern, from);
}

static bool
any_glob(const struct kv_list *list, const char *text)
{
	if (list->count == 0)
		return true;
	for (size_t i = 0; text != NULL && i < list->count; i++)
		if (kv_match_glob(list->item[i], text))
			return true;
	return false;
}

static bool
any_group(const struct kv_list *list, const struct kv_request *request)
{
	if (list->count == 0)
		return true;
	for (size_t i = 0; i < request->group_count; i++)
		if (any_glob(list, request->groups[i]))
			return true;
	return false;
}

static bool
any_from(const struct kv_list *list, const char *from)
{
	if (list->count == 0)
		return true;
	for (size_t i = 0; from != NULL && i < list->count; i++)
		if (kv_match_from(list->item[i], from))
			return true;
	return false;
}

const struct kv_rule *
kv_rule_match(const struct kv_config *config, const struct kv_request *request)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct kv_rule *rule = &config->rules[i];

		if (any_glob(&rule->user, request->user) && any_group(&rule->group, request) &&
		    any_glob(&rule->service, request->service) &&
		    any_from(&rule->from, request->from) && any_glob(&rule->tty, request->tty))
			return rule;
	}
	return NULL;
}

/* Group names are compared whole and exactly; root is uid 0, whatever it is called. */
bool
kv_exempt(const struct kv_config *config, const struct kv_request *request)
{
	if (request->uid == 0)
		return true;
	for (size_t i = 0; i < request->group_count; i++)
		if (kv_list_has(&config->exempt_groups, request->groups[i]))
			return true;
	return false;
}

#include "proxy/host.h"

#include <arpa/inet.h>
#include <string.h>

struct block {
	uint8_t net[16];
	unsigned int bits;
	const char *why;
};

/*
 * IANA IPv4 Special-Purpose Address Registry, after where clouds answer with credentials: AWS and most others, ECS, EKS,
 * Oracle, Alibaba, Azure (whose address is public by its number). The first that holds counts.
 */
static const struct block blocks4[] = {
	{ { 169, 254, 169, 254 }, 32, "metadata" }, { { 169, 254, 170, 2 }, 32, "metadata" },
	{ { 169, 254, 170, 23 }, 32, "metadata" }, { { 192, 0, 0, 192 }, 32, "metadata" },
	{ { 100, 100, 100, 200 }, 32, "metadata" }, { { 168, 63, 129, 16 }, 32, "metadata" },
	{ { 0 }, 8, "unspecified" }, { { 10 }, 8, "private" }, { { 100, 64 }, 10, "shared" },
	{ { 127 }, 8, "loopback" }, { { 169, 254 }, 16, "link-local" }, { { 172, 16 }, 12, "private" },
	{ { 192, 0, 0 }, 24, "reserved" }, { { 192, 0, 2 }, 24, "documentation" },
	{ { 192, 31, 196 }, 24, "reserved" }, { { 192, 52, 193 }, 24, "reserved" },
	{ { 192, 88, 99 }, 24, "reserved" }, { { 192, 168 }, 16, "private" },
	{ { 192, 175, 48 }, 24, "reserved" }, { { 198, 18 }, 15, "reserved" },
	{ { 198, 51, 100 }, 24, "documentation" }, { { 203, 0, 113 }, 24, "documentation" },
	{ { 224 }, 4, "multicast" }, { { 240 }, 4, "reserved" },
};

/* These two of ::/96 are no address of IPv4; the metadata services of AWS, EKS, Google and Scaleway. */
static const struct block first6[] = {
	{ { 0 }, 128, "unspecified" },
	{ { [15] = 1 }, 128, "loopback" },
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, "metadata" },
	{ { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 }, 128, "metadata" },
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, 128, "metadata" },
	{ { 0xfd, 0x00, 0x00, 0x42, [15] = 0x42 }, 128, "metadata" },
};

/* IANA IPv6 Special-Purpose Address Registry; what is in none of them and outside of 2000::/3 is reserved. */
static const struct block blocks6[] = {
	{ { 0xfe, 0x80 }, 10, "link-local" }, { { 0xfc }, 7, "private" }, { { 0xfe, 0xc0 }, 10, "private" },
	{ { 0xff }, 8, "multicast" }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32, "documentation" },
	{ { 0x3f, 0xff }, 20, "documentation" }, { { 0x20, 0x01 }, 23, "reserved" },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, "translated" },
	{ { 0x26, 0x20, 0x00, 0x4f, 0x80, 0x00 }, 48, "reserved" },
};

/* Where an address of IPv4 stands within one of IPv6, and is what the packet comes to. */
static const struct {
	struct block block;
	size_t at;
	uint8_t flip;	/* of each byte */
} carriers[] = {
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96, "NAT64" }, 12, 0 },
	{ { { 0x20, 0x02 }, 16, "6to4" }, 2, 0 },
	{ { { 0x20, 0x01, 0x00, 0x00 }, 32, "Teredo, server" }, 4, 0 },
	{ { { 0x20, 0x01, 0x00, 0x00 }, 32, "Teredo, client" }, 12, 0xff },
	{ { { 0 }, 96, "v4-compatible" }, 12, 0 },
	{ { { [8] = 0xff, 0xff }, 96, "v4-translated" }, 12, 0 },
};

static const struct block global6 = { { 0x20 }, 3, NULL };
static const struct block mapped6 = { { [10] = 0xff, 0xff }, 96, NULL };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
within(const uint8_t *bytes, const struct block *block)
{
	size_t whole = block->bits / 8;
	unsigned int mask = 0xff00U >> (block->bits % 8) & 0xffU;

	return memcmp(bytes, block->net, whole) == 0 &&
	    (mask == 0 || ((unsigned int)(bytes[whole] ^ block->net[whole]) & mask) == 0);
}

static const char *
find(const uint8_t *bytes, const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (within(bytes, &blocks[i]))
			return blocks[i].why;
	return NULL;
}

static bool
carries_closed(const uint8_t *bytes)
{
	uint8_t inner[4];

	for (size_t i = 0; i < COUNT(carriers); i++) {
		if (!within(bytes, &carriers[i].block))
			continue;
		for (size_t j = 0; j < sizeof(inner); j++)
			inner[j] = bytes[carriers[i].at + j] ^ carriers[i].flip;
		if (find(inner, blocks4, COUNT(blocks4)) != NULL)
			return true;
	}
	return false;
}

static const char *
closed6(const uint8_t *bytes)
{
	const char *why = find(bytes, first6, COUNT(first6));

	if (why != NULL)
		return why;
	if (carries_closed(bytes))
		return "translated";
	why = find(bytes, blocks6, COUNT(blocks6));
	if (why != NULL || within(bytes, &global6) || within(bytes, &carriers[0].block))
		return why;
	return "reserved";
}

void
kv_address_set(struct kv_address *out, bool v6, const void *bytes)
{
	memset(out, 0, sizeof(*out));
	out->v6 = v6 && !within(bytes, &mapped6);
	if (v6)
		memcpy(out->bytes, (const uint8_t *)bytes + (out->v6 ? 0 : 12), out->v6 ? 16 : 4);
	else
		memcpy(out->bytes, bytes, 4);
}

bool
kv_address_equal(const struct kv_address *a, const struct kv_address *b)
{
	struct kv_address x, y;

	kv_address_set(&x, a->v6, a->bytes);
	kv_address_set(&y, b->v6, b->bytes);
	return x.v6 == y.v6 && memcmp(x.bytes, y.bytes, sizeof(x.bytes)) == 0;
}

const char *
kv_address_closed(const struct kv_address *address)
{
	struct kv_address plain;

	kv_address_set(&plain, address->v6, address->bytes);
	return plain.v6 ? closed6(plain.bytes) : find(plain.bytes, blocks4, COUNT(blocks4));
}

void
kv_address_text(const struct kv_address *address, char out[46])
{
	struct kv_address plain;

	kv_address_set(&plain, address->v6, address->bytes);
	if (inet_ntop(plain.v6 ? AF_INET6 : AF_INET, plain.bytes, out, 46) == NULL)
		out[0] = '\0';	/* cannot be: both fit */
}

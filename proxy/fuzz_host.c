/*
 * libFuzzer target: any bytes as a name, as an address in brackets, and as an item of allowed_hosts; 16 of them as
 * an address. What is taken is canonical, and no name is anything that inet_aton(3) reads.
 */
#include "proxy/fuzz.h"

#include <arpa/inet.h>

static void
name(const char *text, size_t len)
{
	static struct kv_host host, dotted;
	struct in_addr number;
	char *with_dot;

	if (kv_host_parse(text, len, true, &host) == 0) {
		MUST(host.is_address);
		fuzz_host(&host);
	}
	if (kv_host_parse(text, len, false, &host) != 0)
		return;
	fuzz_host(&host);
	MUST(!host.is_address || !host.address.v6);
	MUST(host.is_address || inet_aton(host.name, &number) == 0);
	if (host.is_address || text[len - 1] == '.')
		return;
	with_dot = malloc(len + 1);
	MUST(with_dot != NULL);
	memcpy(with_dot, text, len);
	with_dot[len] = '.';
	/* But for what IDNA takes for a full stop itself. */
	MUST(kv_host_parse(with_dot, len + 1, false, &dotted) != 0 || strcmp(dotted.name, host.name) == 0);
	free(with_dot);
}

static void
rule(const char *text)
{
	static struct kv_host_rule item, again;
	static struct kv_host host;
	size_t len;

	if (kv_host_rule_parse(text, &item) != 0)
		return;
	MUST(kv_host_rule_parse(item.text, &again) == 0);
	MUST(again.kind == item.kind && strcmp(again.text, item.text) == 0);
	if (item.kind == KV_HOST_ANY)
		return;
	fuzz_host(&item.host);
	MUST(kv_host_rule_matches(&item, &item.host) == (item.kind != KV_HOST_SUFFIX));
	len = strlen(item.text);
	if (item.kind == KV_HOST_SUFFIX && len < KV_HOST_MAX) {
		char below[KV_HOST_MAX + 2];

		memcpy(below, item.text, len + 1);
		below[0] = 'a';
		MUST(kv_host_parse(below, len, false, &host) == 0 && kv_host_rule_matches(&item, &host));
		below[1] = 'a';
		MUST(kv_host_parse(below, len, false, &host) != 0 || !kv_host_rule_matches(&item, &host));
	}
}

/* Whatever carries an address that is closed is closed. */
static void
address(const uint8_t *data)
{
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b }, mapped[12] = { [10] = 0xff, 0xff };
	struct kv_address v4, v6, other;
	uint8_t bytes[16];
	char text[46];
	struct kv_host host;

	kv_address_set(&v6, true, data);
	kv_address_text(&v6, text);
	MUST(kv_host_parse(text, strlen(text), v6.v6, &host) == 0 && kv_address_equal(&host.address, &v6));
	kv_address_set(&v4, false, data);
	memcpy(bytes, mapped, 12);
	memcpy(bytes + 12, data, 4);
	kv_address_set(&other, true, bytes);
	MUST(!other.v6 && kv_address_equal(&v4, &other) && kv_address_closed(&v4) == kv_address_closed(&other));
	memcpy(bytes, nat64, 12);
	kv_address_set(&other, true, bytes);
	MUST((kv_address_closed(&v4) != NULL) == (kv_address_closed(&other) != NULL));
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 0x20;
	bytes[1] = 0x02;
	memcpy(bytes + 2, data, 4);
	kv_address_set(&other, true, bytes);
	MUST((kv_address_closed(&v4) != NULL) == (kv_address_closed(&other) != NULL));
	MUST(!v6.v6 || (v6.bytes[0] & 0xe0) == 0x20 || memcmp(v6.bytes, nat64, 12) == 0 || kv_address_closed(&v6) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text != NULL);
	name((const char *)data, size);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	rule(text);
	free(text);
	if (size >= 16)
		address(data);
	return 0;
}

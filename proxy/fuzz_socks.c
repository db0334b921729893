/* libFuzzer target: any bytes as a SOCKS5 greeting and as a request. */
#include "proxy/fuzz.h"
#include "proxy/socks.h"

static void
greeting(const uint8_t *data, size_t size)
{
	uint8_t method, part_method;
	long taken = kv_socks_greeting(data, size, &method);

	MUST(taken >= -1 && taken <= (long)size && (method == 0 || method == 0xff));
	MUST(taken <= 0 || (taken == data[1] + 2 && (method == 0) == (memchr(data + 2, 0, data[1]) != NULL)));
	for (size_t i = 0; i < 2; i++) {
		size_t cut = fuzz_pick(data, size, 10 + i, size < 260 ? size : 260);
		uint8_t *copy = fuzz_copy(data, cut);
		long got = kv_socks_greeting(copy, cut, &part_method);

		MUST(got == 0 || (got == taken && (got < 0 || part_method == method)));
		free(copy);
	}
}

static void
request(const uint8_t *data, size_t size)
{
	static struct kv_host host, part;
	uint16_t port = 0, part_port = 0;
	uint8_t reply = 0, part_reply = 0;
	long taken = kv_socks_request(data, size, &host, &port, &reply);

	MUST(taken >= -1 && taken <= (long)size && taken <= 262);
	MUST(taken != -1 || (reply != KV_SOCKS_OK && reply <= KV_SOCKS_ADDRESS));
	if (taken > 0) {
		MUST(port != 0 && reply == KV_SOCKS_OK && data[0] == 5 && data[1] == 1 && data[2] == 0);
		fuzz_host(&host);
	}
	for (size_t i = 0; i < 3; i++) {
		size_t cut = fuzz_pick(data, size, i, size < 270 ? size : 270);
		uint8_t *copy = fuzz_copy(data, cut);
		long got = kv_socks_request(copy, cut, &part, &part_port, &part_reply);

		MUST(got == 0 || (got == taken && part_reply == reply));
		MUST(got <= 0 || (part_port == port && strcmp(part.name, host.name) == 0));
		free(copy);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	greeting(data, size);
	request(data, size);
	return 0;
}

/*
 * libFuzzer target: any bytes as a log. By hand:
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. audit/fuzz_verify.c \
 *     audit/{parse,verify,head}.c common/{error,io}.c -lnettle -o fuzz_verify
 * The first byte chooses whether the lines are signed before they are read, so that
 * what stands behind a good MAC is reached too.
 */
#include "audit/chain.h"
#include "audit/parse.h"
#include "audit/verify.h"
#include "common/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[KV_KEY_SIZE] = { 1, 2, 3 };

/* Replaces each MAC by the right one. */
static void
sign(char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end != NULL ? (size_t)(end - text) - at : size - at;
		struct kv_line line;

		if (kv_parse_line(text + at, len, &line) == KV_LINE_SIGNED) {
			size_t skip = line.text[0] == '{' ? 8 : 5;
			uint8_t mac[KV_MAC_SIZE];
			char hex[KV_MAC_HEX + 1];

			kv_chain_mac(key, sizeof(key), line.text, line.covered, mac);
			kv_mac_hex(mac, hex);
			memcpy(text + (line.text - text) + line.covered + skip, hex, KV_MAC_HEX);
		}
		at += len + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[1 << 16];
	struct kv_verify_result result;
	struct kv_error err = KV_ERROR_INIT;
	FILE *log;

	if (size < 2 || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	if ((data[0] & 1) != 0)
		sign(text, size - 1);
	log = fmemopen(text, size - 1, "r");
	if (log == NULL)
		return 0;
	(void)kv_audit_verify(log, key, sizeof(key), NULL, &result, &err);
	(void)fclose(log);
	return 0;
}

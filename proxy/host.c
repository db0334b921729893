#include "proxy/host.h"

#include "proxy/syntax.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#define LABEL_MAX	63	/* RFC 1035, 2.3.4 */
#define UNICODE_MAX	1024	/* bytes of a name before IDNA; far above what could come to 253 */

/*
 * Would anybody read the name as an IPv4 address: its last label is a number, decimal or 0x (WHATWG URL, "ends in a
 * number"). That covers all that inet_aton(3) takes, and no top-level domain looks like it.
 */
static bool
ends_in_number(const char *name, size_t len)
{
	size_t start = len;
	bool digits = true, hex;

	while (start > 0 && name[start - 1] != '.')
		start--;
	hex = len - start >= 2 && name[start] == '0' && name[start + 1] == 'x';
	for (size_t i = start; i < len; i++) {
		digits = digits && kv_byte_is(name[i], KV_BYTE_DIGIT);
		if (i >= start + 2)
			hex = hex && kv_byte_is(name[i], KV_BYTE_HEX);
	}
	return digits || hex;
}

/* Labels of 1 to 63 letters, digits, hyphens (not at an end) and underscores; 253 bytes at most. */
static bool
labels_sound(const char *name, size_t len)
{
	size_t start = 0;

	if (len == 0 || len >= KV_HOST_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && name[i] != '.') {
			if (!kv_byte_is(name[i], KV_BYTE_HOST))
				return false;
			continue;
		}
		if (i == start || i - start > LABEL_MAX || name[start] == '-' || name[i - 1] == '-')
			return false;
		start = i + 1;
	}
	return true;
}

static int
parse_ascii(const char *text, size_t len, struct kv_host *out)
{
	bool dot = len > 0 && text[len - 1] == '.';

	if (dot)
		len--;
	if (!labels_sound(text, len))
		return -1;
	for (size_t i = 0; i < len; i++)
		out->name[i] = kv_byte_lower(text[i]);
	out->name[len] = '\0';
	if (!ends_in_number(out->name, len))
		return 0;
	/* inet_pton(3) takes four plain decimal numbers, without zeros before them. */
	if (dot || inet_pton(AF_INET, out->name, out->address.bytes) != 1)
		return -1;
	out->is_address = true;
	return 0;
}

/* What comes out goes through the strict check: the mapping can make dots, digits and worse of other characters. */
static int
parse_unicode(const char *text, size_t len, struct kv_host *out)
{
	char copy[UNICODE_MAX];
	uint8_t *ascii = NULL;
	int rc;

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (idn2_lookup_u8((const uint8_t *)copy, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return -1;
	rc = parse_ascii((const char *)ascii, strlen((const char *)ascii), out);
	idn2_free(ascii);
	/* Digits of another script that come to an address: nobody writes that in good faith. */
	return rc == 0 && !out->is_address ? 0 : -1;
}

static int
parse_v6(const char *text, size_t len, struct kv_host *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, bytes) != 1)
		return -1;
	out->is_address = true;
	kv_address_set(&out->address, true, bytes);
	kv_address_text(&out->address, out->name);
	return 0;
}

int
kv_host_parse(const char *text, size_t len, bool bracketed, struct kv_host *out)
{
	bool ascii = true;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < len; i++) {
		if (kv_byte_control(text[i]))
			return -1;
		ascii = ascii && (uint8_t)text[i] < 0x80;
	}
	if (bracketed)
		return parse_v6(text, len, out);
	return ascii ? parse_ascii(text, len, out) : parse_unicode(text, len, out);
}

static int
rule_host(const char *text, size_t len, struct kv_host *out)
{
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		return kv_host_parse(text + 1, len - 2, true, out);
	return kv_host_parse(text, len, memchr(text, ':', len) != NULL, out);
}

int
kv_host_rule_parse(const char *text, struct kv_host_rule *out)
{
	bool suffix = strncmp(text, "*.", 2) == 0;
	size_t used = 0;

	memset(out, 0, sizeof(*out));
	if (strcmp(text, "*") == 0) {
		out->kind = KV_HOST_ANY;
		out->text[0] = '*';
		return 0;
	}
	if (suffix) {
		out->text[used++] = '*';
		out->text[used++] = '.';
		text += used;
	}
	if (rule_host(text, strlen(text), &out->host) != 0 || (suffix && out->host.is_address))
		return -1;
	out->kind = out->host.is_address ? KV_HOST_ADDRESS : suffix ? KV_HOST_SUFFIX : KV_HOST_EXACT;
	memcpy(out->text + used, out->host.name, strlen(out->host.name) + 1);
	return 0;
}

static bool
below(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return len > tail + 1 && name[len - tail - 1] == '.' && strcmp(name + len - tail, suffix) == 0;
}

bool
kv_host_rule_matches(const struct kv_host_rule *rule, const struct kv_host *host)
{
	switch (rule->kind) {
	case KV_HOST_ADDRESS:
		return host->is_address && kv_address_equal(&rule->host.address, &host->address);
	case KV_HOST_ANY:
		return !host->is_address;
	case KV_HOST_EXACT:
		return !host->is_address && strcmp(rule->host.name, host->name) == 0;
	case KV_HOST_SUFFIX:
		return !host->is_address && below(host->name, rule->host.name);
	}
	return false;
}

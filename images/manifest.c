#include "images/manifest.h"

#include <stdbool.h>
#include <string.h>

#include "common/error.h"
#include "common/io.h"
#include "policy/names.h"

static const char *const kinds[] = { [KV_IMAGE_OCI] = "oci", [KV_IMAGE_SYAGNOS] = "sy-agnos" };

const char *
kv_image_kind_name(enum kv_image_kind kind)
{
	return kinds[kind];
}

void
kv_hex(const uint8_t *bytes, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * size] = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
kv_unhex(const char *text, uint8_t *out, size_t size)
{
	if (strlen(text) != 2 * size)
		return -1;
	for (size_t i = 0; i < size; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return 0;
}

static bool
printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int
take_kind(const char *value, struct kv_manifest *m)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(value, kinds[i]) == 0) {
			m->kind = (enum kv_image_kind)i;
			return 0;
		}
	return -1;
}

static int
take_tier(const char *value, struct kv_manifest *m)
{
	int tier;

	if (kv_word_find(kv_tier_words, value, &tier) != 0)
		return -1;
	m->tier = (enum kv_tier)tier;
	return 0;
}

static int
take_version(const char *value, struct kv_manifest *m)
{
	return kv_format(m->version, sizeof(m->version), "%s", value);
}

static int
take_source(const char *value, struct kv_manifest *m)
{
	return kv_format(m->source, sizeof(m->source), "%s", value);
}

static int
take_size(const char *value, struct kv_manifest *m)
{
	return kv_parse_u64(value, 0, (uint64_t)1 << 48, &m->size);
}

static int
take_sha256(const char *value, struct kv_manifest *m)
{
	uint8_t bytes[32];

	if (*value != '\0' && kv_unhex(value, bytes, sizeof(bytes)) != 0)
		return -1;
	return kv_format(m->sha256, sizeof(m->sha256), "%s", value);
}

static const struct {
	const char *name;
	int (*take)(const char *value, struct kv_manifest *m);
} fields[] = {
	{ "kind", take_kind }, { "tier", take_tier }, { "version", take_version },
	{ "source", take_source }, { "size", take_size }, { "sha256", take_sha256 },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* One line, ended by NUL; seen is a bit for each field. */
static int
take_line(char *line, struct kv_manifest *m, unsigned int *seen, struct kv_error *err)
{
	char *value = strchr(line, '=');

	if (value == NULL || !printable(line))
		return kv_error_set(err, KV_ERR_CONFIG, "manifest: not \"key=value\"");
	*value++ = '\0';
	for (size_t i = 0; i < FIELDS; i++) {
		if (strcmp(line, fields[i].name) != 0)
			continue;
		if ((*seen & 1U << i) != 0)
			return kv_error_set(err, KV_ERR_CONFIG, "manifest: %s is there twice", line);
		*seen |= 1U << i;
		if (fields[i].take(value, m) != 0)
			return kv_error_set(err, KV_ERR_CONFIG, "manifest: a bad value of %s", line);
		return 0;
	}
	return kv_error_set(err, KV_ERR_CONFIG, "manifest: unknown key %.32s", line);
}

int
kv_manifest_parse(const char *text, struct kv_manifest *out, struct kv_error *err)
{
	char copy[KV_MANIFEST_MAX], *line = copy, *end;
	unsigned int seen = 0;

	memset(out, 0, sizeof(*out));
	if (kv_format(copy, sizeof(copy), "%s", text) != 0)
		return kv_error_set(err, KV_ERR_CONFIG, "manifest: too long");
	for (; *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end == '\n')
			*end++ = '\0';
		if (take_line(line, out, &seen, err) != 0)
			return -1;
	}
	if (seen != (1U << FIELDS) - 1)
		return kv_error_set(err, KV_ERR_CONFIG, "manifest: a key is missing");
	if (out->kind == KV_IMAGE_SYAGNOS && (out->size == 0 || out->sha256[0] == '\0'))
		return kv_error_set(err, KV_ERR_CONFIG, "manifest: an sy-agnos image has a size and a digest");
	return 0;
}

int
kv_manifest_format(const struct kv_manifest *m, char *out, size_t size, struct kv_error *err)
{
	if (!printable(m->version) || !printable(m->source))
		return kv_error_set(err, KV_ERR_USAGE, "manifest: a name with control characters");
	if (kv_format(out, size, "kind=%s\ntier=%s\nversion=%s\nsource=%s\nsize=%llu\nsha256=%s\n",
	    kinds[m->kind], kv_tier_name(m->tier), m->version, m->source,
	    (unsigned long long)m->size, m->sha256) != 0)
		return kv_error_sys(err, "manifest");
	return 0;
}

#include "images/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <gmp.h>
#include <nettle/memops.h>
#include <nettle/rsa.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "images/manifest.h"

#define FILE_MAX	4096
#define DIGEST		32
#define MODULUS_MIN	256	/* bytes: RSA 2048 */
#define MODULUS_MAX	512

/* TPM 2.0, Part 2: table 9 (TPM_ALG_ID), 19 (TPM_ST), 31 (TPMA_OBJECT); TPM_GENERATED_VALUE. */
#define ALG_RSA		0x0001U
#define ALG_SHA256	0x000BU
#define ALG_NULL	0x0010U
#define ALG_RSASSA	0x0014U
#define ST_ATTEST_QUOTE	0x8018U
#define GENERATED	0xFF544347U
#define OBJECT_FIXED	(1U << 1)
#define OBJECT_RESTRICTED (1U << 16)
#define OBJECT_SIGN	(1U << 18)
#define OBJECT_AK	(OBJECT_FIXED | OBJECT_RESTRICTED | OBJECT_SIGN)

/* What is left to be read; short once there was not enough, and stays so. */
struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *
take(struct cursor *c, size_t size)
{
	const uint8_t *at = c->at;

	if (c->bad || size > c->left) {
		c->bad = true;
		return NULL;
	}
	c->at += size;
	c->left -= size;
	return at;
}

static uint64_t
number(struct cursor *c, size_t size)
{
	const uint8_t *bytes = take(c, size);
	uint64_t value = 0;

	for (size_t i = 0; bytes != NULL && i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* A TPM2B: its bytes as a cursor of their own. */
static struct cursor
sized(struct cursor *c)
{
	size_t size = (size_t)number(c, 2);
	const uint8_t *at = take(c, size);

	return (struct cursor){ .at = at, .left = at != NULL ? size : 0, .bad = at == NULL };
}

static bool
done(const struct cursor *c)
{
	return !c->bad && c->left == 0;
}

/* A whole file; 0 or -1. */
static int
slurp(int dir, const char *name, uint8_t buf[FILE_MAX], size_t *size, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, true);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ?
		    kv_error_set(err, KV_ERR_UNAVAILABLE, "no TPM quote: there is no file %s", name) :
		    kv_error_sys(err, "%s", name);
	n = kv_read_all(fd, buf, FILE_MAX);
	if (n < 0)
		return kv_error_sys(err, "%s", name);
	if (n == FILE_MAX)
		return kv_error_set(err, KV_ERR_DENIED, "%s is too large", name);
	*size = (size_t)n;
	return 0;
}

/* TPMT_PUBLIC, with or without its size before it. exponent and modulus: out. */
static int
parse_key(const uint8_t *bytes, size_t size, uint32_t *exponent, struct cursor *modulus, struct kv_error *err)
{
	struct cursor c = { .at = bytes, .left = size };
	uint64_t attributes, scheme;

	if (size > 2 && (size_t)(bytes[0] << 8 | bytes[1]) == size - 2)
		(void)number(&c, 2);
	if (number(&c, 2) != ALG_RSA)
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_KEY " is not an RSA key of a TPM");
	(void)number(&c, 2);		/* nameAlg */
	attributes = number(&c, 4);
	(void)sized(&c);		/* authPolicy */
	if (number(&c, 2) != ALG_NULL)	/* a restricted signing key has no symmetric algorithm */
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_KEY " is not a signing key");
	scheme = number(&c, 2);
	if (scheme != ALG_NULL && (scheme != ALG_RSASSA || number(&c, 2) != ALG_SHA256))
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_KEY " does not sign with RSASSA and SHA-256");
	(void)number(&c, 2);		/* keyBits */
	*exponent = (uint32_t)number(&c, 4);
	*modulus = sized(&c);
	if (!done(&c) || modulus->left < MODULUS_MIN || modulus->left > MODULUS_MAX)
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_KEY " is broken");
	if ((attributes & OBJECT_AK) != OBJECT_AK)
		return kv_error_set(err, KV_ERR_DENIED,
		    KV_TPM_KEY " is not an attestation key: it could sign what is no quote");
	if (*exponent == 0)
		*exponent = 65537;
	return 0;
}

/* TPMT_SIGNATURE. */
static int
parse_signature(const uint8_t *bytes, size_t size, struct cursor *out, struct kv_error *err)
{
	struct cursor c = { .at = bytes, .left = size };
	bool known = number(&c, 2) == ALG_RSASSA;

	known = number(&c, 2) == ALG_SHA256 && known;
	*out = sized(&c);
	if (!known || !done(&c))
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_SIGNATURE " is not one of RSASSA with SHA-256");
	return 0;
}

static bool
verified(uint32_t exponent, const struct cursor *modulus, const struct cursor *signature,
    const uint8_t digest[DIGEST])
{
	struct rsa_public_key key;
	bool good = false;
	mpz_t s;

	rsa_public_key_init(&key);
	mpz_init(s);
	mpz_import(key.n, modulus->left, 1, 1, 1, 0, modulus->at);
	mpz_import(s, signature->left, 1, 1, 1, 0, signature->at);
	mpz_set_ui(key.e, exponent);
	if (rsa_public_key_prepare(&key) != 0)
		good = rsa_sha256_verify_digest(&key, digest, s) != 0;
	mpz_clear(s);
	rsa_public_key_clear(&key);
	return good;
}

static int
check_signature(int dir, const uint8_t *quote, size_t size, struct kv_error *err)
{
	uint8_t key[FILE_MAX], text[FILE_MAX], digest[DIGEST];
	struct cursor modulus, signature;
	size_t key_size, text_size;
	struct sha256_ctx ctx;
	uint32_t exponent;

	if (slurp(dir, KV_TPM_KEY, key, &key_size, err) != 0 ||
	    slurp(dir, KV_TPM_SIGNATURE, text, &text_size, err) != 0 ||
	    parse_key(key, key_size, &exponent, &modulus, err) != 0 ||
	    parse_signature(text, text_size, &signature, err) != 0)
		return -1;
	sha256_init(&ctx);
	sha256_update(&ctx, size, quote);
	sha256_digest(&ctx, sizeof(digest), digest);
	return verified(exponent, &modulus, &signature, digest) ? 0 :
	    kv_error_set(err, KV_ERR_DENIED, "the TPM quote is not signed by " KV_TPM_KEY);
}

/* The digest of the three values of the file `expected`. */
static int
expected_digest(int dir, uint8_t out[DIGEST], struct kv_error *err)
{
	static const char *const before[] = { "8 ", "9 ", "10 " };
	uint8_t text[FILE_MAX], value[DIGEST];
	struct sha256_ctx ctx;
	char *line, *save = NULL;
	size_t size;

	if (slurp(dir, KV_TPM_EXPECTED, text, &size, err) != 0)
		return -1;
	text[size] = '\0';
	sha256_init(&ctx);
	line = strtok_r((char *)text, "\n", &save);
	for (size_t i = 0; i < 3; i++, line = strtok_r(NULL, "\n", &save)) {
		size_t skip = strlen(before[i]);

		if (line == NULL || strncmp(line, before[i], skip) != 0 ||
		    kv_unhex(line + skip, value, sizeof(value)) != 0)
			return kv_error_set(err, KV_ERR_DENIED,
			    KV_TPM_EXPECTED " does not give PCRs 8, 9 and 10, a line each");
		sha256_update(&ctx, sizeof(value), value);
	}
	if (line != NULL)
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_EXPECTED " has more than three lines");
	sha256_digest(&ctx, DIGEST, out);
	return 0;
}

static bool
same(const struct cursor *c, const uint8_t *bytes)
{
	return !c->bad && c->left == DIGEST && memeql_sec(c->at, bytes, DIGEST);
}

/* Exactly PCRs 8, 9 and 10 of SHA-256. */
static bool
good_selection(struct cursor *c)
{
	bool good = number(c, 4) == 1;
	size_t size;

	good = number(c, 2) == ALG_SHA256 && good;
	size = (size_t)number(c, 1);
	for (size_t i = 0; i < size && !c->bad; i++)
		good = number(c, 1) == (i == 1 ? 0x07U : 0U) && good;
	return good && size >= 2 && !c->bad;
}

/* TPMS_ATTEST with a TPMS_QUOTE_INFO. */
static int
check_quote(int dir, const uint8_t *quote, size_t size, const uint8_t root[DIGEST], struct kv_error *err)
{
	struct cursor c = { .at = quote, .left = size }, extra, digest;
	uint8_t expected[DIGEST];
	bool good;

	good = number(&c, 4) == GENERATED;
	good = number(&c, 2) == ST_ATTEST_QUOTE && good;
	if (!good)
		return kv_error_set(err, KV_ERR_DENIED, KV_TPM_QUOTE " is not a TPM's quote");
	(void)sized(&c);		/* qualifiedSigner */
	extra = sized(&c);
	(void)take(&c, 8 + 4 + 4 + 1);	/* clockInfo */
	(void)take(&c, 8);		/* firmwareVersion */
	good = good_selection(&c);
	digest = sized(&c);
	if (!done(&c) || !good)
		return kv_error_set(err, KV_ERR_DENIED, "the TPM quote is not over PCRs 8, 9 and 10 of SHA-256");
	if (!same(&extra, root))
		return kv_error_set(err, KV_ERR_DENIED, "the TPM quote is not for this root hash");
	if (expected_digest(dir, expected, err) != 0)
		return -1;
	return same(&digest, expected) ? 0 :
	    kv_error_set(err, KV_ERR_DENIED, "the TPM measured other values than those expected");
}

int
kv_tpm_verify(int dir, const uint8_t root[32], struct kv_error *err)
{
	uint8_t quote[FILE_MAX];
	size_t size;

	if (slurp(dir, KV_TPM_QUOTE, quote, &size, err) != 0 || check_signature(dir, quote, size, err) != 0)
		return -1;
	return check_quote(dir, quote, size, root, err);
}

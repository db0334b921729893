/*
 * What is proven of an sy-agnos image, and the memory of it.
 *
 * The memory is a file for each image in KV_IMAGE_PROOFS: the digest of what fstat(2) says of all
 * evidence (device, inode, size, both times) and the tier. The time of the last change of an inode cannot be
 * set, so that nothing but root's own hand on the disk or clock makes another file look the same; and /run is
 * gone with the boot. Nothing is remembered of files that changed while they were read.
 */
#include "images/image.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "images/tpm.h"
#include "images/verity.h"
#include "policy/decide.h"

/* All evidence. The order is that of the digest. */
static const char *const evidence[] = {
	KV_IMAGE_MANIFEST, KV_IMAGE_ROOT, KV_IMAGE_VERITY, KV_IMAGE_HASH,
	KV_TPM_QUOTE, KV_TPM_SIGNATURE, KV_TPM_KEY, KV_TPM_EXPECTED,
};

static void
add_number(struct sha256_ctx *ctx, uint64_t number)
{
	sha256_update(ctx, sizeof(number), (const uint8_t *)&number);
}

static int
identity(int dir, char out[KV_HEX256], struct kv_error *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++) {
		struct stat st;

		if (fstatat(dir, evidence[i], &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno != ENOENT)
				return kv_error_sys(err, "%s", evidence[i]);
			add_number(&ctx, 0);
			continue;
		}
		add_number(&ctx, 1);
		add_number(&ctx, st.st_dev);
		add_number(&ctx, st.st_ino);
		add_number(&ctx, (uint64_t)st.st_size);
		add_number(&ctx, (uint64_t)st.st_mtim.tv_sec);
		add_number(&ctx, (uint64_t)st.st_mtim.tv_nsec);
		add_number(&ctx, (uint64_t)st.st_ctim.tv_sec);
		add_number(&ctx, (uint64_t)st.st_ctim.tv_nsec);
	}
	sha256_digest(&ctx, sizeof(digest), digest);
	kv_hex(digest, sizeof(digest), out);
	return 0;
}

/* The folder of what is remembered; -1 where there is none that root alone has. */
static int
open_proofs(void)
{
	kv_cleanup_close int fd = -1;
	struct stat st;

	(void)mkdir(KV_RUNSTATEDIR "/kavach", 0700);
	(void)mkdir(KV_IMAGE_PROOFS, 0700);
	fd = kv_openat(AT_FDCWD, KV_IMAGE_PROOFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, false);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid != 0 || (st.st_mode & 077) != 0)
		return -1;
	return kv_steal_fd(&fd);
}

/* "IDENTITY TIER REASON" */
static bool
recall(const char *name, const char *id, struct kv_image_proof *out)
{
	kv_cleanup_close int dir = open_proofs();
	char text[KV_HEX256 + 4 + sizeof(out->reason)];
	ssize_t n;

	if (dir < 0)
		return false;
	n = kv_read_file(dir, name, text, sizeof(text));
	if (n < KV_HEX256 + 2 || memcmp(text, id, KV_HEX256 - 1) != 0 || text[KV_HEX256 - 1] != ' ' ||
	    text[KV_HEX256] < '0' || text[KV_HEX256] > '0' + KV_TIER_TPM || text[KV_HEX256 + 1] != ' ')
		return false;
	out->tier = (enum kv_tier)(text[KV_HEX256] - '0');
	return kv_format(out->reason, sizeof(out->reason), "%s", text + KV_HEX256 + 2) == 0;
}

/* A memory that cannot be kept costs the next login the time, and nothing else. */
static void
remember(const char *name, const char *id, const struct kv_image_proof *proof)
{
	kv_cleanup_close int dir = open_proofs();
	char text[KV_HEX256 + 4 + sizeof(proof->reason)];

	if (dir < 0 || kv_format(text, sizeof(text), "%s %d %s\n", id, (int)proof->tier, proof->reason) != 0)
		return;
	(void)kv_replace_file(dir, name, text, strlen(text), 0600);
}

static int
open_part(int dir, const char *name)
{
	return kv_openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, true);
}

static int
read_roothash(int dir, uint8_t root[KV_VERITY_DIGEST], struct kv_error *err)
{
	char text[2 * KV_VERITY_DIGEST + 2];

	if (kv_read_file(dir, KV_IMAGE_HASH, text, sizeof(text)) < 0)
		return kv_error_sys(err, KV_IMAGE_HASH);
	if (kv_unhex(text, root, KV_VERITY_DIGEST) != 0)
		return kv_error_set(err, KV_ERR_DENIED, KV_IMAGE_HASH " is not a root hash");
	return 0;
}

/* The least: the root is what the manifest says. */
static int
prove_minimal(const struct kv_image *image, int root, struct kv_error *err)
{
	uint8_t digest[KV_VERITY_DIGEST];
	char text[KV_HEX256];
	uint64_t size;

	if (kv_file_digest(root, digest, &size, err) != 0)
		return -1;
	kv_hex(digest, sizeof(digest), text);
	if (size != image->manifest.size || strcmp(text, image->manifest.sha256) != 0)
		return kv_error_set(err, KV_ERR_DENIED, KV_IMAGE_ROOT " is not what the manifest says: it was changed");
	return 0;
}

static int
prove_verity(int dir, int root, uint8_t hash[KV_VERITY_DIGEST], struct kv_error *err)
{
	kv_cleanup_close int tree = open_part(dir, KV_IMAGE_VERITY);

	if (tree < 0)
		return kv_error_sys(err, KV_IMAGE_VERITY);
	if (read_roothash(dir, hash, err) != 0)
		return -1;
	return kv_verity_verify(root, tree, hash, err);
}

/* From the least upwards; where it ends is why there is no more. */
static int
prove(const struct kv_image *image, struct kv_image_proof *out, struct kv_error *err)
{
	kv_cleanup_close int root = open_part(image->dir, KV_IMAGE_ROOT);
	struct kv_error why = KV_ERROR_INIT;
	uint8_t hash[KV_VERITY_DIGEST];

	if (root < 0)
		return kv_error_sys(err, KV_IMAGE_ROOT);
	if (prove_minimal(image, root, err) != 0)
		return -1;
	out->tier = KV_TIER_MINIMAL;
	if (image->manifest.tier == KV_TIER_MINIMAL)
		return 0;
	if (prove_verity(image->dir, root, hash, &why) == 0) {
		out->tier = KV_TIER_DMVERITY;
		if (image->manifest.tier == KV_TIER_DMVERITY)
			return 0;
		if (kv_tpm_verify(image->dir, hash, &why) == 0) {
			out->tier = KV_TIER_TPM;
			return 0;
		}
	}
	(void)snprintf(out->reason, sizeof(out->reason), "it claims %s and proves %s: %.100s",
	    kv_tier_name(image->manifest.tier), kv_tier_name(out->tier), why.msg);
	return 0;
}

static int
score_of(enum kv_tier tier)
{
	return tier == KV_TIER_TPM ? KV_TIER_SCORE_TPM : tier == KV_TIER_DMVERITY ? KV_TIER_SCORE_DMVERITY :
	    kv_backend_base_score(KV_BACKEND_SYAGNOS);
}

static int
check(const char *name, const struct kv_image *image, struct kv_image_proof *out, struct kv_error *err)
{
	char before[KV_HEX256], after[KV_HEX256];

	if (image->manifest.kind != KV_IMAGE_SYAGNOS)
		return kv_error_set(err, KV_ERR_DENIED, "it is an imported image, of which nothing can be proven");
	if (identity(image->dir, before, err) != 0)
		return -1;
	if (recall(name, before, out))
		return 0;
	if (prove(image, out, err) != 0 || identity(image->dir, after, err) != 0)
		return -1;
	if (strcmp(before, after) == 0)
		remember(name, after, out);
	return 0;
}

int
kv_image_check(const char *name, enum kv_tier least, struct kv_image_proof *out, struct kv_error *err)
{
	struct kv_image image;
	int result;

	memset(out, 0, sizeof(*out));
	if (kv_image_open(name, &image, err) != 0)
		return -1;
	result = check(name, &image, out, err);
	(void)close(image.dir);
	if (result != 0)
		return kv_error_wrap(err, "image %s", name);
	out->base_score = score_of(out->tier);
	if (out->tier < least)
		return kv_error_set(err, KV_ERR_DENIED, "image %s is proven to be %s, not %s%s%.160s", name,
		    kv_tier_name(out->tier), kv_tier_name(least), out->reason[0] != '\0' ? "; " : "", out->reason);
	return 0;
}

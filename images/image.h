/*
 * Images: the roots of their own that containers run in. Below KV_IMAGES_DIR, which is root's
 * alone, a folder for each name:
 *
 *   manifest        what it is (images/manifest.h)
 *   rootfs/         kind oci: a tree, unpacked by `kavachctl image import`
 *   root.squashfs   kind sy-agnos: the immutable root, made by `kavachctl image build`
 *   root.verity     its dm-verity hash tree, with superblock (tier dmverity)
 *   roothash        64 hexadecimal digits
 *   quote signature ak.pub expected
 *                   a TPM quote for this root hash (tier tpm_measured; images/tpm.h)
 *
 * What is said here about an image is proven, never claimed: a tier counts by its evidence.
 * What is proven is what the files are when they are opened. No device-mapper is used, so the
 * kernel does not look again at each read: after that, root of this host is trusted.
 *
 * Root; for stage one: no child process, nothing global.
 */
#ifndef KV_IMAGES_IMAGE_H
#define KV_IMAGES_IMAGE_H

#include <stdbool.h>

#include "audit/audit.h"
#include "images/manifest.h"
#include "policy/policy.h"

struct kv_error;

#define KV_IMAGES_DIR	KV_AUDIT_DIR "/images"
#define KV_IMAGE_PROOFS	KV_RUNSTATEDIR "/kavach/images"	/* root, 0700: what was proven since boot */

#define KV_IMAGE_MANIFEST "manifest"
#define KV_IMAGE_ROOTFS	"rootfs"
#define KV_IMAGE_ROOT	"root.squashfs"
#define KV_IMAGE_VERITY	"root.verity"
#define KV_IMAGE_HASH	"roothash"

struct kv_image {
	int dir;		/* the image's folder; -1: none */
	struct kv_manifest manifest;
};

struct kv_image_proof {
	enum kv_tier tier;	/* proven */
	int base_score;		/* 80, 85 or 88 */
	char reason[160];	/* why no more than that; "" where nothing is missing */
};

/* Is this a name: letters, digits, "._-", beginning with a letter or digit, shorter than KV_IMAGE_MAX. */
bool kv_image_name_ok(const char *name);

/*
 * Opens KV_IMAGES_DIR/name; the folder and all above it belong to root alone. The caller closes dir. 0, or -1:
 * KV_ERR_UNAVAILABLE (no such image), KV_ERR_CONFIG (not trusted, a broken manifest).
 */
int kv_image_open(const char *name, struct kv_image *out, struct kv_error *err);

/*
 * Proves an sy-agnos image: at least `least`, else -1 with KV_ERR_DENIED and the reason. out->tier
 * is what is proven; out is filled in either case where it can be said. The first call after a boot, or after
 * any of the files changed, reads and hashes them all; what it found is kept in
 * KV_IMAGE_PROOFS by their inode, size and times of change (the last cannot be set back).
 */
int kv_image_check(const char *name, enum kv_tier least, struct kv_image_proof *out, struct kv_error *err);

/*
 * The root that the policy names, as a detached mount tree: read-only, nosuid, nodev. hardened: only an
 * sy-agnos image that proves policy->image_tier will do. Where the policy names none (rootfs = host), *tree is -1.
 * An sy-agnos image is a loop device that goes with the mount. CAP_SYS_ADMIN. 0 or -1.
 */
int kv_image_mount(const struct kv_policy *policy, bool hardened, int *tree, struct kv_error *err);

#endif

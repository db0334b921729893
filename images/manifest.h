/*
 * An image's manifest: lines of "key=value", written by kavachctl, read as root's. Pure.
 */
#ifndef KV_IMAGES_MANIFEST_H
#define KV_IMAGES_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct kv_error;

#define KV_MANIFEST_MAX	4096	/* bytes of the text */
#define KV_HEX256	65	/* a SHA-256 in lower-case hexadecimal, with NUL */

enum kv_image_kind { KV_IMAGE_OCI, KV_IMAGE_SYAGNOS };

struct kv_manifest {
	enum kv_image_kind kind;
	enum kv_tier tier;		/* claimed; sy-agnos */
	char version[64];
	char source[256];		/* oci: where it came from; sy-agnos: the policy that it was made for, or "" */
	uint64_t size;			/* sy-agnos: bytes of root.squashfs */
	char sha256[KV_HEX256];		/* sy-agnos: of root.squashfs; oci: of the image's manifest, by its source; or "" */
};

/* The whole text; what is unknown, missing or twice there is KV_ERR_CONFIG. 0 or -1. */
int kv_manifest_parse(const char *text, struct kv_manifest *out, struct kv_error *err);

/* Writes it; 0, or -1 where it does not fit or a value cannot be written. */
int kv_manifest_format(const struct kv_manifest *manifest, char *out, size_t size, struct kv_error *err);

/* "oci", "sy-agnos". */
const char *kv_image_kind_name(enum kv_image_kind kind);

/* size bytes to 2 * size lower-case digits and NUL; and back: 0, or -1 unless it is exactly that. */
void kv_hex(const uint8_t *bytes, size_t size, char *out);
int kv_unhex(const char *text, uint8_t *out, size_t size);

#endif

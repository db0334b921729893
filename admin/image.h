/*
 * Making images (images/image.h): each is made in a folder beside its place, which only root can
 * enter, and renamed when it is whole. Root; for kavachctl.
 */
#ifndef KV_ADMIN_IMAGE_H
#define KV_ADMIN_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "images/image.h"

struct kv_error;

#define KV_IMAGE_PATH	512

struct kv_image_work {
	char work[KV_IMAGE_PATH];	/* the folder in the making; "": none */
	char place[KV_IMAGE_PATH];	/* where it will be */
};

/* output: a folder elsewhere, which must not be there; NULL: KV_IMAGES_DIR/name. 0 or -1. */
int kv_image_begin(const char *name, const char *output, struct kv_image_work *out, struct kv_error *err);
/* Writes work/file, mode 0644. */
int kv_image_write(const struct kv_image_work *work, const char *file, const char *text, struct kv_error *err);
/* Writes the manifest and puts all in its place; what was there of this name is replaced if replace. */
int kv_image_commit(struct kv_image_work *work, const struct kv_manifest *manifest, bool replace, struct kv_error *err);
/* Removes what was begun, unless it was committed. */
void kv_image_discard(struct kv_image_work *work);

/* Takes the image out of sight, then removes it. KV_ERR_DENIED: there is none. */
int kv_image_remove(const char *name, struct kv_error *err);

/* skopeo's SOURCE, unpacked and made root's. */
int kv_image_import(const char *name, const char *source, struct kv_error *err);

struct kv_image_plan {
	enum kv_tier tier;
	const char *policy;	/* by name; NULL: seccomp basic, no network */
	const char *output;	/* NULL: KV_IMAGES_DIR/sy-agnos */
};
/* From the packages of this host. */
int kv_image_build(const struct kv_image_plan *plan, struct kv_error *err);

#endif

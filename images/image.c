#include "images/image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/trust.h"

bool
kv_image_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= KV_IMAGE_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

static int
read_manifest(int dir, const char *shown, struct kv_manifest *out, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	char path[KV_PATH_MAX];
	size_t size;

	if (kv_format(path, sizeof(path), "%s/" KV_IMAGE_MANIFEST, shown) != 0)
		return kv_error_sys(err, "%s", shown);
	if (kv_trust_read(dir, KV_IMAGE_MANIFEST, path, KV_TRUST_ROOT, &text, &size, err) != 0)
		return -1;
	return kv_manifest_parse(text, out, err);
}

int
kv_image_open(const char *name, struct kv_image *out, struct kv_error *err)
{
	kv_cleanup_close int parent = -1, dir = -1;
	char path[KV_PATH_MAX];
	const char *last;
	bool missing;

	out->dir = -1;
	if (!kv_image_name_ok(name))
		return kv_error_set(err, KV_ERR_CONFIG, "not an image's name: %.64s", name);
	if (kv_format(path, sizeof(path), KV_IMAGES_DIR "/%s", name) != 0)
		return kv_error_sys(err, "image %s", name);
	parent = kv_trust_parent(path, true, &last, err);
	if (parent < 0)
		return err->sys_errno != ENOENT ? kv_error_wrap(err, "image %s", name) :
		    kv_error_set(err, KV_ERR_UNAVAILABLE, "there is no image %s", name);
	dir = kv_trust_folder(parent, last, path, true, &missing, err);
	if (dir < 0)
		return !missing ? kv_error_wrap(err, "image %s", name) :
		    kv_error_set(err, KV_ERR_UNAVAILABLE, "there is no image %s", name);
	if (read_manifest(dir, path, &out->manifest, err) != 0)
		return kv_error_wrap(err, "image %s", name);
	out->dir = kv_steal_fd(&dir);
	return 0;
}

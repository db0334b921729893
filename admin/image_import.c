/*
 * An OCI image from elsewhere becomes a tree. skopeo(1) copies it into a layout of ours, and
 * checks each blob against its digest on the way; umoci(1) applies the layers, and checks them again.
 */
#include "admin/image.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/tool.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define LAYOUT	"oci"

static const char target[] = "oci:" LAYOUT ":image";
static const char *const image = &target[sizeof("oci:") - 1];

/* The digest of the image's own manifest: what was imported, by name. */
static int
read_digest(const struct kv_image_work *work, char out[KV_HEX256], struct kv_error *err)
{
	static const char prefix[] = "sha256:";
	char path[KV_IMAGE_PATH + 32];
	struct json_object *index, *list, *digest;
	const char *text = NULL;
	uint8_t bytes[32];
	int result = -1;

	if (kv_format(path, sizeof(path), "%s/" LAYOUT "/index.json", work->work) != 0)
		return kv_error_sys(err, "index.json");
	index = json_object_from_file(path);
	if (json_object_object_get_ex(index, "manifests", &list) && json_object_is_type(list, json_type_array) &&
	    json_object_array_length(list) == 1 &&
	    json_object_object_get_ex(json_object_array_get_idx(list, 0), "digest", &digest))
		text = json_object_get_string(digest);
	if (text != NULL && strncmp(text, prefix, sizeof(prefix) - 1) == 0 &&
	    kv_unhex(text + sizeof(prefix) - 1, bytes, sizeof(bytes)) == 0)
		result = kv_format(out, KV_HEX256, "%s", text + sizeof(prefix) - 1);
	(void)json_object_put(index);
	return result == 0 ? 0 : kv_error_set(err, KV_ERR_DENIED, "the image's index has no SHA-256 digest");
}

static int
fetch(const struct kv_image_work *work, const char *source, struct kv_error *err)
{
	const char *const copy[] = { "skopeo", "copy", "--quiet", "--", source, target, NULL };
	const char *const unpack[] = { "umoci", "raw", "unpack", "--image", image, KV_IMAGE_ROOTFS, NULL };

	if (kv_tool(work->work, copy, err) != 0)
		return kv_error_wrap(err, "fetching");
	if (kv_tool(work->work, unpack, err) != 0)
		return kv_error_wrap(err, "unpacking");
	return 0;
}

/* What a container mounts on must be there: the tree is read-only then. A link in its place stays. */
static int
add_points(int rootfs, struct kv_error *err)
{
	static const char *const folders[] = { "proc", "dev", "sys", "run", "tmp", "home", "etc" };
	static const char *const files[] = { "passwd", "group", "hosts", "hostname", "resolv.conf" };
	kv_cleanup_close int etc = -1;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdirat(rootfs, folders[i], 0755) != 0 && errno != EEXIST)
			return kv_error_sys(err, "/%s", folders[i]);
	etc = kv_openat(rootfs, "etc", O_PATH | O_DIRECTORY, 0, true);
	if (etc < 0)
		return kv_error_sys(err, "/etc");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = kv_openat(etc, files[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, true);

		if (fd < 0 && errno != EEXIST)
			return kv_error_sys(err, "/etc/%s", files[i]);
		if (fd >= 0)
			(void)close(fd);
	}
	return 0;
}

static int
make_tree(const struct kv_image_work *work, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	char path[KV_IMAGE_PATH + 32];

	if (kv_format(path, sizeof(path), "%s/" KV_IMAGE_ROOTFS, work->work) != 0)
		return kv_error_sys(err, KV_IMAGE_ROOTFS);
	if (kv_tree_harden(path, err) != 0)
		return -1;
	fd = kv_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, false);
	if (fd < 0 || fchmod(fd, 0755) != 0)
		return kv_error_sys(err, KV_IMAGE_ROOTFS);
	return add_points(fd, err);
}

static int
import(struct kv_image_work *work, const char *source, struct kv_error *err)
{
	struct kv_manifest manifest = { .kind = KV_IMAGE_OCI };
	char layout[KV_IMAGE_PATH + 32];

	if (kv_format(manifest.source, sizeof(manifest.source), "%s", source) != 0 ||
	    kv_format(layout, sizeof(layout), "%s/" LAYOUT, work->work) != 0)
		return kv_error_sys(err, "%.64s", source);
	if (fetch(work, source, err) != 0 || read_digest(work, manifest.sha256, err) != 0 ||
	    make_tree(work, err) != 0 || kv_tree_remove(layout, err) != 0)
		return -1;
	return kv_image_commit(work, &manifest, false, err);
}

int
kv_image_import(const char *name, const char *source, struct kv_error *err)
{
	struct kv_image_work work;
	struct stat st;
	int result;

	if (kv_image_begin(name, NULL, &work, err) != 0)
		return -1;
	if (lstat(work.place, &st) == 0)
		result = kv_error_set(err, KV_ERR_DENIED, "image %s is there already", name);
	else
		result = import(&work, source, err);
	kv_image_discard(&work);
	return result;
}

/* Where images are put, and how they are taken away. */
#include "admin/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "admin/tool.h"
#include "common/error.h"
#include "common/io.h"

/* KV_IMAGES_DIR, root's alone from the start. */
static int
make_store(struct kv_error *err)
{
	struct stat st;

	if ((mkdir(KV_AUDIT_DIR, 0700) != 0 && errno != EEXIST) || (mkdir(KV_IMAGES_DIR, 0700) != 0 && errno != EEXIST) ||
	    lstat(KV_IMAGES_DIR, &st) != 0)
		return kv_error_sys(err, KV_IMAGES_DIR);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022) != 0)
		return kv_error_set(err, KV_ERR_DENIED, KV_IMAGES_DIR " is not a folder of root's alone");
	return 0;
}

int
kv_image_begin(const char *name, const char *output, struct kv_image_work *out, struct kv_error *err)
{
	out->work[0] = '\0';
	if (!kv_image_name_ok(name))
		return kv_error_set(err, KV_ERR_USAGE, "not a name for an image: %.64s", name);
	if (output == NULL && make_store(err) != 0)
		return -1;
	if (output == NULL ? kv_format(out->place, sizeof(out->place), KV_IMAGES_DIR "/%s", name) != 0 :
	    kv_format(out->place, sizeof(out->place), "%s", output) != 0)
		return kv_error_sys(err, "image %s", name);
	if (output == NULL ? kv_format(out->work, sizeof(out->work), KV_IMAGES_DIR "/.%s.%ld", name, (long)getpid()) != 0 :
	    kv_format(out->work, sizeof(out->work), "%s.%ld", output, (long)getpid()) != 0) {
		out->work[0] = '\0';
		return kv_error_sys(err, "image %s", name);
	}
	if (mkdir(out->work, 0700) == 0)
		return 0;
	(void)kv_error_sys(err, "%s", out->work);
	out->work[0] = '\0';
	return -1;
}

int
kv_image_write(const struct kv_image_work *work, const char *file, const char *text, struct kv_error *err)
{
	char path[KV_IMAGE_PATH + 64];

	if (kv_format(path, sizeof(path), "%s/%s", work->work, file) != 0 ||
	    kv_replace_file(AT_FDCWD, path, text, strlen(text), 0644) != 0)
		return kv_error_sys(err, "%s", file);
	return 0;
}

static int
put_in_place(struct kv_image_work *work, bool replace, struct kv_error *err)
{
	if (syscall(SYS_renameat2, AT_FDCWD, work->work, AT_FDCWD, work->place, RENAME_NOREPLACE) == 0) {
		work->work[0] = '\0';
		return 0;
	}
	if (errno != EEXIST)
		return kv_error_sys(err, "%s", work->place);
	if (!replace)
		return kv_error_set(err, KV_ERR_DENIED, "%s is there already", work->place);
	/* the old one is in the work's place then, and discarded with it */
	if (syscall(SYS_renameat2, AT_FDCWD, work->work, AT_FDCWD, work->place, RENAME_EXCHANGE) != 0)
		return kv_error_sys(err, "%s", work->place);
	return 0;
}

int
kv_image_commit(struct kv_image_work *work, const struct kv_manifest *manifest, bool replace, struct kv_error *err)
{
	char text[KV_MANIFEST_MAX];

	if (kv_manifest_format(manifest, text, sizeof(text), err) != 0 ||
	    kv_image_write(work, KV_IMAGE_MANIFEST, text, err) != 0)
		return -1;
	sync();	/* the name must not be there before the files are */
	return put_in_place(work, replace, err);
}

void
kv_image_discard(struct kv_image_work *work)
{
	struct kv_error ignored = KV_ERROR_INIT;

	if (work->work[0] != '\0')
		(void)kv_tree_remove(work->work, &ignored);
	work->work[0] = '\0';
}

int
kv_image_remove(const char *name, struct kv_error *err)
{
	char path[KV_IMAGE_PATH], old[KV_IMAGE_PATH], proof[KV_IMAGE_PATH];

	if (!kv_image_name_ok(name))
		return kv_error_set(err, KV_ERR_USAGE, "not a name of an image: %.64s", name);
	if (kv_format(path, sizeof(path), KV_IMAGES_DIR "/%s", name) != 0 ||
	    kv_format(old, sizeof(old), KV_IMAGES_DIR "/.%s.%ld.old", name, (long)getpid()) != 0 ||
	    kv_format(proof, sizeof(proof), KV_IMAGE_PROOFS "/%s", name) != 0)
		return kv_error_sys(err, "image %s", name);
	if (rename(path, old) != 0)
		return errno == ENOENT ? kv_error_set(err, KV_ERR_DENIED, "there is no image %s", name) :
		    kv_error_sys(err, "image %s", name);
	(void)unlink(proof);
	return kv_tree_remove(old, err);
}

/*
 * The root of a container as a detached mount. An sy-agnos image is mounted from a loop
 * device that is read-only and clears itself (loop(4)): nothing is left when the mount goes.
 */
#include "images/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/trust.h"
#include "session/mount.h"

#define ROOT_ATTRS	(KV_MOUNT_RDONLY | KV_MOUNT_NOSUID | KV_MOUNT_NODEV)
#define LOOP_TRIES	16	/* another one may take the free device first */

static int
clone_folder(int fd, const char *shown, int *tree, struct kv_error *err)
{
	*tree = kv_mount_clone(fd, ROOT_ATTRS);
	return *tree >= 0 ? 0 : kv_error_sys(err, "cannot clone %s", shown);
}

/* rootfs = /DIR: root's alone up to the top, and no link on the way. */
static int
mount_folder(const char *path, int *tree, struct kv_error *err)
{
	kv_cleanup_close int parent = -1, fd = -1;
	const char *last;
	bool missing;

	parent = kv_trust_parent(path, true, &last, err);
	if (parent < 0)
		return kv_error_wrap(err, "rootfs");
	fd = kv_trust_folder(parent, last, path, true, &missing, err);
	if (fd < 0)
		return missing ? kv_error_set(err, KV_ERR_UNAVAILABLE, "rootfs: there is no %s", path) :
		    kv_error_wrap(err, "rootfs");
	return clone_folder(fd, path, tree, err);
}

static int
mount_unpacked(const struct kv_image *image, int *tree, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	bool missing;

	fd = kv_trust_folder(image->dir, KV_IMAGE_ROOTFS, KV_IMAGE_ROOTFS, true, &missing, err);
	return fd < 0 ? -1 : clone_folder(fd, KV_IMAGE_ROOTFS, tree, err);
}

/* A loop device for the file; path is its name. A descriptor, which holds it until the mount does, or -1. */
static int
make_loop(int file, char *path, size_t size, struct kv_error *err)
{
	kv_cleanup_close int control = kv_openat(AT_FDCWD, "/dev/loop-control", O_RDWR, 0, false);
	const struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};

	if (control < 0)
		return kv_error_sys(err, "/dev/loop-control");
	for (int i = 0; i < LOOP_TRIES; i++) {
		kv_cleanup_close int loop = -1;
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0 || kv_format(path, size, "/dev/loop%d", number) != 0)
			return kv_error_sys(err, "no loop device is free");
		loop = kv_openat(AT_FDCWD, path, O_RDONLY, 0, false);
		if (loop < 0)
			return kv_error_sys(err, "%s", path);
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return kv_steal_fd(&loop);
		if (errno != EBUSY)
			return kv_error_sys(err, "%s", path);
	}
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "no loop device is free");
}

static int
mount_squashfs(const struct kv_image *image, int *tree, struct kv_error *err)
{
	kv_cleanup_close int file = -1, loop = -1, fs = -1;
	char path[64];

	file = kv_openat(image->dir, KV_IMAGE_ROOT, O_RDONLY | O_NOFOLLOW, 0, true);
	if (file < 0)
		return kv_error_sys(err, KV_IMAGE_ROOT);
	loop = make_loop(file, path, sizeof(path), err);
	if (loop < 0)
		return -1;
	fs = fsopen("squashfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", path, 0) != 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) != 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return kv_error_sys(err, "cannot mount " KV_IMAGE_ROOT);
	*tree = fsmount(fs, FSMOUNT_CLOEXEC, ROOT_ATTRS);
	return *tree >= 0 ? 0 : kv_error_sys(err, "cannot mount " KV_IMAGE_ROOT);
}

int
kv_image_mount(const struct kv_policy *policy, bool hardened, int *tree, struct kv_error *err)
{
	struct kv_image_proof proof;
	struct kv_image image;
	int result;

	*tree = -1;
	if (hardened && (policy->rootfs[0] != '\0' || policy->image[0] == '\0'))
		return kv_error_set(err, KV_ERR_CONFIG, "sy-agnos runs an image of its own");
	if (policy->rootfs[0] != '\0')
		return mount_folder(policy->rootfs, tree, err);
	if (policy->image[0] == '\0')
		return 0;
	if (kv_image_open(policy->image, &image, err) != 0)
		return -1;
	if ((hardened || image.manifest.kind == KV_IMAGE_SYAGNOS) &&
	    kv_image_check(policy->image, hardened ? policy->image_tier : KV_TIER_MINIMAL, &proof, err) != 0)
		result = -1;
	else
		result = (image.manifest.kind == KV_IMAGE_SYAGNOS ? mount_squashfs : mount_unpacked)(&image, tree, err);
	(void)close(image.dir);
	return result == 0 ? 0 : kv_error_wrap(err, "image %s", policy->image);
}

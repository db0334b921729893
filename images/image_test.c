/*
 * Images on a host of their own: what is proven, what is refused, what is mounted.
 */
#include "images/image.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"
#include "images/tpm.h"
#include "images/verity.h"
#include "session/mount.h"
#include "session/testhost.h"

#define IMAGE	KV_IMAGES_DIR "/sy-agnos"

static void
sh(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-e", "-c", command, (char *)NULL);
		_exit(127);
	}
	ATF_REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	ATF_REQUIRE_MSG(status == 0, "%s", command);
}

/* testhost's /dev has no loop devices. */
static void
make_loops(void)
{
	sh("mknod /dev/loop-control c 10 237; for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do "
	    "mknod /dev/loop$i b 7 $i; done");
}

static void
write_manifest(enum kv_tier tier)
{
	struct kv_manifest m = { .kind = KV_IMAGE_SYAGNOS, .tier = tier, .version = "1" };
	struct kv_error err = KV_ERROR_INIT;
	uint8_t digest[KV_VERITY_DIGEST];
	char text[KV_MANIFEST_MAX];
	int fd = open(IMAGE "/" KV_IMAGE_ROOT, O_RDONLY | O_CLOEXEC);

	ATF_REQUIRE(fd >= 0 && kv_file_digest(fd, digest, &m.size, &err) == 0);
	(void)close(fd);
	kv_hex(digest, sizeof(digest), m.sha256);
	ATF_REQUIRE(kv_manifest_format(&m, text, sizeof(text), &err) == 0);
	testhost_file(IMAGE "/" KV_IMAGE_MANIFEST, text);
}

/* An image with one file, and one large enough for two levels of the hash tree. */
static void
make_image(enum kv_tier tier)
{
	/* before the host, which has no /usr/sbin of the tools */
	sh("mkdir -p tree/etc image && echo here > tree/etc/mark && head -c 2000000 /dev/urandom > tree/noise && "
	    "mksquashfs tree image/root.squashfs -quiet -no-progress -all-root > /dev/null");
	if (tier != KV_TIER_MINIMAL)
		sh("cd image && PATH=$PATH:/usr/sbin && veritysetup format root.squashfs root.verity > out && "
		    "sed -n 's/^Root hash:[[:space:]]*//p' out > roothash");
	testhost_enter("/bin/bash");
	make_loops();
	sh("mkdir -p -m 700 " KV_AUDIT_DIR " && mkdir -m 700 " KV_IMAGES_DIR " && cp -r image " IMAGE);
	write_manifest(tier);
}

static void
break_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ATF_REQUIRE(fd >= 0 && pread(fd, &byte, 1, at) == 1);
	byte ^= 1;
	ATF_REQUIRE(pwrite(fd, &byte, 1, at) == 1 && close(fd) == 0);
}

static void
refused(enum kv_tier least, const char *word)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_image_proof proof;

	ATF_REQUIRE_EQ(-1, kv_image_check("sy-agnos", least, &proof, &err));
	ATF_CHECK_MSG(strstr(err.msg, word) != NULL, "%s", err.msg);
}

static enum kv_tier
proven(char *reason, size_t size)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_image_proof proof;

	ATF_REQUIRE_EQ_MSG(0, kv_image_check("sy-agnos", KV_TIER_MINIMAL, &proof, &err), "%s", err.msg);
	(void)snprintf(reason, size, "%s", proof.reason);
	return proof.tier;
}

ATF_TC(manifest_is_strict);
ATF_TC_HEAD(manifest_is_strict, tc)
{
	atf_tc_set_md_var(tc, "descr", "a manifest is read back as written; what is unknown, twice or missing is refused");
}
ATF_TC_BODY(manifest_is_strict, tc)
{
	struct kv_manifest m = { .kind = KV_IMAGE_OCI, .version = "1", .source = "oci:/x:y" }, back;
	struct kv_error err = KV_ERROR_INIT;
	char text[KV_MANIFEST_MAX], more[KV_MANIFEST_MAX + 32];

	ATF_REQUIRE_EQ(0, kv_manifest_format(&m, text, sizeof(text), &err));
	ATF_REQUIRE_EQ(0, kv_manifest_parse(text, &back, &err));
	ATF_CHECK_STREQ("oci:/x:y", back.source);
	(void)snprintf(more, sizeof(more), "%skind=oci\n", text);
	ATF_CHECK_EQ(-1, kv_manifest_parse(more, &back, &err));
	(void)snprintf(more, sizeof(more), "%sother=1\n", text);
	ATF_CHECK_EQ(-1, kv_manifest_parse(more, &back, &err));
	ATF_CHECK_EQ(-1, kv_manifest_parse(strchr(text, '\n') + 1, &back, &err));
	ATF_CHECK_EQ(-1, kv_manifest_parse("", &back, &err));
	m.source[0] = '\n';
	ATF_CHECK_EQ(-1, kv_manifest_format(&m, text, sizeof(text), &err));
	ATF_CHECK(kv_image_name_ok("sy-agnos") && kv_image_name_ok("a.b_c"));
	ATF_CHECK(!kv_image_name_ok("") && !kv_image_name_ok("..") && !kv_image_name_ok("a/b") && !kv_image_name_ok(".a"));
}

#define ROOT_CASE(name, text) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) \
	{ \
		atf_tc_set_md_var(tc, "descr", text); \
		atf_tc_set_md_var(tc, "require.user", "root"); \
		atf_tc_set_md_var(tc, "require.progs", "mksquashfs veritysetup"); \
	}

ROOT_CASE(tiers_are_proven, "a tier counts by its evidence; a changed byte anywhere takes it away")
ATF_TC_BODY(tiers_are_proven, tc)
{
	char reason[160];

	make_image(KV_TIER_DMVERITY);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	ATF_CHECK_STREQ("", reason);
	/* from memory, and not from memory when something changes */
	ATF_CHECK(access(KV_IMAGE_PROOFS "/sy-agnos", F_OK) == 0);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	refused(KV_TIER_TPM, "proven to be dmverity");
	break_byte(IMAGE "/root.verity", 3 * KV_VERITY_BLOCK);
	ATF_CHECK_EQ(KV_TIER_MINIMAL, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "dm-verity") != NULL, "%s", reason);
	refused(KV_TIER_DMVERITY, "proven to be minimal");
	break_byte(IMAGE "/root.verity", 3 * KV_VERITY_BLOCK);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	break_byte(IMAGE "/root.squashfs", 1000000);
	refused(KV_TIER_MINIMAL, "changed");
	/* the digest made to fit: the hash tree still tells */
	write_manifest(KV_TIER_DMVERITY);
	ATF_CHECK_EQ(KV_TIER_MINIMAL, proven(reason, sizeof(reason)));
}

ROOT_CASE(claim_is_no_proof, "an image that claims a tier without evidence has only what it proves")
ATF_TC_BODY(claim_is_no_proof, tc)
{
	char reason[160];

	make_image(KV_TIER_MINIMAL);
	write_manifest(KV_TIER_TPM);
	ATF_CHECK_EQ(KV_TIER_MINIMAL, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "claims tpm_measured") != NULL, "%s", reason);
	refused(KV_TIER_DMVERITY, "proven to be minimal");
	ATF_REQUIRE(unlink(IMAGE "/manifest") == 0);
	refused(KV_TIER_MINIMAL, "manifest");
	ATF_REQUIRE(rmdir(IMAGE) != 0);
	ATF_REQUIRE(chmod(KV_IMAGES_DIR, 0777) == 0);
	refused(KV_TIER_MINIMAL, "writable");
}

ATF_TC(quote_is_verified);
ATF_TC_HEAD(quote_is_verified, tc)
{
	atf_tc_set_md_var(tc, "descr", "the quote of a software TPM proves; of other values, another image or changed it does not");
	atf_tc_set_md_var(tc, "require.user", "root");
	atf_tc_set_md_var(tc, "require.progs", "mksquashfs veritysetup swtpm tpm2_quote");
}
ATF_TC_BODY(quote_is_verified, tc)
{
	char reason[160];

	sh("mkdir -p tree/etc image tpm && echo here > tree/etc/mark && "
	    "mksquashfs tree image/root.squashfs -quiet -no-progress -all-root > /dev/null && cd image && "
	    "PATH=$PATH:/usr/sbin && veritysetup format root.squashfs root.verity > out && "
	    "sed -n 's/^Root hash:[[:space:]]*//p' out > roothash");
	/* in a network of its own: no port of the host is taken */
	sh("cd image && (unshare -n sh -e -c 'ip link set lo up; "
	    "swtpm socket --tpm2 --tpmstate dir=../tpm --server type=tcp,port=2321 --ctrl type=tcp,port=2322 "
	    "--flags not-need-init,startup-clear & tpm=$!; trap \"kill $tpm\" EXIT; "
	    "export TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=2321; sleep 1; "
	    "tpm2_pcrextend 8:sha256=$(cat roothash); "
	    "tpm2_createek -c ../ek.ctx -G rsa -u ../ek.pub; "
	    "tpm2_createak -C ../ek.ctx -c ../ak.ctx -G rsa -g sha256 -s rsassa -u ak.pub -f tss; "
	    "tpm2_flushcontext -t; "
	    "tpm2_quote -c ../ak.ctx -l sha256:8,9,10 -q $(cat roothash) -g sha256 -f tss -m quote -s signature; "
	    "tpm2_quote -c ../ak.ctx -l sha256:8,9,10 -q 00$(cut -c3- roothash) -g sha256 -f tss -m ../other.quote -s ../other.signature; "
	    "tpm2_pcrread sha256:8,9,10 -o ../pcrs') > ../tpm.log 2>&1 || { cat ../tpm.log; exit 1; }; "
	    "for i in 0 1 2; do printf '%d %s\\n' $((8 + i)) \"$(dd if=../pcrs bs=32 skip=$i count=1 status=none | "
	    "od -An -v -tx1 | tr -d ' \\n')\"; done > expected");
	testhost_enter("/bin/bash");
	sh("mkdir -p -m 700 " KV_AUDIT_DIR " && mkdir -m 700 " KV_IMAGES_DIR " && cp -r image " IMAGE);
	write_manifest(KV_TIER_TPM);
	sh("cp other.quote " IMAGE "/quote; cp other.signature " IMAGE "/signature");
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "not for this root hash") != NULL, "%s", reason);
	sh("cp image/quote image/signature " IMAGE);
	(void)proven(reason, sizeof(reason));
	ATF_CHECK_STREQ("", reason);
	ATF_CHECK_EQ(KV_TIER_TPM, proven(reason, sizeof(reason)));
	break_byte(IMAGE "/quote", 60);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "not signed") != NULL, "%s", reason);
	break_byte(IMAGE "/quote", 60);
	ATF_CHECK_EQ(KV_TIER_TPM, proven(reason, sizeof(reason)));
	sh("sed -i 's/^9 0/9 1/' " IMAGE "/expected");
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "other values") != NULL, "%s", reason);
	sh("sed -i 's/^9 1/9 0/' " IMAGE "/expected");
	sh("cd " IMAGE "; cp -r . ../other; echo 00 >> root.squashfs");
	refused(KV_TIER_MINIMAL, "changed");
	ATF_REQUIRE(unlink(KV_IMAGES_DIR "/other/ak.pub") == 0 && rename(IMAGE, "/var/lib/old") == 0 &&
	    rename(KV_IMAGES_DIR "/other", IMAGE) == 0);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, proven(reason, sizeof(reason)));
	ATF_CHECK_MSG(strstr(reason, "no file ak.pub") != NULL, "%s", reason);
}

static int
loops_of(const char *file)
{
	struct stat st, loop;
	int count = 0;

	ATF_REQUIRE(stat(file, &st) == 0);
	for (int i = 0; i < 16; i++) {
		struct loop_info64 info;
		char path[32];
		int fd;

		(void)snprintf(path, sizeof(path), "/dev/loop%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &loop) == 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0 &&
		    info.lo_inode == st.st_ino && info.lo_device == st.st_dev)
			count++;
		if (fd >= 0)
			(void)close(fd);
	}
	return count;
}

ROOT_CASE(squashfs_is_mounted, "the image is mounted read-only from a loop device, which goes with the mount")
ATF_TC_BODY(squashfs_is_mounted, tc)
{
	struct kv_policy policy = { .image = "sy-agnos", .image_tier = KV_TIER_DMVERITY };
	struct kv_error err = KV_ERROR_INIT;
	struct statvfs st;
	char text[16];
	int tree, tries = 100;

	make_image(KV_TIER_DMVERITY);
	ATF_REQUIRE_EQ_MSG(0, kv_image_mount(&policy, true, &tree, &err), "%s", err.msg);
	ATF_REQUIRE(mkdir("/run/at", 0755) == 0 && kv_mount_attach(tree, AT_FDCWD, "/run/at") == 0);
	(void)close(tree);
	ATF_CHECK(kv_read_file(AT_FDCWD, "/run/at/etc/mark", text, sizeof(text)) == 4);
	ATF_REQUIRE(statvfs("/run/at", &st) == 0);
	ATF_CHECK((st.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV)) == (ST_RDONLY | ST_NOSUID | ST_NODEV));
	ATF_CHECK_EQ(-1, mount(NULL, "/run/at", NULL, MS_REMOUNT, NULL));
	ATF_CHECK_EQ(1, loops_of(IMAGE "/root.squashfs"));
	ATF_REQUIRE(umount("/run/at") == 0);
	while (loops_of(IMAGE "/root.squashfs") > 0 && tries-- > 0)
		(void)usleep(20000);
	ATF_CHECK_EQ(0, loops_of(IMAGE "/root.squashfs"));
	policy.image_tier = KV_TIER_TPM;
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, true, &tree, &err));
	ATF_CHECK_EQ(-1, tree);
}

ROOT_CASE(folders_are_trusted, "rootfs = /DIR and an imported image: only what is root's alone")
ATF_TC_BODY(folders_are_trusted, tc)
{
	struct kv_policy policy = { .rootfs = "/run/own/root" };
	struct kv_error err = KV_ERROR_INIT;
	int tree;

	testhost_enter("/bin/bash");
	sh("mkdir -p /run/own/root /run/own/other && ln -s root /run/own/link");
	ATF_REQUIRE_EQ_MSG(0, kv_image_mount(&policy, false, &tree, &err), "%s", err.msg);
	ATF_REQUIRE(mkdir("/run/at", 0755) == 0 && kv_mount_attach(tree, AT_FDCWD, "/run/at") == 0);
	(void)close(tree);
	ATF_CHECK(mkdir("/run/at/x", 0755) != 0 && errno == EROFS);
	/* sy-agnos runs no folder */
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, true, &tree, &err));
	ATF_REQUIRE(chmod("/run/own/root", 0777) == 0);
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, false, &tree, &err));
	ATF_REQUIRE(chmod("/run/own/root", 0755) == 0 && chown("/run/own", 1, 1) == 0);
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, false, &tree, &err));
	ATF_REQUIRE(chown("/run/own", 0, 0) == 0);
	(void)snprintf(policy.rootfs, sizeof(policy.rootfs), "/run/own/link");
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, false, &tree, &err));
	policy.rootfs[0] = '\0';
	ATF_CHECK_EQ(0, kv_image_mount(&policy, false, &tree, &err));
	ATF_CHECK_EQ(-1, tree);
	(void)snprintf(policy.image, sizeof(policy.image), "absent");
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, false, &tree, &err));
	ATF_CHECK_MSG(strstr(err.msg, "no image absent") != NULL, "%s", err.msg);
	sh("mkdir -p -m 700 " KV_IMAGES_DIR "/absent/rootfs; chmod 755 " KV_IMAGES_DIR "/absent/rootfs; chmod 700 " KV_AUDIT_DIR);
	testhost_file(KV_IMAGES_DIR "/absent/manifest", "kind=oci\ntier=minimal\nversion=\nsource=x\nsize=0\nsha256=\n");
	ATF_CHECK_EQ_MSG(0, kv_image_mount(&policy, false, &tree, &err), "%s", err.msg);
	(void)close(tree);
	/* nothing can be proven of it */
	ATF_CHECK_EQ(-1, kv_image_mount(&policy, true, &tree, &err));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, manifest_is_strict);
	ATF_TP_ADD_TC(tp, tiers_are_proven);
	ATF_TP_ADD_TC(tp, claim_is_no_proof);
	ATF_TP_ADD_TC(tp, quote_is_verified);
	ATF_TP_ADD_TC(tp, squashfs_is_mounted);
	ATF_TP_ADD_TC(tp, folders_are_trusted);
	return atf_no_error();
}

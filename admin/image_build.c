/*
 * An sy-agnos image: kavach-image-tree (images/kavach-image-tree) copies what a session needs from the host's
 * packages; mksquashfs(1) and veritysetup(8) make of it what kv_image_check proves. The same
 * packages and policy give the same bytes.
 */
#include "config.h"

#include "admin/image.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/host.h"
#include "admin/tool.h"
#include "backends/container/oci_seccomp.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "images/verity.h"
#include "policy/trust.h"

#define TREE	"tree"

static const char nftables[] =
    "# Default deny: a session opens connections, nobody opens one to it.\n"
    "flush ruleset\n"
    "table inet sy-agnos {\n"
    "\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
    "\t\tiif \"lo\" accept\n\t\tct state established,related accept\n\t}\n"
    "\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n"
    "\tchain output {\n\t\ttype filter hook output priority filter; policy %s;\n%s\t}\n"
    "}\n";

static int
make_folder(const struct kv_image_work *work, const char *name, struct kv_error *err)
{
	char path[KV_IMAGE_PATH + 64];

	if (kv_format(path, sizeof(path), "%s/%s", work->work, name) != 0 || mkdir(path, 0755) != 0)
		return kv_error_sys(err, "%s", name);
	return 0;
}

static int
write_release(const struct kv_image_work *work, const struct kv_manifest *m, struct kv_error *err)
{
	char text[256];

	if (kv_format(text, sizeof(text), "name=sy-agnos\nversion=%s\ntier=%s\n", m->version, kv_tier_name(m->tier)) != 0)
		return kv_error_sys(err, "sy-agnos-release");
	return kv_image_write(work, TREE "/etc/sy-agnos-release", text, err);
}

/* The profile as an OCI runtime reads it; of a file of the administrator's, the text is needed. */
static int
write_seccomp(const struct kv_image_work *work, const struct kv_policy *policy, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	struct json_object *section;
	size_t size;
	int result;

	if (policy->seccomp == KV_SECCOMP_OFF)
		return 0;
	if (policy->seccomp == KV_SECCOMP_FILE) {
		kv_cleanup_close int parent = -1;
		const char *name;

		parent = kv_trust_parent(policy->seccomp_file, true, &name, err);
		if (parent < 0 || kv_trust_read(parent, name, policy->seccomp_file, KV_TRUST_ROOT, &text, &size, err) != 0)
			return -1;
	}
	section = kv_oci_seccomp(policy->seccomp, text, err);
	if (section == NULL)
		return -1;
	result = kv_image_write(work, TREE "/etc/sy-agnos/seccomp.json",
	    json_object_to_json_string_ext(section, JSON_C_TO_STRING_PRETTY), err);
	(void)json_object_put(section);
	return result;
}

/* Ports as the policy allows them; none named: all. */
static int
write_nftables(const struct kv_image_work *work, const struct kv_policy *policy, struct kv_error *err)
{
	char text[4096], rules[2048] = "", line[64];
	size_t used = 0;

	if (policy->network != KV_NET_HOST && policy->network != KV_NET_PROXY)
		return 0;
	for (size_t i = 0; i < policy->allowed_ports_count; i++) {
		(void)snprintf(line, sizeof(line), "\t\ttcp dport %u accept\n", policy->allowed_ports[i]);
		if (kv_format(rules + used, sizeof(rules) - used, "%s", line) != 0)
			return kv_error_sys(err, "nftables.conf");
		used += strlen(line);
	}
	if (used > 0 && kv_format(rules + used, sizeof(rules) - used, "%s", "\t\toif \"lo\" accept\n"
	    "\t\tct state established,related accept\n\t\tudp dport 53 accept\n") != 0)
		return kv_error_sys(err, "nftables.conf");
	(void)snprintf(text, sizeof(text), nftables, used > 0 ? "drop" : "accept", rules);
	return kv_image_write(work, TREE "/etc/nftables.conf", text, err);
}

static int
make_root(const struct kv_image_work *work, struct kv_error *err)
{
	const char *const copy[] = { KV_PKGLIBEXECDIR "/kavach-image-tree", TREE, NULL };
	const char *const pack[] = {
		"mksquashfs", TREE, KV_IMAGE_ROOT, "-noappend", "-all-root", "-all-time", "0", "-mkfs-time", "0",
		"-no-xattrs", "-comp", "zstd", "-quiet", "-no-progress", NULL,
	};
	char path[KV_IMAGE_PATH + 64];

	if (kv_format(path, sizeof(path), "%s/" TREE, work->work) != 0)
		return kv_error_sys(err, TREE);
	if (kv_tool(work->work, copy, err) != 0 || kv_tree_harden(path, err) != 0 ||
	    kv_tool(work->work, pack, err) != 0)
		return -1;
	return kv_tree_remove(path, err);
}

static int
digest_root(const struct kv_image_work *work, struct kv_manifest *m, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	uint8_t digest[KV_VERITY_DIGEST];
	char path[KV_IMAGE_PATH + 64];

	if (kv_format(path, sizeof(path), "%s/" KV_IMAGE_ROOT, work->work) != 0)
		return kv_error_sys(err, KV_IMAGE_ROOT);
	fd = kv_openat(AT_FDCWD, path, O_RDONLY, 0, false);
	if (fd < 0)
		return kv_error_sys(err, KV_IMAGE_ROOT);
	if (kv_file_digest(fd, digest, &m->size, err) != 0)
		return -1;
	kv_hex(digest, sizeof(digest), m->sha256);
	return 0;
}

/* Salt and uuid come from the root's digest, so that the tree is the same each time. */
static int
make_verity(const struct kv_image_work *work, const struct kv_manifest *m, struct kv_error *err)
{
	static const char hash_file[] = "--root-hash-file=" KV_IMAGE_HASH;
	char salt[80], uuid[64];
	const char *const format[] = {
		"veritysetup", "format", salt, uuid, "--hash=sha256", "--data-block-size=4096", "--hash-block-size=4096",
		hash_file, KV_IMAGE_ROOT, KV_IMAGE_VERITY, NULL,
	};

	if (m->tier == KV_TIER_MINIMAL)
		return 0;
	(void)snprintf(salt, sizeof(salt), "--salt=%s", m->sha256);
	(void)snprintf(uuid, sizeof(uuid), "--uuid=%.8s-%.4s-%.4s-%.4s-%.12s", m->sha256, m->sha256 + 8,
	    m->sha256 + 12, m->sha256 + 16, m->sha256 + 20);
	return kv_tool(work->work, format, err);
}

static int
build(struct kv_image_work *work, const struct kv_image_plan *plan, const struct kv_policy *policy,
    struct kv_error *err)
{
	struct kv_manifest m = { .kind = KV_IMAGE_SYAGNOS, .tier = plan->tier, .version = PACKAGE_VERSION };

	if (kv_format(m.source, sizeof(m.source), "%s", plan->policy != NULL ? plan->policy : "") != 0)
		return kv_error_sys(err, "policy");
	if (make_folder(work, TREE, err) != 0 || make_folder(work, TREE "/etc", err) != 0 ||
	    make_folder(work, TREE "/etc/sy-agnos", err) != 0 || write_release(work, &m, err) != 0 ||
	    write_seccomp(work, policy, err) != 0 || write_nftables(work, policy, err) != 0)
		return -1;
	if (make_root(work, err) != 0 || digest_root(work, &m, err) != 0 || make_verity(work, &m, err) != 0)
		return -1;
	return kv_image_commit(work, &m, plan->output == NULL, err);
}

int
kv_image_build(const struct kv_image_plan *plan, struct kv_error *err)
{
	struct kv_policy policy;
	struct kv_image_work work;
	int result;

	if (kv_host_policy(NULL, plan->policy != NULL ? plan->policy : "basic", &policy, err) != 0)
		return -1;
	result = kv_image_begin(KV_SYAGNOS_IMAGE, plan->output, &work, err);
	if (result == 0) {
		result = build(&work, plan, &policy, err);
		kv_image_discard(&work);
	}
	kv_policy_release(&policy);
	return result;
}

#include "policy/load.h"

#include "policy/test_load.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

/* A root-owned tree in a mount namespace of the case's own: the usual work folder is below /tmp. */
static void
make_tree(void)
{
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS));
	ATF_REQUIRE_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ATF_REQUIRE_EQ(0, mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"));
	(void)umask(022);
	ATF_REQUIRE_EQ(0, mkdir("/mnt/e", 0755));
	ATF_REQUIRE_EQ(0, mkdir("/mnt/e/conf.d", 0755));
	test_write("/mnt/e/k.conf", "[kavach]\nexempt_groups = wheel\n", 31);
	test_write("/mnt/e/conf.d/a.conf", "[policy a]\n", 11);
}

static void
expect(const char *part, bool salvaged)
{
	const struct kv_load_options options = { .file = "/mnt/e/k.conf" };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	int rc = kv_config_load(&options, &config, &err);

	if (part == NULL) {
		ATF_CHECK_EQ_MSG(0, rc, "%s", err.msg);
	} else {
		ATF_CHECK_EQ_MSG(-1, rc, "taken in spite of <%s>", part);
		ATF_CHECK_MSG(strstr(err.msg, part) != NULL, "<%s> not in <%s>", part, err.msg);
	}
	ATF_CHECK_EQ(salvaged, kv_list_has(&config.exempt_groups, "wheel"));
	kv_config_release(&config);
}

#define ROOT_TC(name) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) { atf_tc_set_md_var(tc, "require.user", "root"); \
		atf_tc_set_md_var(tc, "timeout", "20"); } \
	ATF_TC_BODY(name, tc)

ROOT_TC(owner_and_mode_count_up_to_the_root)
{
	static const char *const places[] = { "/mnt", "/mnt/e", "/mnt/e/k.conf", "/mnt/e/conf.d",
		"/mnt/e/conf.d/a.conf" };

	make_tree();
	expect(NULL, true);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		mode_t mode = i == 2 || i == 4 ? 0644 : 0755;

		ATF_REQUIRE_EQ(0, chmod(places[i], mode | 020));
		expect("writable by others than root", i > 2);
		ATF_REQUIRE_EQ(0, chmod(places[i], mode | 002));
		expect("writable by others than root", i > 2);
		ATF_REQUIRE_EQ(0, chmod(places[i], mode));
		ATF_REQUIRE_EQ(0, chown(places[i], 65534, 0));
		expect("belongs to uid 65534", i > 2);
		ATF_REQUIRE_EQ(0, chown(places[i], 0, 0));
		expect(NULL, true);
	}
}

ROOT_TC(only_regular_files_and_never_a_wait)
{
	make_tree();
	ATF_REQUIRE_EQ(0, symlink("a.conf", "/mnt/e/conf.d/b.conf"));
	expect("/mnt/e/conf.d/b.conf: a symbolic link", true);
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/conf.d/b.conf"));
	ATF_REQUIRE_EQ(0, mkfifo("/mnt/e/conf.d/b.conf", 0644));
	expect("not a regular file", true);
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/conf.d/b.conf"));
	ATF_REQUIRE_EQ(0, mkdir("/mnt/e/conf.d/b.conf", 0755));
	expect("not a regular file", true);
	ATF_REQUIRE_EQ(0, rmdir("/mnt/e/conf.d/b.conf"));
	test_write("/mnt/e/conf.d/b.conf", "", 0);
	expect("empty", true);
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/conf.d/b.conf"));
	ATF_REQUIRE_EQ(0, rename("/mnt/e/conf.d", "/mnt/e/real"));
	expect(NULL, true);
	ATF_REQUIRE_EQ(0, symlink("real", "/mnt/e/conf.d"));
	expect("not a folder, or a symbolic link", true);
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/conf.d"));
	test_write("/mnt/e/conf.d", "x", 1);
	expect("not a folder, or a symbolic link", true);
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/conf.d"));
	ATF_REQUIRE_EQ(0, unlink("/mnt/e/k.conf"));
	expect("No such file", false);
	ATF_REQUIRE_EQ(0, mkfifo("/mnt/e/k.conf", 0644));
	expect("not a regular file", false);
	ATF_REQUIRE_EQ(0, rename("/mnt/e", "/mnt/f"));
	ATF_REQUIRE_EQ(0, symlink("f", "/mnt/e"));
	expect("/mnt/e: not a folder, or a symbolic link", false);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, owner_and_mode_count_up_to_the_root);
	ATF_TP_ADD_TC(tp, only_regular_files_and_never_a_wait);
	return atf_no_error();
}

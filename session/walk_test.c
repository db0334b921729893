#include "session/walk.h"

#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/testing.h"

#define USER 60123

/* A root of its own: /usr/bin, /bin and /deep (root's links), /srv/user (the user's) and /srv/open (everybody's). */
static int
tree(void)
{
	static const char *const dirs[] = { "r", "r/usr", "r/usr/bin", "r/srv", "r/srv/user", "r/srv/user/sub", "r/srv/open" };

	(void)umask(022);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		ATF_REQUIRE_EQ(0, mkdir(dirs[i], 0755));
	ATF_REQUIRE_EQ(0, symlink("usr/bin", "r/bin"));
	ATF_REQUIRE_EQ(0, symlink("/srv/../bin/.", "r/deep"));
	ATF_REQUIRE_EQ(0, symlink("/srv/user/sub", "r/to-user"));
	ATF_REQUIRE_EQ(0, symlink("loop", "r/loop"));
	ATF_REQUIRE_EQ(0, symlink("/usr", "r/srv/foreign"));
	ATF_REQUIRE_EQ(0, lchown("r/srv/foreign", USER, USER));
	ATF_REQUIRE_EQ(0, symlink("/usr", "r/srv/user/link"));
	ATF_REQUIRE_EQ(0, lchown("r/srv/user/link", USER, USER));
	ATF_REQUIRE_EQ(0, symlink("/usr", "r/srv/user/roots"));
	ATF_REQUIRE_EQ(0, symlink("/usr", "r/srv/user/sub/roots"));
	ATF_REQUIRE_EQ(0, symlink("/usr", "r/srv/open/roots"));
	ATF_REQUIRE_EQ(0, chown("r/srv/user", USER, USER));
	ATF_REQUIRE_EQ(0, chmod("r/srv/open", 01777));
	return open("r", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void
check(int root, const char *path, const char *want)
{
	struct kv_error err = KV_ERROR_INIT;
	char out[256] = "";
	struct stat there, is;
	int fd = kv_walk(root, path, out, sizeof(out), &err);

	ATF_REQUIRE_MSG(fd >= 0, "%s: %s", path, err.msg);
	ATF_CHECK_STREQ(want, out);
	ATF_REQUIRE_EQ(0, fstatat(root, want[1] == '\0' ? "." : &want[1], &there, AT_SYMLINK_NOFOLLOW));
	ATF_REQUIRE_EQ(0, fstat(fd, &is));
	ATF_CHECK_EQ(there.st_ino, is.st_ino);
	(void)close(fd);
}

static void
refused(int root, const char *path, enum kv_errcode code, const char *named)
{
	struct kv_error err = KV_ERROR_INIT;
	char out[256];

	ATF_CHECK_EQ_MSG(-1, kv_walk(root, path, out, sizeof(out), &err), "%s", path);
	ATF_CHECK_EQ_MSG(code, err.code, "%s: %s", path, err.msg);
	ATF_CHECK_MSG(strstr(err.msg, named) != NULL, "%s: %s", path, err.msg);
}

ROOT_CASE(roots_links, "root's own links are followed, folders of users are walked")
{
	int root = tree();

	check(root, "/", "/");
	check(root, "/usr//bin/", "/usr/bin");
	check(root, "/bin", "/usr/bin");
	check(root, "/deep", "/usr/bin");
	check(root, "/srv/user/sub", "/srv/user/sub");
	check(root, "/to-user", "/srv/user/sub");
	check(root, "/../..", "/");
}

ROOT_CASE(other_links, "links that somebody else can have made are refused by name")
{
	int root = tree();

	refused(root, "/srv/foreign/bin", KV_ERR_DENIED, "/srv/foreign");
	refused(root, "/srv/user/link", KV_ERR_DENIED, "/srv/user/link");
	refused(root, "/srv/user/roots", KV_ERR_DENIED, "/srv/user/roots");
	refused(root, "/srv/user/sub/roots", KV_ERR_DENIED, "/srv/user/sub/roots");
	refused(root, "/to-user/roots", KV_ERR_DENIED, "/srv/user/sub/roots");
	refused(root, "/srv/open/roots", KV_ERR_DENIED, "/srv/open/roots");
	refused(root, "/loop", KV_ERR_DENIED, "/loop");
	refused(root, "/srv/none", KV_ERR_SYSTEM, "/srv/none");
	refused(root, "usr", KV_ERR_CONFIG, "usr");
	ATF_REQUIRE_EQ(0, chmod("r", 0775));
	refused(root, "/bin", KV_ERR_DENIED, "/bin");
	ATF_REQUIRE_EQ(0, chmod("r", 0755) | chown("r", USER, 0));
	refused(root, "/bin", KV_ERR_DENIED, "/bin");
	check(root, "/usr/bin", "/usr/bin");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, roots_links);
	ATF_TP_ADD_TC(tp, other_links);
	return atf_no_error();
}

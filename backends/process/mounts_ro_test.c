/* What is read-only for a module, in a mount namespace of the test's own. */
#include "backends/process/mounts.h"

#include <atf-c.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backends/process/verify_parts.h"
#include "common/error.h"
#include "common/testing.h"
#include "session/ticket.h"

static struct kv_ticket *
make_place(void)
{
	static const char *const folders[] = {
		"/mnt/a", "/mnt/a/b", "/mnt/a/b/c", "/mnt/a/b/c/d", "/mnt/longer", "/mnt/longer/e", "/mnt/f",
	};
	struct kv_ticket *ticket = calloc(1, sizeof(*ticket));

	ATF_REQUIRE(ticket != NULL);
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS));
	ATF_REQUIRE_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ATF_REQUIRE_EQ(0, mount("none", "/mnt", "tmpfs", 0, "mode=0755"));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		ATF_REQUIRE_EQ(0, mkdir(folders[i], 0755));
	ATF_REQUIRE_EQ(0, symlink("a", "/mnt/link"));
	return ticket;
}

static void
add(struct kv_ticket *ticket, const char *path, bool writable, bool preopen)
{
	struct kv_ticket_landlock *rule = &ticket->landlock[ticket->landlock_count++];

	(void)strcpy(rule->path, path);
	rule->writable = writable;
	rule->preopen = preopen;
}

static bool
is_closed(const char *path)
{
	struct statvfs st;

	ATF_REQUIRE_EQ_MSG(0, statvfs(path, &st), "%s", path);
	return (st.f_flag & ST_RDONLY) != 0;
}

ROOT_CASE(nested_folders_are_each_as_they_are_named, "ro in rw in ro in rw, in any order of the rules")
{
	struct kv_ticket *ticket = make_place();
	struct kv_error err = KV_ERROR_INIT;

	add(ticket, "/mnt/a/b/c/d", false, true);
	add(ticket, "/mnt/longer", true, true);
	add(ticket, "/mnt/a", false, true);
	add(ticket, "/mnt/longer/e", false, true);
	add(ticket, "/mnt/a/b/c", true, true);
	add(ticket, "/mnt/f", false, false);
	ATF_REQUIRE_EQ_MSG(0, kv_process_mounts_ro(ticket, &err), "%s", err.msg);
	ATF_CHECK(is_closed("/mnt/a") && is_closed("/mnt/a/b") && is_closed("/mnt/a/b/c/d") && is_closed("/mnt/longer/e"));
	ATF_CHECK(!is_closed("/mnt/a/b/c") && !is_closed("/mnt/longer") && !is_closed("/mnt"));
	/* The runtime's own paths are Landlock's alone. */
	ATF_CHECK(!is_closed("/mnt/f"));
	ATF_CHECK(mkdir("/mnt/a/x", 0755) == -1 && errno == EROFS);
	ATF_CHECK_EQ(0, mkdir("/mnt/a/b/c/x", 0755));
	free(ticket);
}

ROOT_CASE(what_cannot_be_closed_is_an_error, "a link, and a path that is not there")
{
	static const char *const paths[] = { "/mnt/link", "/mnt/link/b", "/mnt/none" };
	struct kv_ticket *ticket = make_place();

	for (size_t i = 0; i < 2 * sizeof(paths) / sizeof(paths[0]); i++) {
		struct kv_error err = KV_ERROR_INIT;

		ticket->landlock_count = 0;
		add(ticket, paths[i / 2], i % 2 == 1, true);
		ATF_CHECK_EQ_MSG(-1, kv_process_mounts_ro(ticket, &err), "%s", paths[i / 2]);
		ATF_CHECK_MSG(strstr(err.msg, paths[i / 2]) != NULL, "%s", err.msg);
	}
	ATF_CHECK(!is_closed("/mnt/a"));
	free(ticket);
}

ATF_TC_WITHOUT_HEAD(which_rules_are_closed);
ATF_TC_BODY(which_rules_are_closed, tc)
{
	static const struct { struct kv_ticket_landlock rule; bool closed; } samples[] = {
		{ { "/a", false, true }, true }, { { "/", false, true }, true }, { { "/a", true, true }, false },
		{ { "/a", false, false }, false }, { { "/tmp", false, true }, false }, { { "/tmp/x", false, true }, false },
		{ { "/tmpx", false, true }, true }, { { "/var/tmp", false, true }, true },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		ATF_CHECK_EQ_MSG(samples[i].closed, kv_verify_is_closed(&samples[i].rule), "%s", samples[i].rule.path);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nested_folders_are_each_as_they_are_named);
	ATF_TP_ADD_TC(tp, what_cannot_be_closed_is_an_error);
	ATF_TP_ADD_TC(tp, which_rules_are_closed);
	return atf_no_error();
}

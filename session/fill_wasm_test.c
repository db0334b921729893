#include "session/fill_wasm.h"

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "session/ticket.h"

static struct kv_ticket *
ticket(void)
{
	struct kv_ticket *t = calloc(1, sizeof(*t));

	ATF_REQUIRE(t != NULL);
	(void)strcpy(t->home, "/home/nobody-is-here");
	(void)strcpy(t->runtime, "/bin/sh");
	return t;
}

static bool
has(const struct kv_ticket *t, const char *path)
{
	for (uint32_t i = 0; i < t->landlock_count; i++)
		if (strcmp(t->landlock[i].path, path) == 0)
			return true;
	return false;
}

ATF_TC_WITHOUT_HEAD(the_runtime_reads_and_the_module_sees_nothing_of_it);
ATF_TC_BODY(the_runtime_reads_and_the_module_sees_nothing_of_it, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = ticket();
	struct kv_ticket_landlock *own = kv_fill_path(t, t->home, "/usr", true, &err);

	ATF_REQUIRE_MSG(own != NULL, "%s", err.msg);
	own->preopen = true;
	ATF_REQUIRE_EQ_MSG(0, kv_fill_runtime("'m n.wasm' -x", true, t, &err), "%s", err.msg);
	ATF_CHECK(has(t, "/home/nobody-is-here/m n.wasm") && has(t, "/proc") && has(t, "/dev/null") && has(t, "/usr/lib"));
	/* As a link it would be the user's to turn. */
	ATF_CHECK(!has(t, "/bin/sh") || !has(t, "/bin"));
	ATF_CHECK(!has(t, "/home/nobody-is-here") && !has(t, "/tmp") && !has(t, "/dev") && !has(t, "/"));
	for (uint32_t i = 0; i < t->landlock_count; i++) {
		ATF_CHECK_EQ_MSG(i == 0, t->landlock[i].writable, "%s", t->landlock[i].path);
		ATF_CHECK_EQ_MSG(i == 0, t->landlock[i].preopen, "%s", t->landlock[i].path);
	}
	free(t);
}

ATF_TC_WITHOUT_HEAD(what_cannot_be_granted_is_refused);
ATF_TC_BODY(what_cannot_be_granted_is_refused, tc)
{
	static const char *const commands[] = { NULL, "", "  ", "'m.wasm", "/no/such/module.wasm" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_ticket *t = ticket();

		ATF_CHECK_EQ(-1, kv_fill_runtime(commands[i], true, t, &err));
		ATF_CHECK(err.code != KV_ERR_NONE);
		free(t);
	}
}

ATF_TC_WITHOUT_HEAD(what_a_user_names_is_not_looked_at);
ATF_TC_BODY(what_a_user_names_is_not_looked_at, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = ticket();

	ATF_REQUIRE_EQ_MSG(0, kv_fill_runtime("/no/such/module.wasm", false, t, &err), "%s", err.msg);
	ATF_CHECK(has(t, "/no/such/module.wasm"));
	free(t);
	t = ticket();
	ATF_CHECK_EQ(0, kv_fill_runtime("/proc/self/root/m.wasm", false, t, &err));
	ATF_CHECK(has(t, "/proc/self/root/m.wasm"));
	free(t);
}

ATF_TC_WITHOUT_HEAD(a_path_twice_is_one_rule);
ATF_TC_BODY(a_path_twice_is_one_rule, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = ticket();
	const struct kv_ticket_landlock *rule = kv_fill_path(t, t->home, "/usr", false, &err);

	ATF_REQUIRE(rule != NULL && !rule->writable);
	ATF_CHECK(kv_fill_path(t, t->home, "/usr/", true, &err) == rule);
	ATF_CHECK(rule->writable);
	ATF_CHECK_EQ(1, t->landlock_count);
	t->landlock_count = sizeof(t->landlock) / sizeof(t->landlock[0]);
	ATF_CHECK(kv_fill_path(t, t->home, "/etc", false, &err) == NULL);
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	free(t);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, the_runtime_reads_and_the_module_sees_nothing_of_it);
	ATF_TP_ADD_TC(tp, what_cannot_be_granted_is_refused);
	ATF_TP_ADD_TC(tp, what_a_user_names_is_not_looked_at);
	ATF_TP_ADD_TC(tp, a_path_twice_is_one_rule);
	return atf_no_error();
}

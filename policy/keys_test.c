#include "policy/load.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "policy/test_load.h"

#include <stdio.h>
#include <stdlib.h>

ATF_TC_WITHOUT_HEAD(manual_has_every_key_and_its_default);
ATF_TC_BODY(manual_has_every_key_and_its_default, tc)
{
	static const char *const headings[][2] = { { "credential", "\n.Ss Credential sections\n" }, { "kavach", "\n.Ss The kavach section\n" },
		{ "policy", "\n.Ss Policy sections\n" }, { "rule", "\n.Ss Rule sections\n" } };
	static char text[65536];
	size_t count, items = 0;
	const struct kv_key *keys = kv_keys(&count);
	char path[512];

	ATF_REQUIRE_EQ(0, kv_format(path, sizeof(path), "%s/doc/kavach.conf.5", KV_TOP_SRCDIR));
	ATF_REQUIRE(kv_read_file(AT_FDCWD, path, text, sizeof(text)) > 0);
	for (size_t i = 0; i < count; i++) {
		char mark[128];
		const char *at = NULL, *end, *fallback;

		for (size_t h = 0; h < 4; h++)
			if (strcmp(headings[h][0], keys[i].section) == 0)
				at = strstr(text, headings[h][1]);
		ATF_REQUIRE(at != NULL);
		(void)kv_format(mark, sizeof(mark), "\n.It Cm %s\n", keys[i].name);
		end = strstr(at, "\n.El\n");
		at = strstr(at, mark);
		ATF_CHECK_MSG(at != NULL && at < end, "[%s] %s is missing", keys[i].section, keys[i].name);
		if (at == NULL)
			continue;
		end = strstr(at + 1, "\n.It ");
		(void)kv_format(mark, sizeof(mark), "\n.Ql %s", keys[i].fallback);
		fallback = strstr(strstr(at, "\nDefault"), mark);
		ATF_CHECK_MSG(fallback != NULL && (end == NULL || fallback < end),
		    "%s: its default %s is missing", keys[i].name, keys[i].fallback);
	}
	for (const char *s = text; (s = strstr(s, "\n.It Cm ")) != NULL; s++)
		items++;
	ATF_CHECK_EQ(count, items);
}

/* What the manual and `explain` call the default is what an empty policy has. */
ATF_TC_WITHOUT_HEAD(defaults_are_those_of_the_table);
ATF_TC_BODY(defaults_are_those_of_the_table, tc)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	char text[2048] = "[policy a]\n[policy b]\n";
	const struct kv_policy *a, *b;

	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(text);

		if (strcmp(keys[i].section, "policy") != 0 || strcmp(keys[i].name, "base") == 0 ||
		    strcmp(keys[i].name, "tmp_size") == 0 || strcmp(keys[i].name, "data_dir") == 0 ||
		    strcmp(keys[i].fallback, "any") == 0 ||
		    (strcmp(keys[i].fallback, "none") == 0 && strstr(keys[i].expects, "none") == NULL))
			continue;
		ATF_REQUIRE_EQ(0, kv_format(text + used, sizeof(text) - used, "%s = %s\n", keys[i].name,
		    keys[i].fallback));
	}
	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	a = kv_config_policy(&config, "a");
	b = kv_config_policy(&config, "b");
	ATF_REQUIRE(a != NULL && b != NULL);
	ATF_CHECK_EQ(0, memcmp((const char *)a + KV_NAME_MAX, (const char *)b + KV_NAME_MAX,
	    sizeof(*a) - KV_NAME_MAX));
	kv_config_release(&config);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, manual_has_every_key_and_its_default);
	ATF_TP_ADD_TC(tp, defaults_are_those_of_the_table);
	return atf_no_error();
}

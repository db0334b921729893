#include "policy/decide.h"

#include "policy/test_load.h"

#include <stdio.h>
#include <stdlib.h>

/* Another value than the default for each key, and what has to stand beside it. */
static const struct {
	const char *key, *value, *beside;
} others[] = {
	{ "backend", "oci", "" }, { "inner_backend", "process", "" }, { "min_strength", "7", "" },
	{ "allow_noop", "yes", "" }, { "privilege", "userns", "" }, { "seccomp", "/s/f", "" },
	{ "landlock_ro", "/a, ~/b", "" }, { "landlock_rw", "/c", "" }, { "network", "loopback", "" },
	{ "allowed_hosts", "a.example, *.b.example", "network = proxy\n" },
	{ "allowed_methods", "GET, M-SEARCH", "network = proxy\n" },
	{ "allowed_paths", "/v1, /v2/a", "network = proxy\n" }, { "credentials", "one, two", "" },
	{ "allowed_ports", "22, 443", "network = host\n" }, { "read_only_root", "no", "" },
	{ "memory_limit", "3M", "" }, { "cpu_limit", "2.25", "" }, { "process_limit", "9", "" },
	{ "open_files_limit", "99", "" }, { "tmp_size", "65k", "" }, { "data_dir", "/srv/a, /srv/b", "" },
	{ "home", "overlay", "" }, { "protect_dotfiles", "no", "" }, { "rootfs", "/srv/root", "" },
	{ "image", "a.b", "" }, { "image_tier", "tpm_measured", "" }, { "wasm_fuel", "1000000000000", "" }, { "wasm_timeout", "1.25", "" },
	{ "shell", "/bin/zsh", "" },
	{ "environment", "A, B_*", "" },
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static void
check_same(const char *what, const struct kv_policy *a, const struct kv_policy *b)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);

	for (size_t i = 0; i < count; i++) {
		char *x = kv_policy_value(a, i), *y = kv_policy_value(b, i);

		ATF_CHECK_EQ(x == NULL, y == NULL);
		if (x != NULL && y != NULL)
			ATF_CHECK_MSG(strcmp(x, y) == 0, "%s: %s: '%s', not '%s'", what, keys[i].name, y, x);
		free(x);
		free(y);
	}
}

static const char credentials[] = "[credential one]\nfile = /a\nvariable = A\n"
    "[credential two]\nfile = /b\nvariable = B\n";

static const struct kv_policy *
load_one(size_t i, struct kv_config *config)
{
	struct kv_error err = KV_ERROR_INIT;
	char text[512];

	(void)mkdir("credentials.d", 0755);
	test_write("credentials.d/c.conf", credentials, sizeof(credentials) - 1);
	(void)snprintf(text, sizeof(text), "[policy p]\n%s%s = %s\n", others[i].beside, others[i].key,
	    others[i].value);
	ATF_REQUIRE_EQ_MSG(0, test_load(text, config, &err), "%s", err.msg);
	return kv_config_policy(config, "p");
}

static size_t
key_index(const char *name)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].section, "policy") == 0 && strcmp(keys[i].name, name) == 0)
			return i;
	atf_tc_fail("no such key: %s", name);
}

ATF_TC_WITHOUT_HEAD(every_key_has_a_sample);
ATF_TC_BODY(every_key_has_a_sample, tc)
{
	size_t count, found = 0;
	const struct kv_key *keys = kv_keys(&count);

	for (size_t i = 0; i < count; i++) {
		bool seen = strcmp(keys[i].section, "policy") != 0 || strcmp(keys[i].name, "base") == 0;

		for (size_t j = 0; j < OTHERS; j++)
			seen = seen || strcmp(others[j].key, keys[i].name) == 0;
		ATF_CHECK_MSG(seen, "%s has no sample here", keys[i].name);
		found += seen;
	}
	ATF_CHECK_EQ(count, found);
}

ATF_TC_WITHOUT_HEAD(values_read_as_they_were_written);
ATF_TC_BODY(values_read_as_they_were_written, tc)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);

	for (size_t i = 0; i < OTHERS; i++) {
		struct kv_config config;
		const struct kv_policy *policy = load_one(i, &config);
		size_t key = key_index(others[i].key);
		char *value = kv_policy_value(policy, key);
		char *fallback = kv_policy_value(kv_config_policy(&config, "strict"), key);

		ATF_REQUIRE(value != NULL && fallback != NULL);
		ATF_CHECK_STREQ(others[i].value, value);
		ATF_CHECK_STREQ(keys[key].fallback, fallback);
		ATF_CHECK(strcmp(value, fallback) != 0);
		free(value);
		free(fallback);
		kv_config_release(&config);
	}
	for (size_t i = 0; i < count; i++) {
		struct kv_policy strict;
		char *value;

		ATF_REQUIRE_EQ(0, kv_policy_preset("strict", &strict));
		value = kv_policy_value(&strict, i);
		ATF_CHECK_EQ(value != NULL, strcmp(keys[i].section, "policy") == 0 &&
		    strcmp(keys[i].name, "base") != 0);
		free(value);
	}
}

ATF_TC_WITHOUT_HEAD(every_field_survives_copy_and_merge);
ATF_TC_BODY(every_field_survives_copy_and_merge, tc)
{
	for (size_t i = 0; i < OTHERS; i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_policy copy, merged;
		struct kv_config config;
		const struct kv_policy *policy = load_one(i, &config);

		ATF_REQUIRE_EQ(0, kv_policy_copy(policy, &copy));
		check_same("copy", policy, &copy);
		/* The stricter of two that are the same is the same. */
		ATF_REQUIRE_EQ_MSG(0, kv_policy_merge(policy, policy, &merged, &err), "%s", err.msg);
		check_same("merge", policy, &merged);
		kv_policy_release(&merged);
		kv_config_release(&config);
		kv_policy_release(&copy);
	}
}

ATF_TC_WITHOUT_HEAD(merge_keeps_the_outers_root);
ATF_TC_BODY(merge_keeps_the_outers_root, tc)
{
	static const char text[] =
	    "[policy a]\nrootfs = /a\n[policy b]\nimage = b\nimage_tier = dmverity\n[policy c]\n";
	struct kv_error err = KV_ERROR_INIT;
	const struct kv_policy *a, *b, *c;
	struct kv_policy m;
	struct kv_config config;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	a = kv_config_policy(&config, "a");
	b = kv_config_policy(&config, "b");
	c = kv_config_policy(&config, "c");
	ATF_REQUIRE_EQ(0, kv_policy_merge(a, b, &m, &err));
	ATF_CHECK_STREQ("/a", m.rootfs);
	ATF_CHECK_STREQ("", m.image);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, m.image_tier);
	kv_policy_release(&m);
	ATF_REQUIRE_EQ(0, kv_policy_merge(c, b, &m, &err));
	ATF_CHECK_STREQ("", m.image);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, m.image_tier);
	kv_policy_release(&m);
	ATF_REQUIRE_EQ(0, kv_policy_merge(b, c, &m, &err));
	ATF_CHECK_STREQ("b", m.image);
	ATF_CHECK_EQ(KV_TIER_DMVERITY, m.image_tier);
	kv_policy_release(&m);
	kv_config_release(&config);
}

/* Reach shrinks to what both allow, and to none; names that one side is silent about stay. */
ATF_TC_WITHOUT_HEAD(merge_of_what_the_proxy_looks_at);
ATF_TC_BODY(merge_of_what_the_proxy_looks_at, tc)
{
	static const char text[] =
	    "[policy a]\nnetwork = proxy\nallowed_methods = GET, PUT\nallowed_paths = /v1, /v2/x\ncredentials = one, two\n"
	    "[policy b]\nnetwork = proxy\nallowed_methods = PUT, POST\nallowed_paths = /v1/y, /v2, /v1x\ncredentials = two\n"
	    "[policy c]\nnetwork = proxy\n[policy d]\nnetwork = proxy\nallowed_methods = DELETE\n"
	    "[policy e]\nnetwork = proxy\nallowed_paths = /v3\n[policy f]\nnetwork = proxy\nallowed_paths = /v2, /v1x, /v1/yy\n";
	static const struct { const char *a, *b, *methods, *paths, *credentials; enum kv_network network; } wanted[] = {
		{ "a", "b", "PUT", "/v1/y, /v2/x", "two", KV_NET_PROXY },
		{ "a", "c", "GET, PUT", "/v1, /v2/x", "one, two", KV_NET_PROXY },
		{ "c", "b", "PUT, POST", "/v1/y, /v2, /v1x", "none", KV_NET_PROXY },
		{ "b", "f", "PUT, POST", "/v2, /v1x", "two", KV_NET_PROXY },
		{ "a", "d", "any", "/v1, /v2/x", "one, two", KV_NET_OFF },
		{ "a", "e", "GET, PUT", "any", "one, two", KV_NET_OFF },
	};
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	ATF_REQUIRE_EQ(0, mkdir("credentials.d", 0755));
	test_write("credentials.d/c.conf", credentials, sizeof(credentials) - 1);
	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const char *const shown[] = { wanted[i].methods, wanted[i].paths, wanted[i].credentials };
		static const char *const keys[] = { "allowed_methods", "allowed_paths", "credentials" };
		struct kv_policy m;

		ATF_REQUIRE_EQ(0, kv_policy_merge(kv_config_policy(&config, wanted[i].a),
		    kv_config_policy(&config, wanted[i].b), &m, &err));
		ATF_CHECK_EQ(wanted[i].network, m.network);
		for (size_t k = 0; k < 3; k++) {
			char *value = kv_policy_value(&m, key_index(keys[k]));

			ATF_REQUIRE(value != NULL);
			ATF_CHECK_STREQ(shown[k], value);
			free(value);
		}
		kv_policy_release(&m);
	}
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(a_policy_overrides_its_bases_root);
ATF_TC_BODY(a_policy_overrides_its_bases_root, tc)
{
	static const struct { const char *name, *rootfs, *image; } wanted[] = {
		{ "dir", "/a", "" }, { "image", "", "b" }, { "dir-image", "", "c" }, { "image-dir", "/d", "" },
		{ "dir-host", "", "" }, { "image-host", "", "" }, { "image-none", "", "" },
		{ "dir-none", "/a", "" }, { "image-both", "", "e" }, { "dir-silent", "/a", "" },
		{ "image-silent", "", "b" },
	};
	static const char text[] =
	    "[policy dir]\nrootfs = /a\n[policy image]\nimage = b\n"
	    "[policy dir-image]\nbase = dir\nimage = c\n[policy image-dir]\nbase = image\nrootfs = /d\n"
	    "[policy dir-host]\nbase = dir\nrootfs = host\n"
	    "[policy image-host]\nbase = image\nrootfs = host\n"
	    "[policy image-none]\nbase = image\nimage = none\n"
	    "[policy dir-none]\nbase = dir\nimage = none\n"
	    "[policy image-both]\nbase = image\nrootfs = host\nimage = e\n"
	    "[policy dir-silent]\nbase = dir\n[policy image-silent]\nbase = image\n";
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct kv_policy *policy = kv_config_policy(&config, wanted[i].name);

		ATF_REQUIRE(policy != NULL);
		ATF_CHECK_MSG(strcmp(wanted[i].rootfs, policy->rootfs) == 0, "%s: %s", wanted[i].name,
		    policy->rootfs);
		ATF_CHECK_MSG(strcmp(wanted[i].image, policy->image) == 0, "%s: %s", wanted[i].name,
		    policy->image);
	}
	kv_config_release(&config);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_key_has_a_sample);
	ATF_TP_ADD_TC(tp, values_read_as_they_were_written);
	ATF_TP_ADD_TC(tp, every_field_survives_copy_and_merge);
	ATF_TP_ADD_TC(tp, merge_keeps_the_outers_root);
	ATF_TP_ADD_TC(tp, merge_of_what_the_proxy_looks_at);
	ATF_TP_ADD_TC(tp, a_policy_overrides_its_bases_root);
	return atf_no_error();
}

#include "backends/container/oci_config.h"

#include <atf-c.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"

static const char *const args[] = { "/init", "a", NULL };
static const char *const env[] = { "PATH=/bin", NULL };

static const struct kv_oci_spec plain = {
	.root = "rootfs", .hostname = "kv", .uid = 4242, .gid = 4243, .args = args, .env = env, .cwd = "/",
};

static void
put(struct json_object **object)
{
	(void)json_object_put(*object);
}
#define CLEANUP_JSON __attribute__((cleanup(put)))

/* The configuration, parsed again by a reader that takes UTF-8 alone. */
static struct json_object *
written(const struct kv_oci_spec *spec)
{
	struct json_tokener *tokener = json_tokener_new();
	struct kv_error err = KV_ERROR_INIT;
	kv_cleanup_free char *text = NULL;
	struct json_object *object;

	ATF_REQUIRE_MSG(kv_oci_config(spec, &text, &err) == 0, "%s", err.msg);
	ATF_REQUIRE(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	ATF_REQUIRE_MSG(object != NULL, "%s", text);
	json_tokener_free(tokener);
	return object;
}

/* The member by its path, "a.b.2.c". */
static struct json_object *
at(struct json_object *object, const char *path)
{
	char part[64];

	while (*path != '\0' && object != NULL) {
		size_t n = strcspn(path, ".");

		ATF_REQUIRE(n < sizeof(part));
		memcpy(part, path, n);
		part[n] = '\0';
		path += n + (path[n] == '.');
		if (json_object_is_type(object, json_type_array))
			object = json_object_array_get_idx(object, strtoul(part, NULL, 10));
		else
			object = json_object_object_get(object, part);
	}
	return object;
}

#define CHECK_AT(expected, object, path) \
	ATF_CHECK_STREQ(expected, json_object_to_json_string_ext(at(object, path), JSON_C_TO_STRING_PLAIN))

ATF_TC_WITHOUT_HEAD(nothing_is_left_open);
ATF_TC_BODY(nothing_is_left_open, tc)
{
	CLEANUP_JSON struct json_object *c = written(&plain);

	CHECK_AT("{\"bounding\":[],\"effective\":[],\"inheritable\":[],\"permitted\":[],\"ambient\":[]}", c,
	    "process.capabilities");
	CHECK_AT("true", c, "process.noNewPrivileges");
	CHECK_AT("{\"uid\":4242,\"gid\":4243,\"additionalGids\":[]}", c, "process.user");
	CHECK_AT("[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}]", c,
	    "linux.namespaces");
	CHECK_AT("\"rprivate\"", c, "linux.rootfsPropagation");
	CHECK_AT("\"\\/proc\\/kcore\"", c, "linux.maskedPaths.3");
	CHECK_AT("\"\\/proc\\/sys\"", c, "linux.readonlyPaths.3");
}

ATF_TC_WITHOUT_HEAD(everything_given_is_written);
ATF_TC_BODY(everything_given_is_written, tc)
{
	static const char *const options[] = { "rbind", "ro", NULL };
	static const char *const tmp[] = { "size=1m", "nosuid", NULL };
	static const struct kv_oci_mount mounts[] = {
		{ .destination = "/dev", .type = "bind", .source = "/dev", .options = options },
		{ .destination = "/tmp", .type = "tmpfs", .source = "tmpfs", .options = tmp },
	};
	static const uint32_t groups[] = { 7, 4294967294U };
	struct kv_oci_spec spec = plain;
	CLEANUP_JSON struct json_object *c = NULL;

	spec.read_only_root = spec.terminal = true;
	spec.groups = groups;
	spec.group_count = 2;
	spec.open_files = 1024;
	spec.mounts = mounts;
	spec.mount_count = 2;
	spec.memory_limit = 1ULL << 40;
	spec.cpu_limit_milli = 1500;
	spec.process_limit = 64;
	c = written(&spec);
	CHECK_AT("[7,4294967294]", c, "process.user.additionalGids");
	CHECK_AT("true", c, "process.terminal");
	CHECK_AT("[\"\\/init\",\"a\"]", c, "process.args");
	CHECK_AT("[\"PATH=\\/bin\"]", c, "process.env");
	CHECK_AT("\"\\/\"", c, "process.cwd");
	CHECK_AT("[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}]", c, "process.rlimits");
	CHECK_AT("{\"path\":\"rootfs\",\"readonly\":true}", c, "root");
	CHECK_AT("\"kv\"", c, "hostname");
	CHECK_AT("\"\\/proc\"", c, "mounts.0.destination");
	CHECK_AT("[\"rbind\",\"ro\"]", c, "mounts.1.options");
	CHECK_AT("\"tmpfs\"", c, "mounts.2.type");
	CHECK_AT("null", c, "mounts.3");
	CHECK_AT("{\"memory\":{\"limit\":1099511627776},\"cpu\":{\"quota\":150000,\"period\":100000},"
	    "\"pids\":{\"limit\":64}}", c, "linux.resources");
}

ATF_TC_WITHOUT_HEAD(nothing_else_is_written);
ATF_TC_BODY(nothing_else_is_written, tc)
{
	struct kv_oci_spec spec = plain;
	CLEANUP_JSON struct json_object *c = NULL;

	spec.hostname = NULL;
	spec.env = NULL;
	c = written(&spec);
	CHECK_AT("[]", c, "process.env");
	CHECK_AT("[]", c, "process.rlimits");
	CHECK_AT("false", c, "root.readonly");
	CHECK_AT("null", c, "mounts.1");
	ATF_CHECK(at(c, "hostname") == NULL);
	ATF_CHECK(at(c, "linux.resources") == NULL);
	ATF_CHECK(at(c, "linux.seccomp") == NULL);
	ATF_CHECK(at(c, "linux.cgroupsPath") == NULL);
}

/* Is this word the same after it went through JSON, wherever it stands? */
static void
check_word(const char *word)
{
	const char *argv[] = { "/init", word, NULL };
	const struct kv_oci_mount mount = { .destination = "/x", .type = "tmpfs", .source = word };
	struct kv_oci_spec spec = plain;
	CLEANUP_JSON struct json_object *c = NULL;

	spec.args = argv;
	spec.hostname = spec.root = word;
	spec.mounts = &mount;
	spec.mount_count = 1;
	c = written(&spec);
	ATF_CHECK_STREQ(word, json_object_get_string(at(c, "process.args.1")));
	ATF_CHECK_STREQ(word, json_object_get_string(at(c, "hostname")));
	ATF_CHECK_STREQ(word, json_object_get_string(at(c, "root.path")));
	ATF_CHECK_STREQ(word, json_object_get_string(at(c, "mounts.1.source")));
	ATF_CHECK_EQ(2, json_object_array_length(at(c, "process.args")));
}

ATF_TC_WITHOUT_HEAD(hostile_words_stay_words);
ATF_TC_BODY(hostile_words_stay_words, tc)
{
	static const char *const words[] = {
		"\"", "\\", "\\\"", "\",\"noNewPrivileges\":false,\"x\":\"", "a\nb\r\tc", "\x01\x1b[2J\x7f",
		"\\u0000", "\\ud800", "</x>", "{}", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92", "\xe2\x80\xa8", " ", "%s%n",
	};
	char all[256];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		check_word(words[i]);
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	all[127] = '\0';
	check_word(all);
}

/* Refused, with a word of the reason; and all is well without it. */
static void
refused(const struct kv_oci_spec *spec, const char *reason)
{
	struct kv_error err = KV_ERROR_INIT;
	char *text = NULL;

	ATF_CHECK_EQ_MSG(-1, kv_oci_config(spec, &text, &err), "taken: %s", reason);
	ATF_CHECK_EQ(KV_ERR_CONFIG, err.code);
	ATF_CHECK_MSG(strstr(err.msg, reason) != NULL, "not \"%s\": %s", reason, err.msg);
	ATF_CHECK(text == NULL);
}

ATF_TC_WITHOUT_HEAD(what_is_not_utf8_is_refused);
ATF_TC_BODY(what_is_not_utf8_is_refused, tc)
{
	static const char *const bad[] = {
		"a\xe4", "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *argv[] = { "/init", bad[i], NULL }, *envp[] = { "A=", NULL };
		struct kv_oci_mount mount = { .destination = "/x", .type = "tmpfs", .source = bad[i] };
		struct kv_oci_spec spec = plain;
		char path[16] = "/";

		spec.hostname = bad[i];
		refused(&spec, "UTF-8");
		spec = plain;
		spec.args = argv;
		refused(&spec, "UTF-8");
		spec = plain;
		spec.cwd = strcat(path, bad[i]);
		refused(&spec, "UTF-8");
		spec = plain;
		spec.mounts = &mount;
		spec.mount_count = 1;
		refused(&spec, "UTF-8");
		spec = plain;
		spec.root = bad[i];
		refused(&spec, "UTF-8");
		spec = plain;
		spec.env = envp;
		put(&(struct json_object *){ written(&spec) });
	}
}

ATF_TC_WITHOUT_HEAD(what_runtimes_pass_over_is_refused);
ATF_TC_BODY(what_runtimes_pass_over_is_refused, tc)
{
	static const struct {
		const char *destination, *type, *source, *option, *reason;
	} mounts[] = {
		{ "x", "tmpfs", "tmpfs", "ro", "absolute" }, { "", "tmpfs", "tmpfs", "ro", "absolute" },
		{ "/x", "bind", "x", "bind", "absolute" }, { "/x", "bind", "/x", "ro", "neither" },
		{ "/x", "bind", "/x", "readonyl", "readonyl" }, { "/x", "bind", "/x", "size=1", "size=1" },
		{ "/x", "bind", "/x", "rshared", "rshared" }, { "/x", "bind", "/x", "", "no mount option" },
		{ "/x", "tmpfs", "x", "sise=1", "sise=1" }, { "/x", "tmpfs", "x", "=", "no mount option" },
		{ "/x", "tmpfs", "x", "size", "no mount option" }, { "/x", "tmpfs", "x", "rbind", "rbind" },
		{ "/x", "tmpsf", "x", "ro", "tmpsf" }, { "/x", "", "x", "ro", "no type" },
	};
	struct kv_oci_spec spec = plain;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		const char *options[] = { mounts[i].option, NULL };
		const struct kv_oci_mount mount = { mounts[i].destination, mounts[i].type, mounts[i].source, options };

		spec.mounts = &mount;
		spec.mount_count = 1;
		refused(&spec, mounts[i].reason);
	}
}

ATF_TC_WITHOUT_HEAD(a_specification_is_complete);
ATF_TC_BODY(a_specification_is_complete, tc)
{
	static const char *const nothing[] = { NULL }, *const empty[] = { "", NULL };
	static const char *const no_name[] = { "=x", NULL }, *const no_value[] = { "x", NULL };
	struct kv_oci_spec spec = plain;

	spec.root = NULL;
	refused(&spec, "no root");
	spec.root = "";
	refused(&spec, "no root");
	spec = plain;
	spec.args = nothing;
	refused(&spec, "nothing to execute");
	spec.args = empty;
	refused(&spec, "nothing to execute");
	spec = plain;
	spec.cwd = "home";
	refused(&spec, "not absolute");
	spec.cwd = NULL;
	refused(&spec, "not absolute");
	spec = plain;
	spec.env = no_name;
	refused(&spec, "NAME=value");
	spec.env = no_value;
	refused(&spec, "NAME=value");
	spec = plain;
	spec.memory_limit = UINT64_MAX;
	refused(&spec, "memory");
	spec = plain;
	spec.seccomp = (enum kv_seccomp)77;
	refused(&spec, "no such profile");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nothing_is_left_open);
	ATF_TP_ADD_TC(tp, everything_given_is_written);
	ATF_TP_ADD_TC(tp, nothing_else_is_written);
	ATF_TP_ADD_TC(tp, hostile_words_stay_words);
	ATF_TP_ADD_TC(tp, what_is_not_utf8_is_refused);
	ATF_TP_ADD_TC(tp, what_runtimes_pass_over_is_refused);
	ATF_TP_ADD_TC(tp, a_specification_is_complete);
	return atf_no_error();
}

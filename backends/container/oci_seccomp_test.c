#include "backends/container/oci_seccomp.h"

#include <atf-c.h>
#include <errno.h>
#include <json-c/json.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "backends/process/seccomp_internal.h"
#include "common/error.h"

static struct json_object *
section(enum kv_seccomp profile, const char *text)
{
	struct kv_error err = KV_ERROR_INIT;
	struct json_object *s = kv_oci_seccomp(profile, text, &err);

	ATF_REQUIRE_MSG(s != NULL, "%s", err.msg);
	return s;
}

static const char *
text_of(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

static uint64_t
number_of(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

static bool
names(struct json_object *entry, const char *name)
{
	struct json_object *list = json_object_object_get(entry, "names");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0)
			return true;
	}
	return false;
}

/* The entry number n that names the call; NULL: there are not so many. */
static struct json_object *
entry(struct json_object *s, const char *name, size_t n)
{
	struct json_object *list = json_object_object_get(s, "syscalls");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		if (names(e, name) && n-- == 0)
			return e;
	}
	return NULL;
}

static bool
same_arguments(struct json_object *e, const struct kv_seccomp_denial *denial)
{
	struct json_object *args = json_object_object_get(e, "args");

	if ((args == NULL ? 0 : json_object_array_length(args)) != denial->argc)
		return false;
	for (unsigned int i = 0; i < denial->argc; i++) {
		struct json_object *arg = json_object_array_get_idx(args, i);
		const struct scmp_arg_cmp *cmp = &denial->argv[i];

		if (number_of(arg, "index") != cmp->arg || number_of(arg, "value") != cmp->datum_a ||
		    number_of(arg, "valueTwo") != cmp->datum_b)
			return false;
		if (strcmp(text_of(arg, "op"), cmp->op == SCMP_CMP_MASKED_EQ ? "SCMP_CMP_MASKED_EQ" :
		    cmp->op == SCMP_CMP_GT ? "SCMP_CMP_GT" : "other") != 0)
			return false;
	}
	return true;
}

static bool
is_denied_so(struct json_object *s, const struct kv_seccomp_denial *denial)
{
	struct json_object *e;

	for (size_t n = 0; (e = entry(s, denial->name, n)) != NULL; n++) {
		if (strcmp(text_of(e, "action"), "SCMP_ACT_ERRNO") == 0 &&
		    number_of(e, "errnoRet") == denial->error && same_arguments(e, denial))
			return true;
	}
	return false;
}

static void
check_denials(enum kv_seccomp profile, unsigned int which)
{
	struct json_object *s = section(profile, NULL);
	size_t count, applied = 0;
	const struct kv_seccomp_denial *denial = kv_seccomp_denials(&count);

	ATF_CHECK_STREQ("SCMP_ACT_ALLOW", text_of(s, "defaultAction"));
	for (size_t i = 0; i < count; i++, denial++) {
		bool applies = (denial->profiles & which) != 0;

		applied += applies;
		ATF_CHECK_EQ_MSG(applies, is_denied_so(s, denial), "%zu: %s", i, denial->name);
	}
	ATF_CHECK_EQ(applied, json_object_array_length(json_object_object_get(s, "syscalls")));
	(void)json_object_put(s);
}

ATF_TC_WITHOUT_HEAD(every_denial_is_in_the_section);
ATF_TC_BODY(every_denial_is_in_the_section, tc)
{
	check_denials(KV_SECCOMP_BASIC, KV_DENY_CORE | KV_DENY_BASIC);
	check_denials(KV_SECCOMP_DESKTOP, KV_DENY_CORE | KV_DENY_DESKTOP);
}

/* Allowed: 'w' as a whole, 'm' without some flags, '-' not at all. */
static char
allowed(struct json_object *s, const char *name, uint64_t *mask)
{
	struct json_object *e = entry(s, name, 0), *arg;

	if (e == NULL || strcmp(text_of(e, "action"), "SCMP_ACT_ALLOW") != 0)
		return '-';
	ATF_CHECK_MSG(entry(s, name, 1) == NULL, "%s: twice", name);
	if (json_object_object_get(e, "args") == NULL)
		return 'w';
	arg = json_object_array_get_idx(json_object_object_get(e, "args"), 0);
	ATF_CHECK_STREQ("SCMP_CMP_MASKED_EQ", text_of(arg, "op"));
	ATF_CHECK_EQ(0, number_of(arg, "valueTwo"));
	*mask = number_of(arg, "value");
	return 'm';
}

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | \
	CLONE_NEWUTS | CLONE_NEWCGROUP)

ATF_TC_WITHOUT_HEAD(strict_allows_its_list_and_no_more);
ATF_TC_BODY(strict_allows_its_list_and_no_more, tc)
{
	struct json_object *s = section(KV_SECCOMP_STRICT, NULL);
	uint64_t mask = 0;

	ATF_CHECK_STREQ("SCMP_ACT_ERRNO", text_of(s, "defaultAction"));
	ATF_CHECK_EQ(EPERM, number_of(s, "defaultErrnoRet"));
	for (const char *const *name = kv_seccomp_strict_names(); *name != NULL; name++)
		ATF_CHECK_MSG(allowed(s, *name, &mask) != '-', "%s", *name);
	ATF_CHECK_EQ('m', allowed(s, "clone", &mask));
	ATF_CHECK_EQ(NAMESPACES, mask);
	ATF_CHECK_EQ('m', allowed(s, "unshare", &mask));
	ATF_CHECK_EQ(NAMESPACES | 0x80 /* CLONE_NEWTIME */, mask);
	ATF_CHECK_EQ('m', allowed(s, "sendto", &mask));
	ATF_CHECK_EQ('w', allowed(s, "ioctl", &mask));
	ATF_CHECK_EQ('w', allowed(s, "socket", &mask));
	for (const char *const *name = (const char *const[]){ "ptrace", "mount", "setns", "keyctl", "bpf",
	    "io_uring_setup", "msgget", "no_such_call", NULL }; *name != NULL; name++)
		ATF_CHECK_MSG(entry(s, *name, 0) == NULL, "%s", *name);
	ATF_CHECK_EQ(ENOSYS, number_of(entry(s, "clone3", 0), "errnoRet"));
	(void)json_object_put(s);
}

/* kavach-init must come as far as its own filter, and may then be confined further. */
ATF_TC_WITHOUT_HEAD(a_process_may_always_confine_itself);
ATF_TC_BODY(a_process_may_always_confine_itself, tc)
{
	static const char *const own[] = {
		"seccomp", "prctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
		"execve", "connect", "recvmsg", "wait4", "exit_group", NULL,
	};
	static const struct { enum kv_seccomp profile; const char *text; bool listed; } profiles[] = {
		{ KV_SECCOMP_BASIC, NULL, false }, { KV_SECCOMP_DESKTOP, NULL, false },
		{ KV_SECCOMP_STRICT, NULL, true }, { KV_SECCOMP_FILE, "default = deny\nallow read\n", true },
		{ KV_SECCOMP_FILE, "default = allow\ndeny seccomp\ndeny prctl\ndeny execve\ndeny connect\n"
		    "deny landlock_restrict_self\n", false },
	};
	uint64_t mask;

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct json_object *s = section(profiles[i].profile, profiles[i].text);

		for (size_t k = 0; own[k] != NULL; k++)
			ATF_CHECK_EQ_MSG(profiles[i].listed ? 'w' : '-', allowed(s, own[k], &mask), "%zu: %s", i,
			    own[k]);
		/* Nor is it denied. */
		for (size_t k = 0; own[k] != NULL && !profiles[i].listed; k++)
			ATF_CHECK_MSG(entry(s, own[k], 0) == NULL, "%zu: %s", i, own[k]);
		(void)json_object_put(s);
	}
}

ATF_TC_WITHOUT_HEAD(a_file_adds_to_the_core);
ATF_TC_BODY(a_file_adds_to_the_core, tc)
{
	struct json_object *s = section(KV_SECCOMP_FILE, "default = allow\ndeny ptrace\ndeny clone3\nallow bpf\n");
	uint64_t mask;

	ATF_CHECK_STREQ("SCMP_ACT_ALLOW", text_of(s, "defaultAction"));
	ATF_CHECK_EQ(EPERM, number_of(entry(s, "ptrace", 0), "errnoRet"));
	ATF_CHECK_EQ(ENOSYS, number_of(entry(s, "clone3", 0), "errnoRet"));
	ATF_CHECK(entry(s, "clone3", 1) == NULL);
	ATF_CHECK(entry(s, "bpf", 0) == NULL);
	ATF_CHECK(entry(s, "io_uring_setup", 0) != NULL);
	(void)json_object_put(s);

	s = section(KV_SECCOMP_FILE, "default = deny\nallow ptrace\nallow read\nallow io_uring_setup\nallow clone3\n");
	ATF_CHECK_STREQ("SCMP_ACT_ERRNO", text_of(s, "defaultAction"));
	ATF_CHECK_EQ('w', allowed(s, "ptrace", &mask));
	ATF_CHECK_EQ('w', allowed(s, "read", &mask));
	ATF_CHECK_EQ('-', allowed(s, "io_uring_setup", &mask));
	ATF_CHECK_EQ('-', allowed(s, "clone3", &mask));
	ATF_CHECK_EQ('-', allowed(s, "bpf", &mask));
	(void)json_object_put(s);
}

ATF_TC_WITHOUT_HEAD(a_broken_profile_is_an_error);
ATF_TC_BODY(a_broken_profile_is_an_error, tc)
{
	static const struct { enum kv_seccomp profile; const char *text; } bad[] = {
		{ KV_SECCOMP_OFF, NULL }, { KV_SECCOMP_FILE, NULL }, { KV_SECCOMP_FILE, "" },
		{ KV_SECCOMP_FILE, "deny read\n" }, { KV_SECCOMP_FILE, "default = perhaps\n" },
		{ KV_SECCOMP_FILE, "default = deny\nallow no_such_call\n" },
		{ KV_SECCOMP_FILE, "default = deny\nallow ptrace\nallow ptrace\n" },
		{ KV_SECCOMP_FILE, "default = deny\ndefault = allow\n" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kv_error err = KV_ERROR_INIT;

		ATF_CHECK_MSG(kv_oci_seccomp(bad[i].profile, bad[i].text, &err) == NULL, "%zu", i);
		ATF_CHECK_EQ_MSG(KV_ERR_CONFIG, err.code, "%zu", i);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_denial_is_in_the_section);
	ATF_TP_ADD_TC(tp, strict_allows_its_list_and_no_more);
	ATF_TP_ADD_TC(tp, a_process_may_always_confine_itself);
	ATF_TP_ADD_TC(tp, a_file_adds_to_the_core);
	ATF_TP_ADD_TC(tp, a_broken_profile_is_an_error);
	return atf_no_error();
}

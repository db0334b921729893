#include "backends/container/oci_seccomp.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "backends/container/json.h"
#include "backends/process/seccomp_internal.h"
#include "common/error.h"

/* A section while it is written. */
struct section {
	struct kv_json json;
	struct json_object *root, *syscalls;
	unsigned int denials;		/* KV_DENY_*: those that apply */
	bool allow_list;
	struct json_object *allowed;	/* with allow_list: the names without a condition */
};

static const char *
operator_name(enum scmp_compare op)
{
	static const char *const names[] = {
		[SCMP_CMP_NE] = "SCMP_CMP_NE", [SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE", [SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE", [SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
	};

	return (size_t)op < sizeof(names) / sizeof(names[0]) && names[op] != NULL ? names[op] : "?";
}

/* An entry with this one name. errnum 0: it allows. */
static struct json_object *
add_entry(struct section *s, const char *name, uint16_t errnum)
{
	struct json_object *entry = kv_oci_json_object(&s->json, s->syscalls, NULL);
	struct json_object *names = kv_oci_json_array(&s->json, entry, "names");

	kv_oci_json_string(&s->json, names, NULL, name);
	kv_oci_json_string(&s->json, entry, "action", errnum == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO");
	if (errnum != 0)
		kv_oci_json_number(&s->json, entry, "errnoRet", errnum);
	return entry;
}

static void
add_argument(struct section *s, struct json_object *args, const struct scmp_arg_cmp *cmp)
{
	struct json_object *arg = kv_oci_json_object(&s->json, args, NULL);

	kv_oci_json_number(&s->json, arg, "index", cmp->arg);
	kv_oci_json_number(&s->json, arg, "value", cmp->datum_a);
	kv_oci_json_number(&s->json, arg, "valueTwo", cmp->datum_b);
	kv_oci_json_string(&s->json, arg, "op", operator_name(cmp->op));
}

static void
add_denial(struct section *s, const struct kv_seccomp_denial *denial)
{
	struct json_object *entry = add_entry(s, denial->name, denial->error);
	struct json_object *args;

	if (denial->argc == 0)
		return;
	args = kv_oci_json_array(&s->json, entry, "args");
	for (unsigned int i = 0; i < denial->argc; i++)
		add_argument(s, args, &denial->argv[i]);
}

/* Is the call denied whatever its arguments? */
static const struct kv_seccomp_denial *
denied_whole(const struct section *s, const char *name)
{
	size_t count;
	const struct kv_seccomp_denial *denial = kv_seccomp_denials(&count);

	for (size_t i = 0; i < count; i++, denial++) {
		if ((denial->profiles & s->denials) != 0 && denial->argc == 0 &&
		    strcmp(denial->name, name) == 0)
			return denial;
	}
	return NULL;
}

/*
 * The flags of one argument that are forbidden to this call: true with their sum
 * where all of its denials are of that form, which an allowing entry can say as "none of these".
 */
static bool
forbidden_flags(const struct section *s, const char *name, struct scmp_arg_cmp *none)
{
	size_t count;
	const struct kv_seccomp_denial *denial = kv_seccomp_denials(&count);

	*none = (struct scmp_arg_cmp){ .op = SCMP_CMP_MASKED_EQ };
	for (size_t i = 0; i < count; i++, denial++) {
		const struct scmp_arg_cmp *cmp = &denial->argv[0];

		if ((denial->profiles & s->denials) == 0 || strcmp(denial->name, name) != 0)
			continue;
		/* Exactly one bit, asked for. */
		if (denial->argc != 1 || cmp->op != SCMP_CMP_MASKED_EQ || cmp->datum_a != cmp->datum_b ||
		    (cmp->datum_a & (cmp->datum_a - 1)) != 0 ||
		    (none->datum_a != 0 && none->arg != cmp->arg))
			return false;
		none->arg = cmp->arg;
		none->datum_a |= cmp->datum_a;
	}
	return none->datum_a != 0;
}

static bool
listed(struct json_object *array, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), name) == 0)
			return true;
	}
	return false;
}

static void
allow(struct section *s, const char *name)
{
	struct scmp_arg_cmp none;

	if (s->json.failed || denied_whole(s, name) != NULL)
		return;
	if (forbidden_flags(s, name, &none)) {
		struct json_object *entry = add_entry(s, name, 0);

		add_argument(s, kv_oci_json_array(&s->json, entry, "args"), &none);
	} else if (!listed(s->allowed, name)) {
		kv_oci_json_string(&s->json, s->allowed, NULL, name);
	}
}

static bool
in_strict(const char *name)
{
	for (const char *const *p = kv_seccomp_strict_names(); *p != NULL; p++) {
		if (strcmp(*p, name) == 0)
			return true;
	}
	return false;
}

/* Begins the section: what is answered to a call that no entry names. */
static void
begin(struct section *s, bool allow_list)
{
	struct json_object *entry;

	s->allow_list = allow_list;
	kv_oci_json_string(&s->json, s->root, "defaultAction", allow_list ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
	if (allow_list)
		kv_oci_json_number(&s->json, s->root, "defaultErrnoRet", EPERM);
	s->syscalls = kv_oci_json_array(&s->json, s->root, "syscalls");
	if (!allow_list)
		return;
	entry = kv_oci_json_object(&s->json, s->syscalls, NULL);
	kv_oci_json_string(&s->json, entry, "action", "SCMP_ACT_ALLOW");
	s->allowed = kv_oci_json_array(&s->json, entry, "names");
	for (const char *const *name = kv_seccomp_strict_names(); *name != NULL; name++)
		allow(s, *name);
	/* pselect6, as gVisor of 2022 has it in its table; the others pass over a name that they do not know. */
	allow(s, "pselect");
}

/* The denials that apply; of an allow-list those that are not answered by its default already. */
static void
add_denials(struct section *s)
{
	size_t count;
	const struct kv_seccomp_denial *denial = kv_seccomp_denials(&count);

	for (size_t i = 0; i < count; i++, denial++) {
		if ((denial->profiles & s->denials) == 0)
			continue;
		if (!s->allow_list || (denial->argc == 0 && denial->error != EPERM))
			add_denial(s, denial);
	}
}

static int
file_fallback(void *arg, bool deny, struct kv_error *err)
{
	struct section *s = arg;

	(void)err;	/* it is where s->json.err points to */
	begin(s, deny);
	return s->json.failed ? -1 : 0;
}

static int
file_call(void *arg, const char *name, int number, struct kv_error *err)
{
	struct section *s = arg;

	(void)number;
	(void)err;
	if (s->allow_list) {
		if (!in_strict(name))
			allow(s, name);
	} else if (!in_strict(name) && denied_whole(s, name) == NULL) {
		(void)add_entry(s, name, EPERM);
	}
	return s->json.failed ? -1 : 0;
}

static int
write_file(struct section *s, const char *text)
{
	const struct kv_seccomp_reader reader = { .arg = s, .fallback = file_fallback, .call = file_call };

	if (text == NULL)
		return kv_error_set(s->json.err, KV_ERR_CONFIG, "seccomp: no profile file");
	return kv_seccomp_read("seccomp profile", text, strlen(text), &reader, s->json.err);
}

static int
write_section(struct section *s, enum kv_seccomp profile, const char *text)
{
	switch (profile) {
	case KV_SECCOMP_BASIC:
		s->denials |= KV_DENY_BASIC;
		begin(s, false);
		break;
	case KV_SECCOMP_DESKTOP:
		s->denials |= KV_DENY_DESKTOP;
		begin(s, false);
		break;
	case KV_SECCOMP_STRICT:
		s->denials |= KV_DENY_STRICT;
		begin(s, true);
		break;
	case KV_SECCOMP_FILE:
		if (write_file(s, text) != 0)
			return -1;
		break;
	case KV_SECCOMP_OFF:
	default:
		return kv_error_set(s->json.err, KV_ERR_CONFIG, "seccomp: no such profile");
	}
	add_denials(s);
	return s->json.failed ? -1 : 0;
}

struct json_object *
kv_oci_seccomp(enum kv_seccomp profile, const char *text, struct kv_error *err)
{
	struct section s = { .json = { .err = err }, .denials = KV_DENY_CORE };

	s.root = json_object_new_object();
	if (s.root == NULL) {
		(void)kv_error_set(err, KV_ERR_NOMEM, "container: out of memory");
		return NULL;
	}
	if (write_section(&s, profile, text) != 0) {
		(void)json_object_put(s.root);
		return NULL;
	}
	return s.root;
}

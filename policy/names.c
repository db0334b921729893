/*
 * The words of the policy file for enum values: one table each, read by the
 * parser and by the functions that name a value.
 */
#include "policy/names.h"

#include <string.h>

const struct kv_word kv_network_words[] = {
	{ "off", KV_NET_OFF }, { "loopback", KV_NET_LOOPBACK },
	{ "proxy", KV_NET_PROXY }, { "host", KV_NET_HOST }, { NULL, 0 },
};
const struct kv_word kv_seccomp_words[] = {
	{ "off", KV_SECCOMP_OFF }, { "basic", KV_SECCOMP_BASIC },
	{ "desktop", KV_SECCOMP_DESKTOP }, { "strict", KV_SECCOMP_STRICT }, { NULL, 0 },
};
const struct kv_word kv_home_words[] = {
	{ "rw", KV_HOME_RW }, { "ro", KV_HOME_RO },
	{ "private", KV_HOME_PRIVATE }, { "overlay", KV_HOME_OVERLAY }, { NULL, 0 },
};
const struct kv_word kv_privilege_words[] = {
	{ "caps", KV_PRIV_CAPS }, { "userns", KV_PRIV_USERNS }, { NULL, 0 },
};
const struct kv_word kv_tier_words[] = {
	{ "minimal", KV_TIER_MINIMAL }, { "dmverity", KV_TIER_DMVERITY },
	{ "tpm_measured", KV_TIER_TPM }, { NULL, 0 },
};
const struct kv_word kv_audit_format_words[] = {
	{ "logfmt", KV_AUDIT_LOGFMT }, { "json", KV_AUDIT_JSON }, { NULL, 0 },
};
const struct kv_word kv_bool_words[] = { { "no", 0 }, { "yes", 1 }, { NULL, 0 } };

int
kv_word_find(const struct kv_word *words, const char *text, int *out)
{
	for (; words->text != NULL; words++) {
		if (strcmp(words->text, text) == 0) {
			*out = words->value;
			return 0;
		}
	}
	return -1;
}

static const char *
word_name(const struct kv_word *words, int value)
{
	for (; words->text != NULL; words++)
		if (words->value == value)
			return words->text;
	return "?";
}

const char *
kv_network_name(enum kv_network v)
{
	return word_name(kv_network_words, (int)v);
}

/* A file is no word of the policy; its path stands in the policy beside it. */
const char *
kv_seccomp_name(enum kv_seccomp v)
{
	return v == KV_SECCOMP_FILE ? "file" : word_name(kv_seccomp_words, (int)v);
}

const char *
kv_home_name(enum kv_home v)
{
	return word_name(kv_home_words, (int)v);
}

const char *
kv_privilege_name(enum kv_privilege v)
{
	return word_name(kv_privilege_words, (int)v);
}

const char *
kv_tier_name(enum kv_tier v)
{
	return word_name(kv_tier_words, (int)v);
}

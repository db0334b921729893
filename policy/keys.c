#include "policy/keys.h"

#include "policy/credential.h"
#include "policy/values.h"

#include <string.h>

/* Field and size of it in the struct of the section. */
#define IN(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

/*
 * KEY(section, SCOPE, name, expects, fallback, {how it is parsed}), in the order in which
 * `explain` shows them. Both tables below are made from this list.
 */
#define KV_KEYS(KEY) \
KEY("kavach", KAVACH, "exempt_groups", "a list of groups", "root", \
	kv_value_list, IN(kv_config, exempt_groups), .item_ok = kv_item_name, .may_be_empty = true) \
KEY("kavach", KAVACH, "audit_format", "logfmt or json", "logfmt", \
	kv_value_word, IN(kv_config, audit_format), .words = kv_audit_format_words) \
KEY("kavach", KAVACH, "audit_required", "yes or no", "yes", \
	kv_value_bool, IN(kv_config, audit_required)) \
KEY("kavach", KAVACH, "require_pam", "yes or no", "yes", \
	kv_value_bool, IN(kv_config, require_pam)) \
KEY("kavach", KAVACH, "wrap_services", "a list of PAM services", "cron, crond, atd", \
	kv_value_list, IN(kv_config, wrap_services), .item_ok = kv_item_name, .may_be_empty = true) \
KEY("kavach", KAVACH, "contact", "a text in quotes of at most 127 bytes", "your administrator", \
	kv_value_text, IN(kv_config, contact), .quoted = true) \
KEY("policy", POLICY, "base", "minimal, basic, strict or another policy", "strict", \
	kv_value_base, 0, 0) \
KEY("policy", POLICY, "backend", "auto or the name of a backend", "auto", \
	kv_value_backend, IN(kv_policy, backend)) \
KEY("policy", POLICY, "inner_backend", "none or the name of a backend", "none", \
	kv_value_inner, IN(kv_policy, inner_backend)) \
KEY("policy", POLICY, "min_strength", "a number from 0 to 100", "0", \
	kv_value_int, IN(kv_policy, min_strength), .max = 100) \
KEY("policy", POLICY, "allow_noop", "yes or no", "no", \
	kv_value_bool, IN(kv_policy, allow_noop)) \
KEY("policy", POLICY, "privilege", "caps or userns", "caps", \
	kv_value_word, IN(kv_policy, privilege), .words = kv_privilege_words) \
KEY("policy", POLICY, "seccomp", "off, basic, desktop, strict or an absolute path", "strict", \
	kv_value_seccomp, IN(kv_policy, seccomp)) \
KEY("policy", POLICY, "landlock_ro", "a list of absolute paths, or of paths below ~", "none", \
	kv_value_landlock, 0, 0) \
KEY("policy", POLICY, "landlock_rw", "a list of absolute paths, or of paths below ~", "none", \
	kv_value_landlock, 0, 1) \
KEY("policy", POLICY, "network", "off, loopback, proxy or host", "off", \
	kv_value_word, IN(kv_policy, network), .words = kv_network_words) \
KEY("policy", POLICY, "allowed_hosts", "a list of host names, *.suffix or addresses", "none", \
	kv_value_list, IN(kv_policy, allowed_hosts), .item_ok = kv_item_host) \
KEY("policy", POLICY, "allowed_ports", "a list of TCP ports from 1 to 65535", "any", \
	kv_value_ports, 0, 0) \
KEY("policy", POLICY, "allowed_methods", "a list of HTTP methods in upper case", "any", \
	kv_value_list, IN(kv_policy, allowed_methods), .item_ok = kv_item_method) \
KEY("policy", POLICY, "allowed_paths", "a list of beginnings of HTTP paths, each from / on", "any", \
	kv_value_list, IN(kv_policy, allowed_paths), .item_ok = kv_item_url_path) \
KEY("policy", POLICY, "credentials", "a list of at most 32 names of credentials", "none", \
	kv_value_credentials, IN(kv_policy, credentials), .item_ok = kv_item_credential, \
	.may_be_empty = true) \
KEY("policy", POLICY, "read_only_root", "yes or no", "yes", \
	kv_value_bool, IN(kv_policy, read_only_root)) \
KEY("policy", POLICY, "memory_limit", "none, or bytes from 1M on, with k, M or G", "512M", \
	kv_value_size, IN(kv_policy, memory_limit), .min = 1ULL << 20, .max = 1ULL << 50) \
KEY("policy", POLICY, "cpu_limit", "none, or cores from 0.01 to 4096, as in 1.5", "1.0", \
	kv_value_cpu, IN(kv_policy, cpu_limit_milli), .min = 10, .max = 4096000) \
KEY("policy", POLICY, "process_limit", "none, or a number from 1 to 4194304", "64", \
	kv_value_count, IN(kv_policy, process_limit), .min = 1, .max = 4194304) \
KEY("policy", POLICY, "open_files_limit", "none, or a number from 16 to 1048576", "none", \
	kv_value_count, IN(kv_policy, open_files_limit), .min = 16, .max = 1048576) \
KEY("policy", POLICY, "tmp_size", "bytes from 64k on, with k, M or G", "64M", \
	kv_value_tmp_size, IN(kv_policy, tmp_size), .min = 1ULL << 16, .max = 1ULL << 50) \
KEY("policy", POLICY, "data_dir", "a list of absolute paths, none of the system's own", "none", \
	kv_value_data_dir, 0, 0, .may_be_empty = true) \
KEY("policy", POLICY, "home", "rw, ro, private or overlay", "rw", \
	kv_value_word, IN(kv_policy, home), .words = kv_home_words) \
KEY("policy", POLICY, "protect_dotfiles", "yes or no", "yes", \
	kv_value_bool, IN(kv_policy, protect_dotfiles)) \
KEY("policy", POLICY, "rootfs", "host or an absolute path", "host", \
	kv_value_rootfs, IN(kv_policy, rootfs)) \
KEY("policy", POLICY, "image", "none, or a name of letters, digits, '.', '_' and '-'", "none", \
	kv_value_image, IN(kv_policy, image)) \
KEY("policy", POLICY, "image_tier", "minimal, dmverity or tpm_measured", "minimal", \
	kv_value_word, IN(kv_policy, image_tier), .words = kv_tier_words) \
KEY("policy", POLICY, "wasm_fuel", "none, or a number from 1 to 9223372036854775807", "none", \
	kv_value_fuel, IN(kv_policy, wasm_fuel), .min = 1, .max = INT64_MAX) \
KEY("policy", POLICY, "wasm_timeout", "none, or seconds from 0.001 to 1000000, as in 1.5", "none", \
	kv_value_cpu, IN(kv_policy, wasm_timeout_ms), .min = 1, .max = 1000000000) \
KEY("policy", POLICY, "shell", "an absolute path", "/bin/bash", \
	kv_value_path, IN(kv_policy, shell)) \
KEY("policy", POLICY, "environment", "a list of at most 32 names of variables, or beginnings with *", \
	"none", \
	kv_value_environment, IN(kv_policy, environment), .item_ok = kv_item_variable, \
	.may_be_empty = true) \
KEY("rule", RULE, "user", "a list of user names, with * at the beginning or the end", "any", \
	kv_value_list, IN(kv_rule, user), .item_ok = kv_item_glob) \
KEY("rule", RULE, "group", "a list of group names, with * at the beginning or the end", "any", \
	kv_value_list, IN(kv_rule, group), .item_ok = kv_item_glob) \
KEY("rule", RULE, "service", "a list of PAM services, with * at the beginning or the end", "any", \
	kv_value_list, IN(kv_rule, service), .item_ok = kv_item_glob) \
KEY("rule", RULE, "from", "a list of addresses, networks, host names or *.suffix", "any", \
	kv_value_list, IN(kv_rule, from), .item_ok = kv_item_from) \
KEY("rule", RULE, "tty", "a list of terminals, with * at the beginning or the end", "any", \
	kv_value_list, IN(kv_rule, tty), .item_ok = kv_item_glob) \
KEY("rule", RULE, "policy", "the name of a policy", "required", \
	kv_value_name, IN(kv_rule, policy)) \
KEY("rule", RULE, "command", "a command in quotes", "none", \
	kv_value_command, 0, KV_COMMAND_MAX, .quoted = true) \
KEY("credential", CREDENTIAL, "file", "an absolute path", "none", \
	kv_value_source_file, IN(kv_credential, from)) \
KEY("credential", CREDENTIAL, "systemd", "the name of a systemd credential", "none", \
	kv_value_source_systemd, IN(kv_credential, from)) \
KEY("credential", CREDENTIAL, "command", \
	"a program's absolute path and its arguments, in quotes", "none", \
	kv_value_source_command, IN(kv_credential, command), .quoted = true) \
KEY("credential", CREDENTIAL, "variable", "a variable's name that kavach does not set or keep out", \
	"none", kv_value_variable, IN(kv_credential, to)) \
KEY("credential", CREDENTIAL, "as_file", "a file name of letters, digits, '.', '_' and '-'", "none", \
	kv_value_as_file, IN(kv_credential, to)) \
KEY("credential", CREDENTIAL, "stdin", "yes, or no such key", "none", \
	kv_value_stdin, 0, 0) \
KEY("credential", CREDENTIAL, "header", "the name of an HTTP header that the proxy may set", "none", \
	kv_value_header, IN(kv_credential, to)) \
KEY("credential", CREDENTIAL, "prefix", "a text in quotes of at most 127 bytes", "none", \
	kv_value_text, IN(kv_credential, prefix), .quoted = true) \
KEY("credential", CREDENTIAL, "hosts", "a list of host names, *.suffix or addresses", "none", \
	kv_value_list, IN(kv_credential, hosts), .item_ok = kv_item_named_host) \
KEY("credential", CREDENTIAL, "port", "a TCP port from 1 to 65535", "443", \
	kv_value_port, IN(kv_credential, port))

#define PUBLIC(section_, scope_, name_, expects_, fallback_, ...) \
	{ section_, name_, expects_, fallback_ },
#define DEFINE(section_, scope_, name_, expects_, fallback_, ...) \
	{ name_, KV_SCOPE_##scope_, __VA_ARGS__ },

static const struct kv_key keys[] = { KV_KEYS(PUBLIC) };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
const struct kv_keydef kv_keydefs[KV_KEYS_TOTAL] = { KV_KEYS(DEFINE) };
#pragma GCC diagnostic pop

_Static_assert(sizeof(keys) / sizeof(keys[0]) == KV_KEYS_TOTAL, "KV_KEYS_TOTAL");
_Static_assert(KV_KEYS_TOTAL <= 64, "kv_section.seen has a bit for each key");

const struct kv_key *
kv_keys(size_t *count)
{
	*count = KV_KEYS_TOTAL;
	return keys;
}

int
kv_key_find(enum kv_scope scope, const char *name, size_t len)
{
	for (int i = 0; i < KV_KEYS_TOTAL; i++)
		if (kv_keydefs[i].scope == scope && kv_keydefs[i].name[0] == name[0] &&
		    strncmp(kv_keydefs[i].name, name, len) == 0 && kv_keydefs[i].name[len] == '\0')
			return i;
	return -1;
}

const char *
kv_scope_name(enum kv_scope scope)
{
	static const char *const names[KV_SCOPE_COUNT] = { "kavach", "policy", "rule", "credential" };

	return names[scope];
}

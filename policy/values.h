/*
 * Parsers of single values (struct kv_keydef.parse) and of list items. Each
 * takes the whole text or refuses it. Pure. Internal to policy/.
 */
#ifndef KV_POLICY_VALUES_H
#define KV_POLICY_VALUES_H

#include "policy/decide.h"
#include "policy/keys.h"

#define KV_VALUE(name) \
	int name(const struct kv_keydef *key, const char *value, void *base, struct kv_error *err)

KV_VALUE(kv_value_bool);
KV_VALUE(kv_value_word);
KV_VALUE(kv_value_int);
KV_VALUE(kv_value_count);
KV_VALUE(kv_value_size);
KV_VALUE(kv_value_tmp_size);
KV_VALUE(kv_value_cpu);	/* and other numbers in thousandths */
KV_VALUE(kv_value_fuel);
KV_VALUE(kv_value_backend);
KV_VALUE(kv_value_inner);
KV_VALUE(kv_value_seccomp);
KV_VALUE(kv_value_text);
KV_VALUE(kv_value_command);
KV_VALUE(kv_value_name);
KV_VALUE(kv_value_path);
KV_VALUE(kv_value_rootfs);
KV_VALUE(kv_value_image);
KV_VALUE(kv_value_base);	/* the chain of bases is resolved by policy/resolve.c */
KV_VALUE(kv_value_list);
KV_VALUE(kv_value_environment);
KV_VALUE(kv_value_ports);
KV_VALUE(kv_value_landlock);
KV_VALUE(kv_value_data_dir);
KV_VALUE(kv_value_credentials);
/* Of a credential: they set its source or its delivery, too. */
KV_VALUE(kv_value_source_file);
KV_VALUE(kv_value_source_systemd);
KV_VALUE(kv_value_source_command);
KV_VALUE(kv_value_variable);
KV_VALUE(kv_value_as_file);
KV_VALUE(kv_value_stdin);
KV_VALUE(kv_value_header);
KV_VALUE(kv_value_port);

bool kv_item_name(const char *item);
bool kv_item_glob(const char *item);
bool kv_item_host(const char *item);
bool kv_item_from(const char *item);
bool kv_item_variable(const char *item);
bool kv_item_method(const char *item);
bool kv_item_url_path(const char *item);
bool kv_item_credential(const char *item);
bool kv_item_named_host(const char *item);

/*
 * How many bytes at s are ASCII letters, digits or one of `more`; how many are spaces or
 * tabs. For each line of a policy: strspn(3) makes a table first, at every call.
 */
size_t kv_word_span(const char *s, const char *more);
size_t kv_space_span(const char *s);

/* Absolute, shorter than size, no "." or ".." in it, no empty component, and no ":". */
bool kv_path_ok(const char *path, size_t size);

/* [A-Za-z0-9_-]+, no - first, shorter than KV_NAME_MAX: names of policies and rules. */
bool kv_name_ok(const char *name);

#endif

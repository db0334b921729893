/* A policy's keys as the commands show them. Ends the program when memory is out, as admin/output.h does. */
#ifndef KV_ADMIN_POLICY_TEXT_H
#define KV_ADMIN_POLICY_TEXT_H

struct json_object;
struct kv_config;
struct kv_list;
struct kv_policy;

/*
 * "seccomp = strict; network = off; ...": what a composite's merge settles. What chooses (backend, min_strength ...),
 * and what is none or any, is left out. The caller frees it.
 */
char *kv_policy_line(const struct kv_policy *policy);

/* All keys with what holds for them, as strings. The caller takes it over. */
struct json_object *kv_policy_json(const struct kv_policy *policy);

/*
 * The credentials of these names, how each is delivered, and never what: a line for each, or {"name", "delivery", "file",
 * "line"}; delivery is null where the caller may not read what it is. names NULL: all that there are.
 */
void kv_credentials_put(const struct kv_config *config, const struct kv_list *names);
struct json_object *kv_credentials_json(const struct kv_config *config, const struct kv_list *names);

#endif

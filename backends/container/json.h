/*
 * JSON documents for the runtimes, by json-c, with one look at the end: what fails is remembered,
 * and all that comes after it does nothing. Pure.
 *
 * JSON is UTF-8 (RFC 8259, section 8.1), and the runtimes differ over what else stands in a string: crun refuses,
 * runc and runsc put U+FFFD in its place and so name another file. A string that is not
 * UTF-8 is therefore refused here, with KV_ERR_CONFIG.
 */
#ifndef KV_BACKENDS_CONTAINER_JSON_H
#define KV_BACKENDS_CONTAINER_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct kv_error;

struct kv_json {
	struct kv_error *err;
	bool failed;		/* err is set */
};

/*
 * Each adds to parent, an object, under key; or with key NULL to the end of parent, an array.
 * key is a constant. kv_oci_json_object and kv_oci_json_array return what they added, borrowed (NULL: failed);
 * kv_oci_json_value takes the value over, also when it fails.
 */
void kv_oci_json_value(struct kv_json *j, struct json_object *parent, const char *key, struct json_object *value);
struct json_object *kv_oci_json_object(struct kv_json *j, struct json_object *parent, const char *key);
struct json_object *kv_oci_json_array(struct kv_json *j, struct json_object *parent, const char *key);
void kv_oci_json_string(struct kv_json *j, struct json_object *parent, const char *key, const char *value);
void kv_oci_json_number(struct kv_json *j, struct json_object *parent, const char *key, uint64_t value);
void kv_oci_json_bool(struct kv_json *j, struct json_object *parent, const char *key, bool value);
/* An array of strings, ended by NULL; NULL is the empty array. */
void kv_oci_json_strings(struct kv_json *j, struct json_object *parent, const char *key, const char *const *list);

#endif

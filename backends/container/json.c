#include "backends/container/json.h"

#include <json-c/json.h>
#include <string.h>

#include "common/error.h"
#include "common/utf8.h"

static void
out_of_memory(struct kv_json *j)
{
	(void)kv_error_set(j->err, KV_ERR_NOMEM, "container: out of memory");
	j->failed = true;
}

void
kv_oci_json_value(struct kv_json *j, struct json_object *parent, const char *key, struct json_object *value)
{
	int rc;

	if (j->failed || parent == NULL) {
		(void)json_object_put(value);
		return;
	}
	if (value == NULL) {
		out_of_memory(j);
		return;
	}
	if (key == NULL)
		rc = json_object_array_add(parent, value);
	else
		rc = json_object_object_add_ex(parent, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
	if (rc != 0) {
		(void)json_object_put(value);
		out_of_memory(j);
	}
}

struct json_object *
kv_oci_json_object(struct kv_json *j, struct json_object *parent, const char *key)
{
	struct json_object *value = j->failed ? NULL : json_object_new_object();

	kv_oci_json_value(j, parent, key, value);
	return j->failed ? NULL : value;
}

struct json_object *
kv_oci_json_array(struct kv_json *j, struct json_object *parent, const char *key)
{
	struct json_object *value = j->failed ? NULL : json_object_new_array();

	kv_oci_json_value(j, parent, key, value);
	return j->failed ? NULL : value;
}

static bool
is_utf8(const char *s, size_t size)
{
	while (size > 0) {
		uint32_t c;
		size_t n = kv_utf8_next(s, size, &c);

		if (n == 0)
			return false;
		s += n;
		size -= n;
	}
	return true;
}

void
kv_oci_json_string(struct kv_json *j, struct json_object *parent, const char *key, const char *value)
{
	size_t size = strlen(value);

	if (j->failed)
		return;
	if (!is_utf8(value, size)) {
		(void)kv_error_set(j->err, KV_ERR_CONFIG,
		    "container: %s holds a name that is not UTF-8, which no runtime can be told",
		    key != NULL ? key : "a list");
		j->failed = true;
		return;
	}
	kv_oci_json_value(j, parent, key, json_object_new_string_len(value, (int)size));
}

void
kv_oci_json_number(struct kv_json *j, struct json_object *parent, const char *key, uint64_t value)
{
	if (!j->failed)
		kv_oci_json_value(j, parent, key, json_object_new_uint64(value));
}

void
kv_oci_json_bool(struct kv_json *j, struct json_object *parent, const char *key, bool value)
{
	if (!j->failed)
		kv_oci_json_value(j, parent, key, json_object_new_boolean(value));
}

void
kv_oci_json_strings(struct kv_json *j, struct json_object *parent, const char *key, const char *const *list)
{
	struct json_object *array = kv_oci_json_array(j, parent, key);

	for (; list != NULL && *list != NULL; list++)
		kv_oci_json_string(j, array, NULL, *list);
}

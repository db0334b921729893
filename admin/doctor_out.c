#include "admin/doctor_impl.h"

#include "common/cleanup.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

static const char *
severity_name(enum kv_severity severity)
{
	return severity == KV_HIGH ? "high" : severity == KV_MEDIUM ? "medium" : "low";
}

/* A copy in which only printable ASCII is left: file names and keys are the users'. */
static char *
printable(const char *text)
{
	size_t room = 4 * strlen(text) + 1, used = 0;
	char *out = malloc(room);

	if (out == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, room - used, "\\x%02x", c);
	}
	out[used] = '\0';
	return out;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
known(const struct kv_doctor *d, const struct kv_finding *f)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->findings[i].id, f->id) == 0 && same(d->findings[i].user, f->user) &&
		    strcmp(d->findings[i].what, f->what) == 0)
			return true;
	return false;
}

static void
release(struct kv_finding *f)
{
	free(f->user);
	free(f->what);
	free(f->where);
	free(f->fix);
}

void
kv_doctor_add(struct kv_doctor *d, const struct kv_report *report, const char *fmt, ...)
{
	struct kv_finding f = { .id = report->id, .severity = report->severity };
	struct kv_finding *more;
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	f.user = report->user != NULL ? printable(report->user) : NULL;
	f.what = printable(what);
	f.where = printable(report->where);
	f.fix = printable(report->fix);
	if (f.what == NULL || f.where == NULL || f.fix == NULL ||
	    (report->user != NULL && f.user == NULL)) {
		d->no_memory = true;
		release(&f);
		return;
	}
	if (known(d, &f)) {
		release(&f);
		return;
	}
	more = realloc(d->findings, (d->count + 1) * sizeof(*more));
	if (more == NULL) {
		d->no_memory = true;
		release(&f);
		return;
	}
	d->findings = more;
	d->findings[d->count++] = f;
}

bool
kv_doctor_has(const struct kv_doctor *d, const char *id)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->findings[i].id, id) == 0)
			return true;
	return false;
}

void
kv_doctor_print(const struct kv_doctor *d, FILE *out)
{
	if (d->count == 0) {
		(void)fprintf(out, "No way around was found for %zu confined account%s.\n",
		    d->user_count, d->user_count == 1 ? "" : "s");
		return;
	}
	for (int severity = KV_HIGH; severity >= KV_LOW; severity--) {
		for (size_t i = 0; i < d->count; i++) {
			const struct kv_finding *f = &d->findings[i];

			if ((int)f->severity != severity)
				continue;
			(void)fprintf(out, "%-6s  %s%s%s: %s\n", severity_name(f->severity), f->id,
			    f->user != NULL ? ", " : "", f->user != NULL ? f->user : "", f->what);
			(void)fprintf(out, "        at   %s\n", f->where);
			(void)fprintf(out, "        fix  %s\n", f->fix);
		}
	}
}

/* 0 when the value could be made and added; it is released when it was not added. */
static int
put(json_object *to, const char *key, json_object *value)
{
	if (value == NULL)
		return -1;
	if (json_object_object_add(to, key, value) == 0)
		return 0;
	json_object_put(value);
	return -1;
}

static json_object *
as_json(const struct kv_finding *f)
{
	json_object *o = json_object_new_object();

	if (o == NULL)
		return NULL;
	if (put(o, "id", json_object_new_string(f->id)) == 0 &&
	    put(o, "severity", json_object_new_string(severity_name(f->severity))) == 0 &&
	    (f->user == NULL ? json_object_object_add(o, "user", NULL) :
	    put(o, "user", json_object_new_string(f->user))) == 0 &&
	    put(o, "what", json_object_new_string(f->what)) == 0 &&
	    put(o, "where", json_object_new_string(f->where)) == 0 &&
	    put(o, "fix", json_object_new_string(f->fix)) == 0)
		return o;
	json_object_put(o);
	return NULL;
}

int
kv_doctor_print_json(const struct kv_doctor *d, FILE *out)
{
	json_object *top = json_object_new_object(), *list = json_object_new_array();
	int result = 0;

	if (top == NULL || put(top, "findings", list) != 0) {
		json_object_put(top);
		return -1;
	}
	for (size_t i = 0; i < d->count && result == 0; i++) {
		json_object *o = as_json(&d->findings[i]);

		if (o == NULL || json_object_array_add(list, o) != 0)
			result = -1;
	}
	if (result == 0)
		(void)fprintf(out, "%s\n", json_object_to_json_string_ext(top,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
	return result;
}

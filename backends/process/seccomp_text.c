/*
 * A profile of the administrator's own:
 *
 *   # one statement a line
 *   default = allow          (or deny; once, before the first name)
 *   deny ptrace
 *   allow read
 *
 * The core of every profile applies besides (see seccomp_tables.c).
 */
#include <ctype.h>
#include <string.h>

#include "backends/process/seccomp_internal.h"
#include "common/error.h"

#define LINE_SIZE 256

struct parser {
	const char *name;
	unsigned int line;
	const struct kv_seccomp_reader *reader;
	bool begun;		/* default is known */
	bool fallback_deny;
	bool seen[KV_SECCOMP_NUMBERS];
};

static int
bad(const struct parser *p, struct kv_error *err, const char *what, const char *word)
{
	return kv_error_set(err, KV_ERR_CONFIG, "%s:%u: %s: %.64s", p->name, p->line, what, word);
}

static int
set_default(struct parser *p, const char *value, struct kv_error *err)
{
	if (p->begun)
		return bad(p, err, "default is given twice", value);
	if (strcmp(value, "allow") != 0 && strcmp(value, "deny") != 0)
		return bad(p, err, "default is allow or deny, not", value);
	p->fallback_deny = value[0] == 'd';
	p->begun = true;
	return p->reader->fallback(p->reader->arg, p->fallback_deny, err);
}

static int
add_name(struct parser *p, bool deny, const char *name, struct kv_error *err)
{
	int number = seccomp_syscall_resolve_name(name);

	if (!p->begun)
		return bad(p, err, "default = allow or deny must come before", name);
	if (number == __NR_SCMP_ERROR)
		return bad(p, err, "unknown system call", name);
	if (number < 0 || number >= KV_SECCOMP_NUMBERS)
		return 0;	/* of another architecture, and those are killed */
	if (p->seen[number])
		return bad(p, err, "named twice", name);
	p->seen[number] = true;
	if (deny == p->fallback_deny)
		return 0;
	return p->reader->call(p->reader->arg, name, number, err);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts the next word off *rest: letters, digits, '_', or a single '='. NULL: none, or something else. */
static char *
word(char **rest)
{
	char *start = *rest, *end;

	while (blank(*start))
		start++;
	end = start;
	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	*rest = end;
	if (end == start)
		return NULL;
	return start;
}

static int
statement(struct parser *p, char *line, struct kv_error *err)
{
	char *rest = line, *verb, *verb_end, *value, *value_end;
	bool equals = false;

	line[strcspn(line, "#")] = '\0';
	while (blank(*rest))
		rest++;
	if (*rest == '\0')
		return 0;
	verb = word(&rest);
	verb_end = rest;
	while (blank(*rest))
		rest++;
	if (*rest == '=') {
		equals = true;
		rest++;
	}
	value = word(&rest);
	value_end = rest;
	while (blank(*rest))
		rest++;
	if (verb == NULL || value == NULL || *rest != '\0')
		return bad(p, err, "expected default = allow|deny, allow NAME or deny NAME", line);
	*verb_end = *value_end = '\0';
	if (equals && strcmp(verb, "default") == 0)
		return set_default(p, value, err);
	if (!equals && strcmp(verb, "allow") == 0)
		return add_name(p, false, value, err);
	if (!equals && strcmp(verb, "deny") == 0)
		return add_name(p, true, value, err);
	return bad(p, err, "expected default = allow|deny, allow NAME or deny NAME", verb);
}

static int
parse_lines(struct parser *p, const char *text, size_t size, struct kv_error *err)
{
	char line[LINE_SIZE];

	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end != NULL ? (size_t)(end - (text + at)) : size - at;

		p->line++;
		if (len >= sizeof(line))
			return bad(p, err, "line is too long", "");
		memcpy(line, text + at, len);
		line[len] = '\0';
		if (strlen(line) != len)
			return bad(p, err, "a NUL byte", "");
		if (statement(p, line, err) != 0)
			return -1;
		at += len + 1;
	}
	if (!p->begun)
		return bad(p, err, "no default", "default = allow or deny is missing");
	return 0;
}

int
kv_seccomp_read(const char *name, const char *text, size_t size, const struct kv_seccomp_reader *reader,
    struct kv_error *err)
{
	struct parser p = { .name = name, .reader = reader };

	return parse_lines(&p, text, size, err);
}

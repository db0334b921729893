/*
 * sshd_config with what it includes: for file and line of a finding, and for the addresses that
 * Match blocks name. What counts in the end is asked of sshd itself (sshd -T).
 */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define CONFIG "/etc/ssh/sshd_config"
#define DEPTH_MAX 16
#define LIST_MAX 32

/* Any outside client: the documentation's addresses (RFC 5737). */
static const struct kv_sshd_from anybody = { "192.0.2.1", "client.invalid", "192.0.2.2", "22" };

static void parse_file(struct kv_doctor *d, struct kv_sshd *s, const char *path, int depth);

/* The next word, its quotes taken off; NULL at the end. */
static char *
next_word(char **at)
{
	char *word, *end;

	*at += strspn(*at, " \t");
	if (**at == '\0' || **at == '#')
		return NULL;
	if (**at == '"') {
		word = *at + 1;
		end = word + strcspn(word, "\"");
	} else {
		word = *at;
		end = word + strcspn(word, " \t");
	}
	*at = end;
	if (*end != '\0') {
		*end = '\0';
		(*at)++;
	}
	return word;
}

static char *
small_letters(const char *text)
{
	size_t len = strlen(text);
	char *out = malloc(len + 1);

	for (size_t i = 0; out != NULL && i <= len; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	return out;
}

static void
keep_line(struct kv_sshd *s, const char *key, const char *value, const char *file,
    unsigned int line)
{
	struct kv_sshd_line l = { small_letters(key), strdup(value), strdup(file), line };
	struct kv_sshd_line *more = realloc(s->lines, (s->line_count + 1) * sizeof(*more));

	if (more != NULL)
		s->lines = more;
	if (more == NULL || l.key == NULL || l.value == NULL || l.file == NULL) {
		free(l.key);
		free(l.value);
		free(l.file);
		s->no_memory = true;
		return;
	}
	/* gcc 12's analyzer loses sight of what a copied structure owns; kv_sshd_release frees it. */
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
	s->lines[s->line_count] = l;
	s->line_count++;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

static void
include(struct kv_doctor *d, struct kv_sshd *s, const char *pattern, int depth)
{
	char folder[KV_PATH_MAX], path[KV_PATH_MAX * 2];
	struct kv_list names;
	char *base;

	if (kv_format(folder, sizeof(folder), pattern[0] == '/' ? "%s" : "/etc/ssh/%s", pattern) != 0)
		return;
	base = strrchr(folder, '/');
	*base++ = '\0';
	if (strpbrk(folder, "*?[") != NULL) {
		kv_doctor_add(d, &(struct kv_report){ "sshd-include", KV_LOW, kv_no_user, CONFIG,
		    "Name the folders of included files in full." },
		    "Include %s was not followed: addresses in its Match blocks are not examined",
		    pattern);
		return;
	}
	if (kv_doctor_names(d, folder, base, &names) != 0)
		s->no_memory = true;
	for (size_t i = 0; i < names.count; i++)
		if (kv_format(path, sizeof(path), "%s/%s", folder, names.item[i]) == 0)
			parse_file(d, s, path, depth + 1);
	kv_list_release(&names);
}

static void
parse_file(struct kv_doctor *d, struct kv_sshd *s, const char *path, int depth)
{
	kv_cleanup_file FILE *file = depth > DEPTH_MAX ? NULL : kv_doctor_fopen(d, path);
	kv_cleanup_free char *line = NULL;
	unsigned int number = 0;
	size_t room = 0;

	if (file == NULL)
		return;
	while (getline(&line, &room, file) >= 0) {
		char *at = line, *key, *word, *equals;

		number++;
		line[strcspn(line, "\r\n")] = '\0';
		at += strspn(at, " \t");
		equals = at + strcspn(at, " \t=\"");	/* "Key=value" is allowed */
		if (*equals == '=')
			*equals = ' ';
		key = next_word(&at);
		if (key == NULL)
			continue;
		at += strspn(at, " \t");
		if (*at == '=')
			at++;
		at += strspn(at, " \t");
		if (strcasecmp(key, "include") != 0) {
			keep_line(s, key, at, path, number);
			continue;
		}
		while ((word = next_word(&at)) != NULL)
			include(d, s, word, depth);
	}
}

/* An example for a pattern of Match: an address in the network, a name that the pattern fits. */
static void
example(const char *pattern, bool address, char *out, size_t room)
{
	static const char *const fills[] = { "1", "1.1", "1.1.1", "1.1.1.1", ":1" };
	const char *p = pattern + (pattern[0] == '!' ? 1 : 0);
	unsigned char binary[16];

	for (size_t f = 0; f < sizeof(fills) / sizeof(fills[0]); f++) {
		size_t used = 0;

		out[0] = '\0';
		for (const char *c = p; *c != '\0' && *c != '/' && used + 8 < room; c++) {
			const char *text = *c == '*' ? address ? fills[f] : "x" : *c == '?' ? "1" : NULL;
			int n = text != NULL ? snprintf(out + used, room - used, "%s", text) :
			    snprintf(out + used, room - used, "%c", *c);

			used += n > 0 ? (size_t)n : 0;
		}
		if (!address || inet_pton(AF_INET, out, binary) == 1 ||
		    inet_pton(AF_INET6, out, binary) == 1)
			return;
	}
}

static void
add_from(struct kv_sshd *s, const struct kv_sshd_from *from)
{
	for (size_t i = 0; i < s->from_count; i++)
		if (memcmp(&s->from[i], from, sizeof(*from)) == 0)
			return;
	if (s->from_count == KV_SSHD_FROM_MAX) {
		s->too_many = true;
		return;
	}
	s->from[s->from_count++] = *from;
}

/* One Match line: each list of its criteria, empty where it has none. */
struct match {
	char *item[4][LIST_MAX];	/* address, host, localaddress, localport */
	size_t count[4];
};

static void
read_match(struct kv_sshd *s, char *text, struct match *m)
{
	static const char *const key[4] = { "address", "host", "localaddress", "localport" };
	char *at = text, *word;

	memset(m, 0, sizeof(*m));
	while ((word = next_word(&at)) != NULL) {
		char *equals = strchr(word, '='), *list, *save = NULL;

		if (equals != NULL)
			*equals = '\0';
		if (strcasecmp(word, "user") == 0 || strcasecmp(word, "group") == 0 ||
		    strcasecmp(word, "invalid-user") == 0)
			s->by_user = true;
		if (strcasecmp(word, "all") == 0 || strcasecmp(word, "invalid-user") == 0)
			continue;
		list = equals != NULL ? equals + 1 : next_word(&at);
		for (size_t k = 0; k < 4 && list != NULL; k++) {
			if (strcasecmp(word, key[k]) != 0)
				continue;
			for (char *item = strtok_r(list, ",", &save); item != NULL;
			    item = strtok_r(NULL, ",", &save)) {
				if (m->count[k] == LIST_MAX)
					s->too_many = true;
				else
					m->item[k][m->count[k]++] = item;
			}
			break;
		}
	}
}

/* Every combination of the criteria that stand in one Match line. */
static void
combine(struct kv_sshd *s, const struct match *m)
{
	size_t n[4];

	for (size_t k = 0; k < 4; k++)
		n[k] = m->count[k] > 0 ? m->count[k] : 1;
	for (size_t i = 0; i < n[0] * n[1] * n[2] * n[3]; i++) {
		struct kv_sshd_from from;
		size_t pick = i;

		memcpy(&from, &anybody, sizeof(from));
		for (size_t k = 0; k < 4; k++) {
			const char *pattern = m->count[k] > 0 ? m->item[k][pick % n[k]] : NULL;

			pick /= n[k];
			if (pattern == NULL)
				continue;
			char *out = k == 0 ? from.addr : k == 1 ? from.host : k == 2 ? from.laddr :
			    from.lport;
			size_t room = k == 0 ? sizeof(from.addr) : k == 1 ? sizeof(from.host) :
			    k == 2 ? sizeof(from.laddr) : sizeof(from.lport);
			memset(out, 0, room);
			example(pattern, k == 0 || k == 2, out, room);
		}
		add_from(s, &from);
	}
}

void
kv_sshd_parse(struct kv_doctor *d, struct kv_sshd *sshd)
{
	sshd->from[0] = anybody;
	sshd->from_count = 1;
	parse_file(d, sshd, CONFIG, 0);
	for (size_t i = 0; i < sshd->line_count && !sshd->no_memory; i++) {
		kv_cleanup_free char *copy = NULL;
		struct match m;

		if (strcmp(sshd->lines[i].key, "match") != 0)
			continue;
		copy = strdup(sshd->lines[i].value);
		if (copy == NULL) {
			sshd->no_memory = true;
			return;
		}
		read_match(sshd, copy, &m);
		combine(sshd, &m);
	}
}

void
kv_sshd_release(struct kv_sshd *sshd)
{
	for (size_t i = 0; i < sshd->line_count; i++) {
		free(sshd->lines[i].key);
		free(sshd->lines[i].value);
		free(sshd->lines[i].file);
	}
	free(sshd->lines);
	sshd->lines = NULL;
	sshd->line_count = 0;
}

#include "proxy/head.h"

#include "proxy/syntax.h"

#include <string.h>

#define LENGTH_DIGITS	19	/* of a Content-Length; below 2^63 fits */

enum field { OTHER, CODING, CONNECTION, EXPECT, HOP, HOST, LENGTH, FIELDS };

/* RFC 9110, 7.6.1; what the proxy writes itself; Proxy-* is looked at apart. */
static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{ "Connection", CONNECTION }, { "Content-Length", LENGTH }, { "Expect", EXPECT }, { "Host", HOST },
	{ "Keep-Alive", HOP }, { "Proxy-Connection", CONNECTION }, { "TE", HOP }, { "Trailer", HOP },
	{ "Transfer-Encoding", CODING }, { "Upgrade", HOP },
};

/*
 * The bytes up to and with the empty line. Lines end in CR LF and hold no other control byte but tabs; what is wrong
 * is said as soon as it is seen. As kv_head_parse.
 */
static long
head_end(const char *text, size_t len, const char **why)
{
	size_t limit = len < KV_HEAD_MAX ? len : KV_HEAD_MAX, start = 0;

	for (size_t i = 0; i < limit; i++) {
		if (!kv_byte_control(text[i]) || text[i] == '\t')
			continue;
		if (text[i] == '\r' && i + 1 == limit)
			break;
		if (text[i] != '\r' || text[i + 1] != '\n') {
			*why = text[i] == '\r' ? "bare CR" : text[i] == '\n' ? "bare LF" : "control byte";
			return -1;
		}
		if (i == 0) {
			*why = "empty line";
			return -1;
		}
		if (i == start)
			return (long)(i + 2);
		start = i + 2;
		i++;
	}
	if (len < KV_HEAD_MAX)
		return 0;
	*why = "too large";
	return -1;
}

/* The next line, without its end; rest begins after it. There is one: head_end has seen it. */
static struct kv_slice
next_line(struct kv_slice *rest)
{
	const char *end = memchr(rest->at, '\r', rest->len);
	struct kv_slice line = { rest->at, end != NULL ? (size_t)(end - rest->at) : rest->len };
	size_t skip = end != NULL ? line.len + 2 : line.len;

	rest->at += skip;
	rest->len -= skip;
	return line;
}

/* METHOD SP TARGET SP HTTP/1.x, and no other space. */
static const char *
request_line(const struct kv_slice *line, struct kv_head *out)
{
	const char *first = memchr(line->at, ' ', line->len), *end = line->at + line->len, *second;
	struct kv_slice method, target, version;

	if (first == NULL)
		return "request line";
	second = memchr(first + 1, ' ', (size_t)(end - first - 1));
	if (second == NULL)
		return "request line";
	method = (struct kv_slice){ line->at, (size_t)(first - line->at) };
	target = (struct kv_slice){ first + 1, (size_t)(second - first - 1) };
	version = (struct kv_slice){ second + 1, (size_t)(end - second - 1) };
	if (method.len >= sizeof(out->method) || !kv_slice_only(&method, KV_BYTE_TOKEN))
		return "method";
	if (version.len != 8 || memcmp(version.at, "HTTP/1.", 7) != 0 ||
	    (version.at[7] != '0' && version.at[7] != '1'))
		return memchr(version.at, ' ', version.len) != NULL ? "request line" : "version";
	memcpy(out->method, method.at, method.len);
	out->method[method.len] = '\0';
	out->keep_alive = version.at[7] == '1';
	out->connect = strcmp(out->method, "CONNECT") == 0;
	return kv_target_parse(&target, out);
}

static struct kv_slice
trim(struct kv_slice text)
{
	while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* Content_Length, which some servers read as the one with a hyphen. */
static bool
twisted(const struct kv_slice *name)
{
	return memchr(name->at, '_', name->len) != NULL &&
	    (kv_name_is(name, "Content-Length") || kv_name_is(name, "Transfer-Encoding"));
}

static const char *
header_line(const struct kv_slice *line, struct kv_header *out)
{
	const char *colon = memchr(line->at, ':', line->len);

	if (line->at[0] == ' ' || line->at[0] == '\t')
		return "obs-fold";
	if (colon == NULL)
		return "header";
	out->name = (struct kv_slice){ line->at, (size_t)(colon - line->at) };
	if (!kv_slice_only(&out->name, KV_BYTE_TOKEN) || twisted(&out->name))
		return "header name";
	out->value = trim((struct kv_slice){ colon + 1, line->len - out->name.len - 1 });
	return NULL;
}

static enum field
field_of(const struct kv_slice *name)
{
	static const char proxy[] = "Proxy-";
	const struct kv_slice start = { name->at, sizeof(proxy) - 1 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (kv_slice_is(name, fields[i].name))
			return fields[i].field;
	return name->len >= start.len && kv_slice_is(&start, proxy) ? HOP : OTHER;
}

bool
kv_header_is_hop(const struct kv_slice *name)
{
	return field_of(name) != OTHER;
}

static const char *
read_length(const struct kv_slice *value, struct kv_head *out)
{
	uint64_t length = 0;

	if (value->len > LENGTH_DIGITS || !kv_slice_only(value, KV_BYTE_DIGIT) ||
	    (value->at[0] == '0' && value->len > 1))
		return "Content-Length";
	for (size_t i = 0; i < value->len; i++)
		length = length * 10 + (unsigned int)(value->at[i] - '0');
	if (length > INT64_MAX)
		return "Content-Length";
	out->body = KV_BODY_LENGTH;
	out->length = length;
	return NULL;
}

/* Host must say what the target says. With CONNECT, clients leave out the port of https only. */
static const char *
read_host(const struct kv_slice *value, const struct kv_head *head)
{
	uint16_t port, usual = head->connect || head->tls ? 443 : 80;
	struct kv_host host;

	if (kv_authority_parse(value, &host, &port) != NULL)
		return "Host";
	return strcmp(host.name, head->host.name) == 0 && (port != 0 ? port : usual) == head->port ? NULL :
	    "Host differs";
}

/* What one header means to the proxy itself; seen has the headers before it by their kind. */
static const char *
read_field(struct kv_head *head, const struct kv_header *header, enum field field, bool seen[FIELDS])
{
	static const char *const twice[FIELDS] = { [CODING] = "Transfer-Encoding twice",
		[EXPECT] = "Expect twice", [HOST] = "Host twice", [LENGTH] = "Content-Length twice" };

	if (seen[field] && twice[field] != NULL)
		return twice[field];
	seen[field] = true;
	switch (field) {
	case HOST:
		return read_host(&header->value, head);
	case LENGTH:
		return read_length(&header->value, head);
	case EXPECT:
		head->expect_continue = kv_slice_is(&header->value, "100-continue");
		return head->expect_continue ? NULL : "Expect";
	case CODING:
		if (header->value.len != 7 || memcmp(header->value.at, "chunked", 7) != 0)
			return "Transfer-Encoding";
		return NULL;
	case OTHER:
	case CONNECTION:
	case HOP:
	case FIELDS:
		break;
	}
	return NULL;
}

/* Takes the words of one Connection header: each names a header that ends here. */
static const char *
read_connection(struct kv_head *head, struct kv_slice rest)
{
	while (rest.len > 0) {
		const char *comma = memchr(rest.at, ',', rest.len);
		size_t len = comma != NULL ? (size_t)(comma - rest.at) : rest.len;
		struct kv_slice word = trim((struct kv_slice){ rest.at, len });

		len += comma != NULL;
		rest.at += len;
		rest.len -= len;
		if (word.len == 0)
			continue;
		if (!kv_slice_only(&word, KV_BYTE_TOKEN))
			return "Connection";
		if (kv_slice_is(&word, "close"))
			head->keep_alive = false;
		for (size_t i = 0; i < head->header_count; i++)
			if (kv_slice_same(&head->header[i].name, &word))
				head->header[i].hop = true;
	}
	return NULL;
}

/* What holds for the headers together. old: HTTP/1.0. */
static const char *
judge(struct kv_head *head, const bool seen[FIELDS], bool old)
{
	const char *why = NULL;

	if (!seen[HOST] && !old)
		return "no Host";
	if (seen[CODING] && seen[LENGTH])
		return "Transfer-Encoding with Content-Length";
	if (seen[CODING] && old)
		return "Transfer-Encoding with HTTP/1.0";
	if (seen[CODING])
		head->body = KV_BODY_CHUNKED;
	if (head->connect && (seen[CODING] || head->length != 0))
		return "CONNECT with a body";
	if (head->connect)
		head->body = KV_BODY_NONE;
	if (old)
		head->expect_continue = false;	/* RFC 9110, 10.1.1 */
	for (size_t i = 0; i < head->header_count && why == NULL; i++)
		if (field_of(&head->header[i].name) == CONNECTION)
			why = read_connection(head, head->header[i].value);
	return why;
}

static const char *
read_head(struct kv_slice rest, struct kv_head *out)
{
	bool seen[FIELDS] = { false };
	struct kv_slice line = next_line(&rest);
	const char *why = request_line(&line, out);
	bool old = !out->keep_alive;

	if (why != NULL)
		return why;
	for (line = next_line(&rest); line.len > 0; line = next_line(&rest)) {
		struct kv_header *header = &out->header[out->header_count];
		enum field field;

		if (out->header_count == KV_HEADERS_MAX)
			return "too many headers";
		why = header_line(&line, header);
		if (why != NULL)
			return why;
		field = field_of(&header->name);
		header->hop = field != OTHER;
		out->header_count++;
		why = read_field(out, header, field, seen);
		if (why != NULL)
			return why;
	}
	return judge(out, seen, old);
}

long
kv_head_parse(const char *text, size_t len, struct kv_head *out, const char **why)
{
	long taken;
	const char *wrong;

	*why = NULL;
	/* Not the headers: there is room for many, and few are used. */
	memset(out, 0, offsetof(struct kv_head, header));
	out->header_count = 0;
	taken = head_end(text, len, why);
	if (taken <= 0)
		return taken;
	wrong = read_head((struct kv_slice){ text, (size_t)taken }, out);
	if (wrong == NULL)
		return taken;
	*why = wrong;
	return -1;
}

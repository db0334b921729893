/*
 * libFuzzer target: any bytes as a request's head. What is taken means one thing: it is the same wherever the bytes are
 * cut, nothing in it could be another parser's second request, and written down again it is read as the same.
 */
#include "proxy/fuzz.h"
#include "proxy/head.h"

#include <ctype.h>

#define SPLITS	2

static void
slice_within(const struct kv_slice *slice, const char *text, long taken)
{
	MUST(slice->at >= text && slice->at + slice->len <= text + taken);
}

static bool
same_slice(const struct kv_slice *a, const char *base_a, const struct kv_slice *b, const char *base_b)
{
	return a->len == b->len && a->at - base_a == b->at - base_b;
}

static void
same(const struct kv_head *a, const char *base_a, const struct kv_head *b, const char *base_b)
{
	MUST(strcmp(a->method, b->method) == 0 && a->connect == b->connect && a->tls == b->tls);
	MUST(a->keep_alive == b->keep_alive && a->expect_continue == b->expect_continue);
	MUST(strcmp(a->host.name, b->host.name) == 0 && a->port == b->port);
	MUST(a->path.len == b->path.len && memcmp(a->path.at, b->path.at, a->path.len) == 0);
	MUST(a->body == b->body && a->length == b->length && a->header_count == b->header_count);
	for (size_t i = 0; i < a->header_count && base_a != NULL; i++) {
		MUST(same_slice(&a->header[i].name, base_a, &b->header[i].name, base_b));
		MUST(same_slice(&a->header[i].value, base_a, &b->header[i].value, base_b));
		MUST(a->header[i].hop == b->header[i].hop);
	}
}

/* Without strncasecmp(3): libFuzzer's own hook of it reads on where the text has no NUL. */
static bool
begins(const char *line, const char *end, const char *name)
{
	for (; *name != '\0'; line++, name++)
		if (line == end || tolower((unsigned char)*line) != *name)
			return false;
	return true;
}

/* The head as a simpler parser sees it: lines at LF, names before the colon. */
static void
judge_plainly(const char *text, size_t len, const struct kv_head *head)
{
	size_t hosts = 0, lengths = 0, codings = 0, start = 0, lines = 0;

	for (size_t i = 0; i < len; i++) {
		const char *line = text + start;

		MUST(text[i] != '\0' && (lines > 0 || text[i] == '\r' || text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f)));
		MUST(text[i] != '\r' || (i + 1 < len && text[i + 1] == '\n'));
		if (text[i] != '\n')
			continue;
		MUST(i > 0 && text[i - 1] == '\r');
		MUST(line[0] != ' ' && line[0] != '\t');
		hosts += lines > 0 && begins(line, text + len, "host:");
		lengths += lines > 0 && begins(line, text + len, "content-length:");
		codings += lines > 0 && begins(line, text + len, "transfer-encoding:");
		lines++;
		MUST((i == start + 1) == (i + 1 == len));	/* the empty line is the last */
		start = i + 1;
	}
	MUST(lines == head->header_count + 2);
	MUST(hosts <= 1 && lengths + codings <= 1);
	MUST(head->body != KV_BODY_CHUNKED || codings == 1);
	MUST(head->body != KV_BODY_LENGTH || lengths == 1);
	MUST(head->body != KV_BODY_NONE || codings == 0);
}

static void
check(const struct kv_head *head, const char *text, long taken)
{
	MUST(taken > 0 && taken <= KV_HEAD_MAX && head->header_count <= KV_HEADERS_MAX);
	MUST(memchr(head->method, '\0', sizeof(head->method)) != NULL && head->method[0] != '\0');
	MUST(head->port != 0);
	fuzz_host(&head->host);
	MUST(head->connect == (strcmp(head->method, "CONNECT") == 0));
	if (head->connect) {
		MUST(head->path.len == 0 && head->body == KV_BODY_NONE && head->length == 0);
	} else {
		MUST(head->path.len > 0 && head->path.at[0] == '/');
		if (head->path.len > 1)
			slice_within(&head->path, text, taken);
		for (size_t i = 0; i < head->path.len; i++)
			MUST(head->path.at[i] > ' ' && head->path.at[i] < 0x7f && strchr("#\\\"<>^`{|}", head->path.at[i]) == NULL);
	}
	for (size_t i = 0; i < head->header_count; i++) {
		const struct kv_header *header = &head->header[i];

		slice_within(&header->name, text, taken);
		slice_within(&header->value, text, taken);
		MUST(header->name.len > 0);
		if (header->value.len > 0)
			MUST(strchr(" \t", header->value.at[0]) == NULL &&
			    strchr(" \t", header->value.at[header->value.len - 1]) == NULL);
		if (begins(header->name.at, text + taken, "host:") || begins(header->name.at, text + taken, "proxy-"))
			MUST(header->hop);
	}
	judge_plainly(text, (size_t)taken, head);
}

/* The same request in the plainest words. */
static void
write_again(const struct kv_head *head)
{
	static char text[KV_HEAD_MAX + 1024];
	const char *open = strchr(head->host.name, ':') != NULL ? "[" : "", *close = *open != '\0' ? "]" : "", *why;
	static struct kv_head again;
	char authority[KV_HOST_MAX + 16];
	long taken;
	int n;

	(void)snprintf(authority, sizeof(authority), "%s%s%s:%u", open, head->host.name, close, head->port);
	n = snprintf(text, sizeof(text), "%s %s%s%.*s HTTP/1.%c\r\nHost: %s\r\n%s%s%s", head->method,
	    head->connect ? "" : head->tls ? "https://" : "http://", authority, (int)head->path.len, head->path.at,
	    head->keep_alive || head->expect_continue || head->body == KV_BODY_CHUNKED ? '1' : '0', authority,
	    head->expect_continue ? "expect: 100-Continue\r\n" : "",
	    !head->keep_alive ? "Connection: close\r\n" : "",
	    head->body == KV_BODY_CHUNKED ? "transfer-encoding: chunked\r\n" : "");
	if (head->body == KV_BODY_LENGTH)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Content-Length: %llu\r\n",
		    (unsigned long long)head->length);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
	if (n > KV_HEAD_MAX)
		return;
	taken = kv_head_parse(text, (size_t)n, &again, &why);
	MUST(taken == n);
	again.header_count = head->header_count;
	same(head, NULL, &again, NULL);
}

/* Fewer bytes: not yet all, or the very same. */
static void
split(const char *text, size_t len, const struct kv_head *whole, long taken, const char *why)
{
	static struct kv_head part;

	for (size_t i = 0; i < SPLITS; i++) {
		size_t cut = fuzz_pick((const uint8_t *)text, len, i, len);
		char *copy = fuzz_copy(text, cut);
		const char *why_part;
		long got = kv_head_parse(copy, cut, &part, &why_part);

		MUST(got == 0 || got == taken);
		MUST(got == 0 || (size_t)taken <= cut || taken == -1);
		if (got > 0)
			same(whole, text, &part, copy);
		MUST((why_part != NULL) == (got < 0) && (got >= 0 || strcmp(why, why_part) == 0));
		free(copy);
	}
}

/* Removes the escapes of text once, in place. */
static void
unescape(char *text)
{
	char *to = text;
	unsigned int byte;
	char digits[3] = "";

	for (const char *at = text; *at != '\0'; at++) {
		*to = *at;
		if (*at == '%' && strspn(at + 1, "0123456789abcdefABCDEF") >= 2) {
			memcpy(digits, at + 1, 2);
			(void)sscanf(digits, "%x", &byte);
			*to = (char)byte;
			at += 2;
		}
		to++;
	}
	*to = '\0';
}

/* Does the path, read as it stands and after each unescaping, stay in its first folder. */
static void
judge_path(const struct kv_head *head)
{
	static char text[KV_HEAD_MAX];
	size_t len = head->path.len;

	if (!kv_path_plain(&head->path))
		return;
	memcpy(text, head->path.at, len);
	text[len] = '\0';
	text[strcspn(text, "?")] = '\0';
	for (int i = 0; i < 5; i++) {
		size_t depth = 0;

		for (char *at = text; *at != '\0'; at += strcspn(at, "/\\")) {
			char *name = ++at;

			len = strcspn(name, "/\\;");
			MUST(len != 2 || strncmp(name, "..", 2) != 0);
			MUST(len != 1 || name[0] != '.');
			depth++;
		}
		MUST(depth >= 1);
		unescape(text);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kv_head head;
	const char *text = (const char *)data, *why;
	long taken = kv_head_parse(text, size, &head, &why);

	MUST(taken >= -1 && taken <= (long)size);
	MUST((taken == -1) == (why != NULL));
	MUST(taken != 0 || size < KV_HEAD_MAX);
	if (taken > 0) {
		check(&head, text, taken);
		write_again(&head);
		if (!head.connect)
			judge_path(&head);
	}
	split(text, size, &head, taken, why);
	return 0;
}

#include "proxy/answer.h"

#include "common/io.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of a response: what belongs to one connection only, and what is framed anew. */
static const char *const hop[] = {
	"Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
	"Proxy-Authenticate", "Proxy-Authentication-Info",
};

static bool
is_token(const char *at, size_t len)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char c = at[i];

		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return len > 0;
}

/* No control byte but the tab. */
static bool
is_text(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
			return false;
	}
	return true;
}

static bool
is_name(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(at, name, len) == 0;
}

static void
trim(const char **at, size_t *len)
{
	while (*len > 0 && (**at == ' ' || **at == '\t')) {
		(*at)++;
		(*len)--;
	}
	while (*len > 0 && ((*at)[*len - 1] == ' ' || (*at)[*len - 1] == '\t'))
		(*len)--;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". */
static int
status_line(struct kv_answer *answer, const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	uint64_t status;
	char digits[4];

	if (space == NULL || (size_t)(line + len - space) < 4 || !is_text(line, len))
		return -1;
	memcpy(digits, space + 1, 3);
	digits[3] = '\0';
	if (kv_parse_u64(digits, 100, 599, &status) != 0 || ((size_t)(line + len - space) > 4 && space[4] != ' '))
		return -1;
	kv_answer_free(answer);
	answer->status = (int)status;
	/* The reason, which nobody needs, is kept as the first line. */
	if (kv_buffer_add(&answer->lines, space + 1, (size_t)(line + len - space - 1), KV_ANSWER_MAX) != 0)
		return -1;
	return kv_buffer_add(&answer->lines, "\n", 1, KV_ANSWER_MAX);
}

static int
take_length(struct kv_answer *answer, const char *at, size_t len)
{
	char digits[24];
	uint64_t length;

	if (len == 0 || len >= sizeof(digits))
		return -1;
	memcpy(digits, at, len);
	digits[len] = '\0';
	if (kv_parse_u64(digits, 0, INT64_MAX, &length) != 0 || (answer->has_length && answer->length != length))
		return -1;
	answer->has_length = true;
	answer->length = length;
	return 0;
}

static int
header_line(struct kv_answer *answer, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len, value_len;

	if (colon == NULL || !is_token(line, (size_t)(colon - line)) || ++answer->count > KV_ANSWER_LINES)
		return -1;
	name_len = (size_t)(colon - line);
	value = colon + 1;
	value_len = len - name_len - 1;
	trim(&value, &value_len);
	if (!is_text(value, value_len))
		return -1;
	if (is_name(line, name_len, "Content-Length") && take_length(answer, value, value_len) != 0)
		return -1;
	if (is_name(line, name_len, "Transfer-Encoding"))
		answer->coded = true;
	if (kv_buffer_add(&answer->lines, line, name_len, KV_ANSWER_MAX) != 0 ||
	    kv_buffer_add(&answer->lines, ": ", 2, KV_ANSWER_MAX) != 0 ||
	    kv_buffer_add(&answer->lines, value, value_len, KV_ANSWER_MAX) != 0)
		return -1;
	return kv_buffer_add(&answer->lines, "\n", 1, KV_ANSWER_MAX);
}

int
kv_answer_line(struct kv_answer *answer, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (answer->complete)
		return 0;	/* a trailer */
	if (len == 0) {
		if (answer->status == 0 || answer->status == 101 || answer->status == 407)
			return -1;
		answer->complete = answer->status >= 200;
		return 0;
	}
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
		return status_line(answer, line, len);
	return answer->status == 0 ? -1 : header_line(answer, line, len);
}

enum kv_framing
kv_answer_framing(const struct kv_answer *answer, bool to_head, bool http10)
{
	if (to_head || answer->status == 204 || answer->status == 304)
		return KV_FRAME_NONE;
	if (answer->has_length && !answer->coded)
		return KV_FRAME_LENGTH;
	return http10 ? KV_FRAME_CLOSE : KV_FRAME_CHUNKED;
}

/* Does a Connection header among the lines name this one. */
static bool
is_named(const struct kv_answer *answer, const char *name, size_t len)
{
	const char *end = answer->lines.data + answer->lines.end, *next;

	for (const char *line = kv_buffer_at(&answer->lines); line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		next = stop + 1;
		if (stop - line < 11 || strncasecmp(line, "Connection:", 11) != 0)
			continue;
		for (const char *item = line + 11; item < stop;) {
			const char *comma = memchr(item, ',', (size_t)(stop - item));
			const char *at = item;
			size_t size = (size_t)((comma != NULL ? comma : stop) - item);

			trim(&at, &size);
			if (size == len && strncasecmp(at, name, len) == 0)
				return true;
			item = comma != NULL ? comma + 1 : stop;
		}
	}
	return false;
}

static bool
is_hop(const struct kv_answer *answer, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(hop) / sizeof(hop[0]); i++) {
		if (is_name(name, len, hop[i]))
			return true;
	}
	return is_named(answer, name, len);
}

static int
add(struct kv_buffer *out, const char *text, size_t len)
{
	/* Written anew a head grows by little more than a byte a line. */
	return kv_buffer_add(out, text, len, 2UL * KV_ANSWER_MAX);
}

static int
add_text(struct kv_buffer *out, const char *text)
{
	return add(out, text, strlen(text));
}

static int
write_lines(const struct kv_answer *answer, struct kv_buffer *out)
{
	const char *end = answer->lines.data + answer->lines.end, *line = kv_buffer_at(&answer->lines), *stop;

	if (add_text(out, "HTTP/1.1 ") != 0)
		return -1;
	for (bool first = true; line < end; line = stop + 1, first = false) {
		const char *colon;

		stop = memchr(line, '\n', (size_t)(end - line));
		colon = first ? NULL : memchr(line, ':', (size_t)(stop - line));
		if (colon != NULL && is_hop(answer, line, (size_t)(colon - line)))
			continue;
		if (add(out, line, (size_t)(stop - line)) != 0 ||
		    /* A status line has a space even where there is no reason (RFC 9112, 4). */
		    (first && stop - line == 3 && add_text(out, " ") != 0) || add_text(out, "\r\n") != 0)
			return -1;
	}
	return 0;
}

int
kv_answer_write(const struct kv_answer *answer, enum kv_framing framing, bool keep_alive, struct kv_buffer *out)
{
	char length[48] = "";
	/* Of a body that is not sent the length may be told all the same, but for 204 (RFC 9110, 8.6). */
	bool tell = framing == KV_FRAME_LENGTH || (framing == KV_FRAME_NONE && answer->has_length && !answer->coded &&
	    answer->status != 204);

	if (tell)
		(void)kv_format(length, sizeof(length), "Content-Length: %llu\r\n", (unsigned long long)answer->length);
	if (write_lines(answer, out) != 0 || add_text(out, length) != 0 ||
	    add_text(out, framing == KV_FRAME_CHUNKED ? "Transfer-Encoding: chunked\r\n" : "") != 0)
		return -1;
	return add_text(out, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

void
kv_answer_free(struct kv_answer *answer)
{
	kv_buffer_free(&answer->lines);
	*answer = (struct kv_answer){ .status = 0 };
}

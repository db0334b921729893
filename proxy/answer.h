/*
 * The head of an upstream's response, read as strictly as a request's, and written anew for the client. Pure.
 *
 * Upstream is not trusted: a bare CR or NUL, a control byte, a folded line, a name that is no token, two different
 * lengths, a head above KV_ANSWER_MAX bytes or KV_ANSWER_LINES lines, 101 and 407 make the response void.
 */
#ifndef KV_PROXY_ANSWER_H
#define KV_PROXY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"

#define KV_ANSWER_MAX	32768	/* bytes of a head */
#define KV_ANSWER_LINES	256

struct kv_answer {
	struct kv_buffer lines;	/* "name: value\n" each; owned */
	unsigned int count;	/* of lines */
	int status;		/* 0: no status line yet */
	bool complete;		/* a final head is there; what follows are trailers */
	bool has_length;
	bool coded;		/* Transfer-Encoding: the length says nothing */
	uint64_t length;
};

/* What the client is told of the body. */
enum kv_framing { KV_FRAME_NONE, KV_FRAME_LENGTH, KV_FRAME_CHUNKED, KV_FRAME_CLOSE };

/*
 * Takes a line with its end (CRLF or LF); an empty one ends the head. Interim responses (1xx) are dropped, and so are
 * trailers. 0, or -1 when it is void.
 */
int kv_answer_line(struct kv_answer *answer, const char *line, size_t len);

/* How the body is framed for a client of HTTP/1.1 (or 1.0), for this request's method. */
enum kv_framing kv_answer_framing(const struct kv_answer *answer, bool to_head, bool http10);

/*
 * Appends the head for the client to out: status, headers that are not hop-by-hop, framing; "Connection: close" unless
 * keep_alive. 0, or -1 when there is no memory.
 */
int kv_answer_write(const struct kv_answer *answer, enum kv_framing framing, bool keep_alive, struct kv_buffer *out);

void kv_answer_free(struct kv_answer *answer);

#endif

/*
 * The head of an HTTP/1.1 proxy request (RFC 9110, RFC 9112), read strictly: what two parsers could understand in
 * two ways is malformed here. Pure; borrows from the text given; allocates nothing.
 *
 * Malformed, among others: bare LF or bare CR, an empty line before the request line, obs-fold, a space before the colon, a
 * name that is no token, a control byte or NUL in a value, more than one Host, none with HTTP/1.1, Content-Length that is not
 * digits only (without zeros before them) or stands twice, Transfer-Encoding other than exactly "chunked", Transfer-Encoding
 * with Content-Length or with HTTP/1.0, a Host that differs from the target's authority (a port that is left out is the
 * scheme's, 443 with CONNECT), userinfo, a fragment, a target in origin or asterisk form, a space in the target, any byte in
 * the target outside of RFC 3986 (8-bit bytes too; brackets may stand in a query), a query without a path before it ("http://h?q"),
 * a broken escape, Content_Length and Transfer_Encoding, ports 0, empty, with a zero first and above 65535, CONNECT with a body, Expect or Connection twisted.
 */
#ifndef KV_PROXY_HEAD_H
#define KV_PROXY_HEAD_H

#include "proxy/host.h"

#define KV_HEAD_MAX	16384	/* bytes of a head with its empty line */
#define KV_HEADERS_MAX	100
#define KV_METHOD_MAX	24	/* bytes, with NUL */

struct kv_slice {
	const char *at;		/* borrowed; not NUL-ended */
	size_t len;
};

struct kv_header {
	struct kv_slice name, value;	/* value without white space around it */
	bool hop;			/* hop-by-hop: by RFC 9110, 7.6.1, or named in Connection; Proxy-*; Host, Content-Length, Expect too */
};

enum kv_body { KV_BODY_NONE, KV_BODY_LENGTH, KV_BODY_CHUNKED };

struct kv_head {
	char method[KV_METHOD_MAX];
	bool connect;			/* CONNECT host:port */
	bool tls;			/* the target's scheme is https */
	bool keep_alive;		/* HTTP/1.1 and no "close" (Connection or Proxy-Connection) */
	bool expect_continue;		/* Expect: 100-continue; any other Expect is malformed */
	struct kv_host host;
	uint16_t port;			/* of the target; 80, 443 where it names none */
	struct kv_slice path;		/* path and query as they stood; "/" where there was none (static); empty with CONNECT */
	enum kv_body body;
	uint64_t length;		/* KV_BODY_LENGTH */
	struct kv_header header[KV_HEADERS_MAX];
	size_t header_count;
};

/*
 * Reads a head from text. Returns the bytes it takes; 0 when its end is not there yet (and text is
 * shorter than KV_HEAD_MAX); -1 when it is malformed or too large, *why then a word or two for the record (static).
 */
long kv_head_parse(const char *text, size_t len, struct kv_head *out, const char **why);

/*
 * Does the path (to its query) mean the same to the strictest and to the laxest server: no dot segment, plain or escaped, once or
 * more, with spaces or parameters about it; no empty segment but the last; no backslash, control byte or overlong UTF-8. Only
 * of such a path a prefix says where it leads.
 */
bool kv_path_plain(const struct kv_slice *path);

/*
 * A chunked body (RFC 9112, 7.1), read strictly: no extensions beyond 256 bytes a line, no space about a size, sizes below
 * 2^63; trailers of 8192 bytes at the most are read as headers are, and not kept. Malformed stays malformed.
 */
struct kv_chunks {
	int state;		/* 0 at the start; private */
	uint64_t left;		/* of the chunk */
	unsigned int line;	/* bytes of the line so far */
	unsigned int trailer;	/* bytes of the trailer so far */
	bool done;		/* the last chunk and the trailer were read */
};

/*
 * Reads from in, writes decoded bytes to out (which may be in: they never overtake), at most room. *used: bytes
 * of in that were taken; returns bytes written, or -1 when malformed. Stops at the end of the body (done).
 */
long kv_chunks_read(struct kv_chunks *chunks, const char *in, size_t len, size_t *used, char *out, size_t room);

#endif

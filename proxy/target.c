#include "proxy/syntax.h"

#include <string.h>

#define PORT_DIGITS	5

/* No sign, no zero first, 1 to 65535. */
static int
port_parse(const struct kv_slice *text, uint16_t *out)
{
	unsigned int port = 0;

	if (text->len > PORT_DIGITS || !kv_slice_only(text, KV_BYTE_DIGIT) || text->at[0] == '0')
		return -1;
	for (size_t i = 0; i < text->len; i++)
		port = port * 10 + (unsigned int)(text->at[i] - '0');
	if (port > UINT16_MAX)
		return -1;
	*out = (uint16_t)port;
	return 0;
}

const char *
kv_authority_parse(const struct kv_slice *text, struct kv_host *host, uint16_t *port)
{
	bool bracketed = text->len > 0 && text->at[0] == '[';
	const char *end = text->at + text->len, *at = text->at, *stop;
	struct kv_slice number;

	*port = 0;
	if (text->len == 0)
		return "host";
	if (memchr(text->at, '@', text->len) != NULL)
		return "userinfo";
	/* IDNA is for the policy and SOCKS: in HTTP a name is ASCII already. */
	for (size_t i = 0; i < text->len; i++)
		if ((uint8_t)text->at[i] >= 0x80)
			return "host";
	if (bracketed)
		at++;
	stop = memchr(at, bracketed ? ']' : ':', (size_t)(end - at));
	if (stop == NULL && bracketed)
		return "host";
	if (stop == NULL)
		stop = end;
	if (kv_host_parse(at, (size_t)(stop - at), bracketed, host) != 0)
		return "host";
	if (bracketed)
		stop++;
	if (stop == end)
		return NULL;
	number = (struct kv_slice){ stop + 1, (size_t)(end - stop - 1) };
	return *stop == ':' && port_parse(&number, port) == 0 ? NULL : "port";
}

/*
 * RFC 3986, with its brackets allowed in a query too, where everybody sends them as they are. An
 * escape is whole or the target is malformed.
 */
static const char *
path_check(const struct kv_slice *path)
{
	bool query = false;

	for (size_t i = 0; i < path->len; i++) {
		char c = path->at[i];

		if (c == '%') {
			if (path->len - i < 3 || !kv_byte_is(path->at[i + 1], KV_BYTE_HEX) ||
			    !kv_byte_is(path->at[i + 2], KV_BYTE_HEX))
				return "escape";
			i += 2;
		} else if (c == '#') {
			return "fragment";
		} else if (!kv_byte_is(c, KV_BYTE_URI) && !(query && (c == '[' || c == ']'))) {
			return "target";
		}
		query = query || c == '?';
	}
	return NULL;
}

/* Cuts "http://" or "https://" off; -1 where it is neither. */
static int
scheme_cut(struct kv_slice *rest, bool *tls)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct kv_slice start = { rest->at, strlen(schemes[i]) };

		if (rest->len >= start.len && kv_slice_is(&start, schemes[i])) {
			rest->at += start.len;
			rest->len -= start.len;
			*tls = i == 1;
			return 0;
		}
	}
	return -1;
}

static const char *
absolute_parse(const struct kv_slice *target, struct kv_head *out)
{
	struct kv_slice authority = *target;
	const char *why;
	size_t len = 0;

	if (target->at[0] == '/' || target->at[0] == '*')
		return "target form";
	if (scheme_cut(&authority, &out->tls) != 0)
		return "scheme";
	while (len < authority.len && memchr("/?#", authority.at[len], 3) == NULL)
		len++;
	out->path = (struct kv_slice){ authority.at + len, authority.len - len };
	authority.len = len;
	why = kv_authority_parse(&authority, &out->host, &out->port);
	if (why != NULL)
		return why;
	if (out->port == 0)
		out->port = out->tls ? 443 : 80;
	if (out->path.len == 0)
		out->path = (struct kv_slice){ "/", 1 };
	why = path_check(&out->path);
	/* "http://host?query": the path that is meant stands nowhere in the text. */
	return why == NULL && out->path.at[0] != '/' ? "path" : why;
}

const char *
kv_target_parse(const struct kv_slice *target, struct kv_head *out)
{
	const char *why;

	if (target->len == 0)
		return "target";
	if (!out->connect)
		return absolute_parse(target, out);
	out->path = (struct kv_slice){ "", 0 };
	why = kv_authority_parse(target, &out->host, &out->port);
	return why == NULL && out->port == 0 ? "port" : why;
}

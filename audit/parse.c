#include "audit/parse.h"

#include <string.h>

/* Words before the tag: at most "Mon 2026-11-23 23:51:16 UTC host". */
#define PREFIX_WORDS	6

struct span {
	const char *at;
	size_t len;
};

static bool
is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool
starts(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && memcmp(text, word, n) == 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* kavach[123]: */
static bool
our_tag(struct span word)
{
	if (!starts(word.at, word.len, "kavach[") || word.len < 10 ||
	    word.at[word.len - 2] != ']')
		return false;
	for (size_t i = 7; i < word.len - 2; i++)
		if (!is_digit(word.at[i]))
			return false;
	return true;
}

static bool
bare_record(const char *text, size_t len)
{
	return starts(text, len, "event=") || starts(text, len, "{\"event\":");
}

/*
 * The record behind the tag. The tag is the first word that ends in a colon:
 * what another program says after its own tag is never taken for ours.
 */
static bool
find_record(const char *line, size_t len, struct span *out)
{
	size_t at = 0;

	if (bare_record(line, len)) {	/* journalctl -o cat */
		*out = (struct span){ line, len };
		return true;
	}
	for (int words = 0; words < PREFIX_WORDS; words++) {
		struct span word;

		while (at < len && line[at] == ' ')
			at++;
		word.at = line + at;
		while (at < len && line[at] != ' ')
			at++;
		word.len = (size_t)(line + at - word.at);
		if (word.len == 0)
			return false;
		if (word.at[word.len - 1] != ':')
			continue;
		if (!our_tag(word))
			return false;
		while (at < len && line[at] == ' ')
			at++;
		*out = (struct span){ line + at, len - at };
		return true;
	}
	return false;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
parse_mac(struct span s, uint8_t mac[KV_MAC_SIZE])
{
	if (s.len != KV_MAC_HEX)
		return -1;
	for (size_t i = 0; i < KV_MAC_SIZE; i++) {
		int high = hex_digit(s.at[2 * i]), low = hex_digit(s.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* The record without `head VALUE tail` at its end; 0 if it does not end so. */
static size_t
cut_end(struct span s, const char *head, size_t value_len, const char *tail)
{
	size_t h = strlen(head), t = strlen(tail);

	if (s.len < h + value_len + t || memcmp(s.at + s.len - t, tail, t) != 0 ||
	    memcmp(s.at + s.len - t - value_len - h, head, h) != 0)
		return 0;
	return s.len - t - value_len - h;
}

enum kv_line_kind
kv_parse_line(const char *line, size_t len, struct kv_line *out)
{
	struct span s;
	bool json;
	size_t skip;

	if (!find_record(line, len, &s))
		return KV_LINE_OTHER;
	out->text = s.at;
	out->len = s.len;
	if (!bare_record(s.at, s.len) || memchr(s.at, '\0', s.len) != NULL)
		return KV_LINE_BROKEN;
	json = s.at[0] == '{';
	if (cut_end(s, json ? ",\"mac\":\"" : " mac=", 4, json ? "\"}" : "") != 0 &&
	    memcmp(s.at + s.len - (json ? 6 : 4), "none", 4) == 0)
		return KV_LINE_UNSIGNED;
	out->covered = cut_end(s, json ? ",\"mac\":\"" : " mac=", KV_MAC_HEX, json ? "\"}" : "");
	skip = json ? 8 : 5;
	if (out->covered == 0 ||
	    parse_mac((struct span){ s.at + out->covered + skip, KV_MAC_HEX }, out->mac) != 0)
		return KV_LINE_BROKEN;
	return KV_LINE_SIGNED;
}

/* Takes a quoted text at s, its quotes left out; -1 if it does not end. */
static int
take_quoted(struct span *s, struct span *out)
{
	size_t i = 1;

	while (i < s->len && s->at[i] != '"')
		i += s->at[i] == '\\' ? 2 : 1;
	if (i >= s->len)
		return -1;
	*out = (struct span){ s->at + 1, i - 1 };
	s->at += i + 1;
	s->len -= i + 1;
	return 0;
}

static int
take_until(struct span *s, char end, struct span *out)
{
	size_t i = 0;

	while (i < s->len && s->at[i] != end)
		i++;
	*out = (struct span){ s->at, i };
	s->at += i;
	s->len -= i;
	return i > 0 ? 0 : -1;
}

/* Takes `KEY SEPARATOR VALUE` and one mark (a space, or a comma) after it. 1, 0 at the end, -1. */
static int
take_pair(struct span *s, bool json, struct span *key, struct span *value)
{
	if (s->len == 0)
		return 0;
	if (json ? s->at[0] != '"' || take_quoted(s, key) != 0 : take_until(s, '=', key) != 0)
		return -1;
	if (s->len < 2 || s->at[0] != (json ? ':' : '='))
		return -1;
	s->at++;
	s->len--;
	if (s->at[0] == '"' ? take_quoted(s, value) != 0 :
	    take_until(s, json ? ',' : ' ', value) != 0)
		return -1;
	if (s->len > 0) {
		if (s->at[0] != (json ? ',' : ' '))
			return -1;
		s->at++;
		s->len--;
	}
	return 1;
}

static int
parse_number(struct span s, uint64_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.at[i]) || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.at[i] - '0'), &value))
			return -1;
	*out = value;
	return 0;
}

static int
parse_text(struct span s, char *out, size_t size)
{
	if (s.len == 0 || s.len >= size)
		return -1;
	memcpy(out, s.at, s.len);
	out[s.len] = '\0';
	return 0;
}

/* The fields of a session-close that tell of the session's own chains. */
static int
take_end_field(struct span key, struct span value, struct kv_link *out)
{
	static const struct {
		const char *seq, *unsure, *mac;
	} names[KV_CHAIN_KINDS] = {
		[KV_CHAIN_SESSION] = { "chain_seq", "chain_unsure", "chain_mac" },
		[KV_CHAIN_EGRESS] = { "egress_seq", "egress_unsure", "egress_mac" },
	};

	for (int kind = KV_CHAIN_SESSION; kind < KV_CHAIN_KINDS; kind++) {
		struct kv_link_end *end = &out->end[kind];

		if (is(key, names[kind].seq)) {
			end->known = true;
			return parse_number(value, &end->seq);
		}
		if (is(key, names[kind].unsure))
			return parse_number(value, &end->unsure);
		if (is(key, names[kind].mac))
			return parse_mac(value, end->mac);
	}
	return 0;
}

static int
take_field(struct span key, struct span value, struct kv_link *out, bool *have_prev)
{
	if (is(key, "seq"))
		return parse_number(value, &out->seq);
	if (is(key, "unsure"))
		return parse_number(value, &out->unsure);
	if (is(key, "resume"))
		out->resumed = true;
	if (is(key, "reset"))
		return parse_text(value, out->reset, sizeof(out->reset));
	if (is(key, "session") && parse_text(value, out->session, sizeof(out->session)) != 0)
		out->session[0] = '\0';	/* no id of ours; such a record can be in the host's chain only */
	if (is(key, "event")) {
		out->opens = is(value, "session-open");
		out->closes = is(value, "session-close");
	}
	if (is(key, "chain"))
		out->chain = is(value, "session") ? KV_CHAIN_SESSION :
		    is(value, "egress") ? KV_CHAIN_EGRESS : KV_CHAIN_HOST;
	if (is(key, "prev")) {
		*have_prev = true;
		return parse_mac(value, out->prev);
	}
	return take_end_field(key, value, out);
}

int
kv_parse_link(const char *text, size_t len, struct kv_link *out)
{
	struct span s = { text, len }, key, value;
	bool json = len > 0 && text[0] == '{', have_prev = false;
	int more;

	memset(out, 0, sizeof(*out));
	if (json) {
		s.at++;
		s.len--;
	}
	while ((more = take_pair(&s, json, &key, &value)) == 1)
		if (take_field(key, value, out, &have_prev) != 0)
			return -1;
	return more == 0 && have_prev && out->seq != 0 ? 0 : -1;
}

#include "proxy/forward.h"

#include "proxy/syntax.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* What libcurl would say by itself. */
static char no_accept[] = "Accept:";
static char no_expect[] = "Expect:";
static char do_expect[] = "Expect: 100-continue";

#define OWN	3	/* lines that do not come from the client */

static bool
is_named(const struct kv_header *header, const char *name)
{
	return kv_slice_is(&header->name, name);
}

static bool
is_forwarded(const struct kv_header *header, const char *replaced)
{
	return !header->hop && (replaced == NULL || !kv_name_is(&header->name, replaced));
}

static char *
put(char *at, const struct kv_slice *slice)
{
	memcpy(at, slice->at, slice->len);
	return at + slice->len;
}

/* "name: value"; libcurl wants "name;" for an empty value, for "name:" means to leave it out. */
static char *
put_header(char *at, const struct kv_header *header)
{
	at = put(at, &header->name);
	if (header->value.len == 0) {
		*at++ = ';';
	} else {
		*at++ = ':';
		*at++ = ' ';
		at = put(at, &header->value);
	}
	*at++ = '\0';
	return at;
}

struct curl_slist *
kv_forward_headers(const struct kv_head *head, const char *replaced, char *line, const char **target)
{
	size_t count = OWN, text = head->path.len + 1;
	struct curl_slist *list, *node;
	bool accepts = false;
	char *at;

	for (size_t i = 0; i < head->header_count; i++) {
		const struct kv_header *header = &head->header[i];

		if (!is_forwarded(header, replaced))
			continue;
		count++;
		text += header->name.len + header->value.len + 3;
		accepts = accepts || is_named(header, "Accept");
	}
	list = malloc(count * sizeof(*list) + text);
	if (list == NULL)
		return NULL;
	at = (char *)(list + count);
	*target = at;
	at = put(at, &head->path);
	*at++ = '\0';
	node = list;
	for (size_t i = 0; i < head->header_count; i++) {
		if (!is_forwarded(&head->header[i], replaced))
			continue;
		*node = (struct curl_slist){ .data = at, .next = node + 1 };
		node++;
		at = put_header(at, &head->header[i]);
	}
	if (line != NULL) {
		*node = (struct curl_slist){ .data = line, .next = node + 1 };
		node++;
	}
	if (!accepts) {
		*node = (struct curl_slist){ .data = no_accept, .next = node + 1 };
		node++;
	}
	*node = (struct curl_slist){
		.data = head->expect_continue && head->body != KV_BODY_NONE ? do_expect : no_expect, .next = NULL,
	};
	return list;
}

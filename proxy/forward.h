/* A request's headers as libcurl takes them. Pure but for memory. */
#ifndef KV_PROXY_FORWARD_H
#define KV_PROXY_FORWARD_H

#include "proxy/head.h"

struct curl_slist;

/*
 * The list for this head: what is not hop-by-hop; without `replaced` (a header's name, any case; NULL: none is), with
 * `line` instead (borrowed, not copied: it is a secret). target: set to the path, ended with NUL. All of it is one
 * block, for free(3). NULL when there is no memory.
 */
struct curl_slist *kv_forward_headers(const struct kv_head *head, const char *replaced, char *line, const char **target);

#endif

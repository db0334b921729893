/*
 * What a session's proxy is told, once, at its start: by stage one (root), over a descriptor. Text, a line for each
 * word: KEY TAB VALUE [TAB VALUE ...] NEWLINE; the last line is "end". Unknown keys, a missing end,
 * a line twice that can stand once only, a control byte or more than KV_EGRESS_TEXT_MAX bytes refuse the start.
 * kv_egress_config_write is its other half.
 *
 *   format TAB logfmt|json              audit_required TAB yes|no
 *   subject TAB session TAB user TAB uid TAB service TAB from TAB rule TAB policy TAB backend TAB score   (empty: unknown)
 *   host TAB ITEM                       of allowed_hosts, in order; none: nothing is allowed
 *   port TAB N                          of allowed_ports; none: 80 and 443 only
 *   method TAB NAME                     of allowed_methods; none: any
 *   path TAB PREFIX                     of allowed_paths; none: any
 *   credential TAB NAME TAB HEADER TAB PORT TAB VALUE    VALUE is the header's whole value
 *   for TAB ITEM                        a host (host.h, never "*") that the credential above is for
 */
#ifndef KV_PROXY_CONFIG_H
#define KV_PROXY_CONFIG_H

#include "proxy/head.h"

struct kv_error;

#define KV_EGRESS_TEXT_MAX	(1U << 20)
#define KV_EGRESS_VALUE_MAX	8192	/* bytes of a credential's header value, with NUL */

struct kv_egress_credential {
	char name[64];
	char header[64];		/* as it is sent: "Authorization" */
	uint16_t port;			/* of the upstream, https */
	char *value;			/* owned, in memory given by secret (see below); wiped at release */
	struct kv_host_rule *host;	/* owned */
	size_t host_count;
};

struct kv_egress_config {
	bool json, audit_required;
	char session[33], user[64], service[64], from[256], rule[64], policy[64], backend[64];
	long long uid;			/* -1: unknown */
	int score;			/* -1: unknown */
	struct kv_host_rule *host;	/* owned */
	size_t host_count;
	uint16_t *port;			/* owned */
	size_t port_count;
	char **method, **path;		/* owned */
	size_t method_count, path_count;
	struct kv_egress_credential *credential;	/* owned */
	size_t credential_count;
};

/*
 * Reads the text. Values of credentials are copied by keep (locked memory) and given back by drop, which wipes; the caller
 * wipes text. 0, or -1 with KV_ERR_CONFIG or KV_ERR_NOMEM.
 */
int kv_egress_config_parse(const char *text, size_t len, char *(*keep)(const char *value, size_t len),
    void (*drop)(char *value), struct kv_egress_config *out, struct kv_error *err);
void kv_egress_config_release(struct kv_egress_config *config, void (*drop)(char *value));

/*
 * Writes the text for a proxy, without a NUL; the caller wipes it. Of host rules only text is read, as the policy has
 * it: no name is canonicalised here, so that who starts the proxy needs no IDNA. The bytes written, or -1 where it does not fit
 * size or holds a control byte.
 */
long kv_egress_config_write(const struct kv_egress_config *config, char *text, size_t size);

/* What a request comes to. */
struct kv_egress_verdict {
	bool allowed;
	const char *why;		/* static; for a refusal: "host", "port", "method", "path", "tunnel" */
	char rule[KV_HOST_MAX + 18];	/* what decided, for the record: "allowed_hosts: *.example.org", "allowed_ports" ... */
	bool tls;			/* upstream by TLS: an https target, or a credential that makes it so */
	uint16_t port;			/* of the upstream */
	const struct kv_egress_credential *credential;	/* borrowed; NULL: none is added */
};

/*
 * Decides on a request, before any name is resolved. Pure. A tunnel (CONNECT, SOCKS) is allowed only where methods and paths are not
 * restricted, or allowed_methods names CONNECT and allowed_paths is not set. A credential is for requests whose
 * target is one of its hosts at port 80 by http, or at the credential's port by https or by http (the first such);
 * the request then goes to that port by TLS, and the header of this name which the client sent is dropped.
 * Credentials never go into a tunnel, nor with TRACE, which would echo them. What overrides the method in a header
 * (X-HTTP-Method-Override) must be allowed as well, what names another path (X-Original-URL, Destination) is refused beside allowed_paths.
 * allowed_hosts must allow the host in any case, and allowed_ports the upstream's port.
 */
void kv_egress_decide(const struct kv_egress_config *config, const struct kv_head *head, struct kv_egress_verdict *out);
void kv_egress_decide_tunnel(const struct kv_egress_config *config, const struct kv_host *host, uint16_t port,
    struct kv_egress_verdict *out);

/* Does allowed_hosts list that very address. */
bool kv_egress_listed(const struct kv_egress_config *config, const struct kv_address *address);

/*
 * May the proxy connect to this address for that host: NULL, or why not (kv_address_closed). Closed addresses are open where
 * they are listed. The host's own are looked for apart (own.h).
 */
const char *kv_egress_address(const struct kv_egress_config *config, const struct kv_address *address);

#endif

#include "proxy/config.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START	"format\tlogfmt\naudit_required\tno\nsubject\t\t\t\t\t\t\t\t\t\n"
#define API	"host\tapi.example.org\n"
#define KEY	"credential\tapi\tAuthorization\t443\tBearer x\nfor\tapi.example.org\n"

static char *
keep(const char *value, size_t len)
{
	return strndup(value, len);
}

static void
drop(char *value)
{
	free(value);
}

static void
configure(const char *lines, struct kv_egress_config *config)
{
	struct kv_error err = KV_ERROR_INIT;
	char text[4096];
	int n = snprintf(text, sizeof(text), START "%send\n", lines);

	ATF_REQUIRE_EQ_MSG(0, kv_egress_config_parse(text, (size_t)n, keep, drop, config, &err), "<%s>: %s", lines, err.msg);
}

/* Host is written from the target. */
static void
decide(const struct kv_egress_config *config, const char *line, const char *headers, struct kv_egress_verdict *verdict)
{
	static struct kv_head head;
	const char *target = strchr(line, ' ') + 1, *why, *authority = strstr(target, "//");
	char text[2048];
	int n;

	authority = authority != NULL ? authority + 2 : target;
	n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: %.*s\r\n%s\r\n", line, (int)strcspn(authority, "/? "), authority, headers);
	ATF_REQUIRE_EQ_MSG(n, kv_head_parse(text, (size_t)n, &head, &why), "<%s>: %s", text, why);
	kv_egress_decide(config, &head, verdict);
}

struct sample {
	const char *lines, *request;
	const char *why, *rule;		/* why NULL: allowed; rule NULL: any */
	const char *headers;		/* NULL: none */
};

static void
check_samples(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct kv_egress_config config;
		struct kv_egress_verdict v;

		configure(samples[i].lines, &config);
		decide(&config, samples[i].request, samples[i].headers != NULL ? samples[i].headers : "", &v);
		ATF_CHECK_MSG(v.allowed == (samples[i].why == NULL) && (v.why == NULL) == v.allowed, "<%s> <%s>: %s",
		    samples[i].lines, samples[i].request, v.why != NULL ? v.why : "allowed");
		ATF_CHECK_STREQ_MSG(samples[i].why != NULL ? samples[i].why : "", v.why != NULL ? v.why : "", "<%s> <%s>",
		    samples[i].lines, samples[i].request);
		if (samples[i].rule != NULL)
			ATF_CHECK_STREQ_MSG(samples[i].rule, v.rule, "<%s> <%s>", samples[i].lines, samples[i].request);
		kv_egress_config_release(&config, drop);
	}
}
#define CHECK(samples) check_samples(samples, sizeof(samples) / sizeof((samples)[0]))

ATF_TC_WITHOUT_HEAD(hosts_and_ports);
ATF_TC_BODY(hosts_and_ports, tc)
{
	static const struct sample samples[] = {
		{ "", "GET http://api.example.org/", "host", "allowed_hosts", NULL }, { "", "CONNECT api.example.org:443", "host", "allowed_hosts", NULL },
		{ "", "GET http://127.0.0.1/", "host", NULL, NULL }, { "port\t80\n", "GET http://api.example.org/", "host", NULL, NULL },
		{ API, "GET http://api.example.org/", NULL, "allowed_hosts: api.example.org", NULL }, { API, "GET http://API.example.org./", NULL, NULL, NULL },
		{ API, "GET https://api.example.org/", NULL, NULL, NULL }, { API, "GET http://example.org/", "host", NULL, NULL },
		{ API, "GET http://x.api.example.org/", "host", NULL, NULL }, { API, "GET http://api.example.org.evil.example/", "host", NULL, NULL },
		{ "host\t*.example.org\n" API, "GET http://api.example.org/", NULL, "allowed_hosts: *.example.org", NULL },
		{ "host\t*\n", "GET http://any.example/", NULL, "allowed_hosts: *", NULL }, { "host\t*\n", "GET http://8.8.8.8/", "host", NULL, NULL },
		{ "host\t*\n", "GET http://[::ffff:169.254.169.254]/", "host", NULL, NULL }, { "host\t*\n", "CONNECT 127.0.0.1:443", "host", NULL, NULL },
		{ "host\t10.0.0.1\n", "GET http://10.0.0.1/", NULL, "allowed_hosts: 10.0.0.1", NULL }, { "host\t10.0.0.1\n", "GET http://[::ffff:10.0.0.1]/", NULL, NULL, NULL },
		{ "host\t10.0.0.1\n", "GET http://10.0.0.2/", "host", NULL, NULL },
		{ API, "GET http://api.example.org:8080/", "port", "allowed_ports", NULL }, { API, "CONNECT api.example.org:22", "port", "allowed_ports", NULL },
		{ API, "CONNECT api.example.org:443", NULL, NULL, NULL }, { API, "CONNECT api.example.org:80", NULL, NULL, NULL },
		{ API "port\t8080\n", "GET http://api.example.org:8080/", NULL, NULL, NULL }, { API "port\t8080\n", "GET http://api.example.org/", "port", NULL, NULL },
		{ API "port\t22\n", "CONNECT api.example.org:22", NULL, NULL, NULL }, { API "port\t22\n", "CONNECT api.example.org:443", "port", NULL, NULL },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(methods_and_paths);
ATF_TC_BODY(methods_and_paths, tc)
{
	static const struct sample samples[] = {
		{ API "method\tGET\n", "GET http://api.example.org/", NULL, NULL, NULL }, { API "method\tGET\n", "get http://api.example.org/", "method", "allowed_methods", NULL },
		{ API "method\tGET\n", "GETX http://api.example.org/", "method", NULL, NULL }, { API "method\tGET\n", "HEAD http://api.example.org/", "method", NULL, NULL },
		{ API "method\tGET\nmethod\tPUT\n", "PUT http://api.example.org/", NULL, NULL, NULL },
		{ API "method\tPOST\n", "POST http://api.example.org/", "method", NULL, "X-HTTP-Method-Override: DELETE\r\n" },
		{ API "method\tPOST\n", "POST http://api.example.org/", "method", NULL, "x-http-method: DELETE\r\n" },
		{ API "method\tPOST\n", "POST http://api.example.org/", "method", NULL, "X-Method-Override: DELETE\r\n" },
		{ API "method\tPOST\n", "POST http://api.example.org/", "method", NULL, "X_HTTP_Method-override: DELETE\r\n" },
		{ API "method\tPOST\n", "POST http://api.example.org/", NULL, NULL, "X-HTTP-Method-Override: POST\r\n" },
		{ API, "POST http://api.example.org/", NULL, NULL, "X-HTTP-Method-Override: DELETE\r\n" },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/x?y", NULL, NULL, NULL }, { API "path\t/simple/\n", "GET http://api.example.org/", "path", "allowed_paths", NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org", "path", NULL, NULL }, { API "path\t/simple/\n", "GET http://api.example.org/simple", "path", NULL, NULL },
		{ API "path\t/simple\n", "GET http://api.example.org/simple", NULL, NULL, NULL }, { API "path\t/simple\n", "GET http://api.example.org/simplex", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/../admin", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/%2e%2e/admin", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/..%2fadmin", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/..%5cadmin", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple//admin", "path", NULL, NULL },
		{ API "path\t/simple/\n", "GET http://api.example.org/simple/..;/admin", "path", NULL, NULL },
		{ API "path\t/\n", "GET http://api.example.org/any/thing", NULL, NULL, NULL }, { API, "GET http://api.example.org/a/../b", NULL, NULL, NULL },
		{ API "path\t/a\npath\t/b\n", "GET http://api.example.org/b/c", NULL, NULL, NULL },
		{ API "path\t/a\n", "GET http://api.example.org/a", "path", NULL, "X-Original-URL: /b\r\n" },
		{ API "path\t/a\n", "GET http://api.example.org/a", "path", NULL, "X_Original_URL: /b\r\n" },
		{ API "path\t/a\n", "GET http://api.example.org/a", NULL, NULL, "X_Original_URI_: /b\r\n" },
		{ API "path\t/a\n", "GET http://api.example.org/a", "path", NULL, "x-rewrite-url: /b\r\n" },
		{ API "path\t/a\n", "MOVE http://api.example.org/a", "path", NULL, "Destination: /b\r\n" },
		{ API, "GET http://api.example.org/a", NULL, NULL, "X-Original-URL: /b\r\nDestination: /b\r\n" },
		{ API "method\tGET\npath\t/a\n", "PUT http://api.example.org/a", "method", NULL, NULL },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(tunnels);
ATF_TC_BODY(tunnels, tc)
{
	static const struct sample samples[] = {
		{ API, "CONNECT api.example.org:443", NULL, "allowed_hosts: api.example.org", NULL },
		{ API "method\tGET\n", "CONNECT api.example.org:443", "tunnel", "allowed_methods", NULL },
		{ API "method\tconnect\n", "CONNECT api.example.org:443", "tunnel", "allowed_methods", NULL },
		{ API "method\tGET\nmethod\tCONNECT\n", "CONNECT api.example.org:443", NULL, NULL, NULL },
		{ API "path\t/\n", "CONNECT api.example.org:443", "tunnel", "allowed_paths", NULL },
		{ API "method\tCONNECT\npath\t/\n", "CONNECT api.example.org:443", "tunnel", "allowed_paths", NULL },
		{ API "method\tGET\n", "CONNECT evil.example:443", "host", NULL, NULL },
	};
	struct kv_egress_config config;
	struct kv_egress_verdict v;
	struct kv_host host;

	CHECK(samples);
	configure(API KEY, &config);
	decide(&config, "CONNECT api.example.org:443", "", &v);
	ATF_CHECK(v.allowed && v.credential == NULL && !v.tls && v.port == 443);
	ATF_REQUIRE_EQ(0, kv_host_parse("api.example.org", 15, false, &host));
	kv_egress_decide_tunnel(&config, &host, 80, &v);
	ATF_CHECK(v.allowed && v.credential == NULL && !v.tls && v.port == 80);
	kv_egress_config_release(&config, drop);
}

ATF_TC_WITHOUT_HEAD(credentials_go_where_they_belong);
ATF_TC_BODY(credentials_go_where_they_belong, tc)
{
	static const struct {
		const char *request;
		bool added, tls;
		uint16_t port;
	} samples[] = {
		{ "GET http://api.example.org/", true, true, 8443 }, { "GET http://api.example.org:8443/", true, true, 8443 },
		{ "GET https://api.example.org:8443/", true, true, 8443 },
		{ "GET https://api.example.org/", false, true, 443 }, { "GET http://api.example.org:8080/", false, false, 8080 },
		{ "GET https://api.example.org:80/", false, true, 80 }, { "GET http://api.example.org:443/", false, false, 443 },
		{ "GET http://www.example.org/", false, false, 80 }, { "GET https://www.example.org:8443/", false, true, 8443 },
		{ "GET http://sub.api.example.org/", false, false, 80 }, { "GET http://x.b.example/", true, true, 8443 }, { "GET http://b.example/", false, false, 80 },
	};
	struct kv_egress_config config;
	struct kv_egress_verdict v;

	configure("host\t*.example.org\nhost\tb.example\nhost\t*.b.example\nport\t80\nport\t443\nport\t8080\nport\t8443\n"
	    "credential\tapi\tAuthorization\t8443\tBearer x\nfor\tapi.example.org\nfor\t*.b.example\n", &config);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		decide(&config, samples[i].request, "", &v);
		ATF_CHECK_MSG(v.allowed, "<%s>: %s", samples[i].request, v.why);
		ATF_CHECK_EQ_MSG(samples[i].added, v.credential != NULL, "<%s>", samples[i].request);
		ATF_CHECK_EQ_MSG(samples[i].tls, v.tls, "<%s>", samples[i].request);
		ATF_CHECK_EQ_MSG(samples[i].port, v.port, "<%s>: %u", samples[i].request, v.port);
	}
	kv_egress_config_release(&config, drop);
}

ATF_TC_WITHOUT_HEAD(credentials_open_nothing);
ATF_TC_BODY(credentials_open_nothing, tc)
{
	static const struct sample samples[] = {
		{ API KEY, "GET http://api.example.org/", NULL, NULL, NULL }, { KEY, "GET http://api.example.org/", "host", NULL, NULL },
		{ API KEY "port\t80\n", "GET http://api.example.org/", "port", "allowed_ports", NULL }, { API KEY "port\t443\n", "GET http://api.example.org/", NULL, NULL, NULL },
		{ API KEY "method\tGET\n", "PUT http://api.example.org/", "method", NULL, NULL }, { API KEY "path\t/a\n", "GET http://api.example.org/b", "path", NULL, NULL },
		{ API KEY, "TRACE http://api.example.org/", "method", "TRACE with a credential", NULL }, { API KEY, "trace http://api.example.org/", "method", NULL, NULL },
		{ API KEY, "TRACK http://api.example.org/", "method", NULL, NULL }, { API, "TRACE http://api.example.org/", NULL, NULL, NULL },
		{ API KEY, "POST http://api.example.org/", "method", "TRACE with a credential", "X-HTTP-Method-Override: trace\r\n" },
		{ API KEY, "POST http://api.example.org/", NULL, NULL, "X-HTTP-Method-Override: PATCH\r\n" },
	};
	struct kv_egress_config config;
	struct kv_egress_verdict v;

	CHECK(samples);
	configure(KEY, &config);
	decide(&config, "GET http://api.example.org/", "", &v);
	ATF_CHECK(!v.allowed && v.credential == NULL);
	kv_egress_config_release(&config, drop);
}

ATF_TC_WITHOUT_HEAD(closed_addresses_are_open_where_listed);
ATF_TC_BODY(closed_addresses_are_open_where_listed, tc)
{
	static const struct {
		const char *text, *why;
	} samples[] = {
		{ "127.0.0.1", NULL }, { "::ffff:127.0.0.1", NULL }, { "127.0.0.2", "loopback" }, { "fd00::1", NULL }, { "fd00::2", "private" },
		{ "8.8.8.8", NULL }, { "10.0.0.1", "private" }, { "169.254.169.254", "metadata" }, { "64:ff9b::127.0.0.1", "translated" },
		{ "0.0.0.0", "unspecified" }, { "::", "unspecified" }, { "::127.0.0.1", "translated" }, { "2002:7f00:1::", "translated" }, { "::1", "loopback" },
	};
	struct kv_egress_config config;

	configure("host\t127.0.0.1\nhost\tfd00::1\nhost\t*\nhost\tlocalhost\n", &config);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_address address;
		uint8_t bytes[16];
		bool v6 = strchr(samples[i].text, ':') != NULL;
		const char *why;

		ATF_REQUIRE_EQ(1, inet_pton(v6 ? AF_INET6 : AF_INET, samples[i].text, bytes));
		kv_address_set(&address, v6, bytes);
		why = kv_egress_address(&config, &address);
		ATF_CHECK_STREQ_MSG(samples[i].why != NULL ? samples[i].why : "", why != NULL ? why : "", "<%s>", samples[i].text);
	}
	kv_egress_config_release(&config, drop);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, hosts_and_ports);
	ATF_TP_ADD_TC(tp, methods_and_paths);
	ATF_TP_ADD_TC(tp, tunnels);
	ATF_TP_ADD_TC(tp, credentials_go_where_they_belong);
	ATF_TP_ADD_TC(tp, credentials_open_nothing);
	ATF_TP_ADD_TC(tp, closed_addresses_are_open_where_listed);
	return atf_no_error();
}

#include "proxy/forward.h"

#include "common/error.h"

#include <atf-c.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static char secret[] = "Authorization: Bearer x";

static void
check_list(const char *text, const char *replaced, char *line, const char *want_target, const char *const *want)
{
	struct kv_head head;
	const char *why = "", *target = NULL;
	struct curl_slist *list, *node;

	ATF_REQUIRE_MSG(kv_head_parse(text, strlen(text), &head, &why) > 0, "%s", why);
	list = node = kv_forward_headers(&head, replaced, line, &target);
	ATF_REQUIRE(list != NULL);
	ATF_CHECK_STREQ(want_target, target);
	for (; *want != NULL; want++, node = node->next) {
		ATF_REQUIRE_MSG(node != NULL, "wanted %s", *want);
		ATF_CHECK_STREQ(*want, node->data);
		if (line != NULL && strcmp(*want, line) == 0)
			ATF_CHECK_MSG(node->data == line, "the secret was copied");
	}
	ATF_CHECK_MSG(node == NULL, "more: %s", node != NULL ? node->data : "");
	free(list);
}

#define WANT(...) (const char *const[]){ __VA_ARGS__, NULL }

ATF_TC_WITHOUT_HEAD(headers_pass);
ATF_TC_BODY(headers_pass, tc)
{
	check_list("GET http://a.example/p?q HTTP/1.1\r\nHost: a.example\r\nX: 1\r\nAccept: y\r\nEmpty:\r\n\r\n", NULL, NULL, "/p?q",
	    WANT("X: 1", "Accept: y", "Empty;", "Expect:"));
	check_list("POST http://a.example HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", NULL, NULL, "/",
	    WANT("Accept:", "Expect: 100-continue"));
}

ATF_TC_WITHOUT_HEAD(credential_takes_the_place_of_the_clients);
ATF_TC_BODY(credential_takes_the_place_of_the_clients, tc)
{
	check_list("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nauthorization: mine\r\nAUTHORIZATION:more\r\nX: 1\r\n\r\n",
	    "Authorization", secret, "/", WANT("X: 1", secret, "Accept:", "Expect:"));
	/* Some servers read these as that header, and take the last, or the first. */
	check_list("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX_Api_Key: mine\r\nx-api_key: mine\r\nX-ApiKey: 1\r\n\r\n",
	    "X-Api-Key", secret, "/", WANT("X-ApiKey: 1", secret, "Accept:", "Expect:"));
	check_list("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: mine\r\n\r\n", "X_Api_Key", secret, "/",
	    WANT(secret, "Accept:", "Expect:"));
	check_list("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX_Api_Key: mine\r\n\r\n", NULL, NULL, "/",
	    WANT("X_Api_Key: mine", "Accept:", "Expect:"));
	/* Its twin: without a credential the client's own passes. */
	check_list("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nauthorization: mine\r\n\r\n", NULL, NULL, "/",
	    WANT("authorization: mine", "Accept:", "Expect:"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, headers_pass);
	ATF_TP_ADD_TC(tp, credential_takes_the_place_of_the_clients);
	return atf_no_error();
}

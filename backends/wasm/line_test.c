#include "backends/wasm/line.h"

#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "common/error.h"
#include "session/ticket.h"

static char *
text_of(const char *text)
{
	char *copy = strdup(text);

	ATF_REQUIRE(copy != NULL);
	return copy;
}

/* The command line for this ticket, with | between its words; the reason where there is none. */
static const char *
line_of(const struct kv_ticket *ticket)
{
	static char line[4096];
	struct kv_error err = KV_ERROR_INIT;
	char *words[] = { text_of("m.wasm"), text_of("-x"), text_of("a b"), text_of(""), NULL };
	char *variables[] = { text_of("A=1"), text_of("B="), text_of("C=x y=z"), NULL };
	const struct kv_launch launch = { .ticket = ticket, .file = "/m.wasm", .argv = words, .envp = variables };
	char **argv = kv_wasm_argv(ticket, &launch, &err);

	line[0] = '\0';
	ATF_CHECK_EQ(argv == NULL, err.code != KV_ERR_NONE);
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
		(void)strcat(line, i > 0 ? "|" : "");
		(void)strcat(line, argv[i]);
	}
	if (argv == NULL)
		(void)snprintf(line, sizeof(line), "%s", err.msg);
	kv_wasm_argv_free(argv);
	for (size_t i = 0; words[i] != NULL; i++)
		free(words[i]);
	for (size_t i = 0; variables[i] != NULL; i++)
		free(variables[i]);
	return line;
}

static void
add_rule(struct kv_ticket *ticket, const char *path, bool preopen)
{
	(void)snprintf(ticket->landlock[ticket->landlock_count].path, KV_PATH_MAX, "%s", path);
	ticket->landlock[ticket->landlock_count++].preopen = preopen;
}

static struct kv_ticket *
ticket_of(const char *runtime, const char *option)
{
	struct kv_ticket *ticket = calloc(1, sizeof(*ticket));

	ATF_REQUIRE(ticket != NULL);
	(void)snprintf(ticket->runtime, sizeof(ticket->runtime), "%s", runtime);
	(void)snprintf(ticket->runtime_option, sizeof(ticket->runtime_option), "%s", option);
	return ticket;
}

#define MODULE "--env|A=1|--env|B=|--env|C=x y=z|--|/m.wasm|-x|a b|"
#define ALL "wat,component,network,memory,fuel,timeout"

ATF_TC_WITHOUT_HEAD(limits_are_handed_on);
ATF_TC_BODY(limits_are_handed_on, tc)
{
	struct kv_ticket *ticket = ticket_of("/usr/bin/wasmtime", ALL);

	ATF_CHECK_STREQ("/usr/bin/wasmtime|run|-C|parallel-compilation=n|" MODULE, line_of(ticket));
	ticket->wasm_memory = 64U << 20;
	ticket->wasm_fuel = 1234567890123;
	ticket->wasm_timeout_ms = 1500;
	ATF_CHECK_STREQ("/usr/bin/wasmtime|run|-C|parallel-compilation=n|-W|max-memory-size=67108864|-W|"
	    "trap-on-grow-failure=y|-W|fuel=1234567890123|-W|timeout=1500ms|" MODULE, line_of(ticket));
	/* The cgroup's limit stays; what the decision relied on is never left out. */
	ticket->runtime_option[0] = '\0';
	ATF_CHECK(strstr(line_of(ticket), "max-memory") == NULL);
	ATF_CHECK(strstr(line_of(ticket), "fuel=") != NULL && strstr(line_of(ticket), "timeout=") != NULL);
	free(ticket);
}

ATF_TC_WITHOUT_HEAD(network_needs_policy_and_runtime);
ATF_TC_BODY(network_needs_policy_and_runtime, tc)
{
	static const struct { enum kv_network network; const char *option; bool given; } samples[] = {
		{ KV_NET_OFF, ALL, false }, { KV_NET_HOST, "wat,component", false }, { KV_NET_HOST, ALL, true },
		{ KV_NET_LOOPBACK, ALL, true }, { KV_NET_PROXY, ALL, false }, { KV_NET_HOST, "networks", false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct kv_ticket *ticket = ticket_of("/usr/bin/wasmtime", samples[i].option);

		ticket->network = (int32_t)samples[i].network;
		ATF_CHECK_EQ_MSG(samples[i].given, strstr(line_of(ticket), "|-S|inherit-network=y|") != NULL, "%zu: %s", i,
		    line_of(ticket));
		free(ticket);
	}
}

ATF_TC_WITHOUT_HEAD(only_the_policys_folders_are_opened);
ATF_TC_BODY(only_the_policys_folders_are_opened, tc)
{
	struct kv_ticket *ticket = ticket_of("/usr/bin/wasmtime", "");

	(void)strcpy(ticket->data[0], "/srv/data");
	ticket->data_count = 1;
	ATF_CHECK_STREQ("/usr/bin/wasmtime|run|-C|parallel-compilation=n|--dir|/srv/data|" MODULE, line_of(ticket));
	add_rule(ticket, "/a b", true);
	add_rule(ticket, "/usr/lib", false);
	add_rule(ticket, "/srv/data", true);
	add_rule(ticket, "/m.wasm", false);
	ATF_CHECK_STREQ("/usr/bin/wasmtime|run|-C|parallel-compilation=n|--dir|/a b|--dir|/srv/data|" MODULE, line_of(ticket));
	/* It would be /a under the name of /etc. */
	add_rule(ticket, "/a::/etc", true);
	ATF_CHECK(strstr(line_of(ticket), "/a::/etc: a module cannot be given") != NULL);
	free(ticket);
}

ATF_TC_WITHOUT_HEAD(runtimes);
ATF_TC_BODY(runtimes, tc)
{
	static const char *const unknown[] = { "", "wasmtime", "/usr/bin/crun", "/usr/bin/wasmtime2", "/wasmtime/x", "/bin/" };
	struct kv_ticket *ticket = ticket_of("/opt/wasmi", "wat");

	add_rule(ticket, "/a", true);
	/* It takes no variable without a value. */
	ATF_CHECK_STREQ("/opt/wasmi|--dir|/a|--env|A=1|--env|C=x y=z|--|/m.wasm|-x|a b|", line_of(ticket));
	free(ticket);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		ticket = ticket_of(unknown[i], "");
		ATF_CHECK_MSG(strstr(line_of(ticket), "no runtime that is known") != NULL, "%s", line_of(ticket));
		free(ticket);
	}
}

/* What is on a command line all users of the host may read. */
ATF_TC_WITHOUT_HEAD(credentials_are_named_only);
ATF_TC_BODY(credentials_are_named_only, tc)
{
	struct kv_ticket *ticket = ticket_of("/bin/wasmtime", "");
	char a[] = "A=1", c[] = "C=x y=z", cc[] = "CC=1", *envp[] = { a, c, cc, NULL }, *secrets[KV_CREDENTIALS_MAX + 1];

	ticket->secrets_count = 2;	/* the first is standard input */
	(void)strcpy(ticket->secrets[1].variable, "C");
	ATF_CHECK_STREQ("/bin/wasmtime|run|-C|parallel-compilation=n|--env|A=1|--env|B=|--env|C|--|/m.wasm|-x|a b|", line_of(ticket));
	kv_wasm_secrets(ticket, envp, secrets);
	ATF_CHECK(secrets[0] == c && secrets[1] == NULL);
	free(ticket);
	ticket = ticket_of("/bin/wasmi", "");
	ticket->secrets_count = 1;
	(void)strcpy(ticket->secrets[0].variable, "C");
	ATF_CHECK(strstr(line_of(ticket), "C is a credential") != NULL);
	(void)strcpy(ticket->secrets[0].variable, "OTHER");
	ATF_CHECK_STREQ("/bin/wasmi|--env|A=1|--env|C=x y=z|--|/m.wasm|-x|a b|", line_of(ticket));
	free(ticket);
}

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	char path[32];

	ATF_CHECK(kv_wasm_can("fuel", "fuel") && kv_wasm_can("wat,fuel", "fuel") && kv_wasm_can("fuel,wat", "fuel"));
	ATF_CHECK(!kv_wasm_can("", "fuel") && !kv_wasm_can("fuels", "fuel") && !kv_wasm_can("a,fue,l", "fuel"));
	ATF_CHECK(kv_wasm_knows("/bin/wasmtime", "fuel") && kv_wasm_knows("/bin/wasmi", "wat"));
	ATF_CHECK(!kv_wasm_knows("/bin/wasmi", "fuel") && !kv_wasm_knows("/bin/crun", "wat"));
	ATF_CHECK_EQ(0, kv_wasm_module("/home/a", "/m.wasm", path, sizeof(path), &err));
	ATF_CHECK_STREQ("/m.wasm", path);
	ATF_CHECK_EQ(0, kv_wasm_module("/home/a", "b/m.wasm", path, sizeof(path), &err));
	ATF_CHECK_STREQ("/home/a/b/m.wasm", path);
	ATF_CHECK_EQ(-1, kv_wasm_module("/home/a", "0123456789/0123456789/m.wasm", path, sizeof(path), &err));
	ATF_CHECK_EQ(KV_ERR_USAGE, err.code);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, limits_are_handed_on);
	ATF_TP_ADD_TC(tp, network_needs_policy_and_runtime);
	ATF_TP_ADD_TC(tp, only_the_policys_folders_are_opened);
	ATF_TP_ADD_TC(tp, runtimes);
	ATF_TP_ADD_TC(tp, credentials_are_named_only);
	ATF_TP_ADD_TC(tp, names);
	return atf_no_error();
}

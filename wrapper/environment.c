#include "wrapper/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "policy/variable.h"
#include "session/ticket.h"

#define TEXT_OF(number) #number
#define PORT_TEXT(number) TEXT_OF(number)
#define PROXY_AT "127.0.0.1:" PORT_TEXT(KV_EGRESS_PORT)
#define OWN_VARIABLES 16	/* at most, of those that are not the caller's */

#define PATH_INSIDE "/usr/local/bin:/usr/bin:/bin:/usr/games"

/* A trailing * stands for any end. */
static const char *const kept[] = {
	"TERM", "COLORTERM", "LANG", "LANGUAGE", "LC_*", "TZ",
	"SSH_CLIENT", "SSH_CONNECTION", "SSH_AUTH_SOCK", "DISPLAY",
};

static bool
listed(const char *const list[], size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (kv_variable_matches(list[i], name, len))
			return true;
	}
	return false;
}

/* Locale and terminal names are looked up as files: no way out of their folders. */
static bool
value_is_sane(const char *name, size_t len, const char *value)
{
	static const char *const looked_up[] = { "TERM", "LANG", "LANGUAGE", "LC_*", "TZ" };

	if (!listed(looked_up, sizeof(looked_up) / sizeof(looked_up[0]), name, len))
		return true;
	return strlen(value) < 256 && strstr(value, "..") == NULL && value[0] != '/';
}

static bool
policy_keeps(const struct kv_ticket *ticket, const char *name, size_t len)
{
	for (uint32_t i = 0; i < ticket->environment_count; i++) {
		if (kv_variable_matches(ticket->environment[i], name, len))
			return true;
	}
	return false;
}

/* What a credential sets is not the caller's to say. */
static bool
is_secret(const struct kv_ticket *ticket, const char *name, size_t len)
{
	for (uint32_t i = 0; i < ticket->secrets_count; i++) {
		const char *variable = ticket->secrets[i].variable;

		if (variable[0] != '\0' && kv_variable_matches(variable, name, len))
			return true;
	}
	return false;
}

static bool
passes(const struct kv_ticket *ticket, const char *variable)
{
	const char *equals = strchr(variable, '=');
	size_t len = equals == NULL ? 0 : (size_t)(equals - variable);

	if (equals == NULL || !kv_variable_name_ok(variable, len) ||
	    kv_variable_reserved(variable, len) || is_secret(ticket, variable, len))
		return false;
	if (!listed(kept, sizeof(kept) / sizeof(kept[0]), variable, len) &&
	    !policy_keeps(ticket, variable, len))
		return false;
	return value_is_sane(variable, len, equals + 1);
}

static bool
add(char **list, size_t *count, const char *name, const char *value)
{
	if (asprintf(&list[*count], "%s=%s", name, value) < 0) {
		list[*count] = NULL;
		return false;
	}
	(*count)++;
	return true;
}

/*
 * Where network = proxy is: programs differ in which case they read. What is on the session's own
 * loopback is reached without it.
 */
static bool
add_proxy(const struct kv_ticket *ticket, char **list, size_t *count)
{
	static const char *const http[] = { "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY" };
	static const char *const all[] = { "all_proxy", "ALL_PROXY" };
	static const char *const none[] = { "no_proxy", "NO_PROXY" };
	bool good = true;

	if (ticket->network != KV_NET_PROXY)
		return true;
	for (size_t i = 0; good && i < sizeof(http) / sizeof(http[0]); i++)
		good = add(list, count, http[i], "http://" PROXY_AT);
	for (size_t i = 0; good && i < sizeof(all) / sizeof(all[0]); i++)
		good = add(list, count, all[i], "socks5h://" PROXY_AT);
	for (size_t i = 0; good && i < sizeof(none) / sizeof(none[0]); i++)
		good = add(list, count, none[i], "localhost,127.0.0.1,::1");
	return good;
}

/* sshd's name for the terminal does not exist inside; the terminal does. */
static bool
has_terminal(char *const envp[])
{
	for (size_t i = 0; envp[i] != NULL; i++) {
		if (strncmp(envp[i], "SSH_TTY=", 8) == 0)
			return true;
	}
	return false;
}

/* For this command's environment alone: it never stands in the wrapper's own. */
static bool
add_secrets(char **list, size_t *count, const struct kv_ticket *ticket, const char *values)
{
	for (uint32_t i = 0; i < ticket->secrets_count; i++) {
		const struct kv_ticket_secret *secret = &ticket->secrets[i];

		if (secret->variable[0] != '\0' && !add(list, count, secret->variable, values + secret->offset))
			return false;
	}
	return !ticket->credentials_dir || add(list, count, "CREDENTIALS_DIRECTORY", KV_CREDENTIALS_DIR);
}

char **
kv_environment_build(const struct kv_ticket *ticket, char *const envp[], const char *original,
    const char *values, struct kv_error *err)
{
	size_t variables = 0, count = 0;
	bool good;
	char **list;

	while (envp[variables] != NULL)
		variables++;
	list = calloc(variables + ticket->secrets_count + OWN_VARIABLES, sizeof(*list));
	if (list == NULL) {
		(void)kv_error_sys(err, "environment");
		return NULL;
	}
	good = add(list, &count, "HOME", ticket->home) && add(list, &count, "USER", ticket->user) &&
	    add(list, &count, "LOGNAME", ticket->user) && add(list, &count, "SHELL", ticket->shell) &&
	    add(list, &count, "PATH", PATH_INSIDE);
	if (good && has_terminal(envp))
		good = add(list, &count, "SSH_TTY", "/dev/console");
	if (good && original != NULL)
		good = add(list, &count, "SSH_ORIGINAL_COMMAND", original);
	good = good && add_secrets(list, &count, ticket, values) && add_proxy(ticket, list, &count);
	for (size_t i = 0; good && i < variables; i++) {
		if (!passes(ticket, envp[i]))
			continue;
		list[count] = strdup(envp[i]);
		good = list[count] != NULL;
		count += good ? 1 : 0;
	}
	if (good)
		return list;
	(void)kv_error_sys(err, "environment");
	kv_environment_wipe(list);
	return NULL;
}

void
kv_environment_wipe(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		explicit_bzero(list[i], strlen(list[i]));
		free(list[i]);
	}
	free(list);
}

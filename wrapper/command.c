#include "wrapper/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/wasm/line.h"
#include "common/error.h"
#include "common/words.h"
#include "session/ticket.h"

int
kv_command_parse(int argc, char *const argv[], struct kv_asked *out, struct kv_error *err)
{
	*out = (struct kv_asked){ .login = argv[0][0] == '-' };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-l") == 0 || strcmp(argv[i], "--login") == 0) {
			out->login = true;
		} else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			out->command = argv[i + 1];
			out->rest = &argv[i + 2];
			return 0;
		} else {
			return kv_error_set(err, KV_ERR_USAGE,
			    "this account's shell takes a command after -c, and nothing else");
		}
	}
	return 0;
}

/* execve(2) wants pointers to char that it does not write through. */
static char *
borrow(const char *text)
{
	union { const char *in; char *out; } same = { .in = text };

	return same.out;
}

char **
kv_command_build(const struct kv_ticket *ticket, const struct kv_asked *asked, struct kv_error *err)
{
	bool forced = ticket->command[0] != '\0';
	const char *slash = strrchr(ticket->shell, '/');
	const char *name = slash == NULL ? ticket->shell : slash + 1;
	size_t rest = 0, count = 1;
	char **argv;

	while (!forced && asked->rest != NULL && asked->rest[rest] != NULL)
		rest++;
	argv = calloc(rest + 4, sizeof(*argv));
	if (argv == NULL || asprintf(&argv[0], "%s%s", asked->login ? "-" : "", name) < 0) {
		(void)kv_error_sys(err, "command");
		free(argv);
		return NULL;
	}
	if (forced || asked->command != NULL) {
		argv[count++] = borrow("-c");
		argv[count++] = borrow(forced ? ticket->command : asked->command);
	}
	for (size_t i = 0; i < rest; i++)
		argv[count++] = asked->rest[i];
	return argv;
}

char **
kv_command_module(const struct kv_ticket *ticket, const struct kv_asked *asked, char **file, struct kv_error *err)
{
	const char *command = ticket->command[0] != '\0' ? ticket->command : asked->command;
	char path[KV_PATH_MAX];
	char **argv;

	if (command == NULL || command[0] == '\0') {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "backend wasm cannot run an interactive shell");
		return NULL;
	}
	if (asked->rest != NULL && asked->rest[0] != NULL) {
		(void)kv_error_set(err, KV_ERR_USAGE, "no shell is here for what follows the command");
		return NULL;
	}
	argv = kv_words(command, err);
	if (argv == NULL)
		return NULL;
	if (argv[0] == NULL)
		(void)kv_error_set(err, KV_ERR_USAGE, "the command names no module");
	else if (kv_wasm_module(ticket->home, argv[0], path, sizeof(path), err) == 0) {
		*file = strdup(path);
		if (*file != NULL)
			return argv;
		(void)kv_error_sys(err, "command");
	}
	kv_words_free(argv);
	return NULL;
}

/* What was asked for on the command line, and what is run instead. */
#ifndef KV_WRAPPER_COMMAND_H
#define KV_WRAPPER_COMMAND_H

#include <stdbool.h>

struct kv_error;
struct kv_ticket;

/* The wrapper's own words, as login(1), su(1), sshd(8) and cron(8) say them. All borrowed. */
struct kv_asked {
	bool login;		/* -kavach-session, -l or --login */
	const char *command;	/* after -c; NULL: an interactive shell */
	char *const *rest;	/* what follows the command: $0, $1 ...; NULL-ended */
};

/* 0, or -1 with KV_ERR_USAGE. */
int kv_command_parse(int argc, char *const argv[], struct kv_asked *out, struct kv_error *err);

/*
 * The argv of the shell inside: the policy's shell with its own name, the
 * forced command in place of what was asked for. Returns a NULL-ended array, owned
 * by the caller as is the first string; the others are borrowed. NULL on error.
 */
char **kv_command_build(const struct kv_ticket *ticket, const struct kv_asked *asked, struct kv_error *err);

/*
 * The same for a module (backend wasm), which no shell starts: *file is its path, the array its words. All
 * of the strings are owned. NULL on error, as where nothing or more than words was asked for.
 */
char **kv_command_module(const struct kv_ticket *ticket, const struct kv_asked *asked, char **file, struct kv_error *err);

#endif

/* kavachctl: the administrator's program. Its table of commands. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/output.h"
#include "common/cleanup.h"

static const struct kv_command commands[] = {
	{ "backends", "[--json] [--probe]", "what this host has, what it lacks and why", kv_cmd_backends, false },
	{ "score", "[--policy P] [--backend B] [--inner B] [--config FILE] [--json]",
	    "how strong a policy is, and what would make it stronger", kv_cmd_score, false },
	{ "explain",
	    "--user U [--service S] [--from HOST] [--tty T] [--command C] [--config FILE] [--json]",
	    "what would happen to a login, and why", kv_cmd_explain, false },
	{ "check", "[--json] [FILE...]", "is the policy sound", kv_cmd_check, false },
	{ "doctor", "[--user U] [--json]", "ways around the confinement on this host",
	    kv_cmd_doctor, false },
	{ "run",
	    "[--backend B] [--inner B] [--policy P] [--timeout MS] [--user U] [--json] -- CMD [ARG...]",
	    "run one command in a sandbox", kv_cmd_run, true },
	{ "sessions", "[--json]", "the sessions that are open", kv_cmd_sessions, false },
	{ "show", "[--json] ID", "one session", kv_cmd_show, false },
	{ "kill", "ID", "end a session", kv_cmd_control, false },
	{ "pause", "ID", "freeze the sandboxes of a session", kv_cmd_control, false },
	{ "resume", "ID", "thaw them", kv_cmd_control, false },
	{ "reap", "", "remove what dead sessions left", kv_cmd_reap, false },
	{ "audit", "verify [--key FILE] [--json] FILE", "is a log file whole", kv_cmd_audit, false },
	{ "image",
	    "list [--json] | show [--json] NAME | import NAME SOURCE | remove NAME | "
	    "build sy-agnos [--tier T] [--policy P] [--output DIR]",
	    "the roots that containers run in", kv_cmd_image, false },
	{ "enroll", "USER", "make kavach-session the login shell of an account", kv_cmd_enroll, false },
	{ "unenroll", "USER", "give an account its old login shell back", kv_cmd_enroll, false },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct kv_command *
find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
kv_usage(const struct kv_command *self, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kv_complain("%s: %s (see: kavachctl help %s)", self->name, text, self->name);
	return KV_EXIT_USAGE;
}

int
kv_option(const struct kv_command *self, int argc, char **argv, const struct option *longopts)
{
	const char *word;
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, self->in_order ? "+:" : ":", longopts, NULL);
	if (c != ':' && c != '?')
		return c;
	word = argv[optind - 1];
	if (c == ':')
		(void)kv_usage(self, "%s needs a value", word);
	else if (strncmp(word, "--", 2) == 0)
		(void)kv_usage(self, "%s: no such option, or not with a value", word);
	else
		(void)kv_usage(self, "-%c: no such option", optopt);
	return '?';
}

int
kv_failed(const struct kv_error *err)
{
	kv_complain("%s", err->msg);
	return kv_error_exit(err->code);
}

int
kv_need_root(const struct kv_command *self)
{
	if (geteuid() == 0)
		return 0;
	kv_complain("%s: only root may do this", self->name);
	return KV_EXIT_NOPERM;
}

static int
help(const char *name)
{
	const struct kv_command *one;
	struct kv_table table = { .columns = 2 };

	if (name != NULL) {
		one = find(name);
		if (one == NULL) {
			kv_complain("unknown command %s (see: kavachctl help)", name);
			return KV_EXIT_USAGE;
		}
		(void)printf("usage: kavachctl %s%s%s\n%s\n", one->name,
		    *one->synopsis == '\0' ? "" : " ", one->synopsis, one->summary);
		return KV_EXIT_OK;
	}
	(void)puts("usage: kavachctl COMMAND [ARGUMENT...]\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		kv_cleanup_free char *words = kv_asprintf("  %s", commands[i].name);

		kv_table_add(&table, (struct kv_cell[]){
		    { words, KV_BOLD }, { commands[i].summary, KV_PLAIN } });
	}
	kv_table_print(&table);
	(void)puts("\nkavachctl help COMMAND says more; so does kavachctl(8).");
	return KV_EXIT_OK;
}

int
main(int argc, char **argv)
{
	const struct kv_command *command;

	if (argc < 2) {
		kv_complain("a command is missing (see: kavachctl help)");
		return KV_EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		if (argc > 3) {
			kv_complain("help takes one command (see: kavachctl help)");
			return KV_EXIT_USAGE;
		}
		return kv_flush(help(argv[2]));
	}
	if (strcmp(argv[1], "--version") == 0 && argc == 2) {
		(void)puts("kavachctl " PACKAGE_VERSION);
		return kv_flush(KV_EXIT_OK);
	}
	command = find(argv[1]);
	if (command == NULL) {
		kv_complain("unknown command %s (see: kavachctl help)", argv[1]);
		return KV_EXIT_USAGE;
	}
	optind = 0;	/* glibc: start over, "+" included */
	return kv_flush(command->run(command, argc - 1, argv + 1));
}

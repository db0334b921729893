/*
 * inside [OPTION...] [calls|processes|network|files ...]
 *
 * --no-seccomp --ptrace --net --foreign --tcp=A:P --abstract=NAME --pid=N
 * --deny-write=PATH --deny-read=PATH     what was granted, what lies outside (inside.h)
 * --expect-open    outside any sandbox: the twin. Fails where nothing is allowed.
 *
 * Prints a line for each probe. Exit status 0: all denied; 1: something was
 * allowed; 64: wrong usage.
 */
#include "tests/hostile/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program's one count, kept by report(). */
static unsigned int open_count, denied_count;

void
report(const char *name, int error)
{
	const char *word = error == OPEN ? NULL : strerrorname_np(error);

	if (error == OPEN) {
		open_count++;
		printf("%s: ALLOWED\n", name);
	} else {
		denied_count++;
		printf("%s: denied %s\n", name, word != NULL ? word : "?");
	}
}

void
does_not_apply(const char *name, const char *why)
{
	printf("%s: does not apply: %s\n", name, why);
}

static const char *
value(const char *argument, const char *option)
{
	size_t len = strlen(option);

	return strncmp(argument, option, len) == 0 ? argument + len : NULL;
}

static bool
add(const char **list, const char *path)
{
	for (size_t i = 0; i < 15; i++) {
		if (list[i] == NULL) {
			list[i] = path;
			return true;
		}
	}
	return false;
}

static bool
parse(const char *argument, struct options *options, bool *expect_open)
{
	const char *v;

	if (strcmp(argument, "--no-seccomp") == 0)
		options->seccomp = false;
	else if (strcmp(argument, "--ptrace") == 0)
		options->ptrace = true;
	else if (strcmp(argument, "--net") == 0)
		options->net = true;
	else if (strcmp(argument, "--foreign") == 0)
		options->foreign = true;
	else if (strcmp(argument, "--expect-open") == 0)
		*expect_open = true;
	else if ((v = value(argument, "--tcp=")) != NULL)
		options->tcp = v;
	else if ((v = value(argument, "--abstract=")) != NULL)
		options->abstract = v;
	else if ((v = value(argument, "--pid=")) != NULL)
		options->pid = (int)strtol(v, NULL, 10);
	else if ((v = value(argument, "--deny-write=")) != NULL)
		return add(options->deny_write, v);
	else if ((v = value(argument, "--deny-read=")) != NULL)
		return add(options->deny_read, v);
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(const struct options *); } groups[] = {
		{ "processes", probe_processes }, { "calls", probe_calls }, { "network", probe_network },
		{ "files", probe_files },
	};
	struct options options = { .seccomp = true };
	bool expect_open = false;
	int first = 1;

	for (; first < argc && argv[first][0] == '-'; first++) {
		if (!parse(argv[first], &options, &expect_open)) {
			fprintf(stderr, "inside: %s?\n", argv[first]);
			return 64;
		}
	}
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		bool wanted = first == argc;

		for (int j = first; j < argc; j++)
			wanted = wanted || strcmp(argv[j], groups[i].name) == 0;
		if (wanted)
			groups[i].run(&options);
	}
	printf("%u denied, %u allowed\n", denied_count, open_count);
	if (denied_count + open_count == 0)
		return 64;
	return (expect_open ? open_count > 0 : open_count == 0) ? 0 : 1;
}

#include "backends/wasm/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

#define FIXED	24	/* words that are neither folder, variable nor argument */

struct line {
	char **argv;		/* owned, each owned */
	size_t count;
	bool failed;		/* out of memory */
};

bool
kv_wasm_can(const char *option, const char *word)
{
	size_t len = strlen(word);

	while (*option != '\0') {
		size_t n = strcspn(option, ",");

		if (n == len && memcmp(option, word, len) == 0)
			return true;
		option += n + (option[n] == ',' ? 1 : 0);
	}
	return false;
}

int
kv_wasm_module(const char *home, const char *word, char *out, size_t size, struct kv_error *err)
{
	bool absolute = word[0] == '/';

	if (kv_format(out, size, "%s%s%s", absolute ? "" : home, absolute ? "" : "/", word) != 0)
		return kv_error_set(err, KV_ERR_USAGE, "the path of the module is too long");
	return 0;
}

__attribute__((format(printf, 2, 3)))
static void
add(struct line *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&line->argv[line->count], fmt, ap) < 0) {
		line->argv[line->count] = NULL;
		line->failed = true;
	} else {
		line->count++;
	}
	va_end(ap);
}

static void
add_option(struct line *line, const char *group, const char *setting)
{
	add(line, "%s", group);
	add(line, "%s", setting);
}

static void
add_number(struct line *line, const char *group, const char *name, uint64_t value, const char *unit)
{
	add(line, "%s", group);
	add(line, "%s=%llu%s", name, (unsigned long long)value, unit);
}

/* wasmtime(1). What is above the memory limit ends the module: it is not asked to live without. */
static void
add_wasmtime(struct line *line, const struct kv_ticket *ticket)
{
	const char *option = ticket->runtime_option;
	bool network = ticket->network == KV_NET_HOST || ticket->network == KV_NET_LOOPBACK;

	add(line, "run");
	/* Threads of its own would count as the session's processes; a module is compiled once. */
	add_option(line, "-C", "parallel-compilation=n");
	if (ticket->wasm_memory != 0 && kv_wasm_can(option, "memory")) {
		add_number(line, "-W", "max-memory-size", ticket->wasm_memory, "");
		add_option(line, "-W", "trap-on-grow-failure=y");
	}
	if (ticket->wasm_fuel != 0)
		add_number(line, "-W", "fuel", ticket->wasm_fuel, "");
	if (ticket->wasm_timeout_ms != 0)
		add_number(line, "-W", "timeout", ticket->wasm_timeout_ms, "ms");
	if (network && kv_wasm_can(option, "network")) {
		add_option(line, "-S", "inherit-network=y");
		add_option(line, "-S", "allow-ip-name-lookup=y");
	}
}

static const struct runtime {
	const char *name;
	void (*options)(struct line *line, const struct kv_ticket *ticket);	/* NULL: no more than folders and variables */
	const char *words;	/* what it may be able to (line.h) */
	bool empty_variables;	/* takes a variable with an empty value */
	bool by_name;		/* takes a variable's value from its own environment, where the option has only a name */
} runtimes[] = {
	{ .name = "wasmtime", .options = add_wasmtime, .words = "wat,component,network,memory,fuel,timeout",
	    .empty_variables = true, .by_name = true },
	/* Its fuel is reported on standard output, in the middle of what the module says. */
	{ .name = "wasmi", .words = "wat" },
};

static const struct runtime *
find_runtime(const char *program)
{
	const char *slash = strrchr(program, '/');

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (slash != NULL && strcmp(slash + 1, runtimes[i].name) == 0)
			return &runtimes[i];
	return NULL;
}

bool
kv_wasm_knows(const char *program, const char *word)
{
	const struct runtime *runtime = find_runtime(program);

	return runtime != NULL && kv_wasm_can(runtime->words, word);
}

/* "::" stands between the host's name of a folder and the module's: such a path would be another one's. */
static int
add_folder(struct line *line, const char *path, struct kv_error *err)
{
	if (strstr(path, "::") != NULL)
		return kv_error_set(err, KV_ERR_CONFIG, "%.200s: a module cannot be given a folder with :: in its name", path);
	add_option(line, "--dir", path);
	return 0;
}

/* With Landlock rules data_dir is among them. */
static int
add_folders(struct line *line, const struct kv_ticket *ticket, struct kv_error *err)
{
	for (uint32_t i = 0; i < ticket->landlock_count; i++)
		if (ticket->landlock[i].preopen && add_folder(line, ticket->landlock[i].path, err) != 0)
			return -1;
	for (uint32_t i = 0; ticket->landlock_count == 0 && i < ticket->data_count; i++)
		if (add_folder(line, ticket->data[i], err) != 0)
			return -1;
	return 0;
}

/* The credential's name that this variable, of the form NAME=VALUE, is; or NULL. */
static const char *
secret_of(const struct kv_ticket *ticket, const char *variable)
{
	for (uint32_t i = 0; i < ticket->secrets_count; i++) {
		const char *name = ticket->secrets[i].variable;
		size_t len = strlen(name);

		if (len > 0 && strncmp(variable, name, len) == 0 && variable[len] == '=')
			return name;
	}
	return NULL;
}

void
kv_wasm_secrets(const struct kv_ticket *ticket, char *const *envp, char *out[KV_CREDENTIALS_MAX + 1])
{
	size_t count = 0;

	for (; *envp != NULL && count < KV_CREDENTIALS_MAX; envp++)
		if (secret_of(ticket, *envp) != NULL)
			out[count++] = *envp;
	out[count] = NULL;
}

/*
 * By value: the runtime itself gets none of the session's variables. But credentials: all users of the host
 * may read what stands on a command line.
 */
static int
add_variables(struct line *line, const struct runtime *runtime, const struct kv_ticket *ticket, char *const *envp,
    struct kv_error *err)
{
	for (; *envp != NULL; envp++) {
		const char *equals = strchr(*envp, '='), *secret = secret_of(ticket, *envp);

		if (secret != NULL && !runtime->by_name)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s shows its variables to everybody, and %.60s is a credential",
			    runtime->name, secret);
		if (secret != NULL)
			add_option(line, "--env", secret);
		else if (equals != NULL && (equals[1] != '\0' || runtime->empty_variables))
			add_option(line, "--env", *envp);
	}
	return 0;
}

static size_t
length(char *const *list)
{
	size_t count = 0;

	while (list[count] != NULL)
		count++;
	return count;
}

char **
kv_wasm_argv(const struct kv_ticket *ticket, const struct kv_launch *launch, struct kv_error *err)
{
	const struct runtime *runtime = find_runtime(ticket->runtime);
	struct line line = { .count = 0 };

	if (runtime == NULL || launch->argv[0] == NULL) {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "%.128s is no runtime that is known", ticket->runtime);
		return NULL;
	}
	line.argv = calloc(FIXED + 2 * (size_t)(ticket->landlock_count + ticket->data_count) +
	    2 * length(launch->envp) + length(launch->argv), sizeof(*line.argv));
	if (line.argv == NULL) {
		(void)kv_error_sys(err, "command");
		return NULL;
	}
	add(&line, "%s", ticket->runtime);
	if (runtime->options != NULL)
		runtime->options(&line, ticket);
	if (add_folders(&line, ticket, err) != 0 || add_variables(&line, runtime, ticket, launch->envp, err) != 0) {
		kv_wasm_argv_free(line.argv);
		return NULL;
	}
	add_option(&line, "--", launch->file);
	for (size_t i = 1; launch->argv[i] != NULL; i++)
		add(&line, "%s", launch->argv[i]);
	if (!line.failed)
		return line.argv;
	errno = ENOMEM;
	(void)kv_error_sys(err, "command");
	kv_wasm_argv_free(line.argv);
	return NULL;
}

void
kv_wasm_argv_free(char **argv)
{
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}

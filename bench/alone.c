/*
 * alone TICKET BUNDLE STATE: prints the command line, a word a line, by which kavach-shim starts the
 * runtime of that session, but in the foreground: for bench/containers.py. Root (the ticket is root's).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/container/runtime.h"
#include "common/error.h"
#include "session/ticket.h"

static int
print(const struct kv_ticket *ticket, const char *bundle, const char *state)
{
	static char text[65536];
	const struct kv_runtime_start start = {
		.program = ticket->runtime, .state = state, .bundle = bundle, .id = "alone",
		.option = ticket->runtime_option, .network = (enum kv_network)ticket->network,
	};
	const char *argv[KV_RUNTIME_ARGV];
	struct kv_error err = KV_ERROR_INIT;
	enum kv_runtime runtime;

	if (kv_runtime_of(ticket->runtime, &runtime) != 0 || runtime == KV_RUNTIME_PODMAN ||
	    kv_runtime_argv(runtime, &start, argv, text, sizeof(text), &err) != 0) {
		(void)fprintf(stderr, "alone: %s: %s\n", ticket->runtime, err.msg);
		return 1;
	}
	for (size_t i = 0; argv[i] != NULL; i++)
		if (strcmp(argv[i], "--detach") != 0 && strcmp(argv[i], "-detach") != 0)
			(void)puts(argv[i]);
	return 0;
}

int
main(int argc, char *argv[])
{
	static struct kv_ticket ticket;
	int fd = argc == 4 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || read(fd, &ticket, sizeof(ticket)) != (ssize_t)sizeof(ticket) ||
	    ticket.magic != KV_TICKET_MAGIC || ticket.size != sizeof(ticket)) {
		(void)fprintf(stderr, "usage: alone TICKET BUNDLE STATE\n");
		return 64;
	}
	(void)close(fd);
	return print(&ticket, argv[2], argv[3]);
}

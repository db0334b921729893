/*
 * Starting a module: the process backend starts the runtime.
 *
 * MUST NOT open a path: the wrapper calls this with its capabilities effective.
 */
#include "backends/wasm/wasm.h"

#include <string.h>

#include "backends/process/process.h"
#include "backends/wasm/line.h"
#include "session/ticket.h"

/* The runtime's own: no variable of the user's reaches it but credentials. One thread does; else there is one for each processor. */
static char *const own[] = {
	(char *)(uintptr_t)"TOKIO_WORKER_THREADS=1", (char *)(uintptr_t)"RAYON_NUM_THREADS=1",
};

#define OWN	(sizeof(own) / sizeof(own[0]))

static int
start(const struct kv_launch *launch, struct kv_sandbox *out, struct kv_error *err)
{
	char **argv = kv_wasm_argv(launch->ticket, launch, err);
	struct kv_launch runtime = *launch;
	char *environment[OWN + KV_CREDENTIALS_MAX + 1];
	int status;

	if (argv == NULL)
		return -1;
	runtime.file = launch->ticket->runtime;
	runtime.argv = argv;
	memcpy(environment, own, sizeof(own));
	kv_wasm_secrets(launch->ticket, launch->envp, environment + OWN);
	runtime.envp = environment;
	/* The sandbox's first process has a copy. */
	status = kv_process_backend.start(&runtime, out, err);
	kv_wasm_argv_free(argv);
	return status;
}

const struct kv_backend kv_wasm_backend = KV_PROCESS_BACKEND("wasm", start);

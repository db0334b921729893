/*
 * What the first process of a sandbox does once it is confined: starts the
 * command when it is told to, reaps, passes signals on, reports the end. The same in a
 * sandbox of the process backend and in a container.
 */
#ifndef KV_BACKENDS_PROCESS_SERVE_H
#define KV_BACKENDS_PROCESS_SERVE_H

#include <stdbool.h>

#include "backends/backend.h"

struct kv_error;

struct kv_serve {
	const struct kv_launch *launch;
	int control;		/* to the wrapper (message.h); closed at the command's end */
	int opener;		/* pidfd whose end ends all; -1: none */
	int signals;		/* kv_serve_signals */
	bool leads;		/* the caller leads the command's session: it is a job in the terminal's foreground, which can stop */
	/* set by kv_serve */
	pid_t command;
	bool ended;		/* the command has ended and was reported */
};

/* Blocks all signals and opens a signalfd for SIGCHLD. The descriptor, or -1. */
int kv_serve_signals(struct kv_error *err);

/*
 * Starts the command and serves until nothing is left. -1 when it cannot be
 * started; else 0, and the caller, being pid 1, leaves: the kernel kills what is left.
 */
int kv_serve(struct kv_serve *serve, struct kv_error *err);

#endif

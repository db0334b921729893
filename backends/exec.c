/*
 * exec: one command to its end, with its output collected and a time limit.
 * The same for every backend, on top of start, go, wait and destroy.
 */
#include "backends/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

#define DEFAULT_TIMEOUT_MS 30000u
#define DEFAULT_OUTPUT ((size_t)16 << 20)
#define EXIT_TIMED_OUT 124

/* One stream of the command and what came out of it. */
struct stream {
	int fd;			/* ours; -1 at its end */
	char *text;		/* owned */
	size_t size, room, limit;
	bool truncated;
};

struct exec {
	struct stream out, err;
	int input;		/* the write end of the command's standard input; -1: closed */
	const char *rest;	/* of the input, still to be written */
	size_t rest_size;
	uint64_t deadline_ms;
	bool ended;
	struct kv_outcome outcome;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static int
append(struct stream *stream, const char *data, size_t size, struct kv_error *err)
{
	if (size > stream->limit - stream->size) {
		size = stream->limit - stream->size;
		stream->truncated = true;
	}
	if (stream->size + size + 1 > stream->room) {
		size_t room = (stream->size + size + 1) * 2;
		char *grown = realloc(stream->text, room);

		if (grown == NULL)
			return kv_error_sys(err, "output");
		stream->text = grown;
		stream->room = room;
	}
	if (size > 0)
		memcpy(stream->text + stream->size, data, size);
	stream->size += size;
	stream->text[stream->size] = '\0';
	return 0;
}

static int
drain(struct stream *stream, struct kv_error *err)
{
	char buffer[65536];
	ssize_t n = read(stream->fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return kv_error_sys(err, "output");
	if (n == 0) {
		(void)close(kv_steal_fd(&stream->fd));
		return 0;
	}
	return append(stream, buffer, (size_t)n, err);
}

/* Writes some of the input; its end, and a command that does not read, close it. */
static void
feed(struct exec *exec)
{
	ssize_t n = write(exec->input, exec->rest, exec->rest_size);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		exec->rest += n;
		exec->rest_size -= (size_t)n;
	}
	if (n < 0 || exec->rest_size == 0)
		(void)close(kv_steal_fd(&exec->input));
}

/* One turn: 1 something happened, 0 the time is over, -1 error. */
static int
turn(const struct kv_backend *backend, struct kv_sandbox *sandbox, struct exec *exec, struct kv_error *err)
{
	struct pollfd watched[] = {
		{ .fd = exec->ended ? -1 : sandbox->control, .events = POLLIN },
		{ .fd = exec->out.fd, .events = POLLIN },
		{ .fd = exec->err.fd, .events = POLLIN },
		{ .fd = exec->input, .events = POLLOUT },
	};
	uint64_t now = now_ms();
	int n;

	if (now >= exec->deadline_ms)
		return 0;
	n = poll(watched, 4, (int)(exec->deadline_ms - now));
	if (n < 0 && errno != EINTR)
		return kv_error_sys(err, "wait for the command");
	if (n <= 0)
		return 1;
	if ((watched[1].revents != 0 && drain(&exec->out, err) != 0) ||
	    (watched[2].revents != 0 && drain(&exec->err, err) != 0))
		return -1;
	if (watched[3].revents != 0)
		feed(exec);
	if (watched[0].revents != 0) {
		if (backend->wait(sandbox, &exec->outcome, err) != 0)
			return -1;
		exec->ended = exec->outcome.what != KV_OUTCOME_STOPPED;
	}
	return 1;
}

/* To the command's end; what it left behind is killed, so that the output ends too. */
static int
collect(const struct kv_backend *backend, struct kv_sandbox *sandbox, struct exec *exec,
    bool *timed_out, struct kv_error *err)
{
	int more = 1;

	while (more == 1 && !exec->ended)
		more = turn(backend, sandbox, exec, err);
	if (more < 0)
		return -1;
	*timed_out = more == 0;
	if (backend->destroy(sandbox, err) != 0)
		return -1;
	while (exec->out.fd >= 0 || exec->err.fd >= 0) {
		struct pollfd left[] = {
			{ .fd = exec->out.fd, .events = POLLIN }, { .fd = exec->err.fd, .events = POLLIN },
		};

		if (poll(left, 2, -1) < 0 && errno != EINTR)
			return kv_error_sys(err, "output");
		if ((left[0].revents != 0 && drain(&exec->out, err) != 0) ||
		    (left[1].revents != 0 && drain(&exec->err, err) != 0))
			return -1;
	}
	return 0;
}

static int
exit_code(const struct kv_outcome *outcome)
{
	if (outcome->what == KV_OUTCOME_BROKEN)
		return 128 + SIGKILL;
	return WIFSIGNALED(outcome->status) ? 128 + WTERMSIG(outcome->status) : WEXITSTATUS(outcome->status);
}

/* A pipe, of which the end at `ours` does not block. */
static int
make_pipe(int ends[2], int ours, struct kv_error *err)
{
	if (pipe2(ends, O_CLOEXEC) != 0) {
		ends[0] = ends[1] = -1;
		return kv_error_sys(err, "pipe");
	}
	if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
		return kv_error_sys(err, "pipe");
	return 0;
}

static void
close_both(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			(void)close(kv_steal_fd(&ends[i]));
	}
}

/* Starts the sandbox on the inner ends, then lets go of them. */
static int
start(const struct kv_backend *backend, const struct kv_launch *launch, int in[2], int out[2],
    int errors[2], struct kv_sandbox *sandbox, struct kv_error *err)
{
	struct kv_launch piped = *launch;

	piped.input = in[0];
	piped.output = out[1];
	piped.errors = errors[1];
	if (backend->start(&piped, sandbox, err) != 0)
		return -1;
	(void)close(kv_steal_fd(&in[0]));
	(void)close(kv_steal_fd(&out[1]));
	(void)close(kv_steal_fd(&errors[1]));
	return backend->go(sandbox, err);
}

static int
run(const struct kv_backend *backend, const struct kv_launch *launch, struct exec *exec,
    int in[2], int out[2], int errors[2], struct kv_exec_result *result, struct kv_error *err)
{
	struct kv_sandbox sandbox = { .state = KV_STATE_DESTROYED, .control = -1, .shim = -1, .terminal = -1 };
	struct kv_error ignored = KV_ERROR_INIT;
	uint64_t begin = now_ms();
	int status = start(backend, launch, in, out, errors, &sandbox, err);

	if (status == 0) {
		exec->input = kv_steal_fd(&in[1]);
		exec->out.fd = kv_steal_fd(&out[0]);
		exec->err.fd = kv_steal_fd(&errors[0]);
		status = collect(backend, &sandbox, exec, &result->timed_out, err);
	} else {
		/* What a runtime said before it failed. */
		exec->err.fd = kv_steal_fd(&errors[0]);
		(void)drain(&exec->err, &ignored);
	}
	result->verified = sandbox.verified;
	result->duration_ms = now_ms() - begin;
	if (sandbox.state != KV_STATE_DESTROYED)
		(void)backend->destroy(&sandbox, &ignored);
	return status;
}

static void
close_streams(struct exec *exec)
{
	int *const all[] = { &exec->input, &exec->out.fd, &exec->err.fd };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i] >= 0)
			(void)close(kv_steal_fd(all[i]));
	}
}

int
kv_backend_exec(const struct kv_backend *backend, const struct kv_launch *launch,
    const struct kv_exec_options *options, struct kv_exec_result *out, struct kv_error *err)
{
	size_t limit = options->output_limit == 0 ? DEFAULT_OUTPUT : options->output_limit;
	unsigned int timeout = options->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : options->timeout_ms;
	struct exec exec = {
		.out = { .fd = -1, .limit = limit }, .err = { .fd = -1, .limit = limit }, .input = -1,
		.rest = options->input, .rest_size = options->input == NULL ? 0 : options->input_size,
		.deadline_ms = now_ms() + timeout,
	};
	int in[2] = { -1, -1 }, output[2] = { -1, -1 }, errors[2] = { -1, -1 };
	int status = -1;

	*out = (struct kv_exec_result){ .exit_code = KV_EXIT_SYSTEM };
	if (backend->start == NULL)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "backend %s is absent", backend->name);
	if (append(&exec.out, "", 0, err) == 0 && append(&exec.err, "", 0, err) == 0 &&
	    make_pipe(in, 1, err) == 0 && make_pipe(output, 0, err) == 0 && make_pipe(errors, 0, err) == 0)
		status = run(backend, launch, &exec, in, output, errors, out, err);
	close_both(in);
	close_both(output);
	close_both(errors);
	close_streams(&exec);
	out->out = exec.out.text;
	out->err = exec.err.text;
	out->out_size = exec.out.size;
	out->err_size = exec.err.size;
	out->truncated = exec.out.truncated || exec.err.truncated;
	if (status == 0)
		out->exit_code = out->timed_out ? EXIT_TIMED_OUT : exit_code(&exec.outcome);
	return status;
}

void
kv_exec_result_release(struct kv_exec_result *result)
{
	free(result->out);
	free(result->err);
	result->out = result->err = NULL;
}

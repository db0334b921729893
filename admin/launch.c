/* The half of a launch that waits: signals, output, time limit, end. */
#include "admin/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

#define DRAIN_MS 1000	/* for output that is on its way when the command is over */

enum { WATCH_SIGNALS, WATCH_SETUP, WATCH_OUT, WATCH_ERR, WATCH_COUNT };

struct stream {
	int fd;		/* read end; -1: ended, or not collected */
	char *data;	/* owned */
	size_t size, limit;
	bool truncated;
};

struct loop {
	pid_t child;
	int signals, setup;
	struct stream stream[2];
	uint64_t started_ms;
	struct kv_error failed;		/* what the child said before it could execute the wrapper */
	bool ended;
	int status;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
end_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Reads what is there; past the limit it is read and dropped, so that the writer goes on. */
static void
collect(struct stream *stream)
{
	char chunk[16384];
	ssize_t n = read(stream->fd, chunk, sizeof(chunk));
	size_t keep;
	char *grown;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_fd(&stream->fd);
		return;
	}
	keep = stream->limit - stream->size < (size_t)n ? stream->limit - stream->size : (size_t)n;
	grown = keep == 0 ? NULL : realloc(stream->data, stream->size + keep);
	if (grown == NULL) {
		stream->truncated = true;
		return;
	}
	memcpy(grown + stream->size, chunk, keep);
	stream->data = grown;
	stream->size += keep;
	stream->truncated |= keep < (size_t)n;
}

/* A stopped command stops us, so that the caller's shell sees a job; then both go on. */
static void
look_after_child(struct loop *loop)
{
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(loop->child, &status, WNOHANG | WUNTRACED)) == loop->child) {
		if (WIFSTOPPED(status)) {
			(void)kill(getpid(), SIGSTOP);
			(void)kill(loop->child, SIGCONT);
			continue;
		}
		loop->status = status;
		loop->ended = true;
		return;
	}
}

/* What a key made reaches the command by itself; what a process sent is passed on. */
static void
take_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			look_after_child(loop);
		else if (info.ssi_code != SI_KERNEL && info.ssi_signo != SIGPIPE && !loop->ended)
			(void)kill(loop->child, (int)info.ssi_signo);
	}
}

static void
take_setup(struct loop *loop)
{
	ssize_t n = read(loop->setup, &loop->failed, sizeof(loop->failed));

	if (n < 0 && errno == EINTR)
		return;
	if (n != (ssize_t)sizeof(loop->failed))
		loop->failed.code = KV_ERR_NONE;
	end_fd(&loop->setup);
}

/* One round; false when the time is over or poll(2) fails. */
static bool
turn(struct loop *loop, int wait_ms)
{
	struct pollfd watch[WATCH_COUNT] = {
		[WATCH_SIGNALS] = { .fd = loop->signals, .events = POLLIN },
		[WATCH_SETUP] = { .fd = loop->setup, .events = POLLIN },
		[WATCH_OUT] = { .fd = loop->stream[0].fd, .events = POLLIN },
		[WATCH_ERR] = { .fd = loop->stream[1].fd, .events = POLLIN },
	};
	int n = poll(watch, WATCH_COUNT, wait_ms);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (watch[WATCH_SETUP].revents != 0)
		take_setup(loop);
	if (watch[WATCH_OUT].revents != 0)
		collect(&loop->stream[0]);
	if (watch[WATCH_ERR].revents != 0)
		collect(&loop->stream[1]);
	if (watch[WATCH_SIGNALS].revents != 0)
		take_signal(loop);
	return true;
}

/* Until the child is over, or its time. */
static bool
wait_child(struct loop *loop, unsigned int timeout_ms)
{
	while (!loop->ended) {
		int wait = -1;

		if (timeout_ms != 0) {
			uint64_t used = now_ms() - loop->started_ms;

			if (used >= timeout_ms)
				return false;
			wait = (int)(timeout_ms - used);
		}
		if (!turn(loop, wait) && timeout_ms == 0)
			return false;
	}
	return true;
}

static void
kill_child(struct loop *loop)
{
	(void)kill(loop->child, SIGKILL);
	while (waitpid(loop->child, &loop->status, 0) < 0 && errno == EINTR)
		;
	loop->ended = true;
}

/* The writers are dead, or were never ours: what is in the pipes is all there is. */
static void
drain(struct loop *loop)
{
	uint64_t end = now_ms() + DRAIN_MS;

	end_fd(&loop->signals);
	while ((loop->stream[0].fd >= 0 || loop->stream[1].fd >= 0 || loop->setup >= 0) &&
	    now_ms() < end)
		(void)turn(loop, (int)(end - now_ms()));
	end_fd(&loop->stream[0].fd);
	end_fd(&loop->stream[1].fd);
	end_fd(&loop->setup);
}

static void
child(const struct kv_run_request *request, struct kv_session *session, const int setup,
    const int *out, const gid_t *groups, size_t count)
{
	struct kv_error err = KV_ERROR_INIT;

	if ((out[0] >= 0 && dup2(out[0], STDOUT_FILENO) < 0) ||
	    (out[1] >= 0 && dup2(out[1], STDERR_FILENO) < 0))
		(void)kv_error_sys(&err, "output");
	else
		(void)kv_run_child(request, session, groups, count, &err);
	/* A pipe takes this in one piece. */
	if (write(setup, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(KV_EXIT_SYSTEM);
	_exit(kv_error_exit(err.code));
}

/* Pipes, signals, fork. */
static int
start(const struct kv_run_request *request, struct kv_session *session, struct loop *loop,
    const gid_t *groups, size_t count, struct kv_error *err)
{
	int setup[2] = { -1, -1 }, pipes[2][2] = { { -1, -1 }, { -1, -1 } };
	int out[2];
	sigset_t all;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || pipe2(setup, O_CLOEXEC) != 0 ||
	    (request->output_limit != 0 &&
	    (pipe2(pipes[0], O_CLOEXEC) != 0 || pipe2(pipes[1], O_CLOEXEC) != 0)) ||
	    (loop->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ||
	    (loop->child = fork()) < 0)
		(void)kv_error_sys(err, "start");
	out[0] = pipes[0][1];
	out[1] = pipes[1][1];
	if (loop->child == 0)
		child(request, session, setup[1], out, groups, count);
	end_fd(&setup[1]);
	end_fd(&out[0]);
	end_fd(&out[1]);
	loop->setup = setup[0];
	loop->stream[0].fd = pipes[0][0];
	loop->stream[1].fd = pipes[1][0];
	return loop->child < 0 ? -1 : 0;
}

static gid_t *
list_groups(const struct kv_account *account, size_t *count, struct kv_error *err)
{
	gid_t *gids = NULL;

	for (int size = 64; size <= 65536; size *= 2) {
		gid_t *grown = reallocarray(gids, (size_t)size, sizeof(*gids));
		int n = size;

		if (grown == NULL)
			break;
		gids = grown;
		if (getgrouplist(account->user, account->gid, gids, &n) >= 0) {
			*count = (size_t)n;
			return gids;
		}
	}
	free(gids);
	(void)kv_error_set(err, KV_ERR_NOMEM, "the groups of %s", account->user);
	return NULL;
}

static void
fill_result(struct loop *loop, struct kv_run_result *out)
{
	out->status = loop->status;
	out->out = loop->stream[0].data;
	out->out_size = loop->stream[0].size;
	out->err = loop->stream[1].data;
	out->err_size = loop->stream[1].size;
	out->truncated = loop->stream[0].truncated || loop->stream[1].truncated;
}

/* session NULL: without root. */
static int
run(const struct kv_run_request *request, struct kv_session *session, struct kv_usage *usage,
    struct kv_run_result *out, struct kv_error *err)
{
	struct loop loop = {
		.child = -1, .signals = -1, .setup = -1, .started_ms = now_ms(),
		.failed = KV_ERROR_INIT,
		.stream = { { .fd = -1, .limit = request->output_limit },
		    { .fd = -1, .limit = request->output_limit } },
	};
	kv_cleanup_free gid_t *groups = NULL;
	struct kv_error closing = KV_ERROR_INIT;
	size_t count = 0;
	int result = -1;

	if (session != NULL)
		groups = list_groups(request->account, &count, err);
	if (session == NULL || (groups != NULL && kv_secrets_fork(&session->secrets, true, err) == 0))
		result = start(request, session, &loop, groups, count, err);
	if (session != NULL)
		kv_secrets_wipe(&session->secrets);	/* the child's now */
	if (result == 0) {
		out->timed_out = !wait_child(&loop, request->timeout_ms);
		if (!loop.ended)
			kill_child(&loop);
		out->duration_ms = now_ms() - loop.started_ms;
	}
	if (session != NULL && kv_session_close(session, usage, &closing) != 0 &&
	    loop.failed.code == KV_ERR_NONE && result == 0) {
		*err = closing;
		result = -1;
	}
	drain(&loop);
	fill_result(&loop, out);
	if (loop.failed.code != KV_ERR_NONE) {
		*err = loop.failed;
		result = -1;
	}
	return result;
}

static int
run_as_root(const struct kv_run_request *request, struct kv_run_result *out, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_session session;
	struct kv_usage usage = { .last_status = -1 };
	char id[KV_ID_LEN + 1];
	int result;

	if (kv_session_open(request->config, request->decision, request->request, request->account,
	    false, &session, err) != 0)
		return -1;
	memcpy(id, session.id, sizeof(id));
	if (kv_run_record_open(request, id, err) != 0) {
		(void)kv_session_close(&session, &usage, &ignored);
		return -1;
	}
	result = run(request, &session, &usage, out, err);
	(void)kv_run_record_close(request, id, &usage, &ignored);
	return result;
}

int
kv_run(const struct kv_run_request *request, struct kv_run_result *out, struct kv_error *err)
{
	struct kv_usage none;

	memset(out, 0, sizeof(*out));
	if (geteuid() == 0)
		return run_as_root(request, out, err);
	return run(request, NULL, &none, out, err);
}

void
kv_run_result_release(struct kv_run_result *result)
{
	free(result->out);
	free(result->err);
	memset(result, 0, sizeof(*result));
}

int
kv_run_exit(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

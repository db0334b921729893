/*
 * The backends that run a command under this kernel: process, and noop for tests. And what every
 * backend whose sandbox is a process of ours shares: its start, its end, its messages.
 */
#ifndef KV_BACKENDS_PROCESS_PROCESS_H
#define KV_BACKENDS_PROCESS_PROCESS_H

#include "backends/backend.h"
#include "backends/process/message.h"

struct kv_init;

extern const struct kv_backend kv_process_backend;
extern const struct kv_backend kv_noop_backend;

/*
 * Makes the sandbox's first process in the sandbox's cgroup, in new pid, mount, ipc and uts namespaces
 * (namespaces) or a new mount namespace only, and sends it BEGIN once the limits read back right.
 * first runs in it. *channel is the socket to it, the caller's; out is CREATED. Capabilities as
 * for start. 0, or -1 with nothing left.
 */
typedef void kv_process_first(const struct kv_init *init);
int kv_process_spawn(const struct kv_launch *launch, bool namespaces, kv_process_first *first,
    struct kv_sandbox *out, int *channel, struct kv_error *err);

/*
 * Waits, for a bounded time, for one message of this type. FAILED gives -1 with the sender's error, as do the other side's
 * end and time. fds and count: kv_message_recv_fds.
 */
int kv_process_await(int control, enum kv_message_type type, struct kv_message *message, int *fds,
    size_t *count, struct kv_error *err);

/* backend.h's functions of these names, shared. */
int kv_process_go(struct kv_sandbox *sandbox, struct kv_error *err);
int kv_process_signal(struct kv_sandbox *sandbox, int sig, struct kv_error *err);
int kv_process_wait(struct kv_sandbox *sandbox, struct kv_outcome *out, struct kv_error *err);
int kv_process_pause(struct kv_sandbox *sandbox, struct kv_error *err);
int kv_process_resume(struct kv_sandbox *sandbox, struct kv_error *err);
int kv_process_health(struct kv_sandbox *sandbox, struct kv_error *err);
int kv_process_destroy(struct kv_sandbox *sandbox, struct kv_error *err);

/* A backend that shares all of it but how it starts. */
#define KV_PROCESS_BACKEND(title, starts)	{	\
	.name = title,				\
	.start = starts,			\
	.go = kv_process_go,			\
	.signal = kv_process_signal,		\
	.wait = kv_process_wait,		\
	.pause = kv_process_pause,		\
	.resume = kv_process_resume,		\
	.health = kv_process_health,		\
	.destroy = kv_process_destroy,		\
}

#endif

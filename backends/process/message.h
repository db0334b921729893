/*
 * What the wrapper and the sandbox's first process say to each other, over a
 * SOCK_SEQPACKET pair: one struct a packet. The socket is never inherited by the
 * command, so whatever arrives comes from our own code.
 */
#ifndef KV_BACKENDS_PROCESS_MESSAGE_H
#define KV_BACKENDS_PROCESS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/backend.h"
#include "common/error.h"

enum kv_message_type {
	KV_MSG_BEGIN = 1,	/* wrapper: cgroup is done; flag: the limits read back right */
	KV_MSG_READY,		/* init: confined and verified */
	KV_MSG_FAILED,		/* init: error */
	KV_MSG_GO,		/* wrapper: recorded, start the command */
	KV_MSG_SIGNAL,		/* wrapper: value is the signal for the command */
	KV_MSG_EXITED,		/* init: value is the wait status; flag: others remain */
	KV_MSG_STOPPED,		/* init: value is the stop signal */
	KV_MSG_INNER,		/* shim: with descriptors: the channel to the container's init, the pty's master if it has one already */
	KV_MSG_LEAVE,		/* wrapper to shim: it goes, what the user left behind may live on */
};

struct kv_message {
	uint32_t type;
	int32_t value;
	bool flag;
	union {
		struct kv_verified verified;	/* READY */
		struct kv_error error;		/* FAILED */
	};
};

#define KV_MESSAGE_FDS	3

/* 0, or -1 with errno (EPIPE: the other side is gone). No SIGPIPE. */
int kv_message_send(int fd, const struct kv_message *message);
/* 1 a message, 0 the other side is gone, -1 with errno. */
int kv_message_recv(int fd, struct kv_message *message);

/*
 * The same with descriptors (SCM_RIGHTS, unix(7)). recv: *count is the room of fds, then
 * how many came, which the caller owns; one that does not fit is an error.
 */
int kv_message_send_fds(int fd, const struct kv_message *message, const int *fds, size_t count);
int kv_message_recv_fds(int fd, struct kv_message *message, int *fds, size_t *count);

#endif

/*
 * Between the shim and the container's init: a stream socket in a folder that is bound into the
 * container. First the ticket, then the launch, then the caller's descriptors (where the
 * runtime's kernel passes them); from there on it carries message.h, and the wrapper has the other end.
 */
#ifndef KV_BACKENDS_CONTAINER_CHANNEL_H
#define KV_BACKENDS_CONTAINER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_error;

#define KV_CHANNEL_NAME	"control"	/* in the folder that is /run/kavach inside */
#define KV_CHANNEL_INIT	"init"		/* kavach-init, the same */
#define KV_CHANNEL_PRELOAD "no-automount.so"	/* no_automount.c, where the container's kernel needs it */

struct kv_channel_head {
	uint64_t magic;
	uint32_t ticket_size, launch_size;
	uint32_t stdio;		/* the caller's descriptors 0-2 follow with the first message (KV_MSG_BEGIN) */
	uint32_t terminal;	/* init is started with the container's terminal */
	uint32_t foreign;	/* not this kernel: gVisor */
};
#define KV_CHANNEL_MAGIC 0x6b76636830303031ULL

/* All of it. 0, or -1 with errno (0: the other side's end). libc only. */
int kv_channel_put(int fd, const void *bytes, size_t size);
int kv_channel_get(int fd, void *bytes, size_t size);

#endif

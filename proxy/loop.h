/*
 * The event loop of one single-threaded process: descriptors by epoll, timers, and tasks.
 *
 * A task is what is to be done from the bottom of the stack. Whatever reports something (a descriptor, a timer,
 * libcurl's callbacks, an answered name) only notes it and schedules a task; the task looks at the whole state and
 * acts. So nothing is freed below a function that still uses it, and libcurl is never called from its own callbacks.
 *
 * All three structs are the caller's, inside of what they belong to. They may be forgotten at any time, from their own
 * call too, and any number of times.
 */
#ifndef KV_PROXY_LOOP_H
#define KV_PROXY_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_error;
struct kv_loop;

struct kv_watch {
	int fd;				/* borrowed */
	uint32_t events;		/* what is asked for; private */
	bool known;			/* to epoll; private */
	void (*ready)(struct kv_watch *watch, uint32_t events);
};

struct kv_timer {
	long long due;			/* CLOCK_MONOTONIC, ms; private */
	size_t place;			/* in the heap, from 1; 0: not set; private */
	void (*expired)(struct kv_timer *timer);
};

struct kv_task {
	struct kv_task *next, *previous;	/* private; next NULL: not scheduled */
	void (*run)(struct kv_task *task);
};

/* The struct that holds a member. */
#define KV_OWNER(type, member, at) ((type *)(void *)((char *)(at) - offsetof(type, member)))

/* NULL with err. */
struct kv_loop *kv_loop_new(struct kv_error *err);
void kv_loop_free(struct kv_loop *loop);

/* Runs until kv_loop_stop. 0, or -1 with err. */
int kv_loop_run(struct kv_loop *loop, struct kv_error *err);
void kv_loop_stop(struct kv_loop *loop);

/* The time of this round, CLOCK_MONOTONIC in ms. */
long long kv_loop_now(const struct kv_loop *loop);

/* Watches watch->fd for events (EPOLLIN ...), level-triggered; 0 waits for errors and hangups only. 0, or -1 with errno. */
int kv_loop_watch(struct kv_loop *loop, struct kv_watch *watch, uint32_t events);
/* Before the descriptor is closed. */
void kv_loop_forget(struct kv_loop *loop, struct kv_watch *watch);

/* Sets it to ms from now, anew if it was set. 0, or -1 with errno. */
int kv_loop_timer(struct kv_loop *loop, struct kv_timer *timer, long long ms);
void kv_loop_timer_stop(struct kv_loop *loop, struct kv_timer *timer);

/* Once, soon. Scheduling it twice is the same as once. */
void kv_loop_task(struct kv_loop *loop, struct kv_task *task);
void kv_loop_task_cancel(struct kv_task *task);

#endif

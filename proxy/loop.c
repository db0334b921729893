#include "proxy/loop.h"

#include "common/error.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define BATCH		64

struct kv_loop {
	int epoll;
	bool stop;
	long long now;
	struct kv_task tasks;		/* the ring's head */
	struct kv_timer **heap;		/* from 1: the parent of n is n / 2; owned */
	size_t timers, room;
	struct epoll_event batch[BATCH];	/* what epoll reported, .. */
	int batch_at, batch_count;		/* .. and what of it is still to be told */
};

static long long
clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct kv_loop *
kv_loop_new(struct kv_error *err)
{
	struct kv_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		(void)kv_error_set(err, KV_ERR_NOMEM, "event loop");
		return NULL;
	}
	loop->tasks.next = loop->tasks.previous = &loop->tasks;
	loop->now = clock_ms();
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		(void)kv_error_sys(err, "event loop");
		free(loop);
		return NULL;
	}
	return loop;
}

void
kv_loop_free(struct kv_loop *loop)
{
	if (loop == NULL)
		return;
	(void)close(loop->epoll);
	free(loop->heap);
	free(loop);
}

void
kv_loop_stop(struct kv_loop *loop)
{
	loop->stop = true;
}

long long
kv_loop_now(const struct kv_loop *loop)
{
	return loop->now;
}

int
kv_loop_watch(struct kv_loop *loop, struct kv_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->known && watch->events == events)
		return 0;
	if (epoll_ctl(loop->epoll, watch->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) != 0)
		return -1;
	watch->known = true;
	watch->events = events;
	return 0;
}

void
kv_loop_forget(struct kv_loop *loop, struct kv_watch *watch)
{
	if (!watch->known)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->known = false;
	for (int i = loop->batch_at; i < loop->batch_count; i++) {
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
	}
}

static void
place(struct kv_loop *loop, struct kv_timer *timer, size_t at)
{
	loop->heap[at] = timer;
	timer->place = at;
}

/* Moves the timer from its place up or down to where it belongs. */
static void
settle(struct kv_loop *loop, struct kv_timer *timer)
{
	size_t at = timer->place;

	while (at > 1 && loop->heap[at / 2]->due > timer->due) {
		place(loop, loop->heap[at / 2], at);
		at /= 2;
	}
	for (size_t child; (child = at * 2) <= loop->timers; at = child) {
		if (child < loop->timers && loop->heap[child + 1]->due < loop->heap[child]->due)
			child++;
		if (loop->heap[child]->due >= timer->due)
			break;
		place(loop, loop->heap[child], at);
	}
	place(loop, timer, at);
}

int
kv_loop_timer(struct kv_loop *loop, struct kv_timer *timer, long long ms)
{
	timer->due = loop->now + ms;
	if (timer->place == 0) {
		if (loop->timers + 1 >= loop->room) {
			size_t room = loop->room == 0 ? 64 : loop->room * 2;
			struct kv_timer **heap = realloc(loop->heap, room * sizeof(struct kv_timer *));

			if (heap == NULL)
				return -1;
			loop->heap = heap;
			loop->room = room;
		}
		place(loop, timer, ++loop->timers);
	}
	settle(loop, timer);
	return 0;
}

void
kv_loop_timer_stop(struct kv_loop *loop, struct kv_timer *timer)
{
	size_t at = timer->place;
	struct kv_timer *last;

	if (at == 0)
		return;
	last = loop->heap[loop->timers--];
	timer->place = 0;
	if (last != timer) {
		place(loop, last, at);
		settle(loop, last);
	}
}

void
kv_loop_task(struct kv_loop *loop, struct kv_task *task)
{
	if (task->next != NULL)
		return;
	task->next = &loop->tasks;
	task->previous = loop->tasks.previous;
	task->previous->next = task;
	loop->tasks.previous = task;
}

void
kv_loop_task_cancel(struct kv_task *task)
{
	if (task->next == NULL)
		return;
	task->previous->next = task->next;
	task->next->previous = task->previous;
	task->next = task->previous = NULL;
}

static void
run_tasks(struct kv_loop *loop)
{
	/* No more than a batch before descriptors and timers have their turn. */
	for (int i = 0; i < BATCH && loop->tasks.next != &loop->tasks; i++) {
		struct kv_task *task = loop->tasks.next;

		kv_loop_task_cancel(task);
		task->run(task);
	}
}

static void
run_timers(struct kv_loop *loop)
{
	/* One that sets itself to "at once" must not starve the rest: at most each once. */
	for (size_t left = loop->timers; left > 0 && loop->timers > 0; left--) {
		struct kv_timer *timer = loop->heap[1];

		if (timer->due > loop->now)
			break;
		kv_loop_timer_stop(loop, timer);
		timer->expired(timer);
	}
}

/* For how long epoll may sleep. */
static int
patience(const struct kv_loop *loop)
{
	long long left;

	if (loop->tasks.next != &loop->tasks)
		return 0;
	if (loop->timers == 0)
		return -1;
	left = loop->heap[1]->due - clock_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int
kv_loop_run(struct kv_loop *loop, struct kv_error *err)
{
	while (!loop->stop) {
		int count = epoll_wait(loop->epoll, loop->batch, BATCH, patience(loop));

		if (count < 0 && errno != EINTR)
			return kv_error_sys(err, "epoll");
		loop->now = clock_ms();
		loop->batch_count = count < 0 ? 0 : count;
		for (loop->batch_at = 0; loop->batch_at < loop->batch_count;) {
			const struct epoll_event *event = &loop->batch[loop->batch_at++];
			struct kv_watch *watch = event->data.ptr;

			if (watch != NULL)
				watch->ready(watch, event->events);
		}
		run_timers(loop);
		run_tasks(loop);
	}
	return 0;
}

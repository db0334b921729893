#include "proxy/loop.h"

#include "common/error.h"

#include <atf-c.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TIMERS 200

static struct kv_loop *loop;
static int fired, last;

struct numbered {
	struct kv_timer timer;
	int number;
};

static struct kv_loop *
make(void)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_loop *made = kv_loop_new(&err);

	ATF_REQUIRE_MSG(made != NULL, "%s", err.msg);
	return made;
}

static void
run(void)
{
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_MSG(kv_loop_run(loop, &err) == 0, "%s", err.msg);
}

static void
in_order(struct kv_timer *timer)
{
	int number = KV_OWNER(struct numbered, timer, timer)->number;

	ATF_CHECK_MSG(number >= last, "%d after %d", number, last);
	last = number;
	fired++;
}

static void
stop(struct kv_timer *timer)
{
	(void)timer;
	kv_loop_stop(loop);
}

ATF_TC_WITHOUT_HEAD(timers_expire_in_order);
ATF_TC_BODY(timers_expire_in_order, tc)
{
	static struct numbered all[TIMERS];
	struct kv_timer end = { .expired = stop };

	loop = make();
	srandom(1);
	for (int i = 0; i < TIMERS; i++) {
		all[i] = (struct numbered){ .timer.expired = in_order, .number = (int)(random() % 50) };
		ATF_REQUIRE_EQ(0, kv_loop_timer(loop, &all[i].timer, 1000));
	}
	/* Moved from there, up and down; every fourth is taken out again, each one twice. */
	for (int i = 0; i < TIMERS; i++)
		ATF_REQUIRE_EQ(0, kv_loop_timer(loop, &all[i].timer, all[i].number));
	for (int i = 0; i < TIMERS; i += 4) {
		kv_loop_timer_stop(loop, &all[i].timer);
		kv_loop_timer_stop(loop, &all[i].timer);
	}
	ATF_REQUIRE_EQ(0, kv_loop_timer(loop, &end, 100));
	run();
	ATF_CHECK_EQ(TIMERS - TIMERS / 4, fired);
	kv_loop_free(loop);
}

struct pair {
	struct kv_watch watch[2];
};

static void
forget_both(struct kv_watch *watch, uint32_t events)
{
	struct pair *pair = KV_OWNER(struct pair, watch[0], watch);

	(void)events;
	/* Whichever is told first, the other must not be told after this. */
	if (watch != &pair->watch[0])
		pair = KV_OWNER(struct pair, watch[1], watch);
	kv_loop_forget(loop, &pair->watch[0]);
	kv_loop_forget(loop, &pair->watch[1]);
	fired++;
}

static void
forget_first(struct kv_watch *watch, uint32_t events)
{
	forget_both(watch, events);
}

ATF_TC_WITHOUT_HEAD(forgotten_watch_is_not_told);
ATF_TC_BODY(forgotten_watch_is_not_told, tc)
{
	struct kv_timer end = { .expired = stop };
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2][2];

	loop = make();
	ATF_REQUIRE(pair != NULL);
	for (int i = 0; i < 2; i++) {
		ATF_REQUIRE(pipe(fds[i]) == 0 && write(fds[i][1], "x", 1) == 1);
		pair->watch[i] = (struct kv_watch){ .fd = fds[i][0], .ready = forget_first };
		ATF_REQUIRE_EQ(0, kv_loop_watch(loop, &pair->watch[i], EPOLLIN));
	}
	ATF_REQUIRE_EQ(0, kv_loop_timer(loop, &end, 20));
	run();
	ATF_CHECK_EQ(1, fired);
	free(pair);
	kv_loop_free(loop);
}

static struct kv_task again_task, once_task;

static void
again(struct kv_task *task)
{
	if (++fired < 1000)
		kv_loop_task(loop, task);
	else
		kv_loop_stop(loop);
}

static void
never(struct kv_task *task)
{
	(void)task;
	atf_tc_fail("a task that was cancelled ran");
}

ATF_TC_WITHOUT_HEAD(tasks_run_once_each_time);
ATF_TC_BODY(tasks_run_once_each_time, tc)
{
	loop = make();
	again_task.run = again;
	once_task.run = never;
	kv_loop_task(loop, &once_task);
	kv_loop_task(loop, &again_task);
	kv_loop_task(loop, &again_task);
	kv_loop_task_cancel(&once_task);
	kv_loop_task_cancel(&once_task);
	run();
	ATF_CHECK_EQ(1000, fired);
	kv_loop_free(loop);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, timers_expire_in_order);
	ATF_TP_ADD_TC(tp, forgotten_watch_is_not_told);
	ATF_TP_ADD_TC(tp, tasks_run_once_each_time);
	return atf_no_error();
}

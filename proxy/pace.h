/*
 * How many refusals a session has: each is a record of the host's, and costs whoever asks for it next to nothing. So many
 * at once are free; who goes on waits with all further requests, and nothing goes unrecorded. Pure.
 */
#ifndef KV_PROXY_PACE_H
#define KV_PROXY_PACE_H

#define KV_PACE_MS	20	/* for one: 50 a second for as long as it goes on */
#define KV_PACE_FREE	1000	/* at once, after a time without any */

struct kv_pace {
	long long paid;		/* the time at which those that were are paid for */
};

/* One more, at the time now (ms, kv_loop_now). */
void kv_pace_count(struct kv_pace *pace, long long now);
/* For how many ms no further request may be taken; 0: none. */
long long kv_pace_wait(const struct kv_pace *pace, long long now);

#endif

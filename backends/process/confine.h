/*
 * The irrevocable layers, in the one order in which they hold.
 */
#ifndef KV_BACKENDS_PROCESS_CONFINE_H
#define KV_BACKENDS_PROCESS_CONFINE_H

#include <stdbool.h>

struct kv_error;
struct kv_ticket;

/*
 * Takes from the calling process, for good: the bounding set, securebits
 * (locked), all five capability sets, new privileges; then Landlock and seccomp as
 * the ticket says. Needs CAP_SETPCAP effective. Single-threaded. After a
 * failure the caller must exit: some layers may hold already. 0 or -1.
 */
int kv_process_confine(const struct kv_ticket *ticket, struct kv_error *err);

/*
 * The same without the capabilities, which are gone already: inside a container.
 * landlock: false on a kernel that has none, for a ticket that needs none. Needs no privilege.
 */
int kv_process_confine_more(const struct kv_ticket *ticket, bool landlock, struct kv_error *err);

/*
 * capset(2) with masks of 1 << CAP_X; the inheritable set becomes empty. Used to raise what
 * one step needs and to lower it again. 0 or -1.
 */
int kv_process_set_caps(unsigned long long permitted, unsigned long long effective, struct kv_error *err);

#endif

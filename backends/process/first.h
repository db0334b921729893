/*
 * What the first process of a sandbox does before it goes its way: as init (init.c), or as the
 * process around a container (backends/container/start.c). libc only.
 */
#ifndef KV_BACKENDS_PROCESS_FIRST_H
#define KV_BACKENDS_PROCESS_FIRST_H

#include "backends/backend.h"

struct kv_error;

/* Puts launch's input, output and errors on 0, 1 and 2, where they are given. */
bool kv_first_redirect(const struct kv_launch *launch);

/*
 * The kernel's keys of whoever opened the session are not the user's to use (keyctl(2),
 * KEYCTL_JOIN_SESSION_KEYRING). A kernel without keyrings has none to share. 0 or -1.
 */
int kv_first_keyring(struct kv_error *err);

/* Tells the other end of control (message.h) why, and ends the process. */
_Noreturn void kv_first_fail(int control, const struct kv_error *err);

#endif

/*
 * What a sandbox's own mount namespace has beyond the session's view: its own
 * /proc and /dev/pts, its terminal, and none of kavach's state.
 */
#ifndef KV_BACKENDS_PROCESS_MOUNTS_H
#define KV_BACKENDS_PROCESS_MOUNTS_H

struct kv_error;
struct kv_ticket;

/*
 * A detached mount of the terminal on descriptor 0, 1 or 2, to be attached inside; -1 where
 * there is none or it cannot be named in this namespace (su(1) keeps the caller's). proc: kv_proc_open. Needs
 * CAP_SYS_ADMIN effective. Not a layer of confinement: no error.
 */
int kv_process_terminal_tree(int proc);

/*
 * To be called in the new pid and mount namespaces, with CAP_SYS_ADMIN
 * effective. terminal: from kv_process_terminal_tree, or -1. 0 or -1.
 */
int kv_process_mounts(const struct kv_ticket *ticket, int terminal, struct kv_error *err);

/*
 * What the processes around a container have instead (the runtime makes the container's own): the view executable, a procfs
 * of the new pid namespace, no socket of syslog. Called likewise.
 */
int kv_process_mounts_outer(const struct kv_ticket *ticket, struct kv_error *err);

/*
 * For a module (mounts_ro.c): the folders of its own that are not writable get read-only mounts, those below that are
 * writable are as they were. Called after kv_process_mounts, likewise; opens the paths, and follows no symbolic link.
 */
int kv_process_mounts_ro(const struct kv_ticket *ticket, struct kv_error *err);

#endif

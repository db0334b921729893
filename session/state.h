/*
 * The state directories below KV_SESSIONS_DIR. Private to session/.
 */
#ifndef KV_SESSION_STATE_H
#define KV_SESSION_STATE_H

#include "session/session.h"

#define KV_INFO_MAX	8192
#define KV_DEAD_PREFIX	"dead."		/* a directory that a reap has claimed */
#define KV_NEW_PREFIX	"new."		/* one that is not whole yet: new.ID.PID.START of its opener */

/*
 * Opens KV_SESSIONS_DIR, made root 0700 if it is missing. What somebody else made
 * in its place, or what others can write to, is refused (KV_ERR_DENIED). With make
 * false: -1 with sys_errno ENOENT where it is missing.
 */
int kv_state_open(bool make, int *sessions_fd, struct kv_error *err);

bool kv_state_is_id(const char *name);

/*
 * Is this the name of a directory that was being made; if so, its id, and whether its maker lives. The name alone says
 * who that is, so that there is no moment in which a new directory could be taken for debris. Pure but for /proc.
 */
bool kv_state_is_new(const char *name, char id[KV_ID_LEN + 1], bool *alive);

/* The info file. Values are escaped, so that none can make a line. */
struct kv_state_info {
	struct kv_session_info info;
	long long uid;
	uint64_t opener_start, opened_ns;
	enum kv_audit_format audit_format;
};
int kv_state_write_info(int state_fd, const struct kv_state_info *info, struct kv_error *err);
int kv_state_read_info(int state_fd, struct kv_state_info *info);

/*
 * Makes a new id (info->info.id) and its directory with info and the held lock in it; info has to name the caller as
 * opener. There is no lock of all sessions: who is stopped or frozen in here keeps nobody else out. The
 * directory is made under another name, and gets its own when it is whole (rename(2)). 0 or -1.
 */
int kv_state_make(int sessions_fd, struct kv_state_info *info, int *state_fd, int *lock_fd,
    struct kv_error *err);

/*
 * Counts the sandbox.N files, and takes the wait status that the last of them left: one less than
 * its size, with nothing in it, since a page of /run for each command would be what a user can take from all.
 */
void kv_state_sandboxes(int state_fd, struct kv_usage *usage);

/* Removes the directory with all in it. 0 or -1 with errno. */
int kv_state_remove(int sessions_fd, const char *name);

/* Does the opener live: its pid with its start time, and not as a zombie. */
bool kv_state_alive(const struct kv_state_info *info);

uint64_t kv_boottime_ns(void);

/* The session's cgroup as the info names it. */
void kv_state_cgroup(const struct kv_session_info *info, struct kv_cgroup *out);

#endif

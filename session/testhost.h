/*
 * For tests: a private mount namespace with a /run, /etc, /dev and /var/lib of its own, a
 * confined user, and a syslog that keeps what it is sent.
 */
#ifndef KV_SESSION_TESTHOST_H
#define KV_SESSION_TESTHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TESTHOST_USER	"kvtest"
#define TESTHOST_UID	60123

/* Enters it; fails the test if it cannot. The user's shell is the given one. */
void testhost_enter(const char *shell);

/* Writes a file with mode 0644, its folder being there. */
void testhost_file(const char *path, const char *text);

/* The syslog: a process of its own; testhost_log_has waits a moment for the text. */
pid_t testhost_log_start(void);
void testhost_log_stop(pid_t pid);
bool testhost_log_has(const char *text);
unsigned int testhost_log_count(const char *text);

/*
 * What a session leaves: state directories, cgroups named after them, mounts. Fails the test
 * if there is any, or if the caller is in another namespace or cgroup than at testhost_enter.
 */
void testhost_check_clean(void);

#endif

/*
 * The values of a session's credentials, while stage one hands them over: read as root in the opener's process,
 * before any namespace is entered, and wiped before that process goes on.
 *
 * MUST NOT be held longer than stage one: sshd forks the user's half afterwards.
 * MUST NOT be copied elsewhere: each value lies in memory that is locked (never on a swap device), in no core,
 * and reads as zeroes in a child of this process (MADV_WIPEONFORK). So a child cannot hand a value on: the
 * parent writes it, to a pipe or a file of the child's. kv_secrets_fork is for the one child that must.
 */
#ifndef KV_SESSION_CREDENTIAL_H
#define KV_SESSION_CREDENTIAL_H

#include <stddef.h>

#include "policy/credential.h"

struct kv_error;
struct kv_ticket;

#define KV_SECRET_MAX		65536	/* bytes of a value: what a pipe holds */
#define KV_SECRET_HEADER_MAX	8191	/* bytes of a header's value, its prefix included */
#define KV_SECRET_COMMAND_MS	5000	/* what a command may take */

struct kv_secret {
	const struct kv_credential *credential;	/* borrowed from the config */
	const char *value;	/* owned; size bytes, which may hold NUL, and a NUL. A header's has its prefix in front */
	size_t size;		/* at least 1 */
};

struct kv_secrets {
	struct kv_secret *secret;	/* owned; in the order of the policy's list */
	size_t count;
};

/*
 * Reads all credentials of the policy; those that are headers only where the policy's network is the proxy: nobody would ask
 * for them elsewhere (a composite has no network). From a file or a command one newline at the end is cut off a
 * variable and a header; off a command's output always. Root; one thread; a command runs without a signal to this process.
 * The config must outlive *out. 0; -1 with KV_ERR_DENIED (a value that its delivery cannot take, a source that is not
 * there or not root's alone) or KV_ERR_SYSTEM, the message "credential NAME: ..." without a byte of any value; *out is then empty.
 */
int kv_secrets_read(const struct kv_config *config, const struct kv_policy *policy, struct kv_secrets *out,
    struct kv_error *err);

/*
 * The same, kept for no moment, and without running a command: what PAM account can know before a session is opened
 * (sshd keeps a connection whose session only is refused). 0 or -1 as above.
 */
int kv_secrets_try(const struct kv_config *config, const struct kv_policy *policy, struct kv_error *err);

/* Overwrites all values and frees. Idempotent; a zeroed struct is empty. */
void kv_secrets_wipe(struct kv_secrets *secrets);

/*
 * keep: a fork that follows leaves the values to the child (kavachctl run enters the session there); the caller wipes its own
 * after it. Not keep: the child locks what it got, and again its own children see zeroes. 0 or -1.
 */
int kv_secrets_fork(const struct kv_secrets *secrets, bool keep, struct kv_error *err);

/* Where in the session's view the wrapper finds which value: fills ticket->secrets. 0 or -1. */
int kv_secrets_ticket(const struct kv_secrets *secrets, struct kv_ticket *ticket, struct kv_error *err);

/*
 * Memory for what holds values, as they are kept themselves: zeroed, locked, in no core, zeroes in a child. NULL with err: what
 * cannot be locked is not used. kv_secret_forget overwrites and unmaps it; NULL is nothing.
 */
char *kv_secret_memory(size_t size, struct kv_error *err);
void kv_secret_forget(char *memory, size_t size);

/* The next two: for the files of session/credential*.c and their tests. */

/*
 * Runs a command: argv[0] is its path; clean environment, / as its folder, nothing on its input, its own session; all
 * of that killed in the end. Its output, at most room bytes, goes to buf. The count; -1 with the reason.
 */
long kv_secret_run(const struct kv_list *command, char *buf, size_t room, unsigned int limit_ms, struct kv_error *err);

/* Can the delivery take the value. Pure. 0 or -1. */
int kv_secret_check(const struct kv_credential *credential, const char *value, size_t size, struct kv_error *err);

#endif

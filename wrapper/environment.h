/* The command's environment: built anew from an allow-list, never passed on. */
#ifndef KV_WRAPPER_ENVIRONMENT_H
#define KV_WRAPPER_ENVIRONMENT_H

struct kv_error;
struct kv_ticket;

/*
 * HOME, USER, LOGNAME, SHELL and PATH from the ticket; TERM, LANG, LC_*, TZ and
 * what sshd and the policy's `environment` name from envp, where the value is sane; original
 * (NULL: none) as SSH_ORIGINAL_COMMAND; SSH_TTY, where envp has it, as the terminal's name inside.
 * Returns an array that the caller frees with its strings, or NULL.
 */
char **kv_environment_build(const struct kv_ticket *ticket, char *const envp[],
    const char *original, struct kv_error *err);

#endif

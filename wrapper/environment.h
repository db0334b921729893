/* The command's environment: built anew from an allow-list, never passed on. */
#ifndef KV_WRAPPER_ENVIRONMENT_H
#define KV_WRAPPER_ENVIRONMENT_H

struct kv_error;
struct kv_ticket;

/*
 * HOME, USER, LOGNAME, SHELL and PATH from the ticket; TERM, LANG, LC_*, TZ and
 * what sshd and the policy's `environment` name from envp, where the value is sane; original
 * (NULL: none) as SSH_ORIGINAL_COMMAND; the ticket's secrets that are variables, with their values (kv_ticket_secrets_map;
 * NULL: none), and CREDENTIALS_DIRECTORY; SSH_TTY, where envp has it, as the terminal's name inside.
 * Returns an array for kv_environment_wipe, or NULL.
 */
char **kv_environment_build(const struct kv_ticket *ticket, char *const envp[], const char *original,
    const char *values, struct kv_error *err);

/* Overwrites and frees it. NULL is none. */
void kv_environment_wipe(char **list);

#endif

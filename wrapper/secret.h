/* A credential as the standard input of a command. */
#ifndef KV_WRAPPER_SECRET_H
#define KV_WRAPPER_SECRET_H

#include <stdbool.h>

struct kv_error;
struct kv_ticket;

/*
 * The reading end of a pipe that holds the ticket's secret for standard input, and then ends; -1 where
 * there is none. values: kv_ticket_secrets_map. KV_ERR_DENIED where the session has no command, or a terminal. The
 * caller closes *input. 0 or -1.
 */
int kv_secret_input(const struct kv_ticket *ticket, const char *values, bool command, bool terminal, int *input,
    struct kv_error *err);

#endif

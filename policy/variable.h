/* Names of environment variables that are kavach's own. Linked in the wrapper too: libc only. Pure. */
#ifndef KV_POLICY_VARIABLE_H
#define KV_POLICY_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

/* A name of len bytes against a name, or the beginning of one with * at its end. */
bool kv_variable_matches(const char *pattern, const char *name, size_t len);

/* Letters, digits and _, no digit first, not empty. */
bool kv_variable_name_ok(const char *name, size_t len);

/*
 * Neither the caller nor the policy gives it to a session: it runs code or moves trust in what is started, or
 * the wrapper sets it itself.
 */
bool kv_variable_reserved(const char *name, size_t len);

#endif

/*
 * How a runtime is told to run a module. Pure; linked by the wrapper.
 *
 * A module gets its arguments, the session's environment, 0, 1 and 2, and the folders that landlock_ro, landlock_rw and
 * data_dir name, under their own names. Nothing else: no home, no /tmp. No runtime has
 * read-only folders; ro is held by the process layer: by Landlock, which is in force wherever there is an ro, and by a mount.
 */
#ifndef KV_BACKENDS_WASM_LINE_H
#define KV_BACKENDS_WASM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

struct kv_error;
struct kv_launch;
struct kv_ticket;

/*
 * What the probe found that a runtime can, as words of kv_ticket.runtime_option with commas between them:
 *   wat		modules in text form
 *   component		components of WASI 0.2
 *   memory		a limit of its own for a module's memory
 *   fuel		wasm_fuel
 *   timeout		wasm_timeout
 *   network		sockets for components
 */
bool kv_wasm_can(const char *option, const char *word);

/* Has a program, by its name, an option for that at all: does it make sense to try. */
bool kv_wasm_knows(const char *program, const char *word);

/* The path of the module that a command names: a relative one is below the home. 0 or -1. */
int kv_wasm_module(const char *home, const char *word, char *out, size_t size, struct kv_error *err);

/*
 * The command line that runs launch's module by the ticket's runtime. Returns an array ended with NULL, for
 * kv_wasm_argv_free; NULL: KV_ERR_UNAVAILABLE where the runtime is none of those known, or would have to be told a credential where
 * everybody can read it; KV_ERR_CONFIG where a folder's name cannot be said. Of a credential it holds the name only: kv_wasm_secrets.
 */
char **kv_wasm_argv(const struct kv_ticket *ticket, const struct kv_launch *launch, struct kv_error *err);
void kv_wasm_argv_free(char **argv);

/* Those of envp that are the ticket's credentials, and so are the runtime's variables, too. Pointers into envp; then NULL. */
void kv_wasm_secrets(const struct kv_ticket *ticket, char *const *envp, char *out[KV_CREDENTIALS_MAX + 1]);

#endif

/* The arguments in the PAM configuration. One parser for every entry point. */
#ifndef KV_PAM_MODULE_PAM_ARGS_H
#define KV_PAM_MODULE_PAM_ARGS_H

#include <stdbool.h>

struct kv_error;

struct kv_pam_args {
	const char *conf;	/* borrowed; NULL: the installed one */
	bool debug;
};

/*
 * conf=FILE (an absolute path) and debug. Anything else, and the same twice,
 * is KV_ERR_USAGE naming it: a mistyped argument must not pass for a default.
 */
int kv_pam_args_parse(int argc, const char *const *argv, struct kv_pam_args *out, struct kv_error *err);

#endif

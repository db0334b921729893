/*
 * Seccomp profiles, compiled to BPF by libseccomp in stage one (root) and
 * carried in the ticket, so that the wrapper links no compiler.
 */
#ifndef KV_BACKENDS_PROCESS_SECCOMP_H
#define KV_BACKENDS_PROCESS_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>

#include "policy/policy.h"

/*
 * Compiles a profile into out (at most max instructions). file: with
 * KV_SECCOMP_FILE, the profile's path (format: kavach.conf(5)), trusted like a policy file.
 * The filter kills foreign architectures and x32, answers clone3 with ENOSYS, and
 * compares ioctl requests by their low 32 bits. No privilege. 0, or -1 with
 * KV_ERR_CONFIG or KV_ERR_SYSTEM.
 */
int kv_seccomp_compile(enum kv_seccomp profile, const char *file, struct sock_filter *out,
    size_t max, size_t *count, struct kv_error *err);

/*
 * Installs a compiled filter on the calling thread; no_new_privs must be set. In a file of
 * its own (seccomp_install.c) that needs no libseccomp. 0 or -1.
 */
int kv_seccomp_install(const struct sock_filter *filter, size_t count, struct kv_error *err);

#endif

/*
 * A seccomp profile as the specification's linux.seccomp section
 * (config-linux.md, "Seccomp"), from the tables that backends/process compiles.
 *
 * It is the outer of two rings: the inner is the exact filter that kavach-init installs once
 * it runs in the container. Where they differ, the outer one is the wider:
 *   - A call that an allow-list lets through with some arguments only is there with the flags
 *     that are forbidden masked away (clone, unshare, sendto); where the arguments cannot be said so (ioctl, socket), it is there as
 *     a whole. Denials are exact: TIOCSTI with high bits set is caught.
 *   - personality(2) and calls that libseccomp has no name for are left to the inner one.
 *   - With a file of the administrator's, what `strict` allows is let through: the runtime and kavach-init
 *     need it to come as far as the exact filter. That also covers seccomp(2), prctl(2) and
 *     the landlock calls, with which a process can only take from itself.
 *
 * Only the native architecture is let in; others are killed by the default of libseccomp.
 * Names that a runtime's libseccomp does not know are passed over by crun 1.8, runc 1.1 and runsc. runsc
 * (20221219, 20240729) answers EPERM whatever errnoRet says; once both filters are in place the inner one's errno counts (seccomp(2)).
 */
#ifndef KV_BACKENDS_CONTAINER_OCI_SECCOMP_H
#define KV_BACKENDS_CONTAINER_OCI_SECCOMP_H

#include "policy/policy.h"

struct json_object;
struct kv_error;

/*
 * A new object, or NULL with KV_ERR_NOMEM or KV_ERR_CONFIG. profile is not KV_SECCOMP_OFF.
 * text: with KV_SECCOMP_FILE, the profile (kavach.conf(5)).
 */
struct json_object *kv_oci_seccomp(enum kv_seccomp profile, const char *text, struct kv_error *err);

#endif

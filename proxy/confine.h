/*
 * The proxy confines itself, in this order, and believes none of it before it has looked:
 *
 *   kv_confine_begin   no capability, not root, no group of others; no_new_privs; no cores, not dumpable; descriptors
 *   (what needs files and system calls that are not allowed later is made here)
 *   kv_confine_finish  Landlock, seccomp; then all of it is read back
 *
 * Landlock: the roots of TLS, hosts and the resolver's files to read; the audit folder to write; TCP to allowed ports
 * and 53 only; no signals and no abstract sockets outside. seccomp: what an event loop with libcurl, c-ares and OpenSSL
 * calls; no new process, no new thread, no memory that is executable, sockets of AF_INET, AF_INET6 and AF_UNIX only.
 */
#ifndef KV_PROXY_CONFINE_H
#define KV_PROXY_CONFINE_H

struct kv_egress_config;
struct kv_error;

/* Single-threaded, with nothing open but what stage one gave. 0, or -1: then exit. */
int kv_confine_begin(struct kv_error *err);

/* audit: the folder's descriptor, or -1. Irrevocable. 0, or -1: then exit. */
int kv_confine_finish(const struct kv_egress_config *config, int audit, struct kv_error *err);

#endif

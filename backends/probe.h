/*
 * What this host has of each backend. Apart from the registry, so that the program that
 * holds capabilities does not carry it.
 */
#ifndef KV_BACKENDS_PROBE_H
#define KV_BACKENDS_PROBE_H

#include <stdint.h>

#include "policy/decide.h"

/*
 * Is this container backend here, which version; if not, why. Fills runtime and
 * runtime_option. fact is zeroed but for the base score. version may be NULL. Waits for a probe until
 * then (CLOCK_MONOTONIC, milliseconds); one that takes longer goes on by itself.
 */
void kv_container_probe(enum kv_backend_id id, int64_t until, struct kv_backend_fact *fact, char *version, size_t size);

/* The same of the runtimes of modules. */
void kv_wasm_probe(int64_t until, struct kv_backend_fact *fact, char *version, size_t size);

#endif

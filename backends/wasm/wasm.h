/*
 * The backend that runs a WebAssembly module (WASI) by a runtime: wasmtime, or wasmi.
 *
 * It is the process backend with another command: the runtime in the place of a shell, inside all
 * of that backend's layers, which are read back as ever. What the module itself may do is in line.h.
 */
#ifndef KV_BACKENDS_WASM_WASM_H
#define KV_BACKENDS_WASM_WASM_H

#include "backends/backend.h"

/* launch.file is the module, argv its own name and arguments. */
extern const struct kv_backend kv_wasm_backend;

#endif

/*
 * What is known of a runtime on this host, of containers or of modules: found by kavach-probe, which really starts
 * an empty container or a small module, and kept in KV_PROBE_DIR until the programs or the kernel change.
 *
 *   PAM module, kavachctl (root) ─► cache fits? ─yes─► done
 *                                     no ─► kavach-probe, waited for with a limit ─► cache
 *
 * One file for each runtime, root's, readable by all: the key as text, then what was found. What does
 * not begin with the very key that is expected now is as good as absent.
 */
#ifndef KV_BACKENDS_CONTAINER_PROBE_H
#define KV_BACKENDS_CONTAINER_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/container/runtime.h"
#include "common/error.h"

#define KV_PROBE_DIR		KV_RUNSTATEDIR "/kavach/probe"
#define KV_PROBE_PROGRAM	KV_PKGLIBEXECDIR "/kavach-probe"
#define KV_PROBE_KEY		2048
/* A failure may be the hour's (a busy host): after this many seconds it is looked at again, without being waited for. */
#define KV_PROBE_FAILED_S	600
/* One that took too long says the least about the runtime. */
#define KV_PROBE_LATE_S		30

struct kv_probe {
	bool starts;
	uint64_t when;		/* seconds of CLOCK_BOOTTIME; for a time-out so much before it that KV_PROBE_LATE_S are left */
	char version[48];
	char option[64];	/* kv_backend_fact.runtime_option */
	char reason[256];	/* why it does not start; "" if it does */
};

/* Where things are. For tests; everybody else takes kv_probe_host. */
struct kv_probe_place {
	const char *folder;		/* KV_PROBE_DIR */
	const char *program;		/* KV_PROBE_PROGRAM */
	const char *const *runtimes;	/* as kv_runtime_find_in takes them; NULL: kv_runtime_find */
};
extern const struct kv_probe_place kv_probe_host;

/*
 * The key: what the runtime's answer depends on. The identity (device, inode, times, size) of the
 * program, of the crun beside it for podman, of kavach's own programs in a container; the
 * kernel's release, version and boot. 0, or -1 with errno.
 */
int kv_probe_key(const struct kv_probe_place *place, enum kv_runtime runtime, const char *program,
    char key[KV_PROBE_KEY]);

/* The cache. folder and file must be root's alone to write. 0; -1: nothing that fits. No privilege. */
int kv_probe_read(const char *folder, enum kv_runtime runtime, const char *key, struct kv_probe *out);

/* Root. Replaces the file; texts are cut to one line of printable ASCII. 0 or -1. */
int kv_probe_write(int folder, enum kv_runtime runtime, const char *key, const struct kv_probe *probe,
    struct kv_error *err);

/* Forgets what is known, of every runtime, below KV_PROBE_DIR. Root. 0 or -1. */
int kv_probe_forget(struct kv_error *err);

/*
 * Starts place->program for the runtime and waits until it has ended, at most until (CLOCK_MONOTONIC,
 * milliseconds; 0: not at all). Whoever calls (sshd) hears nothing of the child: no SIGCHLD, no
 * zombie, no descriptor, and its end does not end it. 0: it has ended; 1: it goes on; -1 with errno.
 */
int kv_probe_run(const struct kv_probe_place *place, enum kv_runtime runtime, int64_t until);

int64_t kv_probe_now_ms(void);
uint64_t kv_probe_uptime_s(void);

/*
 * What is known of the runtime, after a probe if need be and if the caller may (root). Always fills out.
 * program: its path, "" where it is not installed.
 */
void kv_probe_look(const struct kv_probe_place *place, enum kv_runtime runtime, int64_t until,
    char program[KV_RUNTIME_MAX], struct kv_probe *out);

/* Below: inside kavach-probe. */

/* probe_place.c: in namespaces of its own, makes what stage one makes for a session with a root of its own. */
struct kv_ticket;
int kv_probe_place_make(struct kv_ticket *ticket, struct kv_error *err);

/*
 * probe_start.c: body runs as pid 1 of namespaces of its own (pid, mount, net, ipc, uts) with ticket, into which the
 * host's namespaces have been noted, and is killed with all below it when it answers or its time is over.
 * what: "a container", for the reason. words: the answer's. 0 or -1 with the reason.
 */
struct kv_probe_answer {
	struct kv_error err;
	char words[64];
};
typedef void kv_probe_body(struct kv_ticket *ticket, struct kv_probe_answer *answer);
int kv_probe_below(struct kv_ticket *ticket, kv_probe_body *body, const char *what, char *words, size_t size,
    struct kv_error *err);
#define KV_PROBE_START_MS 5000	/* a start takes a fraction of a second; who needs longer than this is not for logins */

/* probe_start.c: one start, bounded; words: what kavach-init said of the container's kernel. 0 or -1 with the reason. */
int kv_probe_start(enum kv_runtime runtime, const char *program, const char *option, char *words, size_t size,
    struct kv_error *err);

/* wasm/probe_start.c: what a runtime of modules can, as words for wasm/line.h. 0 or -1 with the reason. */
int kv_probe_modules(const char *program, char *words, size_t size, struct kv_error *err);

/* probe_ask.c: runs program with one word as nobody, bounded; its output, ended with NUL. 0 or -1. */
int kv_probe_ask(const char *program, const char *word, char *out, size_t size, struct kv_error *err);

/* probe_find.c: all about one runtime. */
void kv_probe_find(enum kv_runtime runtime, const char *program, struct kv_probe *out);

/* The user that a probe starts for: ids that nobody has. */
#define KV_PROBE_UID	0x07fffffeu

#endif

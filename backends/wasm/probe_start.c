/*
 * Which modules a runtime runs and which limits it keeps: each is tried, as a session would, by the backend's own
 * start, under seccomp and Landlock, as a user that nobody is.
 *
 * A limit that is there by its option's name and does not hold would be a promise broken, so what ends the
 * modules here must be the limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/container/probe.h"
#include "backends/process/confine.h"
#include "backends/process/seccomp.h"
#include "backends/wasm/line.h"
#include "backends/wasm/probe_modules.h"
#include "backends/wasm/wasm.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "session/fill.h"
#include "session/fill_wasm.h"
#include "session/ticket.h"

#define FOLDER		"/tmp"
#define OUTPUT_MAX	16384
#define RUN_MS		2000	/* one module; all of them: KV_PROBE_START_MS */
#define FUEL		10000
#define TIMEOUT_MS	50
#define MEMORY		(1U << 20)
#define ANSWER		42	/* of says_42 */
#define STOPPED		(-1)	/* any status but 0 */
#define TIMED_OUT	124
#define NETWORK_POINTS	5	/* policy/score.c */

/* What the wrapper holds (session/caps.h). */
#define CAPS ((1ULL << CAP_SYS_ADMIN) | (1ULL << CAP_SETPCAP) | (1ULL << CAP_DAC_OVERRIDE))

static const char text[] =
    "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
    " (memory (export \"memory\") 1) (func (export \"_start\") (call $exit (i32.const 42))))";

static const struct module {
	const char *path;
	const void *bytes;
	size_t size;
} modules[] = {
	{ FOLDER "/says_42.wasm", says_42, sizeof(says_42) },
	{ FOLDER "/says_42.wat", text, sizeof(text) - 1 },
	{ FOLDER "/component.wasm", component, sizeof(component) },
	{ FOLDER "/grows.wasm", grows, sizeof(grows) },
	{ FOLDER "/loops.wasm", loops, sizeof(loops) },
};
enum { SAYS_42, TEXT, COMPONENT, GROWS, LOOPS, MODULES };

static int
put_modules(struct kv_error *err)
{
	for (size_t i = 0; i < MODULES; i++) {
		kv_cleanup_close int fd = open(modules[i].path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || kv_write_all(fd, modules[i].bytes, modules[i].size) != 0)
			return kv_error_sys(err, "probe: %s", modules[i].path);
	}
	return 0;
}

/* In a mount namespace of the probe's own. */
static int
make_place(struct kv_error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
	    mount("kavach-probe", KV_RUN_DIR, "tmpfs", MS_NOSUID, "mode=0755,size=64k") != 0 ||
	    mount("kavach-probe", FOLDER, "tmpfs", MS_NOSUID, "mode=0755,size=64k") != 0)
		return kv_error_sys(err, "probe: mounts");
	return put_modules(err);
}

/* Of a session's user, with the wrapper's capabilities. */
static int
become(struct kv_error *err)
{
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(KV_PROBE_UID, KV_PROBE_UID, KV_PROBE_UID) != 0 ||
	    setresuid(KV_PROBE_UID, KV_PROBE_UID, KV_PROBE_UID) != 0)
		return kv_error_sys(err, "probe: user");
	return kv_process_set_caps(CAPS, CAPS, err);
}

/* The exit status of a module; -1 with the reason where the sandbox was not made. said: the runtime's words. */
static int
run(const struct kv_ticket *ticket, size_t module, char *said, size_t size, struct kv_error *err)
{
	static char *const envp[] = { NULL };
	char *const argv[] = { (char *)(uintptr_t)modules[module].path, NULL };
	const struct kv_launch launch = {
		.ticket = ticket, .number = 1, .file = modules[module].path, .argv = argv, .envp = envp, .cwd = "/",
		.umask = 077, .own_session = true, .opener_fd = -1, .input = -1, .output = -1, .errors = -1,
	};
	const struct kv_exec_options options = { .timeout_ms = RUN_MS, .output_limit = OUTPUT_MAX };
	struct kv_exec_result result;
	int status = kv_backend_exec(&kv_wasm_backend, &launch, &options, &result, err);

	if (status == 0)
		(void)kv_format(said, size, "%.100s", result.err == NULL ? "" : kv_runtime_words(result.err));
	if (status == 0)
		status = result.timed_out ? TIMED_OUT : result.exit_code;
	kv_exec_result_release(&result);
	return status;
}

/*
 * 1 if a module ends with that status, or with any but 0 where it is to be stopped; 0 if it ends otherwise; -1 with the
 * reason where that is no answer about the runtime: no sandbox, or the end of our patience.
 */
static int
ends(const struct kv_ticket *ticket, size_t module, int wanted, struct kv_error *err)
{
	char said[128];
	int status = run(ticket, module, said, sizeof(said), err);

	if (status < 0)
		return -1;
	if (status == TIMED_OUT) {
		(void)kv_error_set(err, KV_ERR_UNAVAILABLE, "%s took longer than %d ms", modules[module].path, RUN_MS);
		err->sys_errno = ETIMEDOUT;
		return -1;
	}
	return wanted == STOPPED ? status != 0 : status == wanted;
}

/* The same with a word more in the option; it stays there if the module ends so. */
static int
try_word(struct kv_ticket *ticket, const char *word, size_t module, int wanted, struct kv_error *err)
{
	size_t used = strlen(ticket->runtime_option);
	int status;

	if (!kv_wasm_knows(ticket->runtime, word))
		return 0;
	if (kv_format(ticket->runtime_option + used, sizeof(ticket->runtime_option) - used, "%s%s", used > 0 ? "," : "",
	    word) != 0)
		return kv_error_sys(err, "probe: %s", word);
	status = ends(ticket, module, wanted, err);
	if (status != 1)
		ticket->runtime_option[used] = '\0';
	return status < 0 ? -1 : 0;
}

/* As with network = host; the host is the probe's own namespace, where no interface is up. */
static int
try_network(struct kv_ticket *ticket, struct kv_error *err)
{
	uint64_t host = ticket->host_netns_ino;
	int status;

	if (!kv_wasm_can(ticket->runtime_option, "component"))
		return 0;
	if (kv_own_namespace("net", &ticket->host_netns_ino, err) != 0)
		return -1;
	ticket->network = KV_NET_HOST;
	ticket->score -= NETWORK_POINTS;
	status = try_word(ticket, "network", COMPONENT, 0, err);
	ticket->network = KV_NET_OFF;
	ticket->score += NETWORK_POINTS;
	ticket->host_netns_ino = host;
	return status;
}

/*
 * A limit: with a wide one a module ends as ever, which tells that the option is known; with a narrow one another is stopped. It
 * is the runtime's, since the session's cgroup is not here.
 */
static int
try_limit(struct kv_ticket *ticket, const char *word, size_t good, int status, size_t bad, struct kv_error *err)
{
	size_t used = strlen(ticket->runtime_option);
	int stopped;

	if (!kv_wasm_knows(ticket->runtime, word))
		return 0;
	ticket->wasm_memory = strcmp(word, "memory") == 0 ? MEMORY * 64ULL : 0;
	ticket->wasm_fuel = strcmp(word, "fuel") == 0 ? FUEL * 1000ULL : 0;
	ticket->wasm_timeout_ms = strcmp(word, "timeout") == 0 ? TIMEOUT_MS * 1000 : 0;
	if (try_word(ticket, word, good, status, err) != 0)
		return -1;
	ticket->wasm_memory /= 64;
	ticket->wasm_fuel /= 1000;
	ticket->wasm_timeout_ms /= 1000;
	stopped = kv_wasm_can(ticket->runtime_option, word) ? ends(ticket, bad, STOPPED, err) : 0;
	if (stopped != 1)
		ticket->runtime_option[used] = '\0';
	ticket->wasm_memory = ticket->wasm_fuel = ticket->wasm_timeout_ms = 0;
	return stopped < 0 ? -1 : 0;
}

static int
try_all(struct kv_ticket *ticket, struct kv_error *err)
{
	if (try_word(ticket, "wat", TEXT, ANSWER, err) != 0 || try_word(ticket, "component", COMPONENT, 0, err) != 0 ||
	    try_network(ticket, err) != 0 || try_limit(ticket, "memory", GROWS, 0, GROWS, err) != 0 ||
	    try_limit(ticket, "fuel", SAYS_42, ANSWER, LOOPS, err) != 0)
		return -1;
	return try_limit(ticket, "timeout", SAYS_42, ANSWER, LOOPS, err);
}

static void
find(struct kv_ticket *ticket, struct kv_probe_answer *answer)
{
	char said[128] = "";
	int status;

	if (make_place(&answer->err) != 0 || kv_fill_path(ticket, ticket->home, FOLDER, false, &answer->err) == NULL ||
	    kv_fill_runtime(modules[SAYS_42].path, true, ticket, &answer->err) != 0 || become(&answer->err) != 0)
		return;
	status = run(ticket, SAYS_42, said, sizeof(said), &answer->err);
	if (status < 0)
		return;
	if (status != ANSWER)
		(void)kv_error_set(&answer->err, KV_ERR_UNAVAILABLE, "a module ended with %d, not %d: %.100s", status, ANSWER, said);
	else if (try_all(ticket, &answer->err) == 0)
		(void)kv_format(answer->words, sizeof(answer->words), "%s", ticket->runtime_option);
}

static int
fill_ticket(struct kv_ticket *ticket, const char *program, struct kv_error *err)
{
	size_t count = 0;

	ticket->magic = KV_TICKET_MAGIC;
	ticket->size = sizeof(*ticket);
	ticket->uid = ticket->gid = KV_PROBE_UID;
	ticket->backend = KV_BACKEND_WASM;
	ticket->inner = KV_BACKEND_AUTO;
	ticket->network = KV_NET_OFF;
	ticket->seccomp = KV_SECCOMP_STRICT;
	ticket->base_score = kv_backend_base_score(KV_BACKEND_WASM);
	ticket->score = ticket->base_score + 5 + NETWORK_POINTS + 3;	/* seccomp, network, landlock */
	if (kv_format(ticket->session, sizeof(ticket->session), "%016x", 0U) != 0 ||
	    kv_format(ticket->user, sizeof(ticket->user), "kavach-probe") != 0 ||
	    kv_format(ticket->home, sizeof(ticket->home), "/nonexistent") != 0 ||
	    kv_format(ticket->runtime, sizeof(ticket->runtime), "%s", program) != 0)
		return kv_error_sys(err, "probe");
	if (kv_seccomp_compile(KV_SECCOMP_STRICT, NULL, ticket->filter, KV_TICKET_FILTER_MAX, &count, err) != 0)
		return -1;
	ticket->filter_count = (uint32_t)count;
	return 0;
}

int
kv_probe_modules(const char *program, char *words, size_t size, struct kv_error *err)
{
	kv_cleanup_free struct kv_ticket *ticket = calloc(1, sizeof(*ticket));

	if (ticket == NULL)
		return kv_error_sys(err, "probe");
	if (fill_ticket(ticket, program, err) != 0)
		return -1;
	return kv_probe_below(ticket, find, "a module", words, size, err);
}

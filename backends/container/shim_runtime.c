/* Running the runtime's command, and understanding its failure. */
#include "backends/container/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define SAID_MAX 4096

/*
 * gVisor writes to a file with an offset of its own and leaves the caller's where it was: what the caller
 * writes after it would lie over it. Appending is what that offset stands for. No error: it is not a layer.
 */
static void
append_to_files(void)
{
	for (int fd = 1; fd <= 2; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFL);

		if (flags >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    lseek(fd, 0, SEEK_CUR) == st.st_size)
			(void)fcntl(fd, F_SETFL, flags | O_APPEND);
	}
}

/* Under gVisor the container's descriptors are the runtime's; elsewhere its init gets them otherwise. */
static bool
place_stdio(const struct kv_shim *shim, int said)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return false;
	if (shim->runtime == KV_RUNTIME_RUNSC && !shim->terminal) {
		append_to_files();
		return true;
	}
	return dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(said, 2) == 2;
}

static _Noreturn void
execute(const struct kv_shim *shim, const char *const *argv, int said)
{
	static char *const envp[] = {
		(char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
		(char *)(uintptr_t)"HOME=" KV_SHIM_STATE,
		(char *)(uintptr_t)"XDG_RUNTIME_DIR=" KV_SHIM_STATE,
		(char *)(uintptr_t)"TMPDIR=" KV_SHIM_STATE,
		(char *)(uintptr_t)"CONTAINERS_CONF=/dev/null", NULL,
	};
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (place_stdio(shim, said))
		(void)execve(argv[0], (char *const *)(uintptr_t)argv, envp);
	(void)dprintf(said, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int
kv_shim_spawn(struct kv_shim *shim, struct kv_error *err)
{
	/* Of this sandbox, not of its session: runsc takes an abstract socket by that name in the session's network. */
	char id[KV_ID_LEN + 16];
	const struct kv_runtime_start start = {
		.program = shim->ticket.runtime, .state = KV_SHIM_STATE, .bundle = KV_SHIM_BUNDLE,
		.id = id, .option = shim->ticket.runtime_option,
		.console = shim->terminal ? KV_SHIM_CONSOLE : NULL,
		.network = (enum kv_network)shim->ticket.network, .spec = &shim->spec,
	};
	const char *argv[KV_RUNTIME_ARGV];
	static char text[65536];
	int ends[2];

	if (kv_format(id, sizeof(id), "%s.%u", shim->ticket.session, shim->packed.launch.number) != 0)
		return kv_error_sys(err, "the container's id");
	if (kv_runtime_argv(shim->runtime, &start, argv, text, sizeof(text), err) != 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return kv_error_sys(err, "pipe");
	shim->said = ends[0];
	shim->child = fork();
	if (shim->child == 0)
		execute(shim, argv, ends[1]);
	(void)close(ends[1]);
	return shim->child < 0 ? kv_error_sys(err, "fork") : 0;
}

int
kv_shim_failed(struct kv_shim *shim, int status, struct kv_error *err)
{
	char text[SAID_MAX];
	ssize_t n = read(shim->said, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (text[0] != '\0')
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s: %.180s",
		    kv_runtime_name(shim->runtime), kv_runtime_words(text));
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s ended with status %d and started nothing",
	    kv_runtime_name(shim->runtime), WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

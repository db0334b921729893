/*
 * The wrapper's part of a container: a first process that becomes root of the
 * session's user namespace, which is nobody on the host, and executes the shim.
 *
 * MUST NOT execute anything before the process has given up every capability on the host;
 * entering the user namespace does that (user_namespaces(7)).
 */
#include "backends/container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/container/pack.h"
#include "backends/process/first.h"
#include "backends/process/init.h"
#include "backends/process/message.h"
#include "backends/process/mounts.h"
#include "backends/process/process.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/cgroup.h"
#include "session/ticket.h"

/* Puts the kept descriptors on their numbers, open across execve, and closes all others. */
static bool
keep_descriptors(const int from[KV_SHIM_FDS - KV_SHIM_CONTROL])
{
	int high[KV_SHIM_FDS - KV_SHIM_CONTROL];

	for (int i = 0; i < KV_SHIM_FDS - KV_SHIM_CONTROL; i++) {
		high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, KV_SHIM_FDS);
		if (from[i] >= 0 && high[i] < 0)
			return false;
	}
	for (int i = 0; i < KV_SHIM_FDS - KV_SHIM_CONTROL; i++) {
		if (high[i] < 0)
			(void)close(KV_SHIM_CONTROL + i);
		else if (dup2(high[i], KV_SHIM_CONTROL + i) < 0)
			return false;
	}
	return kv_close_from(KV_SHIM_FDS) == 0;
}

/* Root of the session's user namespace, and of a mount namespace that belongs to it. */
static int
enter_namespace(struct kv_error *err)
{
	kv_cleanup_close int fd = open(KV_SELF_USERNS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || setns(fd, CLONE_NEWUSER) != 0)
		return kv_error_sys(err, "cannot enter the containers' user namespace");
	if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) != 0)
		return kv_error_sys(err, "the container's outer namespaces");
	if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		return kv_error_sys(err, "cannot become the containers' root");
	/*
	 * The change of user has taken it away. It counts for a wrapper of root's (the probe, kavachctl); a user's may
	 * not signal another id even by its death: there the control socket's end is what the shim goes by.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return kv_error_sys(err, "parent death signal");
	return 0;
}

static int
become_shim(const struct kv_init *init, struct kv_error *err)
{
	static char *const argv[] = { (char *)(uintptr_t)"kavach-shim", NULL };
	static char *const envp[] = { (char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", NULL };
	sigset_t none;

	if (kv_process_mounts_outer(init->launch->ticket, err) != 0 || kv_first_keyring(err) != 0 ||
	    chdir("/") != 0 || enter_namespace(err) != 0)
		return err->code == KV_ERR_NONE ? kv_error_sys(err, "/") : -1;
	(void)umask(022);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(KV_SHIM_PROGRAM, argv, envp);
	return kv_error_sys(err, "%s", KV_SHIM_PROGRAM);
}

static _Noreturn void
first(const struct kv_init *init)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_message message;
	int fds[KV_SHIM_FDS - KV_SHIM_CONTROL] = { init->control, init->launch->opener_fd, -1, -1, -1 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		_exit(KV_EXIT_SYSTEM);
	if (kv_cgroup_sandbox_enter(init->cgroup) != 0)
		(void)kv_error_sys(&err, "cannot put the sandbox into its cgroup");
	fds[KV_SHIM_TICKET - KV_SHIM_CONTROL] = open(KV_SELF_DIR "/ticket", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fds[KV_SHIM_TICKET - KV_SHIM_CONTROL] < 0)
		(void)kv_error_sys(&err, "the ticket");
	/* There for a profile of the administrator's own only; the shim misses it where it is needed. */
	fds[KV_SHIM_PROFILE - KV_SHIM_CONTROL] = open(KV_SELF_DIR "/" KV_SELF_PROFILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	fds[KV_SHIM_LAUNCH - KV_SHIM_CONTROL] = kv_pack(init->launch, &err);
	if (!kv_first_redirect(init->launch) || !keep_descriptors(fds))
		_exit(KV_EXIT_SYSTEM);
	if (kv_message_recv(KV_SHIM_CONTROL, &message) != 1 || message.type != KV_MSG_BEGIN)
		_exit(KV_EXIT_SYSTEM);
	if (err.code == KV_ERR_NONE)
		(void)become_shim(init, &err);
	kv_first_fail(KV_SHIM_CONTROL, &err);
}

/* READY comes from the container's own init, by the channel that the shim hands over. */
static int
await_container(struct kv_sandbox *out, struct kv_error *err)
{
	int fds[2] = { -1, -1 };
	size_t count = 2;
	struct kv_message message;

	if (kv_process_await(out->shim, KV_MSG_INNER, &message, fds, &count, err) != 0)
		return -1;
	if (count > 0)
		out->control = fds[0];
	if (count > 1)
		out->terminal = fds[1];
	if (count == 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "the container's init has no channel");
	count = 1;
	if (kv_process_await(out->control, KV_MSG_READY, &message, fds, &count, err) != 0)
		return -1;
	if (count > 0 && out->terminal < 0)
		out->terminal = fds[0];
	else if (count > 0)
		(void)close(fds[0]);
	out->verified = message.verified;
	/* It goes into a record; another kernel than this one wrote it. */
	out->verified.layers[sizeof(out->verified.layers) - 1] = '\0';
	return 0;
}

static int
start(const struct kv_launch *launch, struct kv_sandbox *out, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;

	if (launch->ticket->container_root == 0)
		return kv_error_set(err, KV_ERR_SYSTEM, "the session has no place for a container");
	if (kv_process_spawn(launch, true, first, out, &out->shim, err) != 0)
		return -1;
	if (await_container(out, err) == 0)
		return 0;
	(void)kv_process_destroy(out, &ignored);
	return -1;
}

const struct kv_backend kv_oci_backend = KV_PROCESS_BACKEND("oci", start);
const struct kv_backend kv_gvisor_backend = KV_PROCESS_BACKEND("gvisor", start);
const struct kv_backend kv_syagnos_backend = KV_PROCESS_BACKEND("sy-agnos", start);

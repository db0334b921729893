#include "backends/process/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/process/confine.h"
#include "backends/process/first.h"
#include "backends/process/message.h"
#include "backends/process/mounts.h"
#include "backends/process/serve.h"
#include "backends/process/userns.h"
#include "backends/process/verify.h"
#include "common/error.h"
#include "common/io.h"
#include "session/cgroup.h"
#include "session/ticket.h"

/* The descriptors that init keeps, and nothing else. */
enum { FD_CONTROL = 3, FD_OPENER, FD_TERMINAL, FD_SIGNALS, FD_COUNT };

#define INIT_CAPS ((1ULL << CAP_SYS_ADMIN) | (1ULL << CAP_SETPCAP))

/* Waits for one message of this type; the wrapper's end is ours. */
static void
expect(enum kv_message_type type, struct kv_message *message)
{
	if (kv_message_recv(FD_CONTROL, message) != 1 || message->type != type)
		_exit(KV_EXIT_SYSTEM);
}

/* Moves a descriptor, or closes the place where there is none. */
static bool
place(int fd, int at)
{
	if (fd >= 0)
		return dup3(fd, at, O_CLOEXEC) == at;
	(void)close(at);
	return true;
}

/* Puts the kept descriptors on fixed numbers, by way of higher ones, and closes all others. */
static bool
keep_descriptors(const struct kv_init *init)
{
	int control = fcntl(init->control, F_DUPFD_CLOEXEC, FD_COUNT);
	int opener = fcntl(init->launch->opener_fd, F_DUPFD_CLOEXEC, FD_COUNT);
	int terminal = fcntl(init->terminal, F_DUPFD_CLOEXEC, FD_COUNT);

	if (control < 0 || (init->launch->opener_fd >= 0 && opener < 0) ||
	    (init->terminal >= 0 && terminal < 0))
		return false;
	return place(control, FD_CONTROL) && place(opener, FD_OPENER) &&
	    place(terminal, FD_TERMINAL) && kv_close_from(FD_SIGNALS) == 0;
}

static int
signals(struct kv_error *err)
{
	int fd = kv_serve_signals(err);

	if (fd >= 0 && fd != FD_SIGNALS && (!place(fd, FD_SIGNALS) || close(fd) != 0))
		return kv_error_sys(err, "signalfd");
	return fd < 0 ? -1 : 0;
}

/* Every layer, then the proof. */
static int
confine(const struct kv_init *init, bool limits_ok, struct kv_verified *verified, struct kv_error *err)
{
	const struct kv_ticket *ticket = init->launch->ticket;

	if (ticket->privilege == KV_PRIV_USERNS && kv_userns_map(ticket->uid, ticket->gid, err) != 0)
		return -1;
	if (init->namespaces && unshare(CLONE_NEWCGROUP) != 0)
		return kv_error_sys(err, "cgroup namespace");
	if (kv_process_mounts(ticket, init->terminal < 0 ? -1 : FD_TERMINAL, err) != 0)
		return -1;
	if (ticket->backend == KV_BACKEND_WASM && kv_process_mounts_ro(ticket, err) != 0)
		return -1;
	(void)close(FD_TERMINAL);
	if (kv_first_keyring(err) != 0 || signals(err) != 0 || kv_process_confine(ticket, err) != 0)
		return -1;
	return kv_process_verify(ticket, limits_ok, verified, err);
}

_Noreturn void
kv_init_run(const struct kv_init *init)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_message message;
	struct kv_message ready = { .type = KV_MSG_READY };
	struct kv_serve serve = {
		.launch = init->launch, .control = FD_CONTROL, .signals = FD_SIGNALS,
		.opener = init->launch->opener_fd < 0 ? -1 : FD_OPENER,
	};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		_exit(KV_EXIT_SYSTEM);
	if (!init->namespaces && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		_exit(KV_EXIT_SYSTEM);
	/* The wrapper's third capability ends here: init opens paths only as the user. */
	if (kv_cgroup_sandbox_enter(init->cgroup) != 0)
		(void)kv_error_sys(&err, "cannot put the sandbox into its cgroup");
	if (!kv_first_redirect(init->launch) || !keep_descriptors(init) || kv_process_set_caps(INIT_CAPS, INIT_CAPS, &err) != 0)
		_exit(KV_EXIT_SYSTEM);
	expect(KV_MSG_BEGIN, &message);
	if (err.code != KV_ERR_NONE || confine(init, message.flag, &ready.verified, &err) != 0)
		kv_first_fail(FD_CONTROL, &err);
	if (kv_message_send(FD_CONTROL, &ready) != 0)
		_exit(KV_EXIT_SYSTEM);
	expect(KV_MSG_GO, &message);
	if (kv_serve(&serve, &err) != 0)
		kv_first_fail(FD_CONTROL, &err);
	/* pid 1 leaves: the kernel kills whatever is left in the namespace. */
	_exit(0);
}

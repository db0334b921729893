/* The half of a launch that ends in the wrapper. */
#include "admin/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <unistd.h>

#include "backends/process/userns.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "session/fill.h"
#include "session/fill_groups.h"
#include "session/view.h"

static int
refuse_unsupported(const struct kv_policy *policy, struct kv_error *err)
{
	if (policy->privilege != KV_PRIV_USERNS)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s needs root to open a session (privilege = userns does not)", policy->name);
	if (policy->credentials.count != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s gives credentials, which only root can read", policy->name);
	if (policy->memory_limit != 0 || policy->cpu_limit_milli != 0 || policy->process_limit != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s limits memory, CPU or processes, which needs root", policy->name);
	if (policy->network == KV_NET_PROXY)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "policy %s has network = proxy, which needs root", policy->name);
	return 0;
}

static int
make_id(char id[KV_ID_LEN + 1], struct kv_error *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[KV_ID_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return kv_error_sys(err, "random number");
	for (size_t i = 0; i < sizeof(bytes); i++) {
		id[2 * i] = hex[bytes[i] >> 4];
		id[2 * i + 1] = hex[bytes[i] & 15];
	}
	id[KV_ID_LEN] = '\0';
	return 0;
}

/*
 * The state directory: a tmpfs that only this mount namespace has, on a folder
 * that every host has and no view shows.
 */
static int
private_state(int *out, struct kv_error *err)
{
	static const char *const places[] = { KV_RUN_DIR, "/mnt", "/media", "/srv" };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return kv_error_sys(err, "make mounts private");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (mount("kavach", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    "mode=0700,size=2m,nr_inodes=16") != 0)
			continue;
		*out = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return *out < 0 ? kv_error_sys(err, "%s", places[i]) : 0;
	}
	return kv_error_sys(err, "private state");
}

static int
userns_steps(const struct kv_run_request *request, struct kv_ticket *ticket, struct kv_error *err)
{
	const struct kv_policy *policy = &request->decision->policy;
	const struct kv_cgroup none = { .version = KV_CGROUP_NONE };
	kv_cleanup_close int state = -1;
	struct kv_view view = {
		.account = request->account, .policy = policy, .cgroup = &none,
		.userns_fd = -1, .wrapper = KV_WRAPPER,
	};
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
		(void)kv_error_sys(err, "this host gives no user namespace");
		err->code = KV_ERR_UNAVAILABLE;
		return -1;
	}
	if (kv_userns_map(uid, gid, err) != 0 || private_state(&state, err) != 0 ||
	    kv_session_network(policy->network, err) != 0 ||
	    kv_own_namespace("user", &ticket->userns_ino, err) != 0 ||
	    kv_own_namespace("mnt", &ticket->mntns_ino, err) != 0 || kv_fill_own_groups(ticket, err) != 0)
		return -1;
	view.state_fd = state;
	if (kv_view_enter(&view, ticket, err) != 0)
		return -1;
	return kv_ticket_write(state, ticket, err);
}

int
kv_enter_userns(const struct kv_run_request *request, struct kv_error *err)
{
	kv_cleanup_free struct kv_ticket *ticket = calloc(1, sizeof(*ticket));
	char id[KV_ID_LEN + 1];

	if (ticket == NULL)
		return kv_error_sys(err, "ticket");
	if (geteuid() != getuid() || getuid() != request->account->uid)
		return kv_error_set(err, KV_ERR_DENIED, "not started as %s", request->account->user);
	/* Filled in before: a seccomp file that is root's is nobody's in a user namespace. */
	if (refuse_unsupported(&request->decision->policy, err) != 0 || make_id(id, err) != 0 ||
	    kv_ticket_fill(request->config, request->decision, request->request, request->account,
	    id, ticket, err) != 0 || kv_run_record_open(request, id, err) != 0)
		return -1;
	return userns_steps(request, ticket, err);
}

/* For good, and proved: the way back is tried. */
static int
become(const struct kv_account *account, const gid_t *groups, size_t count, struct kv_error *err)
{
	if (setgroups(count, groups) != 0 ||
	    setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0)
		return kv_error_sys(err, "become %s", account->user);
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || geteuid() != account->uid)
		return kv_error_set(err, KV_ERR_SYSTEM, "root could be had again");
	return 0;
}

static int
enter(const struct kv_run_request *request, struct kv_session *session, const gid_t *groups,
    size_t count, struct kv_error *err)
{
	if (session == NULL)
		return kv_enter_userns(request, err);
	if (kv_session_enter(session, request->config, request->account, request->decision, err) != 0)
		return -1;
	if (request->decision->policy.privilege == KV_PRIV_CAPS && kv_session_grant(true, err) != 0)
		return -1;
	return become(request->account, groups, count, err);
}

int
kv_run_child(const struct kv_run_request *request, struct kv_session *session,
    const gid_t *groups, size_t count, struct kv_error *err)
{
	char here[KV_PATH_MAX];
	sigset_t none;

	/* Root's own folder is nothing to the user. */
	if (session != NULL || getcwd(here, sizeof(here)) == NULL)
		here[0] = '\0';
	if (enter(request, session, groups, count, err) != 0)
		return -1;
	/* As the user, and by the names of the view. */
	if ((here[0] != '/' || chdir(here) != 0) && chdir(request->account->home) != 0 &&
	    chdir("/") != 0)
		return kv_error_sys(err, "/");
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(KV_WRAPPER, request->argv, request->envp);
	return kv_error_sys(err, "%s", KV_WRAPPER);
}

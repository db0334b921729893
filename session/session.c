/*
 * Stage one: opening, entering and closing a session, in the process that
 * holds the PAM session. Root.
 *
 * MUST leave nothing behind when it fails, and nothing when it closes.
 */
#include "session/session.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/trust.h"
#include "session/egress.h"
#include "session/fill.h"
#include "session/idmap.h"
#include "session/opener.h"
#include "session/reap.h"
#include "session/state.h"
#include "session/view.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KILL_MS		5000u
#define DESCRIPTORS	48	/* at a time, in opening and in closing: fewer than 30 */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Forgets the session; everything outside of the struct is gone already. */
static void
release(struct kv_session *s)
{
	close_fd(&s->lock_fd);
	close_fd(&s->state_fd);
	close_fd(&s->sessions_fd);
	close_fd(&s->host_mnt_fd);
	close_fd(&s->host_net_fd);
	close_fd(&s->audit.state_fd);
	free(s->ticket);
	kv_secrets_wipe(&s->secrets);
	s->ticket = NULL;
	s->id[0] = '\0';
}

static void
clear(struct kv_session *s)
{
	memset(s, 0, sizeof(*s));
	s->lock_fd = s->state_fd = s->sessions_fd = -1;
	s->host_mnt_fd = s->host_net_fd = s->audit.state_fd = s->proxy_fd = -1;
}

static int
open_audit(const struct kv_config *config, struct kv_audit *audit, struct kv_error *err)
{
	audit->format = config->audit_format;
	if (kv_audit_open_state(KV_AUDIT_DIR, &audit->state_fd, err) == 0)
		return 0;
	audit->state_fd = -1;
	return config->audit_required ? -1 : 0;
}

static int
copy_text(char *to, size_t size, const char *from, struct kv_error *err)
{
	if (kv_format(to, size, "%s", from == NULL ? "" : from) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "a name of this login is too long");
	return 0;
}

static int
fill_info(const struct kv_config *config, const struct kv_decision *d, const struct kv_request *r,
    const struct kv_account *a, struct kv_state_info *si, struct kv_error *err)
{
	struct kv_session_info *info = &si->info;

	memset(si, 0, sizeof(*si));
	si->uid = a->uid;
	si->audit_format = config->audit_format;
	si->opened_ns = kv_boottime_ns();
	info->score = d->score;
	info->opener = getpid();
	info->started = (uint64_t)time(NULL);
	if (kv_opener_start(AT_FDCWD, getpid(), &si->opener_start, err) != 0)
		return -1;
	if (copy_text(info->user, sizeof(info->user), a->user, err) != 0 ||
	    copy_text(info->service, sizeof(info->service), r->service, err) != 0 ||
	    copy_text(info->from, sizeof(info->from), r->from, err) != 0 ||
	    copy_text(info->rule, sizeof(info->rule), d->rule != NULL ? d->rule->name : "", err) != 0 ||
	    copy_text(info->policy, sizeof(info->policy), d->policy.name, err) != 0 ||
	    copy_text(info->backend, sizeof(info->backend), kv_backend_name(d->backend), err) != 0)
		return -1;
	return 0;
}

static int
make_cgroup(const struct kv_policy *policy, struct kv_session *s, struct kv_state_info *si,
    struct kv_error *err)
{
	struct kv_limits limits = {
		.memory = policy->memory_limit,
		.cpu_milli = policy->cpu_limit_milli,
		.processes = s->ticket->process_limit,
	};

	if (kv_cgroup_create(NULL, s->id, &limits, &s->cgroup, err) != 0)
		return -1;
	si->info.cgroup_version = s->cgroup.version;
	memcpy(si->info.cgroup, s->cgroup.path, sizeof(si->info.cgroup));
	s->ticket->cgroup_version = (int32_t)s->cgroup.version;
	memcpy(s->ticket->cgroup, s->cgroup.path, sizeof(s->ticket->cgroup));
	if (policy->privilege == KV_PRIV_CAPS && kv_cgroup_shut(&s->cgroup, err) != 0)
		return -1;
	return kv_state_write_info(s->state_fd, si, err);
}

/* A container's runtime is told the administrator's own profile as text; the ticket has it compiled. */
static int
keep_profile(const struct kv_policy *policy, const struct kv_session *s, struct kv_error *err)
{
	kv_cleanup_free char *text = NULL;
	kv_cleanup_close int dir = -1;
	const char *name;
	size_t size;

	if (policy->seccomp != KV_SECCOMP_FILE || !kv_idmap_wanted((enum kv_backend_id)s->ticket->backend))
		return 0;
	dir = kv_trust_parent(policy->seccomp_file, true, &name, err);
	if (dir < 0 || kv_trust_read(dir, name, policy->seccomp_file, KV_TRUST_ROOT, &text, &size, err) != 0)
		return -1;
	if (kv_replace_file(s->state_fd, KV_SELF_PROFILE, text, size, 0400) != 0)
		return kv_error_sys(err, "the session's seccomp profile");
	return 0;
}

/* su(1) hands on its caller's limits and descriptors: what cannot be undone for want of them is not begun. */
static int
has_descriptors(struct kv_error *err)
{
	int fds[DESCRIPTORS], count = 0;

	while (count < DESCRIPTORS && (fds[count] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		count++;
	for (int i = 0; i < count; i++)
		(void)close(fds[i]);
	if (count < DESCRIPTORS)
		return kv_error_set(err, KV_ERR_DENIED, "the limit of open files is too low to open a session");
	return 0;
}

static int
open_steps(const struct kv_config *config, const struct kv_decision *decision,
    const struct kv_request *request, const struct kv_account *account,
    struct kv_session *s, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_state_info si;

	/* First: what cannot be had must cost nothing, and a command runs as the opener does without kavach. */
	if (has_descriptors(err) != 0 || kv_secrets_read(config, &decision->policy, &s->secrets, err) != 0 ||
	    open_audit(config, &s->audit, err) != 0 ||
	    kv_state_open(true, &s->sessions_fd, err) != 0)
		return -1;
	/* What an earlier session left is no reason to refuse this one. */
	(void)kv_reap_within(s->sessions_fd, &s->audit, 2000, &ignored);
	s->ticket = calloc(1, sizeof(*s->ticket));
	if (s->ticket == NULL)
		return kv_error_sys(err, "ticket");
	if (fill_info(config, decision, request, account, &si, err) != 0 ||
	    kv_state_make(s->sessions_fd, &si, &s->state_fd, &s->lock_fd, err) != 0)
		return -1;
	memcpy(s->id, si.info.id, sizeof(s->id));
	s->opened_ns = si.opened_ns;
	if (kv_ticket_fill(config, decision, request, account, s->id, s->ticket, err) != 0 ||
	    kv_secrets_ticket(&s->secrets, s->ticket, err) != 0 ||
	    make_cgroup(&decision->policy, s, &si, err) != 0 ||
	    keep_profile(&decision->policy, s, err) != 0)
		return -1;
	/* A wrapper without capabilities cannot sign. */
	if (s->audit.state_fd >= 0 && decision->policy.privilege == KV_PRIV_CAPS &&
	    kv_session_chain_make(&s->audit, s->state_fd, s->id, KV_CHAIN_SESSION, 0, err) != 0)
		return -1;
	/* A wrapper without capabilities reads its ticket as the user, through the bind of this folder. */
	if (decision->policy.privilege == KV_PRIV_USERNS && fchmod(s->state_fd, 0711) != 0)
		return kv_error_sys(err, "the session's state");
	return kv_ticket_write(s->state_fd, s->ticket, err);
}

int
kv_session_open(const struct kv_config *config, const struct kv_decision *decision,
    const struct kv_request *request, const struct kv_account *account, bool wrap,
    struct kv_session *out, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_usage usage;

	clear(out);
	out->wrap = wrap;
	if (decision->verdict != KV_VERDICT_CONFINE)
		return kv_error_set(err, KV_ERR_DENIED, "this login is not one to confine");
	if (open_steps(config, decision, request, account, out, err) == 0)
		return 0;
	(void)kv_session_close(out, &usage, &ignored);
	release(out);
	return -1;
}

/* A fresh network namespace has lo, down. */
static int
loopback_up(struct kv_error *err)
{
	kv_cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", sizeof("lo"));
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		return kv_error_sys(err, "cannot bring the loopback interface up");
	return 0;
}

int
kv_session_network(enum kv_network network, struct kv_error *err)
{
	switch (network) {
	case KV_NET_HOST:
		return 0;
	case KV_NET_LOOPBACK:
	case KV_NET_PROXY:
	case KV_NET_OFF:
		break;
	}
	if (unshare(CLONE_NEWNET) != 0)
		return kv_error_sys(err, "cannot make a network namespace");
	return network == KV_NET_OFF ? 0 : loopback_up(err);
}

static int
remember_host(struct kv_session *s, struct kv_error *err)
{
	s->host_mnt_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	s->host_net_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->host_mnt_fd < 0 || s->host_net_fd < 0)
		return kv_error_sys(err, "cannot remember the host's namespaces");
	return 0;
}

/* The containers' user namespace is pinned by its mount in the view, and goes with it. */
static int
view_with_containers(struct kv_view *view, struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int userns = -1;

	if (kv_idmap_wanted((enum kv_backend_id)ticket->backend)) {
		userns = kv_idmap_make(ticket, err);
		if (userns < 0)
			return -1;
	}
	view->userns_fd = userns;
	view->own_rootfs = ticket->own_rootfs;
	view->hardened = ticket->backend == KV_BACKEND_SYAGNOS;
	return kv_view_enter(view, ticket, err);
}

static int
enter_steps(struct kv_session *s, const struct kv_config *config, const struct kv_account *account,
    const struct kv_decision *decision, struct kv_error *err)
{
	const struct kv_policy *policy = &decision->policy;
	struct kv_view view = {
		.account = account,
		.policy = policy,
		.cgroup = &s->cgroup,
		.state_fd = s->state_fd,
		.secrets = &s->secrets,
		.userns_fd = -1,
		.wrap = s->wrap,
		.wrapper = KV_SBINDIR "/kavach-session",
	};

	if (kv_secrets_fork(&s->secrets, false, err) != 0 || remember_host(s, err) != 0 || kv_cgroup_enter(&s->cgroup, 0, err) != 0 ||
	    kv_session_network(policy->network, err) != 0)
		return -1;
	/* Before the view: the proxy lives among the host's files. */
	if (policy->network == KV_NET_PROXY && kv_egress_start(s, config, policy, &s->proxy_fd, err) != 0)
		return -1;
	if (unshare(CLONE_NEWNS) != 0)
		return kv_error_sys(err, "cannot make a mount namespace");
	if (kv_own_namespace("mnt", &s->ticket->mntns_ino, err) != 0 ||
	    view_with_containers(&view, s->ticket, err) != 0)
		return -1;
	return kv_ticket_write(s->state_fd, s->ticket, err);
}

int
kv_session_enter(struct kv_session *session, const struct kv_config *config, const struct kv_account *account,
    const struct kv_decision *decision, struct kv_error *err)
{
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_usage usage;

	if (session->id[0] == '\0')
		return kv_error_set(err, KV_ERR_DENIED, "there is no open session to enter");
	if (session->host_mnt_fd >= 0)
		return 0;
	if (enter_steps(session, config, account, decision, err) == 0) {
		kv_secrets_wipe(&session->secrets);
		return 0;
	}
	(void)kv_session_close(session, &usage, &ignored);
	return -1;
}

/* Back to where the opener came from. What is removed below is found there only. */
static int
go_back(struct kv_session *s, struct kv_error *err)
{
	if (s->host_mnt_fd >= 0 && setns(s->host_mnt_fd, CLONE_NEWNS) != 0)
		return kv_error_sys(err, "cannot return to the host's mount namespace");
	if (s->host_net_fd >= 0 && setns(s->host_net_fd, CLONE_NEWNET) != 0)
		return kv_error_sys(err, "cannot return to the host's network namespace");
	return 0;
}

int
kv_session_close(struct kv_session *s, struct kv_usage *usage, struct kv_error *err)
{
	int result = 0;

	memset(usage, 0, sizeof(*usage));
	usage->last_status = -1;
	if (s->id[0] == '\0')
		return 0;
	kv_egress_stop(&s->proxy_fd);
	/* Still inside: the state must stay for a reap, which sees the host. */
	if (go_back(s, err) != 0) {
		release(s);
		return -1;
	}
	if (kv_cgroup_kill(&s->cgroup, 0, KILL_MS, err) != 0)
		result = -1;
	kv_cgroup_usage(&s->cgroup, usage);
	kv_state_sandboxes(s->state_fd, usage);
	kv_session_chain_end(s->state_fd, KV_CHAIN_SESSION, &usage->chain);
	kv_session_chain_end(s->state_fd, KV_CHAIN_EGRESS, &usage->egress);
	usage->duration_ms = (kv_boottime_ns() - s->opened_ns) / 1000000;
	if (kv_cgroup_remove(&s->cgroup, err) != 0)
		result = -1;
	if (result == 0 && kv_state_remove(s->sessions_fd, s->id) != 0)
		result = kv_error_sys(err, "cannot remove the session's state");
	release(s);
	return result;
}

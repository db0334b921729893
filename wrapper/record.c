#include "wrapper/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit/session_chain.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/cgroup.h"
#include "session/ticket.h"

/* A session that has started more sandboxes than this is not somebody working. */
#define SANDBOX_MAX 16384

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool
is_taken(int self, unsigned int n)
{
	char name[32];
	struct stat st;

	(void)snprintf(name, sizeof(name), "sandbox.%u", n);
	return fstatat(self, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A number up to which all are taken: they are given out in order and stay until the close. */
static unsigned int
last_taken(int self)
{
	unsigned int low = 0, high = 1;

	while (high < SANDBOX_MAX && is_taken(self, high)) {
		low = high;
		high *= 2;
	}
	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (is_taken(self, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* sandbox.N: the first N that nobody has; O_EXCL decides between those who come at once. */
static int
take_number(struct kv_record *record, struct kv_error *err)
{
	kv_cleanup_close int self = kv_openat(AT_FDCWD, KV_SELF_DIR, O_RDONLY | O_DIRECTORY, 0, false);

	if (self < 0)
		return kv_error_sys(err, KV_SELF_DIR);
	for (unsigned int n = last_taken(self) + 1; n <= SANDBOX_MAX; n++) {
		char name[32];
		int fd;

		(void)snprintf(name, sizeof(name), "sandbox.%u", n);
		fd = kv_openat(self, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, true);
		if (fd >= 0) {
			record->number = n;
			record->state_fd = fd;
			return 0;
		}
		if (errno != EEXIST)
			return kv_error_sys(err, "%s/%s", KV_SELF_DIR, name);
	}
	return kv_error_set(err, KV_ERR_DENIED, "too many commands in one connection");
}

int
kv_record_open(const struct kv_ticket *ticket, struct kv_record *out, struct kv_error *err)
{
	*out = (struct kv_record){
		.ticket = ticket,
		.audit = { .state_fd = -1, .chain = KV_CHAIN_SESSION, .format = (enum kv_audit_format)ticket->audit_format },
		.subject = {
			.session = ticket->session, .user = ticket->user, .uid = ticket->uid,
			.service = ticket->service[0] == '\0' ? NULL : ticket->service,
			.from = ticket->from[0] == '\0' ? NULL : ticket->from,
			.rule = ticket->rule, .policy = ticket->policy,
			.backend = kv_backend_name((enum kv_backend_id)ticket->backend),
			.score = ticket->score,
		},
		.state_fd = -1,
		.started_ns = now_ns(),
	};
	if (ticket->privilege == KV_PRIV_USERNS)
		return 0;
	out->audit.state_fd = kv_openat(AT_FDCWD, KV_SELF_DIR "/" KV_SESSION_CHAIN_DIR, O_RDONLY | O_DIRECTORY, 0, false);
	if (out->audit.state_fd < 0)
		return kv_error_sys(err, "audit state");
	return take_number(out, err);
}

/* kv_state_sandboxes reads it. */
static int
write_state(const struct kv_record *record, int status)
{
	return record->state_fd < 0 ? 0 : ftruncate(record->state_fd, (off_t)status + 1);
}

static bool
is_over(unsigned int n, void *self)
{
	char name[32];
	struct stat st;

	(void)snprintf(name, sizeof(name), "sandbox.%u", n);
	return fstatat(*(const int *)self, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

void
kv_record_sweep(const struct kv_record *record)
{
	kv_cleanup_close int self = -1;

	if (record->state_fd < 0)
		return;
	self = kv_openat(AT_FDCWD, KV_SELF_DIR, O_RDONLY | O_DIRECTORY, 0, false);
	if (self >= 0)
		kv_cgroup_sandbox_sweep(record->ticket, is_over, &self);
}

int
kv_record_start(struct kv_record *record, const struct kv_verified *verified,
    const char *asked, struct kv_error *err)
{
	char number[16];
	const struct kv_audit_pair pairs[] = {
		{ "sandbox", number },
		{ "layers", verified->layers },
		{ "command", asked == NULL ? "" : asked },
	};

	(void)snprintf(number, sizeof(number), "%u", record->number);
	record->subject.score = verified->score;
	if (kv_audit_write(&record->audit, KV_EVENT_SANDBOX_START, &record->subject, pairs,
	    asked == NULL ? 2 : 3, err) != 0 && record->ticket->audit_required)
		return kv_error_wrap(err, "audit record");
	return 0;
}

int
kv_record_exit(struct kv_record *record, int status, struct kv_error *err)
{
	char number[16], value[16], duration[24];
	const struct kv_audit_pair pairs[] = {
		{ "sandbox", number },
		{ WIFSIGNALED(status) ? "signal" : "status", value },
		{ "duration_ms", duration },
	};

	(void)snprintf(number, sizeof(number), "%u", record->number);
	(void)snprintf(value, sizeof(value), "%d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	(void)snprintf(duration, sizeof(duration), "%llu",
	    (unsigned long long)(now_ns() - record->started_ns) / 1000000u);
	if (write_state(record, status) != 0)
		return kv_error_sys(err, "sandbox state");
	return kv_audit_write(&record->audit, KV_EVENT_SANDBOX_EXIT, &record->subject, pairs, 3, err);
}

void
kv_record_deny(struct kv_record *record, const char *reason)
{
	const struct kv_audit_pair pairs[] = { { "reason", reason } };
	struct kv_error ignored = KV_ERROR_INIT;

	(void)kv_audit_write(&record->audit, KV_EVENT_SESSION_DENY, &record->subject, pairs, 1, &ignored);
}

#include "audit/audit.h"

#include "audit/chain.h"
#include "audit/hold.h"
#include "audit/syslog.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define TIMEOUT_MS	2000

int
kv_audit_open_state(const char *dir, int *state_fd, struct kv_error *err)
{
	kv_cleanup_close int fd = -1;
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
		return kv_error_sys(err, "audit: %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return kv_error_sys(err, "audit: %s", dir);
	if (st.st_uid != 0 || (st.st_mode & 077) != 0)
		return kv_error_set(err, KV_ERR_DENIED,
		    "audit: %s must belong to root and be closed to everybody else (0700)", dir);
	*state_fd = kv_steal_fd(&fd);
	return 0;
}

static int
write_unsigned(const struct kv_audit *audit, const char *path, long long deadline_ms,
    struct kv_record *record, enum kv_event event, const struct kv_audit_subject *subject,
    const struct kv_audit_pair *pairs, size_t count, struct kv_error *err)
{
	struct kv_seal seal = { .seq = 0 };
	bool unsure;

	kv_record_begin(record, audit->format);
	kv_record_fill(record, event, subject, pairs, count, &seal, (long long)time(NULL));
	kv_record_end(record, "none");
	return kv_syslog_send(path, record->text, record->used, deadline_ms, &unsure, err);
}

/* See chain.h for the order. The chain is open and locked. */
static int
write_chained(struct kv_chain *chain, const char *path, long long deadline_ms,
    struct kv_record *record, const struct kv_seal *seal, struct kv_error *err)
{
	uint8_t mac[KV_MAC_SIZE];
	char hex[KV_MAC_HEX + 1];
	bool unsure;

	kv_chain_mac(chain->key, KV_KEY_SIZE, record->text, record->used, mac);
	kv_mac_hex(mac, hex);
	kv_record_end(record, hex);
	if (kv_chain_pend(chain, seal, mac) != 0) {
		(void)kv_error_sys(err, "audit: audit.head");
		(void)kv_chain_restore(chain);
		return -1;
	}
	if (kv_syslog_send(path, record->text, record->used, deadline_ms, &unsure, err) != 0) {
		/* A part that may be in the log must not be numbered twice: stay pending. */
		if (!unsure)
			(void)kv_chain_restore(chain);
		return -1;
	}
	/* The record is out; a head that stays pending is sound too, so this is no error. */
	(void)kv_chain_settle(chain);
	return 0;
}

int
kv_audit_write(const struct kv_audit *audit, enum kv_event event,
    const struct kv_audit_subject *subject, const struct kv_audit_pair *pairs, size_t count,
    struct kv_error *err)
{
	const char *path = audit->socket_path != NULL ? audit->socket_path : "/dev/log";
	long long deadline_ms = kv_clock_ms() +
	    (audit->timeout_ms != 0 ? audit->timeout_ms : TIMEOUT_MS);
	struct kv_record record;
	struct kv_chain chain;
	struct kv_seal seal;
	struct kv_hold hold;
	int result;

	if (audit->state_fd < 0)
		return write_unsigned(audit, path, deadline_ms, &record, event, subject, pairs,
		    count, err);
	if (kv_hold_enter(&hold) != 0)
		return kv_error_sys(err, "audit");
	result = kv_chain_open(&chain, audit->state_fd, deadline_ms, err);
	if (result == 0) {
		kv_chain_next(&chain, &seal);
		seal.chain = audit->chain;
		kv_record_begin(&record, audit->format);
		kv_record_fill(&record, event, subject, pairs, count, &seal, (long long)time(NULL));
		result = write_chained(&chain, path, deadline_ms, &record, &seal, err);
	}
	kv_chain_close(&chain);
	kv_hold_leave(&hold);
	return result;
}

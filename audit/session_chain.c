#include "audit/session_chain.h"

#include "audit/chain.h"
#include "audit/hold.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <fcntl.h>
#include <nettle/hmac.h>
#include <nettle/version.h>
#include <string.h>
#include <sys/stat.h>

#define TIMEOUT_MS	2000

static const struct {
	const char *label, *folder;
} kinds[KV_CHAIN_KINDS] = {
	[KV_CHAIN_SESSION] = { "kavach session chain ", KV_SESSION_CHAIN_DIR },
	[KV_CHAIN_EGRESS] = { "kavach egress chain ", KV_EGRESS_CHAIN_DIR },
};

void
kv_session_chain_key(const uint8_t *master, size_t len, const char *id, enum kv_chain_kind kind,
    uint8_t key[KV_KEY_SIZE])
{
	const char *label = kinds[kind].label;
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, len, master);
	hmac_sha256_update(&ctx, strlen(label), (const uint8_t *)label);
	hmac_sha256_update(&ctx, strlen(id), (const uint8_t *)id);
#if NETTLE_VERSION_MAJOR >= 4
	hmac_sha256_digest(&ctx, key);
#else
	hmac_sha256_digest(&ctx, KV_KEY_SIZE, key);
#endif
	explicit_bzero(&ctx, sizeof(ctx));
}

static int
read_master(const struct kv_audit *global, const char *id, enum kv_chain_kind kind, uint8_t key[KV_KEY_SIZE],
    struct kv_error *err)
{
	struct kv_chain chain;
	struct kv_hold hold;
	int result;

	if (kv_hold_enter(&hold) != 0)
		return kv_error_sys(err, "audit");
	result = kv_chain_open(&chain, global->state_fd, kv_clock_ms() + TIMEOUT_MS, err);
	if (result == 0)
		kv_session_chain_key(chain.key, KV_KEY_SIZE, id, kind, key);
	kv_chain_close(&chain);
	kv_hold_leave(&hold);
	return result;
}

/* All of it is there before it is given away: from then on root makes nothing in the folder. */
static int
give(int dir, uid_t owner)
{
	static const char *const files[] = { KV_CHAIN_LOCK_FILE, KV_CHAIN_HEAD_FILE, KV_CHAIN_KEY_FILE };

	for (size_t i = 0; owner != 0 && i < sizeof(files) / sizeof(files[0]); i++)
		if (fchownat(dir, files[i], owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) != 0)
			return -1;
	return owner == 0 ? 0 : fchown(dir, owner, (gid_t)-1);
}

static int
make_files(int session_dir, const char *folder, uid_t owner, const uint8_t key[KV_KEY_SIZE], struct kv_error *err)
{
	const struct kv_head none = { .seq = 0 };
	uint8_t head[KV_HEAD_SIZE];
	kv_cleanup_close int dir = -1, lock = -1;

	kv_head_encode(&none, key, KV_KEY_SIZE, head);
	if (mkdirat(session_dir, folder, 0700) != 0)
		return kv_error_sys(err, "audit: the session's chain");
	dir = kv_openat(session_dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);
	if (dir < 0 || fchmod(dir, 0700) != 0)
		return kv_error_sys(err, "audit: the session's chain");
	/* The wrapper does not own the folder, and so makes nothing in it. */
	lock = kv_openat(dir, KV_CHAIN_LOCK_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, true);
	if (lock < 0 || fchmod(lock, 0600) != 0 ||
	    kv_replace_file(dir, KV_CHAIN_HEAD_FILE, head, KV_HEAD_SIZE, 0600) != 0 ||
	    kv_replace_file(dir, KV_CHAIN_KEY_FILE, key, KV_KEY_SIZE, 0600) != 0 || give(dir, owner) != 0)
		return kv_error_sys(err, "audit: the session's chain");
	return 0;
}

int
kv_session_chain_make(const struct kv_audit *global, int session_dir, const char *id, enum kv_chain_kind kind,
    uid_t owner, struct kv_error *err)
{
	uint8_t key[KV_KEY_SIZE];
	int result = read_master(global, id, kind, key, err);

	if (result == 0)
		result = make_files(session_dir, kinds[kind].folder, owner, key, err);
	explicit_bzero(key, sizeof(key));
	return result;
}

void
kv_session_chain_end(int session_dir, enum kv_chain_kind kind, struct kv_chain_end *out)
{
	kv_cleanup_close int dir = kv_openat(session_dir, kinds[kind].folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);
	static const uint8_t none[KV_MAC_SIZE];
	struct kv_error ignored = KV_ERROR_INIT;
	struct kv_chain chain;

	memset(out, 0, sizeof(*out));
	kv_mac_hex(none, out->mac);
	if (dir < 0)
		return;
	/* Nobody of the session is left to hold the lock. */
	if (kv_chain_open(&chain, dir, kv_clock_ms() + 100, &ignored) == 0 && chain.reset == NULL) {
		out->known = true;
		out->seq = chain.head.seq;
		out->unsure = chain.head.unsure;
		kv_mac_hex(chain.head.mac, out->mac);
	}
	kv_chain_close(&chain);
}

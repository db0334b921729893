#include "audit/chain.h"

#include "audit/thaw.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define KEY_FILE	KV_CHAIN_KEY_FILE
#define HEAD_FILE	KV_CHAIN_HEAD_FILE
#define LOCK_FILE	KV_CHAIN_LOCK_FILE
#define LOCK_STEP_MS	5
#define STUCK_MS	300	/* no holder that goes on takes as long, but for a syslog that is slow */

long long
kv_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
kv_sleep_ms(unsigned int ms)
{
	struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };

	(void)nanosleep(&span, NULL);
}

/* Does the caller own the folder? The wrapper does not: it must not make root's files. */
static bool
owns(int dir, struct stat *st)
{
	return fstat(dir, st) == 0 && st->st_uid == geteuid();
}

static int
lock(struct kv_chain *chain, long long deadline_ms, struct kv_error *err)
{
	long long stuck_ms = kv_clock_ms() + STUCK_MS;
	struct stat st;
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | (owns(chain->dir, &st) ? O_CREAT : 0);

	chain->lock_fd = kv_openat(chain->dir, LOCK_FILE, flags, 0600, true);
	if (chain->lock_fd < 0)
		return kv_error_sys(err, "audit: %s", LOCK_FILE);
	while (flock(chain->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return kv_error_sys(err, "audit: lock");
		if (kv_clock_ms() >= deadline_ms)
			return kv_error_set(err, KV_ERR_UNAVAILABLE,
			    "audit: the chain stayed locked by another session");
		if (kv_clock_ms() >= stuck_ms) {
			kv_thaw_holder(chain->lock_fd);
			stuck_ms = kv_clock_ms() + STUCK_MS;
		}
		kv_sleep_ms(LOCK_STEP_MS);
	}
	return 0;
}

/* A file of the state: regular, of the folder's owner, closed to everybody else. None is waited for (O_NONBLOCK). */
static int
check_file(int dir, int fd, const char *name, struct kv_error *err)
{
	struct stat folder, st;

	if (fstat(dir, &folder) != 0 || fstat(fd, &st) != 0)
		return kv_error_sys(err, "audit: %s", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != folder.st_uid || (st.st_mode & 077) != 0)
		return kv_error_set(err, KV_ERR_DENIED,
		    "audit: %s must be a regular file that only its owner can use", name);
	return 0;
}

/* 1: read; 0: there is none; -1. */
static int
read_key(struct kv_chain *chain, struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(chain->dir, KEY_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, true);
	uint8_t more[KV_KEY_SIZE + 1];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return kv_error_sys(err, "audit: %s", KEY_FILE);
	if (check_file(chain->dir, fd, KEY_FILE, err) != 0)
		return -1;
	n = kv_read_all(fd, more, sizeof(more));
	if (n < 0)
		return kv_error_sys(err, "audit: %s", KEY_FILE);
	if (n != KV_KEY_SIZE)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "audit: %s is not %d bytes long",
		    KEY_FILE, KV_KEY_SIZE);
	memcpy(chain->key, more, KV_KEY_SIZE);
	explicit_bzero(more, sizeof(more));
	return 1;
}

/* After a loss the file stays torn until a record that says so went out. */
static int
store_new_head(struct kv_chain *chain, struct kv_error *err)
{
	memset(&chain->head, 0, sizeof(chain->head));
	memset(chain->stored, 0, sizeof(chain->stored));
	if (chain->reset == NULL)
		kv_head_encode(&chain->head, chain->key, KV_KEY_SIZE, chain->stored);
	if (kv_replace_file(chain->dir, HEAD_FILE, chain->stored, KV_HEAD_SIZE, 0600) != 0)
		return kv_error_sys(err, "audit: %s", HEAD_FILE);
	return 0;
}

/*
 * The head goes first: a crash between the two leaves a head without key, which is told from a
 * lost key by its number.
 */
static int
first_use(struct kv_chain *chain, struct kv_error *err)
{
	uint8_t old[KV_HEAD_SIZE];
	struct stat st;
	int fd;

	if (!owns(chain->dir, &st))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "audit: there is no %s", KEY_FILE);
	fd = kv_openat(chain->dir, HEAD_FILE, O_RDONLY | O_NOFOLLOW, 0, true);
	if (fd >= 0) {
		static const uint8_t none[8];

		if (kv_read_all(fd, old, sizeof(old)) != KV_HEAD_SIZE ||
		    memcmp(old + 8, none, sizeof(none)) != 0)
			chain->reset = "key";
		(void)close(fd);
	}
	if (getrandom(chain->key, KV_KEY_SIZE, 0) != KV_KEY_SIZE)
		return kv_error_sys(err, "audit: random bytes for the key");
	if (store_new_head(chain, err) != 0)
		return -1;
	if (kv_replace_file(chain->dir, KEY_FILE, chain->key, KV_KEY_SIZE, 0600) != 0)
		return kv_error_sys(err, "audit: %s", KEY_FILE);
	return 0;
}

static int
read_head(struct kv_chain *chain, struct kv_error *err)
{
	struct stat st;
	ssize_t n;

	chain->head_fd = kv_openat(chain->dir, HEAD_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, true);
	if (chain->head_fd < 0 && errno == ENOENT && owns(chain->dir, &st)) {
		chain->reset = "absent";
		if (store_new_head(chain, err) != 0)
			return -1;
		chain->head_fd = kv_openat(chain->dir, HEAD_FILE, O_RDWR | O_NOFOLLOW, 0, true);
	}
	if (chain->head_fd < 0)
		return kv_error_sys(err, "audit: %s", HEAD_FILE);
	if (check_file(chain->dir, chain->head_fd, HEAD_FILE, err) != 0)
		return -1;
	n = pread(chain->head_fd, chain->stored, KV_HEAD_SIZE, 0);
	if (n < 0)
		return kv_error_sys(err, "audit: %s", HEAD_FILE);
	if (n != KV_HEAD_SIZE ||
	    kv_head_decode(chain->stored, chain->key, KV_KEY_SIZE, &chain->head) != 0) {
		memset(&chain->head, 0, sizeof(chain->head));
		if (chain->reset == NULL)
			chain->reset = "torn";
	}
	return 0;
}

int
kv_chain_open(struct kv_chain *chain, int dir, long long deadline_ms, struct kv_error *err)
{
	int have;

	memset(chain, 0, sizeof(*chain));
	chain->dir = dir;
	chain->lock_fd = chain->head_fd = -1;
	if (lock(chain, deadline_ms, err) != 0)
		return -1;
	have = read_key(chain, err);
	if (have < 0 || (have == 0 && first_use(chain, err) != 0))
		return -1;
	return read_head(chain, err);
}

void
kv_chain_close(struct kv_chain *chain)
{
	explicit_bzero(chain->key, sizeof(chain->key));
	if (chain->head_fd >= 0)
		(void)close(chain->head_fd);
	if (chain->lock_fd >= 0)
		(void)close(chain->lock_fd);
	chain->head_fd = chain->lock_fd = -1;
}

/* The boot's id as bytes. Where /proc is not to be had, false: the head keeps the one it has. */
static bool
boot_id(uint8_t boot[KV_BOOT_SIZE])
{
	char text[64];
	size_t n = 0;
	int high = -1;

	if (kv_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 0)
		return false;
	for (const char *p = text; *p != '\0' && n < KV_BOOT_SIZE; p++) {
		int digit = *p >= '0' && *p <= '9' ? *p - '0' :
		    *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;

		if (digit < 0)
			continue;
		if (high < 0) {
			high = digit;
			continue;
		}
		boot[n++] = (uint8_t)(high << 4 | digit);
		high = -1;
	}
	return n == KV_BOOT_SIZE;
}

void
kv_chain_next(struct kv_chain *chain, struct kv_seal *seal)
{
	uint8_t boot[KV_BOOT_SIZE];

	memset(seal, 0, sizeof(*seal));
	seal->seq = chain->head.seq + 1;
	seal->unsure = chain->head.unsure;
	seal->reset = chain->reset;
	kv_mac_hex(chain->head.mac, seal->prev);
	if (boot_id(boot) && memcmp(boot, chain->head.boot, KV_BOOT_SIZE) != 0) {
		seal->resumed = chain->head.seq != 0;
		memcpy(chain->head.boot, boot, KV_BOOT_SIZE);
	}
}

static int
store(struct kv_chain *chain, const uint8_t bytes[KV_HEAD_SIZE])
{
	ssize_t n;

	do
		n = pwrite(chain->head_fd, bytes, KV_HEAD_SIZE, 0);
	while (n < 0 && errno == EINTR);
	if (n == KV_HEAD_SIZE)
		return 0;
	if (n >= 0)
		errno = EIO;
	return -1;
}

int
kv_chain_pend(struct kv_chain *chain, const struct kv_seal *seal, const uint8_t mac[KV_MAC_SIZE])
{
	uint8_t bytes[KV_HEAD_SIZE];

	chain->head.seq = seal->seq;
	memcpy(chain->head.mac, mac, KV_MAC_SIZE);
	chain->head.unsure = seal->unsure != 0 ? seal->unsure : seal->seq;
	kv_head_encode(&chain->head, chain->key, KV_KEY_SIZE, bytes);
	return store(chain, bytes);
}

int
kv_chain_settle(struct kv_chain *chain)
{
	uint8_t bytes[KV_HEAD_SIZE];

	chain->head.unsure = 0;
	kv_head_encode(&chain->head, chain->key, KV_KEY_SIZE, bytes);
	return store(chain, bytes);
}

int
kv_chain_restore(struct kv_chain *chain)
{
	return store(chain, chain->stored);
}

#include "session/credential.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/trust.h"

static size_t
pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

char *
kv_secret_memory(size_t size, struct kv_error *err)
{
	void *at = mmap(NULL, pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		(void)kv_error_sys(err, "memory");
		return NULL;
	}
	if (mlock(at, pages(size)) != 0 || madvise(at, pages(size), MADV_DONTDUMP) != 0 ||
	    madvise(at, pages(size), MADV_WIPEONFORK) != 0) {
		(void)kv_error_sys(err, "memory that is kept out of swap and cores");
		(void)munmap(at, pages(size));
		return NULL;
	}
	return at;
}

void
kv_secret_forget(char *at, size_t size)
{
	if (at == NULL)
		return;
	explicit_bzero(at, pages(size));
	(void)munmap(at, pages(size));
}

/* No word of a value: it may be the beginning of one. */
static int
no_value(struct kv_error *err, const char *why)
{
	return kv_error_set(err, KV_ERR_DENIED, "%s", why);
}

int
kv_secret_check(const struct kv_credential *credential, const char *value, size_t size, struct kv_error *err)
{
	bool header = credential->delivery == KV_DELIVERY_HEADER;

	if (size == 0)
		return no_value(err, "its value is empty");
	if (credential->delivery == KV_DELIVERY_VARIABLE && memchr(value, '\0', size) != NULL)
		return no_value(err, "its value holds a NUL byte, which no variable can");
	if (header && size + strlen(credential->prefix) > KV_SECRET_HEADER_MAX)
		return no_value(err, "its value is too long for a header");
	for (size_t i = 0; header && i < size; i++)
		if (!kv_credential_header_byte((unsigned char)value[i]))
			return no_value(err, "its value holds a newline or a control character, which no header can");
	return 0;
}

/* A file of root's that is closed to others; the bytes go nowhere but to buf. The count, or -1. */
static long
read_file(const char *path, char *buf, size_t room, struct kv_error *err)
{
	kv_cleanup_close int dir = -1, fd = -1;
	const char *name;
	struct stat st;
	ssize_t n;

	dir = kv_trust_parent(path, true, &name, err);
	if (dir < 0 || (fd = kv_trust_open(dir, name, path, KV_TRUST_CLOSED, &st, err)) < 0)
		return -1;
	n = kv_read_all(fd, buf, room + 1);
	if (n < 0)
		return kv_error_sys(err, "%s", path);
	if ((size_t)n > room)
		return kv_error_set(err, KV_ERR_DENIED, "%s: larger than %zu bytes", path, room);
	return n;
}

/*
 * Where systemd.exec(5) has them: the service's own (sshd's; secure_getenv: not what the caller of su(1) says),
 * the system's, and those that are stored unencrypted.
 */
static long
read_systemd(const char *name, char *buf, size_t room, struct kv_error *err)
{
	const char *const folders[] = {
		secure_getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/@system", "/etc/credstore",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[PATH_MAX];
		struct stat st;

		if (folders[i] == NULL || kv_format(path, sizeof(path), "%s/%s", folders[i], name) != 0)
			continue;
		if (lstat(path, &st) == 0)
			return read_file(path, buf, room, err);
		if (errno != ENOENT && errno != ENOTDIR)
			return kv_error_sys(err, "%s", path);
	}
	return kv_error_set(err, KV_ERR_DENIED, "systemd has no credential of the name %s here", name);
}

static long
read_source(const struct kv_credential *credential, char *buf, size_t room, struct kv_error *err)
{
	switch (credential->source) {
	case KV_SOURCE_FILE:
		return read_file(credential->from, buf, room, err);
	case KV_SOURCE_SYSTEMD:
		return read_systemd(credential->from, buf, room, err);
	case KV_SOURCE_COMMAND:
		return kv_secret_run(&credential->command, buf, room, KV_SECRET_COMMAND_MS, err);
	case KV_SOURCE_NONE:
		break;
	}
	return kv_error_set(err, KV_ERR_CONFIG, "it has no source");
}

/* A newline that an editor or echo(1) left is none of a variable's or a header's. */
static size_t
cut(const struct kv_credential *credential, const char *value, size_t size)
{
	bool text = credential->source == KV_SOURCE_COMMAND || credential->delivery == KV_DELIVERY_VARIABLE ||
	    credential->delivery == KV_DELIVERY_HEADER;

	return text && size > 0 && value[size - 1] == '\n' ? size - 1 : size;
}

static int
keep(const struct kv_credential *credential, const char *value, size_t size, struct kv_secret *out,
    struct kv_error *err)
{
	size_t prefix = credential->delivery == KV_DELIVERY_HEADER ? strlen(credential->prefix) : 0;
	char *at;

	if (kv_secret_check(credential, value, size, err) != 0)
		return -1;
	at = kv_secret_memory(prefix + size + 1, err);
	if (at == NULL)
		return -1;
	memcpy(at, credential->prefix, prefix);
	memcpy(at + prefix, value, size);
	*out = (struct kv_secret){ .credential = credential, .value = at, .size = prefix + size };
	return 0;
}

/* What is read, and whether commands are run for it. */
struct reading {
	const struct kv_config *config;
	bool proxy, commands;
	char *scratch;		/* locked; KV_SECRET_MAX + 1 bytes */
};

static int
read_one(const struct reading *reading, const char *name, struct kv_secrets *out, struct kv_error *err)
{
	const struct kv_credential *credential = kv_config_credential(reading->config, name);
	char *scratch = reading->scratch;
	long size;

	if (credential == NULL)
		return kv_error_set(err, KV_ERR_DENIED, "credential %s: its definition could not be read", name);
	if ((credential->delivery == KV_DELIVERY_HEADER && !reading->proxy) ||
	    (credential->source == KV_SOURCE_COMMAND && !reading->commands))
		return 0;
	size = read_source(credential, scratch, KV_SECRET_MAX, err);
	if (size < 0 || keep(credential, scratch, cut(credential, scratch, (size_t)size), &out->secret[out->count], err) != 0)
		return kv_error_wrap(err, "credential %s", name);
	out->count++;
	explicit_bzero(scratch, (size_t)size);
	return 0;
}

static int
read_all(const struct kv_config *config, const struct kv_policy *policy, bool commands, struct kv_secrets *out,
    struct kv_error *err)
{
	struct reading reading = {
		.config = config, .proxy = policy->network == KV_NET_PROXY, .commands = commands,
	};
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (policy->credentials.count == 0)
		return 0;
	out->secret = calloc(policy->credentials.count, sizeof(*out->secret));
	if (out->secret == NULL)
		return kv_error_sys(err, "credentials");
	reading.scratch = kv_secret_memory(KV_SECRET_MAX + 1, err);
	if (reading.scratch == NULL) {
		kv_secrets_wipe(out);
		return -1;
	}
	for (size_t i = 0; rc == 0 && i < policy->credentials.count; i++)
		rc = read_one(&reading, policy->credentials.item[i], out, err);
	kv_secret_forget(reading.scratch, KV_SECRET_MAX + 1);
	if (rc != 0)
		kv_secrets_wipe(out);
	return rc;
}

int
kv_secrets_read(const struct kv_config *config, const struct kv_policy *policy, struct kv_secrets *out,
    struct kv_error *err)
{
	return read_all(config, policy, true, out, err);
}

int
kv_secrets_try(const struct kv_config *config, const struct kv_policy *policy, struct kv_error *err)
{
	struct kv_secrets secrets;

	if (read_all(config, policy, false, &secrets, err) != 0)
		return -1;
	kv_secrets_wipe(&secrets);
	return 0;
}

int
kv_secrets_fork(const struct kv_secrets *secrets, bool keep, struct kv_error *err)
{
	for (size_t i = 0; i < secrets->count; i++) {
		char *at = (char *)(uintptr_t)secrets->secret[i].value;
		size_t size = pages(secrets->secret[i].size + 1);

		if ((!keep && mlock(at, size) != 0) || madvise(at, size, keep ? MADV_KEEPONFORK : MADV_WIPEONFORK) != 0)
			return kv_error_sys(err, "memory that is kept out of swap");
	}
	return 0;
}

void
kv_secrets_wipe(struct kv_secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		kv_secret_forget((char *)(uintptr_t)secrets->secret[i].value, secrets->secret[i].size + 1);
	free(secrets->secret);
	memset(secrets, 0, sizeof(*secrets));
}

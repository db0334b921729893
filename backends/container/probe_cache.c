/* What is known of a runtime, on disk. */
#include "backends/container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define FORMAT		"kavach-probe 1"
#define FILE_MAX	4096

static uint64_t
seconds(clockid_t clock, uint64_t in_one, uint64_t ns_in_one)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * in_one + (uint64_t)now.tv_nsec / ns_in_one;
}

int64_t
kv_probe_now_ms(void)
{
	return (int64_t)seconds(CLOCK_MONOTONIC, 1000, 1000000);
}

uint64_t
kv_probe_uptime_s(void)
{
	return seconds(CLOCK_BOOTTIME, 1, 1000000000);
}

struct text {
	char *at;
	size_t room;
	bool full;
};

__attribute__((format(printf, 2, 3)))
static void
put(struct text *text, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text->at, text->room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= text->room) {
		text->full = true;
		return;
	}
	text->at += n;
	text->room -= (size_t)n;
}

/* A file that is not there has an identity too: that it is not there. */
static void
put_identity(struct text *text, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		put(text, "file=%s none\n", path);
	else
		put(text, "file=%s %llx:%llu %lld.%09ld %lld.%09ld %lld\n", path,
		    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec, (long long)st.st_size);
}

int
kv_probe_key(const struct kv_probe_place *place, enum kv_runtime runtime, const char *program,
    char key[KV_PROBE_KEY])
{
	struct text text = { .at = key, .room = KV_PROBE_KEY };
	struct utsname host;
	char boot[64], crun[KV_RUNTIME_MAX];

	if (uname(&host) != 0 ||
	    kv_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) < 0)
		return -1;
	put(&text, "%s\nkernel=%s %s %s\n", FORMAT, host.release, host.version, boot);
	put_identity(&text, program);
	if (runtime == KV_RUNTIME_PODMAN) {
		if ((place->runtimes == NULL ? kv_runtime_find(KV_RUNTIME_CRUN, crun) :
		    kv_runtime_find_in(place->runtimes, KV_RUNTIME_CRUN, crun)) == 0)
			put_identity(&text, crun);
		else
			put(&text, "file=crun none\n");
	}
	put_identity(&text, place->program);
	put_identity(&text, KV_SHIM_PROGRAM);
	put_identity(&text, KV_INIT_PROGRAM);
	errno = ENAMETOOLONG;
	return text.full ? -1 : 0;
}

static bool
roots_alone(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Cuts "name=value\n" off *at; the value is printable. */
static bool
take(char **at, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);
	char *end = strchr(*at, '\n');
	char *value = *at + len + 1;

	if (end == NULL || strncmp(*at, name, len) != 0 || (*at)[len] != '=')
		return false;
	*end = '\0';
	*at = end + 1;
	for (const char *c = value; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return kv_format(out, size, "%s", value) == 0;
}

static bool
parse(char *at, struct kv_probe *out)
{
	char starts[8], when[24];

	if (!take(&at, "starts", starts, sizeof(starts)) || !take(&at, "when", when, sizeof(when)) ||
	    !take(&at, "version", out->version, sizeof(out->version)) ||
	    !take(&at, "option", out->option, sizeof(out->option)) ||
	    !take(&at, "reason", out->reason, sizeof(out->reason)) || *at != '\0')
		return false;
	out->starts = strcmp(starts, "yes") == 0;
	if (!out->starts && strcmp(starts, "no") != 0)
		return false;
	return kv_parse_u64(when, 0, kv_probe_uptime_s(), &out->when) == 0 &&
	    out->starts == (out->reason[0] == '\0');
}

int
kv_probe_read(const char *folder, enum kv_runtime runtime, const char *key, struct kv_probe *out)
{
	kv_cleanup_close int dir = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	kv_cleanup_close int fd = -1;
	char text[FILE_MAX];
	ssize_t n;

	*out = (struct kv_probe){ .starts = false };
	if (dir < 0 || !roots_alone(dir, S_IFDIR))
		return -1;
	fd = openat(dir, kv_runtime_name(runtime), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || !roots_alone(fd, S_IFREG) || (n = kv_read_all(fd, text, sizeof(text))) <= 0 ||
	    (size_t)n == sizeof(text) || memchr(text, '\0', (size_t)n) != NULL)
		return -1;
	text[n] = '\0';
	if (strncmp(text, key, strlen(key)) == 0 && parse(text + strlen(key), out))
		return 0;
	*out = (struct kv_probe){ .starts = false };
	return -1;
}

/* One line of ASCII, whatever a runtime has said. */
static const char *
clean(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

int
kv_probe_write(int folder, enum kv_runtime runtime, const char *key, const struct kv_probe *probe,
    struct kv_error *err)
{
	struct kv_probe copy = *probe;
	char buf[FILE_MAX];
	struct text text = { .at = buf, .room = sizeof(buf) };

	put(&text, "%sstarts=%s\nwhen=%llu\nversion=%s\n", key, copy.starts ? "yes" : "no",
	    (unsigned long long)copy.when, clean(copy.version));
	put(&text, "option=%s\nreason=%s\n", clean(copy.option), clean(copy.reason));
	if (text.full)
		return kv_error_set(err, KV_ERR_SYSTEM, "%s: too much to keep", kv_runtime_name(runtime));
	if (kv_replace_file(folder, kv_runtime_name(runtime), buf, (size_t)(text.at - buf), 0644) != 0)
		return kv_error_sys(err, "%s/%s", KV_PROBE_DIR, kv_runtime_name(runtime));
	return 0;
}

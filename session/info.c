/*
 * The info file of a session, its sandboxes' leavings, and its opener's life.
 */
#include "session/state.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One text of the info file. */
struct text_key {
	const char *name;
	size_t offset, size;
};
#define TEXT(f) { #f, offsetof(struct kv_session_info, f), sizeof(((struct kv_session_info *)0)->f) }

static const struct text_key texts[] = {
	TEXT(id), TEXT(user), TEXT(service), TEXT(from), TEXT(rule), TEXT(policy),
	TEXT(backend), TEXT(cgroup),
};

#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

/* Appends name=VALUE; bytes that could end a line, or are not plain text, as %XX. */
static void
put_text(FILE *f, const char *name, const char *value)
{
	(void)fprintf(f, "%s=", name);
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c <= ' ' || c >= 127 || c == '%')
			(void)fprintf(f, "%%%02X", c);
		else
			(void)fputc(c, f);
	}
	(void)fputc('\n', f);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
get_text(const char *value, char *out, size_t size)
{
	size_t used = 0;

	while (*value != '\0' && used + 1 < size) {
		if (value[0] == '%' && hex(value[1]) >= 0 && hex(value[2]) >= 0) {
			out[used++] = (char)(hex(value[1]) * 16 + hex(value[2]));
			value += 3;
		} else {
			out[used++] = *value++;
		}
	}
	out[used] = '\0';
}

int
kv_state_write_info(int state_fd, const struct kv_state_info *si, struct kv_error *err)
{
	const struct kv_session_info *info = &si->info;
	char text[KV_INFO_MAX];
	FILE *f = fmemopen(text, sizeof(text), "w");
	long used;
	bool whole;

	if (f == NULL)
		return kv_error_sys(err, "the session's info");
	for (size_t i = 0; i < TEXT_COUNT; i++)
		put_text(f, texts[i].name, (const char *)info + texts[i].offset);
	(void)fprintf(f, "uid=%lld\nscore=%d\nopener=%ld\nopener_start=%llu\n", si->uid,
	    info->score, (long)info->opener, (unsigned long long)si->opener_start);
	(void)fprintf(f, "cgroup_version=%d\naudit_format=%d\nstarted=%llu\nopened_ns=%llu\n",
	    (int)info->cgroup_version, (int)si->audit_format,
	    (unsigned long long)info->started, (unsigned long long)si->opened_ns);
	whole = fflush(f) == 0 && ferror(f) == 0;
	used = ftell(f);
	(void)fclose(f);
	if (!whole || used < 0 || (size_t)used >= sizeof(text))
		return kv_error_set(err, KV_ERR_SYSTEM, "the session's info is too long");
	if (kv_replace_file(state_fd, "info", text, (size_t)used, 0400) != 0)
		return kv_error_sys(err, "cannot write the session's info");
	return 0;
}

static void
get_number(struct kv_state_info *si, const char *name, uint64_t v)
{
	struct kv_session_info *info = &si->info;

	if (strcmp(name, "uid") == 0)
		si->uid = (long long)v;
	else if (strcmp(name, "score") == 0)
		info->score = (int)v;
	else if (strcmp(name, "opener") == 0)
		info->opener = (pid_t)v;
	else if (strcmp(name, "opener_start") == 0)
		si->opener_start = v;
	else if (strcmp(name, "cgroup_version") == 0 && v <= KV_CGROUP_V2)
		info->cgroup_version = (enum kv_cgroup_version)v;
	else if (strcmp(name, "audit_format") == 0 && v <= KV_AUDIT_JSON)
		si->audit_format = (enum kv_audit_format)v;
	else if (strcmp(name, "started") == 0)
		info->started = v;
	else if (strcmp(name, "opened_ns") == 0)
		si->opened_ns = v;
}

static void
get_line(struct kv_state_info *si, char *line)
{
	char *value = strchr(line, '=');
	uint64_t number;

	if (value == NULL)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < TEXT_COUNT; i++)
		if (strcmp(line, texts[i].name) == 0) {
			get_text(value, (char *)&si->info + texts[i].offset, texts[i].size);
			return;
		}
	if (kv_parse_u64(value, 0, INT64_MAX, &number) == 0)
		get_number(si, line, number);
}

int
kv_state_read_info(int state_fd, struct kv_state_info *si)
{
	char text[KV_INFO_MAX], *next = text, *line;

	memset(si, 0, sizeof(*si));
	si->uid = -1;
	if (kv_read_file(state_fd, "info", text, sizeof(text)) < 0)
		return -1;
	while ((line = strsep(&next, "\n")) != NULL)
		get_line(si, line);
	return si->info.opener > 0 && kv_state_is_id(si->info.id) ? 0 : -1;
}

void
kv_state_sandboxes(int state_fd, struct kv_usage *usage)
{
	int copy = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kv_cleanup_dir DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	uint64_t n, last = 0;
	struct stat st;

	usage->sandboxes = 0;
	usage->last_status = -1;
	if (dir == NULL && copy >= 0)
		(void)close(copy);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "sandbox.", 8) != 0 ||
		    kv_parse_u64(entry->d_name + 8, 0, UINT32_MAX, &n) != 0)
			continue;
		usage->sandboxes++;
		if (n < last || fstatat(state_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    st.st_size == 0 || st.st_size > INT_MAX)
			continue;
		last = n;
		usage->last_status = (int)(st.st_size - 1);
	}
}

bool
kv_state_alive(const struct kv_state_info *si)
{
	char path[64], text[1024], *rest;
	struct kv_error ignored = KV_ERROR_INIT;
	uint64_t start;

	if (kv_format(path, sizeof(path), "/proc/%ld/stat", (long)si->info.opener) != 0)
		return true;
	if (kv_read_file(AT_FDCWD, path, text, sizeof(text)) < 0)
		/* Without a /proc nobody is known to be dead. */
		return (errno != ENOENT && errno != ESRCH) || access("/proc/self/stat", F_OK) != 0;
	/* A zombie closes nothing any more. The last parenthesis ends the name. */
	rest = strrchr(text, ')');
	if (rest == NULL || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X')
		return rest == NULL;
	if (kv_opener_start(AT_FDCWD, si->info.opener, &start, &ignored) != 0)
		return false;
	return start == si->opener_start;
}

uint64_t
kv_boottime_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void
kv_state_cgroup(const struct kv_session_info *info, struct kv_cgroup *out)
{
	memset(out, 0, sizeof(*out));
	out->version = info->cgroup_version;
	(void)kv_format(out->path, sizeof(out->path), "%s", info->cgroup);
	(void)kv_format(out->mount, sizeof(out->mount), "/sys/fs/cgroup");
}

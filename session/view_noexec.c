/*
 * The mounts of the view that are noexec by the host's will or by ours: stage
 * two makes the view executable again, but not these.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "common/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Undoes the octal escapes of proc(5), mountinfo, in place. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; to++) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The mount point (field 5) of a line whose mount options (field 6) name noexec; NULL: another. */
static char *
noexec_point(char *line)
{
	char *field = line, *point = NULL;

	for (int i = 1; field != NULL && i <= 6; i++) {
		char *end = strchr(field, ' ');

		if (end == NULL)
			return NULL;
		*end = '\0';
		if (i == 5)
			point = field;
		if (i == 6) {
			char *at = strstr(field, "noexec");

			return at != NULL && (at[6] == ',' || at[6] == '\0') ? point : NULL;
		}
		field = end + 1;
	}
	return NULL;
}

static int
add(struct kv_ticket *ticket, char *point, struct kv_error *err)
{
	unescape(point);
	/* The last of several mounts on one place is the one that can be reached. */
	for (uint32_t i = 0; i < ticket->noexec_count; i++)
		if (strcmp(ticket->noexec[i], point) == 0)
			return 0;
	if (ticket->noexec_count == KV_NOEXEC_MAX)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: more than %d mounts are noexec", KV_NOEXEC_MAX);
	if (kv_format(ticket->noexec[ticket->noexec_count], KV_PATH_MAX, "%s", point) != 0)
		return kv_error_sys(err, "view: %s", point);
	ticket->noexec_count++;
	return 0;
}

int
kv_view_note_noexec(struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int proc = kv_proc_open(err);
	kv_cleanup_free char *line = NULL;
	kv_cleanup_file FILE *file = NULL;
	size_t size = 0;
	int fd, result = 0;

	ticket->noexec_count = 0;
	if (proc < 0)
		return -1;
	fd = kv_openat(proc, "self/mountinfo", O_RDONLY, 0, false);
	file = fd < 0 ? NULL : fdopen(fd, "re");
	if (file == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return kv_error_sys(err, "view: mountinfo");
	}
	while (result == 0 && getline(&line, &size, file) > 0) {
		char *point = noexec_point(line);

		if (point != NULL)
			result = add(ticket, point, err);
	}
	if (result == 0 && ferror(file) != 0)
		result = kv_error_sys(err, "view: mountinfo");
	return result;
}

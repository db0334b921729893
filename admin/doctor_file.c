#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

int
kv_doctor_open(const struct kv_doctor *d, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, d->root, path, &how, sizeof(how));
}

/* Regular files only: a fifo in a user's home must not hold up the administrator. */
FILE *
kv_doctor_fopen(const struct kv_doctor *d, const char *path)
{
	kv_cleanup_close int fd = kv_doctor_open(d, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (file != NULL)
		(void)kv_steal_fd(&fd);
	return file;
}

bool
kv_doctor_stat(const struct kv_doctor *d, const char *path, struct stat *st)
{
	kv_cleanup_close int fd = kv_doctor_open(d, path, O_PATH);

	return fd >= 0 && fstat(fd, st) == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
kv_doctor_names(const struct kv_doctor *d, const char *folder, const char *pattern,
    struct kv_list *out)
{
	kv_cleanup_close int fd = kv_doctor_open(d, folder, O_RDONLY | O_DIRECTORY);
	kv_cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (dir == NULL)
		return 0;
	(void)kv_steal_fd(&fd);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0 &&
		    kv_list_add(out, entry->d_name) != 0)
			return -1;
	if (out->count > 1)
		qsort(out->item, out->count, sizeof(*out->item), by_name);
	return 0;
}

unsigned int
kv_doctor_line(const struct kv_doctor *d, const char *path, const char *word, const char *ends)
{
	kv_cleanup_file FILE *file = kv_doctor_fopen(d, path);
	kv_cleanup_free char *line = NULL;
	size_t room = 0;
	unsigned int number = 0;

	if (file == NULL)
		return 0;
	while (getline(&line, &room, file) >= 0) {
		size_t len;

		number++;
		line[strcspn(line, "\n")] = '\0';
		len = strcspn(line, ends);
		if (len == strlen(word) && strncmp(line, word, len) == 0)
			return number;
	}
	return 0;
}

bool
kv_doctor_number(const struct kv_doctor *d, const char *path, long *out)
{
	kv_cleanup_close int fd = kv_doctor_open(d, path, O_RDONLY);
	char text[32];
	uint64_t value;
	ssize_t n = fd < 0 ? -1 : kv_read_all(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (kv_parse_u64(text, 0, INT32_MAX, &value) != 0)
		return false;
	*out = (long)value;
	return true;
}

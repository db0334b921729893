/*
 * The wrapper in the view. Everywhere it keeps its file capabilities (a nosuid
 * mount takes them away silently); for cron it stands in the place of every shell, and nothing else can be
 * executed until it has.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* From the host's own mount, whose nosuid, if it has it, stays; the capabilities are the wrapper's to check. */
int
kv_view_wrapper(struct kv_build *b, struct kv_error *err)
{
	const char *path = b->view->wrapper;
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	kv_cleanup_close int fd = -1, point = -1;
	struct stat st, there;

	if (path == NULL)
		return b->view->wrap ? kv_error_set(err, KV_ERR_USAGE, "view: no wrapper") : 0;
	fd = kv_view_host(b, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return kv_error_sys(err, "view: the wrapper %s", path);
	if (!S_ISREG(st.st_mode))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: the wrapper %s is not a file", path);
	point = (int)syscall(SYS_openat2, b->root, path, &how, sizeof(how));
	if (point < 0)
		point = kv_view_place(b, path, &st, false, err);
	if (point < 0)
		return kv_error_wrap(err, "wrapper");
	if (fstat(point, &there) < 0 || (!kv_view_own(b, &there) &&
	    (there.st_dev != st.st_dev || there.st_ino != st.st_ino)))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: the wrapper %s is another file in the session",
		    path);
	return kv_view_bind(fd, point, "", KV_MOUNT_NODEV | KV_MOUNT_RDONLY, path, err);
}

/* One shell, unless it is not there or is the wrapper already (a second name of one file). */
static int
wrap_shell(int wrapper, const struct stat *own, const char *shell, struct kv_ticket *ticket,
    struct kv_error *err)
{
	kv_cleanup_close int fd = kv_openat(AT_FDCWD, shell, O_PATH, 0, false);
	char link[64];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_dev == own->st_dev && st.st_ino == own->st_ino))
		return 0;
	if (ticket->wrapped_count >= ARRAY_SIZE(ticket->wrapped))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: more than %zu shells to wrap",
		    ARRAY_SIZE(ticket->wrapped));
	if (kv_format(link, sizeof(link), "/proc/self/fd/%d", fd) < 0)
		return kv_error_sys(err, "view: %s", shell);
	n = readlink(link, ticket->wrapped[ticket->wrapped_count], KV_PATH_MAX - 1);
	if (n <= 0 || n >= KV_PATH_MAX - 1)
		return kv_error_sys(err, "view: the path of the shell %s", shell);
	ticket->wrapped[ticket->wrapped_count][n] = '\0';
	if (kv_view_bind(wrapper, fd, "", 0, shell, err) < 0)
		return -1;
	ticket->wrapped_count++;
	return 0;
}

static int
wrap_listed(int wrapper, const struct stat *own, struct kv_ticket *ticket, struct kv_error *err)
{
	int fd = kv_openat(AT_FDCWD, "/etc/shells", O_RDONLY | O_NONBLOCK, 0, false);
	kv_cleanup_file FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;
	char line[KV_PATH_MAX];

	if (file == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return errno == ENOENT ? 0 : kv_error_sys(err, "view: /etc/shells");
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, " \t\r\n#")] = '\0';
		if (line[0] == '/' && wrap_shell(wrapper, own, line, ticket, err) < 0)
			return -1;
	}
	return ferror(file) != 0 ? kv_error_sys(err, "view: /etc/shells") : 0;
}

int
kv_view_wrap(struct kv_build *b, struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_close int wrapper = -1;
	struct stat own;

	if (ticket != NULL)
		ticket->wrapped_count = 0;
	/* A wrapper without capabilities could not make it executable again. */
	if (b->view->wrapper == NULL || b->view->policy->privilege == KV_PRIV_USERNS)
		return b->view->wrap ? kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "view: cron and its like need privilege = caps") : 0;
	if (ticket != NULL && kv_view_note_noexec(ticket, err) < 0)
		return -1;
	if (kv_mount_attr(b->root, KV_MOUNT_NOEXEC, 0, true) < 0)
		return kv_error_sys(err, "view: cannot forbid execution");
	wrapper = kv_openat(AT_FDCWD, b->view->wrapper, O_PATH, 0, false);
	if (wrapper < 0 || fstat(wrapper, &own) < 0 || kv_mount_attr(wrapper, 0, KV_MOUNT_NOEXEC, false) < 0)
		return kv_error_sys(err, "view: the wrapper %s", b->view->wrapper);
	if (!b->view->wrap)
		return 0;
	if (ticket == NULL)
		return kv_error_set(err, KV_ERR_USAGE, "view: no ticket for the wrapped paths");
	if (wrap_shell(wrapper, &own, "/bin/sh", ticket, err) < 0)
		return -1;
	if (ticket->wrapped_count == 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "view: no /bin/sh to wrap");
	return wrap_listed(wrapper, &own, ticket, err);
}

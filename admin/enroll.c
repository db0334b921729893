#include "admin/enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define SHELLS_FILE "/etc/shells"

/* Opens KV_SHELLS_DIR, locked against another enroll. */
static int
open_shells(int *out, struct kv_error *err)
{
	kv_cleanup_close int state = -1;
	kv_cleanup_close int dir = -1;
	struct stat st;

	if (kv_audit_open_state(KV_AUDIT_DIR, &state, err) != 0)
		return -1;
	if (mkdirat(state, "shells", 0700) != 0 && errno != EEXIST)
		return kv_error_sys(err, "%s", KV_SHELLS_DIR);
	dir = kv_openat(state, "shells", O_RDONLY | O_DIRECTORY, 0, true);
	if (dir < 0 || fstat(dir, &st) != 0)
		return kv_error_sys(err, "%s", KV_SHELLS_DIR);
	if (st.st_uid != 0 || (st.st_mode & 077) != 0)
		return kv_error_set(err, KV_ERR_DENIED, "%s is not root's alone", KV_SHELLS_DIR);
	if (flock(dir, LOCK_EX) != 0)
		return kv_error_sys(err, "%s", KV_SHELLS_DIR);
	*out = kv_steal_fd(&dir);
	return 0;
}

static int
spawn_usermod(const char *path, const char *user, const char *shell, int *status)
{
	/* posix_spawn's argv is not const for history's sake; nothing writes to it. */
	char name[] = "usermod", option[] = "-s", end[] = "--";
	char shell_copy[KV_PATH_MAX], user_copy[KV_NAME_MAX];
	char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const argv[] = { name, option, shell_copy, end, user_copy, NULL };
	char *const envp[] = { search, locale, NULL };
	pid_t pid;
	int rc;

	if (kv_format(shell_copy, sizeof(shell_copy), "%s", shell) != 0 ||
	    kv_format(user_copy, sizeof(user_copy), "%s", user) != 0)
		return -1;
	rc = posix_spawn(&pid, path, NULL, NULL, argv, envp);
	if (rc != 0) {
		errno = rc;
		return -1;
	}
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* Runs usermod(8) and looks whether the account has the shell now. */
static int
set_shell(const char *user, const char *shell, struct kv_error *err)
{
	struct kv_account after = { .groups = NULL };
	int status = 0;
	bool same;

	if (spawn_usermod("/usr/sbin/usermod", user, shell, &status) != 0 &&
	    (errno != ENOENT || spawn_usermod("/sbin/usermod", user, shell, &status) != 0)) {
		(void)kv_error_sys(err, "usermod");
		err->code = KV_ERR_UNAVAILABLE;
		return -1;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "usermod could not change the login shell of %s", user);
	if (kv_account_lookup(user, &after, err) != 0)
		return -1;
	same = strcmp(after.shell, shell) == 0;
	kv_account_release(&after);
	if (!same)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "the login shell of %s does not come from /etc/passwd", user);
	return 0;
}

/* Takes KV_WRAPPER out of /etc/shells. *changed tells whether it was there. */
static int
unlist(bool *changed, struct kv_error *err)
{
	char text[65536], out[65536];
	ssize_t len = kv_read_file(AT_FDCWD, SHELLS_FILE, text, sizeof(text));
	size_t used = 0;
	struct stat st;

	if (len < 0 && errno == ENOENT)
		return 0;
	if (len < 0 || stat(SHELLS_FILE, &st) != 0)
		return kv_error_sys(err, "%s", SHELLS_FILE);
	for (char *line = text, *next; line != NULL; line = next) {
		size_t n;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		n = strlen(line);
		if (strcspn(line, " \t#") == strlen(KV_WRAPPER) &&
		    strncmp(line, KV_WRAPPER, strlen(KV_WRAPPER)) == 0) {
			*changed = true;
			continue;
		}
		if (used + n + 1 > sizeof(out))
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s is too long", SHELLS_FILE);
		memcpy(out + used, line, n);
		used += n;
		out[used++] = '\n';
	}
	if (*changed && kv_replace_file(AT_FDCWD, SHELLS_FILE, out, used, st.st_mode & 07777) != 0)
		return kv_error_sys(err, "%s", SHELLS_FILE);
	return 0;
}

/* An account that gets a shell which is not there cannot log in any more. */
static int
check_wrapper(struct kv_error *err)
{
	struct stat st;

	if (stat(KV_WRAPPER, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0111) != 0111)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s is not installed", KV_WRAPPER);
	return 0;
}

bool
kv_is_wrapper(const char *shell)
{
	struct stat a, b;

	if (strcmp(shell, KV_WRAPPER) == 0)
		return true;
	return stat(shell, &a) == 0 && stat(KV_WRAPPER, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

int
kv_enroll(const struct kv_account *account, struct kv_enroll *out, struct kv_error *err)
{
	kv_cleanup_close int dir = -1;
	const char *user = account->user;

	memset(out, 0, sizeof(*out));
	if (account->uid == 0)
		return kv_error_set(err, KV_ERR_DENIED, "%s is uid 0: kavach never confines root", user);
	if (check_wrapper(err) != 0 || open_shells(&dir, err) != 0 || unlist(&out->unlisted, err) != 0)
		return -1;
	if (kv_is_wrapper(account->shell))
		return 0;
	/* The shell is remembered first: a change that cannot be taken back is not begun. */
	if (kv_format(out->shell, sizeof(out->shell), "%s",
	    account->shell[0] != '\0' ? account->shell : "/bin/sh") != 0 ||
	    kv_replace_file(dir, user, out->shell, strlen(out->shell), 0600) != 0)
		return kv_error_sys(err, "%s/%s", KV_SHELLS_DIR, user);
	if (set_shell(user, KV_WRAPPER, err) != 0) {
		(void)unlinkat(dir, user, 0);
		return -1;
	}
	out->changed = true;
	return 0;
}

int
kv_unenroll(const struct kv_account *account, struct kv_enroll *out, struct kv_error *err)
{
	kv_cleanup_close int dir = -1;
	const char *user = account->user;
	ssize_t len;

	memset(out, 0, sizeof(*out));
	if (open_shells(&dir, err) != 0)
		return -1;
	if (!kv_is_wrapper(account->shell)) {
		(void)unlinkat(dir, user, 0);
		return 0;
	}
	len = kv_read_file(dir, user, out->shell, sizeof(out->shell));
	if (len < 0 && errno == ENOENT)
		return kv_error_set(err, KV_ERR_DENIED,
		    "%s was not enrolled by kavachctl: set the shell with usermod -s", user);
	if (len < 0)
		return kv_error_sys(err, "%s/%s", KV_SHELLS_DIR, user);
	if (out->shell[0] != '/' || strlen(out->shell) != (size_t)len ||
	    strpbrk(out->shell, ":\n") != NULL)
		return kv_error_set(err, KV_ERR_DENIED, "%s/%s is damaged: set the shell with usermod -s",
		    KV_SHELLS_DIR, user);
	if (set_shell(user, out->shell, err) != 0)
		return -1;
	(void)unlinkat(dir, user, 0);
	out->changed = true;
	return 0;
}

/* The home and its dotfiles in the view. */
#include "session/view_test.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define HOME "/home/alice"

/* Enters and runs body as root in a child: what is left after it is seen from the host. */
static bool
in_view(struct t_host *host, int (*body)(void))
{
	pid_t pid = fork();
	int status = -1;

	T_CHECK(pid >= 0);
	if (pid == 0) {
		t_enter(host);
		_exit(body());
	}
	T_CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
user_writes(void)
{
	return t_write(HOME "/new") == 0 && t_write(HOME "/mine") == 0 ? 0 : 1;
}

static int
user_cannot_write(void)
{
	return t_write(HOME "/new") == EROFS && t_write(HOME "/mine") == EROFS && t_exists(HOME "/mine") ? 0 : 1;
}

static int
writes(void)
{
	return t_as_user(user_writes) ? 0 : 1;
}

static int
cannot_write(void)
{
	return t_as_user(user_cannot_write) ? 0 : 1;
}

static void
rw_and_ro(struct t_host *host)
{
	host->policy.home = KV_HOME_RO;
	T_CHECK(in_view(host, cannot_write) && !t_exists(HOME "/new"));
	host->policy.home = KV_HOME_RW;
	T_CHECK(in_view(host, writes) && t_exists(HOME "/new"));
}
T_CASE(home_rw_and_ro, "rw stays, ro is EROFS", rw_and_ro, 20)

static int
is_empty_and_own(void)
{
	struct stat st;

	return stat(HOME, &st) == 0 && st.st_uid == T_UID && st.st_gid == T_GID &&
	    (st.st_mode & 07777) == 0700 && !t_exists(HOME "/mine") && t_as_user(user_writes) ? 0 : 1;
}

static void
private_home(struct t_host *host)
{
	host->policy.home = KV_HOME_PRIVATE;
	T_CHECK(in_view(host, is_empty_and_own) && !t_exists(HOME "/new"));
	(void)strcpy(host->account.home, "/home/carol");
	t_enter(host);	/* needs no directory on the host */
	T_CHECK(t_exists("/home/carol") && !t_exists(HOME));
}
T_CASE(home_private_is_empty, "an empty 0700 home, gone afterwards", private_home, 20)

static int
user_changes(void)
{
	char text[8] = "";
	int fd = open(HOME "/mine", O_RDWR | O_CLOEXEC);

	if (fd < 0 || read(fd, text, 4) != 4 || strncmp(text, "mine", 4) != 0 || pwrite(fd, "lost", 4, 0) != 4)
		return 1;
	return t_write(HOME "/new") == 0 && unlink(HOME "/old") == 0 && !t_exists("/.overlay") ? 0 : 1;
}

static int
changes(void)
{
	return t_as_user(user_changes) ? 0 : 1;
}

static void
overlay(struct t_host *host)
{
	char text[8] = "";
	int fd;

	t_file(HOME "/old", "old\n", T_UID, 0644);
	host->policy.home = KV_HOME_OVERLAY;
	T_CHECK(in_view(host, changes));
	T_CHECK(!t_exists(HOME "/new") && t_exists(HOME "/old"));
	fd = open(HOME "/mine", O_RDONLY | O_CLOEXEC);
	T_CHECK(fd >= 0 && read(fd, text, 4) == 4 && strncmp(text, "mine", 4) == 0);
	T_CHECK(in_view(host, changes));	/* the next session finds the home as it was */
}
T_CASE(home_overlay_is_thrown_away, "writes are seen inside and lost", overlay, 20)

static void
bad_homes(struct t_host *host)
{
	static const char *const system[] = { "/", "/usr", "/etc/x", "/var/lib", "/proc/1", "", "home/alice" };
	char *home = host->account.home;

	T_CHECK(symlink("/home/bob", "/home/link") == 0 && lchown("/home/link", T_UID, T_GID) == 0);
	T_CHECK(mkfifo("/home/fifo", 0600) == 0 && chown("/home/fifo", T_UID, T_GID) == 0);
	T_CHECK(mknod("/home/tty", S_IFCHR | 0666, 0x500) == 0 && chown("/home/tty", T_UID, T_GID) == 0);
	(void)strcpy(home, "/home/link");
	T_CHECK(t_refused(host, "symbolic link"));
	(void)strcpy(home, "/home/fifo");
	T_CHECK(t_refused(host, "not a directory"));
	(void)strcpy(home, "/home/tty");
	T_CHECK(t_refused(host, "not a directory"));
	(void)strcpy(home, "/home/bob");
	T_CHECK(t_refused(host, "does not belong to alice"));
	(void)strcpy(home, "/home/nobody");
	T_CHECK(t_refused(host, "is missing"));
	host->policy.home = KV_HOME_PRIVATE;
	(void)strcpy(home, "/home/link");
	T_CHECK(t_refused(host, "symbolic link"));
	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++) {
		(void)strcpy(home, system[i]);
		T_CHECK(t_refused(host, "cannot be the home"));
	}
}
T_CASE(bad_homes_are_refused, "links, FIFOs, devices, others' homes, the system; nothing blocks", bad_homes, 5)

static void
neighbours(struct t_host *host)
{
	T_CHECK(mkdir("/srv/homes", 0755) == 0 && mkdir("/srv/homes/alice", 0700) == 0 &&
	    mkdir("/srv/homes/bob", 0755) == 0 && chown("/srv/homes/alice", T_UID, T_GID) == 0);
	t_file("/srv/homes/alice/here", "x", T_UID, 0644);
	(void)strcpy(host->account.home, "/srv/homes/alice");
	T_CHECK(chmod("/srv/homes", 0777) == 0 && t_refused(host, "can be changed by others"));
	T_CHECK(chmod("/srv/homes", 0755) == 0);
	t_enter(host);
	T_CHECK(t_exists("/srv/homes/alice/here") && !t_exists("/srv/homes/bob") && t_exists("/srv/shared"));
	T_CHECK(t_write("/srv/homes/alice/x") == 0 && !t_exists("/home/alice") && !t_exists("/home/bob"));
}
T_CASE(neighbours_in_a_host_tree_are_hidden, "a home below /srv is alone in its folder", neighbours, 20)

/* Swaps the home with a link to another's home as fast as it can. */
static pid_t
swapper(void)
{
	pid_t pid = fork();

	T_CHECK(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)syscall(SYS_renameat2, AT_FDCWD, HOME, AT_FDCWD, "/home/other", 2 /* EXCHANGE */);
	}
	return pid;
}

static void
race(struct t_host *host)
{
	time_t end = time(NULL) + 2;
	unsigned int entered = 0, refused = 0;
	pid_t pid;

	t_file("/home/bob/.ssh", "bob's\n", 0, 0600);
	T_CHECK(symlink("/home/bob", "/home/other") == 0);
	host->policy.protect_dotfiles = true;
	pid = swapper();
	while (time(NULL) < end) {
		pid_t child = fork();
		int status = -1;

		T_CHECK(child >= 0);
		if (child == 0) {
			T_CHECK(unshare(CLONE_NEWNS) == 0);
			if (kv_view_enter(&host->view, host->ticket, &host->err) < 0)
				_exit(7);
			_exit(t_exists(HOME "/mine") && !t_exists(HOME "/his") && !t_exists("/home/bob") ? 0 : 1);
		}
		T_CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
		T_CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 7);
		entered += WEXITSTATUS(status) == 0;
		refused += WEXITSTATUS(status) == 7;
	}
	T_CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	(void)fprintf(stderr, "entered %u, refused %u\n", entered, refused);
	T_CHECK(entered + refused > 0);
}
T_CASE(swapped_home_is_its_own_or_refused, "RENAME_EXCHANGE in a loop never shows another's home", race, 20)

#define DENIED(call, e) ((call) == -1 && errno == (e))

static int
user_attacks(void)
{
	T_CHECK(t_write(HOME "/.ssh/authorized_keys") == EROFS);
	T_CHECK(DENIED(rename(HOME "/.ssh", HOME "/x"), EBUSY));
	T_CHECK(DENIED(rmdir(HOME "/.ssh"), EBUSY));
	T_CHECK(t_write(HOME "/.profile") == EROFS && DENIED(unlink(HOME "/.profile"), EBUSY));
	T_CHECK(DENIED(link(HOME "/.profile", HOME "/x"), EXDEV));
	T_CHECK(DENIED(rename(HOME "/mine", HOME "/.profile"), EBUSY));
	T_CHECK(DENIED(chmod(HOME "/.profile", 0777), EROFS) && DENIED(truncate(HOME "/.profile", 0), EROFS));
	T_CHECK(DENIED((int)syscall(SYS_renameat2, AT_FDCWD, HOME "/mine", AT_FDCWD, HOME "/.profile", 2), EBUSY));
	/* the folders above a protected name stay too */
	T_CHECK(DENIED(rename(HOME "/.config", HOME "/c"), EBUSY));
	T_CHECK(DENIED(rename(HOME "/.local/share", HOME "/.local/c"), EBUSY));
	T_CHECK(DENIED(mkdir(HOME "/.config/systemd/user", 0700), EROFS));
	T_CHECK(t_write(HOME "/.forward") == EROFS && DENIED(unlink(HOME "/.forward"), EBUSY));
	/* a link: its name, its target and the folder of that */
	T_CHECK(t_write(HOME "/.bashrc") == EROFS && DENIED(unlink(HOME "/.bashrc"), EBUSY));
	T_CHECK(t_write(HOME "/dot/bashrc") == EROFS && DENIED(rename(HOME "/dot", HOME "/c"), EBUSY));
	/* and all else is the user's */
	T_CHECK(t_write(HOME "/.config/app") == 0 && t_write(HOME "/dot/other") == 0);
	T_CHECK(t_write(HOME "/mine") == 0 && rename(HOME "/mine", HOME "/mine2") == 0 && t_write(HOME "/.bash_history") == 0);
	return 0;
}

static int
attacks(void)
{
	return t_as_user(user_attacks) ? 0 : 1;
}

static void
dotfiles(struct t_host *host)
{
	struct stat st;

	t_file(HOME "/.profile", "true\n", T_UID, 0644);
	T_CHECK(mkdir(HOME "/dot", 0755) == 0 && chown(HOME "/dot", T_UID, T_GID) == 0);
	t_file(HOME "/dot/bashrc", "true\n", T_UID, 0644);
	T_CHECK(symlink("dot/bashrc", HOME "/.bashrc") == 0);
	T_CHECK(symlink("/nowhere", HOME "/.zshrc") == 0);	/* runs only inside: no reason to refuse */
	host->policy.protect_dotfiles = true;
	T_CHECK(in_view(host, attacks));
	T_CHECK(stat(HOME "/.ssh", &st) == 0 && st.st_uid == T_UID && (st.st_mode & 07777) == 0700);
	T_CHECK(stat(HOME "/.forward", &st) == 0 && st.st_uid == T_UID && st.st_size == 0);
	T_CHECK(in_view(host, attacks) == false);	/* mine is gone: the first attack's twin worked */
}
T_CASE(dotfiles_are_protected, "neither written, renamed, replaced nor linked; all else is", dotfiles, 20)

static int
user_is_free(void)
{
	return t_write(HOME "/.profile") == 0 && rename(HOME "/.ssh", HOME "/x") == 0 ? 0 : 1;
}

static int
is_free(void)
{
	return t_as_user(user_is_free) ? 0 : 1;
}

static void
dotfiles_off(struct t_host *host)
{
	t_file(HOME "/.profile", "true\n", T_UID, 0644);
	T_CHECK(mkdir(HOME "/.ssh", 0700) == 0 && chown(HOME "/.ssh", T_UID, T_GID) == 0);
	T_CHECK(in_view(host, is_free));
}
T_CASE(dotfiles_are_the_users_otherwise, "without protect_dotfiles", dotfiles_off, 20)

static void
dotfile_links(struct t_host *host)
{
	host->policy.protect_dotfiles = true;
	T_CHECK(symlink("/etc", HOME "/.ssh") == 0);
	T_CHECK(t_refused(host, "~/.ssh is a symbolic link"));
	T_CHECK(unlink(HOME "/.ssh") == 0 && symlink("/home/bob", HOME "/.config") == 0);
	T_CHECK(t_refused(host, "cannot be protected: a link or a file is above it"));
	T_CHECK(!t_exists("/home/bob/systemd"));
	T_CHECK(unlink(HOME "/.config") == 0 && unlink(HOME "/.forward") == 0 && mkfifo(HOME "/.forward", 0600) == 0);
	t_enter(host);	/* a FIFO is held like anything else, and blocks nobody */
}
T_CASE(dotfile_links_are_never_followed, "a link for .ssh or .config refuses", dotfile_links, 10)

static char *const id_arguments[] = { (char[]){ "id" }, (char[]){ "-u" }, NULL };

static int
user_runs_suid(void)
{
	char text[32] = "", want[32];
	int fds[2];
	pid_t pid;

	T_CHECK(pipe(fds) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], 1);
		(void)execv(HOME "/suid-id", id_arguments);
		_exit(127);
	}
	T_CHECK(waitpid(pid, NULL, 0) == pid && read(fds[0], text, sizeof(text) - 1) > 0);
	(void)snprintf(want, sizeof(want), "%d\n", T_UID);
	return strcmp(text, want);
}

static void
suid(struct t_host *host)
{
	static char buf[1 << 20];
	int in = open("/usr/bin/id", O_RDONLY | O_CLOEXEC), out = open(HOME "/suid-id", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n = read(in, buf, sizeof(buf));

	T_CHECK(n > 0 && n < (ssize_t)sizeof(buf) && write(out, buf, (size_t)n) == n && fchmod(out, 04755) == 0);
	(void)close(out);
	T_CHECK(!t_as_user(user_runs_suid) || (T_UID == 0));	/* outside it would be root: the twin */
	t_enter(host);
	T_CHECK(t_as_user(user_runs_suid));
}
T_CASE(suid_bits_count_for_nothing, "nosuid on the home", suid, 20)

static void
write_map(const char *path, unsigned int id)
{
	char text[64];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	(void)snprintf(text, sizeof(text), "%u %u 1", id, id);
	T_CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

static void
become_userns(void)
{
	gid_t gid = T_GID;
	int fd;

	T_CHECK(setgroups(1, &gid) == 0 && setgid(T_GID) == 0 && setuid(T_UID) == 0);
	T_CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	T_CHECK(fd >= 0 && write(fd, "deny", 4) == 4 && close(fd) == 0);
	write_map("/proc/self/uid_map", T_UID);
	write_map("/proc/self/gid_map", T_GID);
}

static void
userns(struct t_host *host)
{
	host->policy.protect_dotfiles = true;
	become_userns();
	T_CHECK(kv_view_enter(&host->view, host->ticket, &host->err) == 0 ||
	    (fprintf(stderr, "%s\n", host->err.msg), 0));
	T_CHECK(t_write(HOME "/new") == 0 && t_write(HOME "/.ssh/x") == EROFS && !t_exists("/home/bob"));
	T_CHECK(t_write("/usr/x") == EROFS && t_write("/tmp/x") == 0 && t_write("/dev/null") == 0);
	T_CHECK(!t_exists("/mnt") && !t_exists("/boot") && t_exists("/proc/self/status"));
}
T_CASE(user_namespace_without_privilege, "an unprivileged user builds the same view", userns, 20)

static void
userns_overlay(struct t_host *host)
{
	host->policy.home = KV_HOME_OVERLAY;
	t_file(HOME "/old", "old\n", T_UID, 0644);
	become_userns();
	T_CHECK(kv_view_enter(&host->view, host->ticket, &host->err) == 0 ||
	    (fprintf(stderr, "%s\n", host->err.msg), 0));
	T_CHECK(user_changes() == 0);
}
T_CASE(user_namespace_overlay, "the overlay home in a user namespace", userns_overlay, 20)

atf_error_t
t_add_home_cases(atf_tp_t *tp)
{
	ATF_TP_ADD_TC(tp, home_rw_and_ro);
	ATF_TP_ADD_TC(tp, home_private_is_empty);
	ATF_TP_ADD_TC(tp, home_overlay_is_thrown_away);
	ATF_TP_ADD_TC(tp, bad_homes_are_refused);
	ATF_TP_ADD_TC(tp, neighbours_in_a_host_tree_are_hidden);
	ATF_TP_ADD_TC(tp, swapped_home_is_its_own_or_refused);
	ATF_TP_ADD_TC(tp, dotfiles_are_protected);
	ATF_TP_ADD_TC(tp, dotfiles_are_the_users_otherwise);
	ATF_TP_ADD_TC(tp, dotfile_links_are_never_followed);
	ATF_TP_ADD_TC(tp, suid_bits_count_for_nothing);
	ATF_TP_ADD_TC(tp, user_namespace_without_privilege);
	ATF_TP_ADD_TC(tp, user_namespace_overlay);
	return atf_no_error();
}

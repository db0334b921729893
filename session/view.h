/*
 * The session's view of the file system, made once in stage one and shared by
 * everything of the connection, sshd's own children included. An allow-list: a fresh
 * tmpfs root on which the host's trees are mounted as detached clones (open_tree, move_mount,
 * mount_setattr: no path is looked up twice).
 *
 *   /usr /etc /opt /srv /var   read-only or as they are; nosuid, nodev
 *   /bin /sbin /lib*           the same, or the links that they are on a merged-/usr host
 *   /home/U                    as the policy's home says; its neighbours out of sight
 *   /root                      empty
 *   /tmp /var/tmp /dev/shm     private; tmp_size each, and bounded inodes
 *   /run             private: credentials that are files, utmp, sshd's folder, the resolver's (network = host), kavach's own state
 *   /dev             null zero full random urandom tty pts log; ptmx -> pts/ptmx; console, an empty file for stage two
 *   /proc            a procfs that shows no process (stage two mounts its own)
 *   /sys             the CPU and memory topology, read-only
 *   data_dir, landlock paths    made visible at their paths
 *
 * Any other top-level folder is not there. /var/log/{wtmp,btmp,lastlog,faillog} stay writable (their
 * modes decide) because sshd itself records logins from inside. KV_AUDIT_DIR is covered. So are the folders of
 * kv_view_covered: a network namespace does not part anybody from a socket that has a path.
 *
 * The home. Opened once, with the user's fsuid and without following a link at
 * its end; it must be a directory that the user owns. A link, FIFO, device, another's directory, or a
 * folder of the system (/, /usr, /etc/..., /var/lib, ...) refuses; a missing home refuses except
 * with home = private, which makes an empty one. Its parent, when that is not one of the folders made here (/home is),
 * is covered by an empty tmpfs in which only this home stands, unless the parent is a
 * top-level folder, or one of /usr/local /usr/share /var/lib /var/log /var/cache /var/spool /var/mail /var/www
 * /var/tmp /var/backups (the neighbours' modes protect them there), or data_dir or a
 * Landlock path names it or a folder above it. A parent to be covered that others than root can write refuses.
 *
 * protect_dotfiles (home = rw; the others leave nothing). Table: session/view_dotfiles.c. What is run or trusted
 * outside a session (.ssh, .forward, user units ...) is made, empty and the user's, where it is missing, and refuses where
 * it cannot be protected. What only shells inside run (.profile, .bashrc ...) is protected where it
 * exists; a missing one can be made by the user, and is then run by the next session,
 * confined. A link to a file in the home reached by no other link is held in its place, its target and the
 * folders of that too; any other link counts as missing, or refuses where missing is not good enough.
 * A second hard link that was made before the session stays writable.
 *
 * data_dir and Landlock paths: no link on the way is followed ("~" is walked with the user's
 * fsuid), missing refuses. A Landlock path that the view has already is left as it is, as are /tmp, /dev, /proc, /sys
 * and /run; no data_dir may lie in the last four.
 *
 * Nothing in it can be executed but the wrapper (privilege = caps): neither xauth nor
 * ~/.ssh/rc, nor a PAM module's helper behind this one. Stage two opens it again for the sandbox.
 */
#ifndef KV_SESSION_VIEW_H
#define KV_SESSION_VIEW_H

#include "policy/policy.h"
#include "session/session.h"

struct kv_cgroup;

struct kv_view {
	const struct kv_account *account;
	const struct kv_policy *policy;
	const struct kv_cgroup *cgroup;
	/*
	 * Folders at their own paths in the mount namespace that the caller came from, which must still
	 * exist (host_mnt_fd): a mount of another namespace cannot be cloned, so they are opened again.
	 */
	int state_fd;		/* the session's state directory -> KV_SELF_DIR; -1: none */
	int userns_fd;		/* kv_idmap_make -> KV_SELF_USERNS; -1: none */
	bool own_rootfs;	/* the policy's rootfs or image -> KV_SELF_ROOTFS, read-only */
	bool hardened;		/* it must be an sy-agnos image that proves the policy's tier */
	const struct kv_secrets *secrets;	/* -> KV_CREDENTIALS_DIR and KV_SELF_SECRETS; NULL: none. Root only */
	bool wrap;		/* bind the wrapper over the shells and make all else noexec */
	const char *wrapper;	/* its path; the only file that is not nosuid. NULL: none */
};

/*
 * In a fresh mount namespace of the caller's own (CLONE_NEWNS done; all
 * propagation is made private here): builds the view and makes it the root. CAP_SYS_ADMIN in that
 * namespace's user namespace; as root of the initial one the user's fsuid is taken for what the
 * user owns; in another, the account's uid must be mapped to itself. wrapped: out, the paths over which
 * the wrapper was bound (stage two takes them off); may be NULL without wrap.
 * The caller has one thread. 0, or -1: then the namespace is half built and must be left or ended.
 */
int kv_view_enter(const struct kv_view *view, struct kv_ticket *wrapped, struct kv_error *err);

/*
 * Folders in which daemons of the host have sockets that their modes leave open, and nothing else that a session
 * needs. Each is covered by an empty one, unless the policy's data_dir or Landlock paths name it or something in it
 * (or a data_dir is above it: that is the host's folder with all that is in it).
 */
struct kv_view_covered {
	const char *path;	/* absolute; NULL ends the table */
	bool host_network_too;	/* who reaches it has the host; else it stays where network = host */
};
extern const struct kv_view_covered kv_view_covered[];

#endif

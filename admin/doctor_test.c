#include "admin/doctor.h"

#include "common/error.h"
#include "common/io.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WRAPPER KV_SBINDIR "/kavach-session"
#define STACK "account required pam_kavach.so\nsession required pam_kavach.so\n"
#define SSHD "/usr/sbin/sshd"
#define POLICY "[kavach]\n[policy c]\nbase = strict\nprotect_dotfiles = yes\n" \
	"[rule c]\ngroup = confined\npolicy = c\n"
#define SOUND_SSHD "UsePAM yes\nPermitUserRC no\nPermitUserEnvironment no\nDisableForwarding yes\n" \
	"AcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/openssh/sftp-server\n"

static char root[PATH_MAX];
static json_object *last;

/* Makes a file of the prepared folder, with the folders above it. */
static void
put(const char *path, const char *text)
{
	char full[PATH_MAX * 2];
	FILE *file;

	ATF_REQUIRE_EQ(0, kv_format(full, sizeof(full), "%s%s", root, path));
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		ATF_REQUIRE(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	file = fopen(full, "we");
	ATF_REQUIRE(file != NULL);
	ATF_REQUIRE(fputs(text, file) >= 0);
	ATF_REQUIRE_EQ(0, fclose(file));
}

static void
drop(const char *path)
{
	char full[PATH_MAX * 2];

	ATF_REQUIRE_EQ(0, kv_format(full, sizeof(full), "%s%s", root, path));
	ATF_REQUIRE_EQ(0, unlink(full));
}

static void
put_wrapper(void)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].inheritable = 1U << CAP_SYS_ADMIN | 1U << CAP_SETPCAP | 1U << CAP_DAC_OVERRIDE,
	};
	char full[PATH_MAX * 2];

	put(WRAPPER, "");
	ATF_REQUIRE_EQ(0, kv_format(full, sizeof(full), "%s%s", root, WRAPPER));
	ATF_REQUIRE_EQ(0, chmod(full, 0755));
	ATF_REQUIRE_EQ(0, setxattr(full, "security.capability", &cap, sizeof(cap), 0));
}

static void
put_syslog(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	put("/dev/null.txt", "");
	ATF_REQUIRE_EQ(0, chdir("host/dev"));	/* the whole path may not fit a socket's */
	(void)kv_format(addr.sun_path, sizeof(addr.sun_path), "log");
	ATF_REQUIRE_EQ(0, bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	ATF_REQUIRE_EQ(0, chdir("../.."));
	(void)close(fd);
}

/* A host that has no way round. */
static void
sound_host(void)
{
	ATF_REQUIRE_EQ(0, mkdir("host", 0755));
	ATF_REQUIRE(realpath("host", root) != NULL);
	put("/etc/passwd", "root:x:0:0::/root:/bin/bash\n"
	    "alice:x:2001:2001::/home/alice:" WRAPPER "\n"
	    "bob:x:2002:2002::/home/bob:/bin/bash\n");
	put("/etc/group", "root:x:0:\nconfined:x:3000:alice\nalice:x:2001:\nbob:x:2002:\n"
	    "docker:x:3001:bob\n");
	put("/etc/shells", "/bin/sh\n/bin/bash\n");
	put("/etc/kavach/kavach.conf", POLICY);
	put("/etc/pam.d/sshd", STACK);
	put("/etc/pam.d/su", "auth sufficient pam_rootok.so\n" STACK);
	put("/etc/pam.d/cron", STACK);
	put("/usr/sbin/cron", "");
	put_wrapper();
	put_syslog();
}

/* Runs it; what it returns, and the findings in `last`. */
static int
examine(const char *user, const char *sshd)
{
	const struct kv_doctor_options options = { .user = user, .json = true, .root = root,
		.sshd = sshd };
	struct kv_error err = KV_ERROR_INIT;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int result = kv_doctor(&options, out, &err);

	ATF_REQUIRE_EQ(0, fclose(out));
	ATF_REQUIRE_MSG(result >= 0, "%s", err.msg);
	json_object_put(last);
	last = json_tokener_parse(text);
	ATF_REQUIRE(last != NULL);
	(void)printf("%s\n", text);
	free(text);
	return result;
}

static const char *
field(json_object *o, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(o, key));

	return text != NULL ? text : "";
}

/* How many findings have this id, and this text in what or where. */
static unsigned int
found(const char *id, const char *text)
{
	json_object *list = json_object_object_get(last, "findings");
	unsigned int n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		ATF_CHECK(strlen(field(o, "fix")) > 10 && strlen(field(o, "where")) > 3);
		n += strcmp(field(o, "id"), id) == 0 && (strstr(field(o, "what"), text) != NULL ||
		    strstr(field(o, "where"), text) != NULL);
	}
	return n;
}

#define ONE(id, text) ATF_CHECK_EQ_MSG(1, found(id, text), "%s (%s): %u", id, text, found(id, text))
#define NONE(id) ATF_CHECK_EQ_MSG(0, found(id, ""), "%s", id)

#define ROOT_CASE(name, description) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) \
	{ \
		atf_tc_set_md_var(tc, "descr", description); \
		atf_tc_set_md_var(tc, "require.user", "root"); \
	} \
	ATF_TC_BODY(name, tc)

ROOT_CASE(prepared_folder_sound_host_has_no_finding, "a prepared folder without a gap")
{
	sound_host();
	ATF_CHECK_EQ(0, examine(NULL, NULL));
	ATF_CHECK_EQ(0, examine("alice", NULL));
	ATF_CHECK_EQ(1, examine("bob", NULL));
	ONE("not-confined", "no rule");
}

ROOT_CASE(prepared_folder_policy, "broken and unmatched policies in a prepared folder")
{
	sound_host();
	put("/etc/kavach/kavach.conf", POLICY "colour = blue\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("policy-broken", "kavach.conf:");
	put("/etc/kavach/kavach.conf", POLICY "service = sshd\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("service-without-rule", "through su");
	ONE("jobs-allowed", "cron");
	ATF_CHECK_EQ(0, found("service-without-rule", "sshd"));
	put("/etc/cron.allow", "root\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	NONE("jobs-allowed");
	put("/var/spool/cron/crontabs/alice", "* * * * * id\n");
	put("/etc/cron.allow", "alice\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("jobs-allowed", "cron");
	ONE("jobs-spooled", "crontabs/alice");
}

ROOT_CASE(prepared_folder_pam_stacks, "PAM stacks of a prepared folder")
{
	static const struct {
		const char *stack, *id, *text;
	} cases[] = {
		{ "account required pam_unix.so\nsession required pam_kavach.so\n", "pam-missing",
		    "account" },
		{ "account required pam_kavach.so\nsession required pam_unix.so\n", "pam-missing",
		    "session" },
		{ "account required pam_kavach.so\nsession optional pam_kavach.so\n", "pam-optional",
		    "sshd:2" },
		{ "account [success=ok default=ignore] pam_kavach.so\nsession required pam_kavach.so\n",
		    "pam-optional", "sshd:1" },
		{ "account sufficient pam_localuser.so\n" STACK, "pam-skipped", "sshd:1" },
		{ "account [success=done default=bad] pam_x.so\n" STACK, "pam-skipped", "success ends" },
		{ "account [success=1 default=ignore] pam_x.so\n" STACK, "pam-skipped", "jumps" },
		{ "account [default=1 success=ignore] pam_succeed_if.so uid < 5\n" STACK, "pam-skipped",
		    "jumps" },
		{ "@include sub\n" STACK, "pam-skipped", "sub:1" },
		{ "account include sub\n" STACK, "pam-skipped", "sub:1" },
		{ "account \\\n required pam_x.so\n", "pam-missing", "account" },
	};
	static const char *const sound[] = {
		"account substack sub\n" STACK,
		"account [success=1 default=ignore] pam_x.so\naccount requisite pam_deny.so\n"
		"account required pam_permit.so\n" STACK,
		"auth sufficient pam_x.so\n" STACK,
		"account required pam_kavach.so\naccount sufficient pam_x.so\nsession required pam_kavach.so\n",
		"account include ours\nsession include ours\n", "@include ours\n",
		"account [success=ok default=die] pam_kavach.so\n-session required pam_kavach.so\n",
		"account  required  /lib/security/pam_kavach.so conf=/x\nsession requisite pam_kavach.so\n",
	};

	sound_host();
	put("/etc/pam.d/common-sub", "");
	put("/usr/lib/pam.d/sub", "account sufficient pam_localuser.so\n" STACK);
	put("/usr/lib/pam.d/ours", STACK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put("/etc/pam.d/sshd", cases[i].stack);
		ATF_CHECK_EQ(1, examine(NULL, NULL));
		ATF_CHECK_MSG(found(cases[i].id, cases[i].text) >= 1, "%s", cases[i].stack);
	}
	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
		put("/etc/pam.d/sshd", sound[i]);
		(void)examine(NULL, NULL);
		ATF_CHECK_EQ_MSG(0, found("pam-missing", "service sshd ") +
		    found("pam-optional", "service sshd ") + found("pam-skipped", "service sshd "),
		    "%s", sound[i]);
	}
	put("/etc/pam.d/sshd", STACK "session required pam_env.so user_readenv=1\n");
	(void)examine(NULL, NULL);
	NONE("pam-user-env");
	put("/etc/kavach/kavach.conf", "[policy p]\nbase = strict\nprotect_dotfiles = no\n[rule r]\nuser = alice\npolicy = p\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("pam-user-env", "/etc/pam.d/sshd:3");
	put("/etc/pam.d/sshd", STACK "session required pam_env.so\n");
	(void)examine(NULL, NULL);
	NONE("pam-user-env");
}

ROOT_CASE(prepared_folder_account, "an account's own ways in a prepared folder")
{
	sound_host();
	put("/etc/passwd", "alice:x:2001:2001::/home/alice:/bin/bash\n");
	put("/etc/group", "confined:x:3000:alice\ndocker:x:3001:alice\nshadow:x:42:bob\n");
	put("/etc/sudoers", "# alice\nroot ALL=(ALL) ALL\n%docker ALL=(ALL) ALL\n");
	put("/etc/sudoers.d/x", "bob,alice ALL=NOPASSWD: ALL\n");
	put("/var/lib/systemd/linger/alice", "");
	put("/usr/sbin/exim4", "");
	put("/home/alice/.forward", "|/bin/sh\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("shell-not-wrapper", "/etc/passwd:1");
	ONE("power-group", "docker");
	ATF_CHECK_EQ(1, found("power-group", ""));
	ONE("sudo-rule", "/etc/sudoers:3");	/* the second rule says no more */
	ONE("linger", "alice");
	ONE("mail-forward", ".forward");
}

ROOT_CASE(prepared_folder_host, "the host's own state in a prepared folder")
{
	char full[PATH_MAX * 2];

	sound_host();
	put("/etc/shells", "/bin/sh\n" WRAPPER "\n");
	ATF_CHECK_EQ(0, examine(NULL, NULL));	/* no chsh: no harm */
	put("/usr/bin/chsh", "");
	(void)kv_format(full, sizeof(full), "%s/usr/bin/chsh", root);
	ATF_REQUIRE_EQ(0, chmod(full, 04755));
	drop("/dev/log");
	put("/proc/sys/dev/tty/legacy_tiocsti", "1\n");
	put("/proc/sys/user/max_user_namespaces", "1000\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("shells-lists-wrapper", "/etc/shells:2");
	ONE("syslog-missing", "refused");
	NONE("tiocsti");
	NONE("user-namespaces");
	put("/etc/kavach/kavach.conf", "[policy c]\nbase = minimal\nmin_strength = 0\n"
	    "[rule c]\ngroup = confined\npolicy = c\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("tiocsti", "legacy_tiocsti");
	ONE("user-namespaces", "max_user");
	put("/proc/sys/dev/tty/legacy_tiocsti", "0\n");
	put("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	NONE("tiocsti");
	NONE("user-namespaces");
	put(WRAPPER, "changed");	/* a write takes the capabilities away */
	(void)kv_format(full, sizeof(full), "%s" WRAPPER, root);
	ATF_REQUIRE_EQ(0, chmod(full, 0775));
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("wrapper-capabilities", "kavach-session");
	ONE("wrapper-writable", "0775");
	drop(WRAPPER);
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("wrapper-missing", "kavach-session");
}

/* The real sshd with a configuration of its own, made of these lines. */
static int
with_sshd(const char *lines)
{
	static char text[8192];

	ATF_REQUIRE_EQ(0, kv_format(text, sizeof(text), "HostKey %s/hostkey\n%s", root, lines));
	put("/etc/ssh/sshd_config", text);
	return examine("alice", SSHD);
}

/* A host key, and in a mount namespace of our own the folder that sshd insists on. */
static void
host_key(void)
{
	char path[PATH_MAX * 2];
	int status;
	pid_t pid;

	(void)kv_format(path, sizeof(path), "%s/hostkey", root);
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		(void)execl("/usr/bin/ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path,
		    (char *)NULL);
		_exit(127);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS));
	ATF_REQUIRE_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ATF_REQUIRE_EQ(0, mount("run", "/run", "tmpfs", 0, "mode=0755"));
	ATF_REQUIRE_EQ(0, mkdir("/run/sshd", 0755));
}

#define SSHD_CASE(name, description) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) \
	{ \
		atf_tc_set_md_var(tc, "descr", description); \
		atf_tc_set_md_var(tc, "require.user", "root"); \
		atf_tc_set_md_var(tc, "require.progs", SSHD " ssh-keygen"); \
	} \
	ATF_TC_BODY(name, tc)

SSHD_CASE(real_sshd_directives, "sshd -T of the real sshd: each gap and its twin")
{
	static const struct {
		const char *lines, *id, *text;
	} cases[] = {
		{ "Subsystem sftp internal-sftp\n", "internal-sftp", "sshd_config:2" },
		{ "ForceCommand internal-sftp\n", "internal-sftp", "ForceCommand" },
		{ "DisableForwarding no\n", "forwarding", "allowtcpforwarding yes" },
		{ "DisableForwarding no\nPermitTunnel yes\n", "forwarding", "permittunnel yes" },
		{ "PermitUserRC yes\n", "user-rc", "sshd_config:2" },
		{ "AcceptEnv FOO LD_*\n", "accept-env", "LD_PRELOAD" },
		{ "AcceptEnv *\n", "accept-env", "AcceptEnv *" },
		{ "PermitUserEnvironment yes\n", "user-environment", "sshd_config:2" },
		{ "UsePAM no\n", "usepam", "sshd_config:2" },
		{ "UsePAM=no\n", "usepam", "sshd_config:2" },
		{ "AuthorizedKeysCommand /bin/false\nAuthorizedKeysCommandUser nobody\n",
		    "keys-by-command", "" },
		{ "TrustedUserCAKeys /etc/ca\n", "certificates", "" },
	};
	char text[4096];

	sound_host();
	host_key();
	ATF_CHECK_EQ(0, with_sshd(SOUND_SSHD));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *rest = SOUND_SSHD;
		bool subsystem = strncmp(cases[i].lines, "Subsystem", 9) == 0;

		/* The first value counts, but Subsystem may stand once only. */
		(void)kv_format(text, sizeof(text), "%s%.*s", cases[i].lines,
		    subsystem ? (int)(strstr(rest, "Subsystem") - rest) : (int)strlen(rest), rest);
		ATF_CHECK_EQ(1, with_sshd(text));
		ATF_CHECK_EQ_MSG(1, found(cases[i].id, cases[i].text), "%s", cases[i].lines);
	}
	ATF_CHECK_EQ(1, with_sshd(SOUND_SSHD "Nonsense yes\n"));
	ONE("sshd-unreadable", "sshd");
}

SSHD_CASE(real_sshd_match_addresses, "what a Match block opens for one address is found")
{
	sound_host();
	host_key();
	ATF_CHECK_EQ(1, with_sshd(SOUND_SSHD "PubkeyAuthentication yes\n"
	    "Match Address 10.1.0.0/16,!10.1.2.3\n  PermitUserRC yes\n"));
	ONE("user-rc", "from 10.1.0.0");
	ATF_CHECK_EQ(1, found("user-rc", ""));
	ATF_CHECK_EQ(1, with_sshd("UsePAM yes\nPermitUserEnvironment no\n"
	    "Subsystem sftp /usr/lib/openssh/sftp-server\nDisableForwarding yes\n"
	    "Match Address 10.1.*.* LocalPort 2222\n  PermitUserRC yes\nMatch all\n  PermitUserRC no\n"));
	ONE("user-rc", "10.1.1.1");
	ATF_CHECK_EQ(0, with_sshd("UsePAM yes\nPermitUserEnvironment no\n"
	    "Subsystem sftp /usr/lib/openssh/sftp-server\nDisableForwarding yes\n"
	    "Match Address 10.1.*.* User bob\n  PermitUserRC yes\nMatch all\n  PermitUserRC no\n"));
}

SSHD_CASE(real_sshd_include, "a Match block in an included file is found, with its line")
{
	char text[4096], path[PATH_MAX * 2], *slash;

	sound_host();
	host_key();
	/* Below the prepared root the same absolute path must lead to the same file. */
	(void)kv_format(path, sizeof(path), "%s", root);
	slash = strrchr(path, '/');
	*slash = '\0';
	(void)kv_format(text, sizeof(text), "%s/x", path);
	put(text, "");
	(void)kv_format(text, sizeof(text), "%s%s", root, root);
	ATF_REQUIRE_EQ(0, symlink("/", text));
	put("/etc/ssh/sshd_config.d/10.conf", "\nMatch Host *.lab.example\n  PermitUserRC yes\n");
	(void)kv_format(text, sizeof(text), "Include %s/etc/ssh/sshd_config.d/*.conf\n%s", root,
	    SOUND_SSHD);
	ATF_CHECK_EQ(1, with_sshd(text));
	ONE("user-rc", "10.conf:3");
	ONE("user-rc", "x.lab.example");
}

SSHD_CASE(real_sshd_keys, "options of keys")
{
	static const char keys[] = "# comment\n"
	    "restrict ssh-ed25519 AAAA a\n"
	    "ssh-ed25519 AAAA b\n"
	    "command=\"echo \\\"restrict\\\", x\",no-port-forwarding ssh-ed25519 AAAA c\n"
	    "restrict,pty,command=\"a b\" ssh-ed25519 AAAA d\n"
	    "restrict,Port-Forwarding ssh-ed25519 AAAA e\n"
	    "no-user-rc,no-port-forwarding,no-agent-forwarding,no-X11-forwarding ssh-rsa AAAA f\n"
	    "restrict,environment=\"LD_PRELOAD=x\" ssh-rsa AAAA \x1b[2J\n";

	sound_host();
	host_key();
	put("/home/alice/.ssh/authorized_keys", keys);
	ATF_CHECK_EQ(0, with_sshd(SOUND_SSHD));
	ATF_CHECK_EQ(1, with_sshd("DisableForwarding no\nPermitUserEnvironment yes\n" SOUND_SSHD));
	ATF_CHECK_EQ(3, found("key-unrestricted", ""));
	ONE("key-unrestricted", "line 3 ");
	ONE("key-unrestricted", "line 4 ");
	ONE("key-unrestricted", "line 6 ");
	ONE("key-environment", "line 8 ");
	NONE("keys-writable");
	put("/etc/kavach/kavach.conf", "[policy c]\nbase = strict\nprotect_dotfiles = no\n"
	    "[rule c]\ngroup = confined\npolicy = c\n");
	ATF_CHECK_EQ(1, with_sshd(SOUND_SSHD));
	ATF_CHECK_EQ(1, found("keys-writable", ""));
	ATF_CHECK_EQ(0, with_sshd(SOUND_SSHD "AuthorizedKeysFile /etc/ssh/keys/%u\n"));
}

/* Makes a socket of the prepared folder; the folder is below /var/lib. */
static void
put_socket(const char *folder, const char *name, mode_t folder_mode, uid_t uid, gid_t gid, mode_t mode)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char full[PATH_MAX * 2], cwd[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ATF_REQUIRE_EQ(0, kv_format(full, sizeof(full), "%s/keep", folder));
	put(full, "");
	ATF_REQUIRE_EQ(0, kv_format(full, sizeof(full), "%s%s", root, folder));
	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	ATF_REQUIRE_EQ(0, chdir(full));
	(void)kv_format(addr.sun_path, sizeof(addr.sun_path), "%s", name);
	ATF_REQUIRE_EQ(0, bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	ATF_REQUIRE(chmod(name, mode) == 0 && chown(name, uid, gid) == 0 && chmod(".", folder_mode) == 0);
	ATF_REQUIRE_EQ(0, chdir(cwd));
	(void)close(fd);
}

ROOT_CASE(prepared_folder_sockets, "UNIX sockets that the user may connect to, and those that he may not or does not see")
{
	static const char all[] = "[policy c]\nbase = strict\nprotect_dotfiles = yes\nnetwork = host\n"
	    "[rule c]\ngroup = confined\npolicy = c\n";

	sound_host();
	/* Not his: by its mode, by another's group, by the folder above; not there: covered, or the session's own. */
	put_socket("/var/lib/a", "closed", 0755, 0, 0, 0755);
	put_socket("/var/lib/a", "group", 0755, 0, 2002, 0660);
	put_socket("/srv/b", "below", 0700, 0, 0, 0777);
	put_socket("/srv/deny", "owner", 0755, 2001, 0, 0077);
	put_socket("/var/lib/lxd", "unix.socket", 0755, 0, 0, 0777);
	put_socket("/var/tmp/x", "s", 0755, 0, 0, 0777);
	put_socket("/run/x", "s", 0755, 0, 0, 0777);
	put_socket("/var/lib/sss/pipes", "nss", 0755, 0, 0, 0777);
	ATF_CHECK_EQ(0, examine(NULL, NULL));
	put_socket("/opt/d/e", "others", 0755, 0, 0, 0777);
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("unix-sockets", "1 UNIX socket that");
	ONE("unix-sockets", "/opt/d/e/others");
	put_socket("/srv/f", "group", 0710, 0, 3000, 0660);
	ATF_CHECK_EQ(0, chown("host/srv/f", 0, 3000));
	put_socket("/srv/g", "own", 0755, 2001, 0, 0600);
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("unix-sockets", "3 UNIX sockets that");
	ONE("unix-sockets", "/srv/f/group");
	ONE("unix-sockets", "/srv/g/own");
	NONE("unix-sockets-cut");
	put("/etc/kavach/kavach.conf", all);
	ATF_CHECK_EQ(1, examine(NULL, NULL));
	ONE("unix-sockets", "3 UNIX sockets that");
	ATF_CHECK_STREQ("low", field(json_object_array_get_idx(json_object_object_get(last, "findings"), 0), "severity"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, prepared_folder_sound_host_has_no_finding);
	ATF_TP_ADD_TC(tp, prepared_folder_policy);
	ATF_TP_ADD_TC(tp, prepared_folder_pam_stacks);
	ATF_TP_ADD_TC(tp, prepared_folder_account);
	ATF_TP_ADD_TC(tp, prepared_folder_host);
	ATF_TP_ADD_TC(tp, prepared_folder_sockets);
	ATF_TP_ADD_TC(tp, real_sshd_directives);
	ATF_TP_ADD_TC(tp, real_sshd_match_addresses);
	ATF_TP_ADD_TC(tp, real_sshd_include);
	ATF_TP_ADD_TC(tp, real_sshd_keys);
	return atf_no_error();
}

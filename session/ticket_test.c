#include "session/ticket.h"

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/testing.h"
#include "common/io.h"

#define USER 60123

/* A private /run with KV_SELF_DIR in it. Returns its descriptor. */
static int
private_self(void)
{
	int dir;

	ATF_REQUIRE_EQ(0, unshare(CLONE_NEWNS));
	ATF_REQUIRE_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ATF_REQUIRE_EQ(0, mount("run", "/run", "tmpfs", 0, "mode=755"));
	ATF_REQUIRE_EQ(0, mkdir(KV_RUN_DIR, 0755));
	ATF_REQUIRE_EQ(0, mkdir(KV_SELF_DIR, 0700));
	dir = open(KV_SELF_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ATF_REQUIRE(dir >= 0);
	return dir;
}

static uint64_t
ino_of(const char *path)
{
	struct stat st;

	ATF_REQUIRE_EQ(0, stat(path, &st));
	return st.st_ino;
}

static struct kv_ticket *
sound(void)
{
	struct kv_ticket *t = calloc(1, sizeof(*t));

	ATF_REQUIRE(t != NULL);
	t->magic = KV_TICKET_MAGIC;
	t->size = sizeof(*t);
	memcpy(t->session, "0123456789abcdef", sizeof("0123456789abcdef"));
	t->uid = getuid();
	t->inner = KV_BACKEND_AUTO;
	t->userns_ino = ino_of("/proc/self/ns/user");
	t->mntns_ino = ino_of("/proc/self/ns/mnt");
	t->opener_pid = getpid();
	return t;
}

/* Writes it and tries to map it; says what the mapping said. */
static int
map_again(int dir, const struct kv_ticket *t, struct kv_error *err)
{
	const struct kv_ticket *got = NULL;
	bool found = false;
	int result;

	*err = (struct kv_error)KV_ERROR_INIT;
	ATF_REQUIRE_EQ(0, kv_ticket_write(dir, t, err));
	result = kv_ticket_map(testing_proc(), &got, &found, err);
	ATF_CHECK(found);
	if (result == 0) {
		ATF_CHECK_EQ(0, memcmp(got, t, sizeof(*t)));
		kv_ticket_unmap(got);
	}
	return result;
}

ROOT_CASE(a_sound_ticket_is_mapped, "what was written is what is mapped, with its mode")
{
	int dir = private_self();
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = sound();
	struct stat st;

	ATF_CHECK_MSG(map_again(dir, t, &err) == 0, "%s", err.msg);
	ATF_REQUIRE_EQ(0, fstatat(dir, "ticket", &st, 0));
	ATF_CHECK_EQ(0400, st.st_mode & 07777);
	t->privilege = KV_PRIV_USERNS;
	ATF_CHECK_MSG(map_again(dir, t, &err) == 0, "%s", err.msg);
	ATF_REQUIRE_EQ(0, fstatat(dir, "ticket", &st, 0));
	ATF_CHECK_EQ(0444, st.st_mode & 07777);
	free(t);
}

ROOT_CASE(a_damaged_ticket_is_refused, "every field out of its range is noticed")
{
	static const struct { size_t offset, size; uint64_t value; } damages[] = {
#define AT(f, v) { offsetof(struct kv_ticket, f), sizeof(((struct kv_ticket *)0)->f), v }
		AT(magic, 1), AT(size, 1), AT(uid, 1), AT(userns_ino, 1), AT(mntns_ino, 1),
		AT(mntns_ino, 0), AT(backend, 10), AT(backend, UINT32_MAX), AT(inner, 10),
		AT(score, 101), AT(privilege, 2), AT(audit_format, 2), AT(audit_required, 2),
		AT(network, 4), AT(seccomp, 5), AT(seccomp, 1), AT(home_mode, 4),
		AT(cgroup_version, 3), AT(read_only_root, 7), AT(landlock_count, 1000),
		AT(ports_count, KV_PORTS_MAX + 1), AT(filter_count, KV_TICKET_FILTER_MAX + 1),
		AT(filter_count, 1), AT(environment_count, 33), AT(wrapped_count, 17),
		AT(opener_pid, 0), AT(secrets_count, KV_CREDENTIALS_MAX + 1), AT(credentials_dir, 2),
		AT(own_rootfs, 2), AT(login_groups_count, KV_LOGIN_GROUPS_MAX + 1), AT(groups_count, KV_GROUPS_MAX + 1),
		AT(data_count, KV_DATA_MAX + 1), AT(landlock[0].preopen, 2),
#undef AT
	};
	int dir = private_self();
	struct kv_error err = KV_ERROR_INIT;

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct kv_ticket *t = sound();

		memcpy((char *)t + damages[i].offset, &damages[i].value, damages[i].size);
		ATF_CHECK_MSG(map_again(dir, t, &err) == -1, "damage %zu was let through", i);
		ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
		free(t);
	}
}

ROOT_CASE(a_string_without_its_end_is_refused, "no string runs into the next field")
{
	static const size_t offsets[][2] = {
#define AT(f) { offsetof(struct kv_ticket, f), sizeof(((struct kv_ticket *)0)->f) }
		AT(session), AT(user), AT(service), AT(from), AT(rule), AT(policy), AT(home),
		AT(shell), AT(command), AT(contact), AT(cgroup), AT(environment[31]),
		AT(secrets[KV_CREDENTIALS_MAX - 1].variable), AT(wrapped[15]), AT(landlock[0].path), AT(data[0]), AT(runtime),
		AT(runtime_option),
#undef AT
	};
	int dir = private_self();
	struct kv_error err = KV_ERROR_INIT;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct kv_ticket *t = sound();

		memset((char *)t + offsets[i][0], 'a', offsets[i][1]);
		ATF_CHECK_MSG(map_again(dir, t, &err) == -1, "string %zu", i);
		free(t);
	}
}

ROOT_CASE(the_file_must_be_roots, "owner, mode, kind and size of the file count")
{
	int dir = private_self();
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = sound();
	const struct kv_ticket *got;
	bool found;

	ATF_REQUIRE_EQ(0, map_again(dir, t, &err));
	ATF_REQUIRE_EQ(0, fchmodat(dir, "ticket", 0600, 0));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	ATF_REQUIRE_EQ(0, map_again(dir, t, &err));
	ATF_REQUIRE_EQ(0, fchownat(dir, "ticket", USER, 0, 0));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	ATF_REQUIRE_EQ(0, map_again(dir, t, &err));
	ATF_REQUIRE_EQ(0, truncate(KV_SELF_DIR "/ticket", sizeof(*t) - 1));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	ATF_REQUIRE_EQ(0, unlinkat(dir, "ticket", 0));
	ATF_REQUIRE_EQ(0, mkfifoat(dir, "ticket", 0400));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	ATF_REQUIRE_EQ(0, unlinkat(dir, "ticket", 0));
	ATF_REQUIRE_EQ(0, kv_replace_file(dir, "real", t, sizeof(*t), 0400));
	ATF_REQUIRE_EQ(0, symlinkat("real", dir, "ticket"));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	ATF_CHECK(found);
	ATF_REQUIRE_EQ(0, map_again(dir, t, &err));
	ATF_REQUIRE_EQ(0, chmod(KV_SELF_DIR, 0777));
	ATF_CHECK_EQ(-1, kv_ticket_map(testing_proc(), &got, &found, &err));
	free(t);
}

/* In a child that is a user: what the mapping says. */
static int
map_as_user(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct kv_error err = KV_ERROR_INIT;
		const struct kv_ticket *got;
		bool found;

		if (setresgid(USER, USER, USER) != 0 || setresuid(USER, USER, USER) != 0)
			_exit(9);
		if (kv_ticket_map(testing_proc(), &got, &found, &err) == 0)
			_exit(0);
		_exit(found ? 2 : 3);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

ROOT_CASE(outside_of_a_session_there_is_none, "no folder, or the host's closed one: not found")
{
	int dir = private_self();
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket *t = sound();

	t->uid = USER;
	ATF_REQUIRE_EQ(0, kv_ticket_write(dir, t, &err));
	/* In a session without the capability: there, and closed. */
	ATF_CHECK_EQ(2, map_as_user());
	t->privilege = KV_PRIV_USERNS;
	ATF_REQUIRE_EQ(0, kv_ticket_write(dir, t, &err));
	ATF_REQUIRE_EQ(0, chmod(KV_SELF_DIR, 0755));
	ATF_CHECK_EQ(0, map_as_user());
	ATF_REQUIRE_EQ(0, chmod(KV_RUN_DIR, 0700));
	ATF_CHECK_EQ(3, map_as_user());
	ATF_REQUIRE_EQ(0, umount2("/run", MNT_DETACH));
	ATF_CHECK_EQ(3, map_as_user());
	free(t);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_sound_ticket_is_mapped);
	ATF_TP_ADD_TC(tp, a_damaged_ticket_is_refused);
	ATF_TP_ADD_TC(tp, a_string_without_its_end_is_refused);
	ATF_TP_ADD_TC(tp, the_file_must_be_roots);
	ATF_TP_ADD_TC(tp, outside_of_a_session_there_is_none);
	return atf_no_error();
}

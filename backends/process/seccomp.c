#include "backends/process/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "backends/process/seccomp_internal.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

/* The chain while it is built. */
struct chain {
	struct sock_filter *code;
	size_t max, count;
};

static void
release_context(scmp_filter_ctx *ctx)
{
	if (*ctx != NULL)
		seccomp_release(*ctx);
}

static int
too_long(const struct chain *chain, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_CONFIG, "seccomp: the profile needs more than %zu instructions",
	    chain->max);
}

/*
 * Appends a program. Where it allows, what follows it is to decide: every
 * "return ALLOW" of it becomes a jump to its end.
 */
static int
append(struct chain *chain, scmp_filter_ctx ctx, struct kv_error *err)
{
	kv_cleanup_close int fd = memfd_create("kavach-seccomp", MFD_CLOEXEC);
	struct sock_filter *part = chain->code + chain->count;
	size_t room = (chain->max - chain->count) * sizeof(*part);
	ssize_t size;
	int rc;

	if (fd < 0)
		return kv_error_sys(err, "seccomp: memfd");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0) {
		errno = -rc;
		return kv_error_sys(err, "seccomp: export");
	}
	if (lseek(fd, 0, SEEK_END) > (off_t)room)
		return too_long(chain, err);
	if (lseek(fd, 0, SEEK_SET) != 0 || (size = kv_read_all(fd, part, room)) < 0)
		return kv_error_sys(err, "seccomp: read");
	size_t n = (size_t)size / sizeof(*part);
	for (size_t i = 0; i < n; i++) {
		if (part[i].code == (BPF_RET | BPF_K) && part[i].k == SECCOMP_RET_ALLOW)
			part[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(n - i - 1));
	}
	chain->count += n;
	return 0;
}

static int
emit(struct chain *chain, struct sock_filter op, struct kv_error *err)
{
	if (chain->count == chain->max)
		return too_long(chain, err);
	chain->code[chain->count++] = op;
	return 0;
}

static bool
known(int number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	free(name);
	return name != NULL;
}

/* Numbers from first to last (last 0: and all above) answer ENOSYS. The number is in the accumulator. */
static int
emit_unknown(struct chain *chain, uint32_t first, uint32_t last, struct kv_error *err)
{
	const struct sock_filter enosys = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);

	if (last == 0) {
		if (emit(chain, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 1), err) != 0)
			return -1;
		return emit(chain, enosys, err);
	}
	if (emit(chain, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2), err) != 0 ||
	    emit(chain, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0), err) != 0)
		return -1;
	return emit(chain, enosys, err);
}

/*
 * A system call that libseccomp has no name for is newer than the profiles: nobody has
 * judged it. ENOSYS makes a program take its older way. The kernel's own gap
 * in the numbers is among these; a kernel may fill it.
 */
static int
append_unknown(struct chain *chain, struct kv_error *err)
{
	int first = -1;

	if (emit(chain, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr)), err) != 0)
		return -1;
	for (int i = 0; i < KV_SECCOMP_NUMBERS; i++) {
		if (!known(i)) {
			if (first < 0)
				first = i;
			continue;
		}
		if (first >= 0 && emit_unknown(chain, (uint32_t)first, (uint32_t)i - 1, err) != 0)
			return -1;
		first = -1;
	}
	return emit_unknown(chain, (uint32_t)(first < 0 ? KV_SECCOMP_NUMBERS : first), 0, err);
}

scmp_filter_ctx
kv_seccomp_context(uint32_t fallback)
{
	scmp_filter_ctx ctx = seccomp_init(fallback);

	if (ctx == NULL)
		return NULL;
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0) {
		seccomp_release(ctx);
		return NULL;
	}
	return ctx;
}

/*
 * personality(2): Linux, without address randomisation (setarch -R, gdb), or the
 * question which it is. By hand, for libseccomp cannot say "none of these".
 */
static int
append_personality(struct chain *chain, struct kv_error *err)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SCMP_SYS(personality), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PER_LINUX, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADDR_NO_RANDOMIZE, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};

	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		if (emit(chain, code[i], err) != 0)
			return -1;
	}
	return 0;
}

static int
add_failed(const char *name, int rc, struct kv_error *err)
{
	errno = -rc;
	return kv_error_sys(err, "seccomp: %s", name);
}

/* The denials of a profile on top of "all else is allowed". */
static int
append_denials(struct chain *chain, unsigned int profiles, struct kv_error *err)
{
	__attribute__((cleanup(release_context))) scmp_filter_ctx ctx = kv_seccomp_context(SCMP_ACT_ALLOW);
	const struct kv_seccomp_denial *denial;
	size_t count;

	if (ctx == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "seccomp: out of memory");
	denial = kv_seccomp_denials(&count);
	for (size_t i = 0; i < count; i++, denial++) {
		int number = seccomp_syscall_resolve_name(denial->name);
		int rc;

		/* One that libseccomp does not know is unknown to all and answers ENOSYS. */
		if ((denial->profiles & profiles) == 0 || number < 0)
			continue;
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(denial->error), number, denial->argc,
		    denial->argv);
		if (rc != 0)
			return add_failed(denial->name, rc, err);
	}
	return append(chain, ctx, err);
}

static int
append_strict(struct chain *chain, struct kv_error *err)
{
	__attribute__((cleanup(release_context))) scmp_filter_ctx ctx =
	    kv_seccomp_context(SCMP_ACT_ERRNO(EPERM));
	bool seen[KV_SECCOMP_NUMBERS] = { false };

	if (ctx == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "seccomp: out of memory");
	for (const char *const *name = kv_seccomp_strict_names(); *name != NULL; name++) {
		int number = seccomp_syscall_resolve_name(*name);
		int rc;

		if (number < 0 || number >= KV_SECCOMP_NUMBERS || seen[number])
			continue;
		seen[number] = true;
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 0, NULL);
		if (rc != 0)
			return add_failed(*name, rc, err);
	}
	return append(chain, ctx, err);
}

static int
append_file(struct chain *chain, const char *file, struct kv_error *err)
{
	__attribute__((cleanup(release_context))) scmp_filter_ctx ctx = NULL;

	if (file == NULL)
		return kv_error_set(err, KV_ERR_CONFIG, "seccomp: no profile file");
	if (kv_seccomp_file(file, &ctx, err) != 0)
		return -1;
	return append(chain, ctx, err);
}

static int
build(struct chain *chain, enum kv_seccomp profile, const char *file, struct kv_error *err)
{
	unsigned int denials = KV_DENY_CORE;

	switch (profile) {
	case KV_SECCOMP_OFF:
		return 0;
	case KV_SECCOMP_BASIC:
		denials |= KV_DENY_BASIC;
		break;
	case KV_SECCOMP_DESKTOP:
		denials |= KV_DENY_DESKTOP;
		break;
	case KV_SECCOMP_STRICT:
		denials |= KV_DENY_STRICT;
		break;
	case KV_SECCOMP_FILE:
		break;
	default:
		return kv_error_set(err, KV_ERR_CONFIG, "seccomp: no such profile");
	}
	/* First, for it is what kills the foreign architectures, x32 among them. */
	if (append_denials(chain, denials, err) != 0 || append_unknown(chain, err) != 0)
		return -1;
	if ((profile == KV_SECCOMP_BASIC || profile == KV_SECCOMP_STRICT) &&
	    append_personality(chain, err) != 0)
		return -1;
	if (profile == KV_SECCOMP_STRICT && append_strict(chain, err) != 0)
		return -1;
	if (profile == KV_SECCOMP_FILE && append_file(chain, file, err) != 0)
		return -1;
	return emit(chain, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), err);
}

int
kv_seccomp_compile(enum kv_seccomp profile, const char *file, struct sock_filter *out, size_t max,
    size_t *count, struct kv_error *err)
{
	struct chain chain = { .code = out, .max = max < BPF_MAXINSNS ? max : BPF_MAXINSNS };

	if (build(&chain, profile, file, err) != 0)
		return -1;
	*count = chain.count;
	return 0;
}

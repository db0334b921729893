#include "backends/container/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#define MAGIC 0x6b76706b30303031ULL

struct head {
	uint64_t magic;
	uint32_t size;		/* of all */
	uint32_t number;
	uint32_t umask;
	uint32_t argc, envc;
	uint32_t own_session;
};

static uint32_t
count(char *const *vector, size_t *size)
{
	uint32_t n = 0;

	for (; vector[n] != NULL; n++)
		*size += strlen(vector[n]) + 1;
	return n;
}

static int
put_all(int fd, const struct kv_launch *launch, const struct head *head)
{
	if (kv_write_all(fd, head, sizeof(*head)) != 0 || kv_write_all(fd, launch->file, strlen(launch->file) + 1) != 0 ||
	    kv_write_all(fd, launch->cwd, strlen(launch->cwd) + 1) != 0)
		return -1;
	for (uint32_t i = 0; i < head->argc; i++)
		if (kv_write_all(fd, launch->argv[i], strlen(launch->argv[i]) + 1) != 0)
			return -1;
	for (uint32_t i = 0; i < head->envc; i++)
		if (kv_write_all(fd, launch->envp[i], strlen(launch->envp[i]) + 1) != 0)
			return -1;
	return 0;
}

int
kv_pack(const struct kv_launch *launch, struct kv_error *err)
{
	size_t size = sizeof(struct head) + strlen(launch->file) + strlen(launch->cwd) + 2;
	struct head head = {
		.magic = MAGIC, .number = launch->number, .umask = (uint32_t)launch->umask,
		.own_session = launch->own_session,
	};
	kv_cleanup_close int fd = -1;

	head.argc = count(launch->argv, &size);
	head.envc = count(launch->envp, &size);
	if (size > KV_PACK_MAX)
		return kv_error_set(err, KV_ERR_DENIED, "the command is too long");
	head.size = (uint32_t)size;
	fd = memfd_create("kavach-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || put_all(fd, launch, &head) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return kv_error_sys(err, "cannot hand the command over");
	return kv_steal_fd(&fd);
}

/* The next string, or NULL where no zero byte ends it. */
static char *
next(char **at, const char *end)
{
	char *text = *at, *zero = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;

	if (zero == NULL)
		return NULL;
	*at = zero + 1;
	return text;
}

static int
damaged(struct kv_packed *out, struct kv_error *err)
{
	kv_unpack_release(out);
	return kv_error_set(err, KV_ERR_SYSTEM, "the command arrived damaged");
}

int
kv_unpack(char *bytes, size_t size, struct kv_packed *out, struct kv_error *err)
{
	char *at = bytes + sizeof(struct head), *end = bytes + size;
	struct head head;

	memset(out, 0, sizeof(*out));
	out->bytes = bytes;
	out->size = size;
	if (size < sizeof(head) || size > KV_PACK_MAX)
		return damaged(out, err);
	memcpy(&head, bytes, sizeof(head));
	if (head.magic != MAGIC || head.size != size || head.argc > size || head.envc > size)
		return damaged(out, err);
	out->vectors = calloc((size_t)head.argc + head.envc + 2, sizeof(char *));
	if (out->vectors == NULL)
		return damaged(out, err);
	out->launch = (struct kv_launch){
		.number = head.number, .umask = (mode_t)head.umask, .own_session = head.own_session != 0,
		.opener_fd = -1, .input = -1, .output = -1, .errors = -1,
		.argv = out->vectors, .envp = out->vectors + head.argc + 1,
	};
	out->launch.file = next(&at, end);
	out->launch.cwd = out->launch.file == NULL ? NULL : next(&at, end);
	for (uint32_t i = 0; out->launch.cwd != NULL && i < head.argc; i++)
		if ((out->vectors[i] = next(&at, end)) == NULL)
			return damaged(out, err);
	for (uint32_t i = 0; out->launch.cwd != NULL && i < head.envc; i++)
		if ((out->vectors[head.argc + 1 + i] = next(&at, end)) == NULL)
			return damaged(out, err);
	return out->launch.cwd == NULL || at != end ? damaged(out, err) : 0;
}

void
kv_unpack_release(struct kv_packed *packed)
{
	free(packed->bytes);
	free(packed->vectors);
	memset(packed, 0, sizeof(*packed));
}

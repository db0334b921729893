/*
 * The values of a ticket's secrets. Linked in the wrapper too: libc only.
 *
 * MUST NOT hand out anything that lies outside of the file, whatever the ticket says.
 */
#include "session/ticket.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_sound(const struct kv_ticket *ticket, const char *values)
{
	for (uint32_t i = 0; i < ticket->secrets_count; i++) {
		const struct kv_ticket_secret *secret = &ticket->secrets[i];
		const char *value = values + secret->offset;

		if (secret->offset >= ticket->secrets_size || secret->size >= ticket->secrets_size - secret->offset ||
		    value[secret->size] != '\0')
			return false;
		if (secret->variable[0] != '\0' && strlen(value) != secret->size)
			return false;
	}
	return true;
}

static int
check_file(const struct kv_ticket *ticket, int fd, struct kv_error *err)
{
	mode_t mode = ticket->privilege == KV_PRIV_USERNS ? 0444 : 0400;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return kv_error_sys(err, "%s", KV_SELF_SECRETS);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 07777) != mode ||
	    st.st_size != (off_t)ticket->secrets_size)
		return kv_error_set(err, KV_ERR_DENIED, "its credentials are not as the ticket says");
	return 0;
}

int
kv_ticket_secrets_map(const struct kv_ticket *ticket, const char **out, struct kv_error *err)
{
	kv_cleanup_close int root = -1, fd = -1;
	void *map;

	*out = NULL;
	if (ticket->secrets_count == 0)
		return 0;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : kv_openat(root, KV_SELF_SECRETS "/" KV_SECRETS_NAME + 1, O_RDONLY | O_NONBLOCK, 0, true);
	if (fd < 0)
		return kv_error_sys(err, "its credentials");
	if (check_file(ticket, fd, err) != 0)
		return -1;
	map = mmap(NULL, ticket->secrets_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return kv_error_sys(err, "its credentials");
	if (!is_sound(ticket, map))
		return kv_error_set(err, KV_ERR_DENIED, "its credentials are damaged");
	*out = map;
	return 0;
}

#include "wrapper/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/ticket.h"

/*
 * A pipe, not a file: what is in it is never swapped out, and gone once it is read. It is filled at once, so
 * that nobody has to stay behind to write.
 */
static int
fill_pipe(const char *value, uint32_t size, int *input, struct kv_error *err)
{
	kv_cleanup_close int from = -1, to = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return kv_error_sys(err, "a pipe for its standard input");
	from = ends[0];
	to = ends[1];
	/* A user who has many pipes already gets small ones. */
	if (fcntl(to, F_GETPIPE_SZ) < (int)size && fcntl(to, F_SETPIPE_SZ, (int)size) < 0)
		return kv_error_sys(err, "a pipe for its standard input");
	if (kv_write_all(to, value, size) != 0 || fcntl(from, F_SETFL, 0) != 0)
		return kv_error_sys(err, "a pipe for its standard input");
	*input = kv_steal_fd(&from);
	return 0;
}

int
kv_secret_input(const struct kv_ticket *ticket, const char *values, bool command, bool terminal, int *input,
    struct kv_error *err)
{
	*input = -1;
	for (uint32_t i = 0; i < ticket->secrets_count; i++) {
		if (ticket->secrets[i].variable[0] != '\0')
			continue;
		if (!command || terminal)
			return kv_error_set(err, KV_ERR_DENIED,
			    "its standard input is a credential, which only a command without a terminal can have");
		return fill_pipe(values + ticket->secrets[i].offset, ticket->secrets[i].size, input, err);
	}
	return 0;
}

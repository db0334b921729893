/*
 * The credentials of the session that are files, and the values that stage two hands to commands: each on a tmpfs of
 * its own, which nobody can write to once it is filled and which goes with the view.
 */
#include "session/view_impl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "session/credential.h"

#include <fcntl.h>
#include <string.h>

#define ATTRS (KV_VIEW_ATTRS | KV_MOUNT_NOEXEC)

static bool
is_for_wrapper(const struct kv_secret *secret)
{
	return secret->credential->delivery == KV_DELIVERY_VARIABLE || secret->credential->delivery == KV_DELIVERY_STDIN;
}

int
kv_secrets_ticket(const struct kv_secrets *secrets, struct kv_ticket *ticket, struct kv_error *err)
{
	ticket->secrets_count = ticket->secrets_size = 0;
	for (size_t i = 0; i < secrets->count; i++) {
		const struct kv_secret *secret = &secrets->secret[i];
		struct kv_ticket_secret *to = &ticket->secrets[ticket->secrets_count];

		if (!is_for_wrapper(secret))
			continue;
		if (ticket->secrets_count == KV_CREDENTIALS_MAX)
			return kv_error_set(err, KV_ERR_CONFIG, "too many credentials");
		if (secret->credential->delivery == KV_DELIVERY_VARIABLE)
			memcpy(to->variable, secret->credential->to, sizeof(to->variable));
		to->offset = ticket->secrets_size;
		to->size = (uint32_t)secret->size;
		ticket->secrets_size += to->size + 1;
		ticket->secrets_count++;
	}
	return 0;
}

/* A folder of run with room for the bytes; its mount descriptor. */
static int
make_folder(struct kv_build *b, int run, const char *name, const struct kv_tmpfs *own, struct kv_error *err)
{
	if (kv_view_mkdir(run, name, 0755, err) < 0)
		return -1;
	return kv_view_tmpfs(b, run, name, own, err);
}

static int
make_file(int folder, const char *name, mode_t mode, struct kv_error *err)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd >= 0 ? fd : kv_error_sys(err, "view: the credential %s", name);
}

/* The user's, and only his to read. */
static int
put_file(const struct kv_build *b, int folder, const struct kv_secret *secret, struct kv_error *err)
{
	const struct kv_account *account = b->view->account;
	kv_cleanup_close int fd = make_file(folder, secret->credential->to, 0400, err);

	if (fd < 0)
		return -1;
	if (kv_write_all(fd, secret->value, secret->size) != 0 || fchown(fd, account->uid, account->gid) != 0)
		return kv_error_sys(err, "view: the credential %s", secret->credential->to);
	return 0;
}

static int
files(struct kv_build *b, int run, size_t count, struct kv_error *err)
{
	const struct kv_secrets *secrets = b->view->secrets;
	const struct kv_tmpfs own = {
		.size = (count + 1) * (KV_SECRET_MAX + 4096), .inodes = count + 8, .mode = 0500,
		.uid = b->view->account->uid, .gid = b->view->account->gid, .attrs = ATTRS, .no_swap = true,
	};
	kv_cleanup_close int folder = make_folder(b, run, &KV_CREDENTIALS_DIR[sizeof(KV_RUNSTATEDIR)], &own, err);

	if (folder < 0)
		return -1;
	for (size_t i = 0; i < secrets->count; i++)
		if (secrets->secret[i].credential->delivery == KV_DELIVERY_FILE &&
		    put_file(b, folder, &secrets->secret[i], err) != 0)
			return -1;
	if (kv_mount_attr(folder, KV_MOUNT_RDONLY, 0, false) != 0)
		return kv_error_sys(err, "view: " KV_CREDENTIALS_DIR);
	return 0;
}

/* In the order of kv_secrets_ticket, each with its NUL. A wrapper without capabilities reads them as the user. */
static int
values(struct kv_build *b, int run, size_t count, struct kv_error *err)
{
	const struct kv_secrets *secrets = b->view->secrets;
	bool userns = b->view->policy->privilege == KV_PRIV_USERNS;
	const struct kv_tmpfs own = {
		.size = (count + 1) * (KV_SECRET_MAX + 4096), .inodes = 8, .mode = userns ? 0755 : 0700,
		.uid = (uid_t)-1, .gid = (gid_t)-1, .attrs = ATTRS, .no_swap = true,
	};
	kv_cleanup_close int folder = make_folder(b, run, &KV_SELF_SECRETS[sizeof(KV_RUNSTATEDIR)], &own, err);
	kv_cleanup_close int fd = folder < 0 ? -1 : make_file(folder, KV_SECRETS_NAME, userns ? 0444 : 0400, err);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < secrets->count; i++)
		if (is_for_wrapper(&secrets->secret[i]) &&
		    kv_write_all(fd, secrets->secret[i].value, secrets->secret[i].size + 1) != 0)
			return kv_error_sys(err, "view: the session's credentials");
	/* What is open for writing keeps a mount from being read-only. */
	(void)close(kv_steal_fd(&fd));
	if (kv_mount_attr(folder, KV_MOUNT_RDONLY, 0, false) != 0)
		return kv_error_sys(err, "view: the session's credentials");
	return 0;
}

int
kv_view_credentials(struct kv_build *b, int run, struct kv_error *err)
{
	const struct kv_secrets *secrets = b->view->secrets;
	size_t as_files = 0, for_wrapper = 0;

	for (size_t i = 0; secrets != NULL && i < secrets->count; i++) {
		as_files += secrets->secret[i].credential->delivery == KV_DELIVERY_FILE;
		for_wrapper += is_for_wrapper(&secrets->secret[i]);
	}
	if (as_files > 0 && files(b, run, as_files, err) != 0)
		return -1;
	return for_wrapper > 0 ? values(b, run, for_wrapper, err) : 0;
}

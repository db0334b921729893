/*
 * The account behind a user name, asked for once and before any namespace is
 * entered: inside one, NSS would load what the session could have put there.
 */
#include "session/session.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define NSS_BUFFER_MAX	(1024u * 1024u)
#define GROUPS_MAX	65536

static bool
name_is_sound(const char *user)
{
	size_t len = strlen(user);

	if (len == 0 || len >= KV_NAME_MAX || user[0] == '-' || strcmp(user, ".") == 0 ||
	    strcmp(user, "..") == 0)
		return false;
	for (; *user != '\0'; user++)
		if ((unsigned char)*user <= ' ' || *user == 127 || *user == '/' || *user == ':')
			return false;
	return true;
}

/* getpwnam_r(3) with a buffer that grows. *buffer is the caller's to free. */
static int
find_user(const char *user, struct passwd *pw, char **buffer, struct kv_error *err)
{
	for (size_t size = 4096; size <= NSS_BUFFER_MAX; size *= 2) {
		struct passwd *found = NULL;
		int error;

		free(*buffer);
		*buffer = malloc(size);
		if (*buffer == NULL)
			return kv_error_sys(err, "account");
		error = getpwnam_r(user, pw, *buffer, size, &found);
		if (error == ERANGE)
			continue;
		if (error == 0 && found != NULL)
			return 0;
		if (error == 0 || error == ENOENT || error == ESRCH)
			return kv_error_set(err, KV_ERR_DENIED, "there is no user %.64s", user);
		errno = error;
		return kv_error_sys(err, "the user database does not answer");
	}
	return kv_error_set(err, KV_ERR_DENIED, "the user's entry is too long");
}

/* The group's name; a group that has none is known by its number. */
/* By its number where it has no name; NULL with errno. */
static char *
group_name(gid_t gid)
{
	kv_cleanup_free char *buffer = NULL;
	char number[32];

	for (size_t size = 4096; size <= NSS_BUFFER_MAX; size *= 2) {
		struct group gr, *found = NULL;
		int error;

		free(buffer);
		buffer = malloc(size);
		if (buffer == NULL)
			return NULL;
		error = getgrgid_r(gid, &gr, buffer, size, &found);
		if (error == ERANGE)
			continue;
		if (error == 0 && found != NULL)
			return strdup(found->gr_name);
		/* Not "there is none": without its name no rule for the group would match, and a weaker one might. */
		if (error != 0 && error != ENOENT && error != ESRCH) {
			errno = error;
			return NULL;
		}
		break;
	}
	(void)kv_format(number, sizeof(number), "%lu", (unsigned long)gid);
	return strdup(number);
}

static gid_t *
list_groups(const char *user, gid_t primary, int *count)
{
	for (int size = 64; size <= GROUPS_MAX; size *= 2) {
		gid_t *gids = calloc((size_t)size, sizeof(*gids));
		int n = size;

		if (gids == NULL)
			return NULL;
		if (getgrouplist(user, primary, gids, &n) >= 0) {
			*count = n;
			return gids;
		}
		free(gids);
	}
	errno = E2BIG;
	return NULL;
}

static int
find_groups(struct kv_account *account, struct kv_error *err)
{
	kv_cleanup_free gid_t *gids = NULL;
	int count = 0;

	gids = list_groups(account->user, account->gid, &count);
	if (gids == NULL)
		return kv_error_sys(err, "the groups of the user");
	account->groups = calloc((size_t)count + 1, sizeof(*account->groups));
	if (account->groups == NULL)
		return kv_error_sys(err, "the groups of the user");
	for (int i = 0; i < count; i++) {
		account->groups[i] = group_name(gids[i]);
		if (account->groups[i] == NULL)
			return kv_error_sys(err, "the groups of the user");
		account->group_count++;
	}
	return 0;
}

int
kv_account_lookup(const char *user, struct kv_account *out, struct kv_error *err)
{
	kv_cleanup_free char *buffer = NULL;
	struct passwd pw;

	memset(out, 0, sizeof(*out));
	if (!name_is_sound(user))
		return kv_error_set(err, KV_ERR_DENIED, "the user name is not one that a record could hold");
	if (find_user(user, &pw, &buffer, err) != 0)
		return -1;
	/* -1 means "no change" to setuid(2) and its kin. */
	if (pw.pw_uid == (uid_t)-1 || pw.pw_gid == (gid_t)-1)
		return kv_error_set(err, KV_ERR_DENIED, "the user's entry has no usable number");
	out->uid = pw.pw_uid;
	out->gid = pw.pw_gid;
	/* A database that ignores case answers to ANN with ann: rules are matched by the name it has. */
	if (!name_is_sound(pw.pw_name))
		return kv_error_set(err, KV_ERR_DENIED, "the user name is not one that a record could hold");
	if (kv_format(out->user, sizeof(out->user), "%s", pw.pw_name) != 0 ||
	    kv_format(out->home, sizeof(out->home), "%s", pw.pw_dir) != 0 ||
	    kv_format(out->shell, sizeof(out->shell), "%s",
	    *pw.pw_shell != '\0' ? pw.pw_shell : "/bin/sh") != 0)
		return kv_error_set(err, KV_ERR_DENIED, "the user's entry is too long");
	if (find_groups(out, err) != 0) {
		kv_account_release(out);
		return -1;
	}
	return 0;
}

void
kv_account_release(struct kv_account *account)
{
	for (size_t i = 0; i < account->group_count; i++)
		free(account->groups[i]);
	free(account->groups);
	account->groups = NULL;
	account->group_count = 0;
}

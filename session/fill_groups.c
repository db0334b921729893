#include "session/fill_groups.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "session/session.h"
#include "session/ticket.h"

/* One more than fit, so that too many are noticed. */
#define ROOM	(2 * KV_LOGIN_GROUPS_MAX)

static int
by_number(const void *a, const void *b)
{
	const gid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
put(gid_t *groups, int count, struct kv_ticket *ticket, struct kv_error *err)
{
	uint32_t n = 0;

	if (count > 1)
		qsort(groups, (size_t)count, sizeof(*groups), by_number);
	for (int i = 0; i < count; i++) {
		if (groups[i] == ticket->gid || (i > 0 && groups[i] == groups[i - 1]))
			continue;
		if (n == KV_LOGIN_GROUPS_MAX)
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "a user of more than %d groups", KV_LOGIN_GROUPS_MAX);
		ticket->login_groups[n++] = groups[i];
	}
	ticket->login_groups_count = n;
	return 0;
}

int
kv_fill_groups(const struct kv_account *account, struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_free gid_t *groups = calloc(ROOM, sizeof(*groups));
	int count = ROOM;

	if (groups == NULL)
		return kv_error_sys(err, "groups");
	/* What initgroups(3) of the program that logs the user in will find. */
	if (getgrouplist(account->user, account->gid, groups, &count) < 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "a user of more than %d groups", KV_LOGIN_GROUPS_MAX);
	return put(groups, count, ticket, err);
}

int
kv_fill_own_groups(struct kv_ticket *ticket, struct kv_error *err)
{
	kv_cleanup_free gid_t *groups = calloc(ROOM, sizeof(*groups));
	int count;

	if (groups == NULL)
		return kv_error_sys(err, "groups");
	count = getgroups(ROOM, groups);
	if (count < 0)
		return kv_error_sys(err, "groups");
	return put(groups, count, ticket, err);
}

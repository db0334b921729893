#include "backends/process/verify_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backends/backend.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/decide.h"
#include "session/ticket.h"

/* The points of each layer, which the decision took from policy/score.c. */
enum { SECCOMP = 5, LANDLOCK = 3, NETWORK = 5, READ_ONLY = 3, LIMITS = 2 };

/* The text after "NAME:\t" at the start of a line; NULL: no such line. */
static const char *
field(const char *status, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = status; at != NULL && *at != '\0';) {
		if (strncmp(at, name, len) == 0 && at[len] == ':' && at[len + 1] == '\t')
			return at + len + 2;
		at = strchr(at, '\n');
		if (at != NULL)
			at++;
	}
	return NULL;
}

static bool
is(const char *value, const char *want)
{
	size_t len = strlen(want);

	return value != NULL && strncmp(value, want, len) == 0 && (value[len] == '\n' || value[len] == '\0');
}

static int
missing(const char *layer, const char *why, struct kv_error *err)
{
	return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: %s: %s", layer, why);
}

int
kv_verify_status(const char *status, const struct kv_ticket *ticket, struct kv_error *err)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	char want[64];

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (!is(field(status, sets[i]), "0000000000000000"))
			return missing("capabilities", sets[i], err);
	}
	if (!is(field(status, "NoNewPrivs"), "1"))
		return missing("no_new_privs", "not set", err);
	if (ticket->filter_count > 0 && !is(field(status, "Seccomp"), "2"))
		return missing("seccomp", "no filter", err);
	if (kv_format(want, sizeof(want), "%u\t%u\t%u\t%u", ticket->uid, ticket->uid, ticket->uid,
	    ticket->uid) != 0 || !is(field(status, "Uid"), want))
		return missing("identity", "another user", err);
	if (kv_format(want, sizeof(want), "%u\t%u\t%u\t%u", ticket->gid, ticket->gid, ticket->gid,
	    ticket->gid) != 0 || !is(field(status, "Gid"), want))
		return missing("identity", "another group", err);
	return 0;
}

static bool
among(const uint32_t *list, uint32_t count, uint32_t one)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == one)
			return true;
	return false;
}

/* The groups that the ticket asks for, and how many. */
static uint32_t
wanted(const struct kv_ticket *t, bool container, const uint32_t **out)
{
	*out = container ? t->groups : t->login_groups;
	return container ? t->groups_count : t->login_groups_count;
}

static int
compare(const gid_t *seen, int count, const struct kv_ticket *ticket, const uint32_t *list, uint32_t want,
    struct kv_error *err)
{
	for (int i = 0; i < count; i++)
		if (seen[i] != ticket->gid && !among(list, want, seen[i]))
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: identity: the additional group %u", seen[i]);
	for (uint32_t i = 0; i < want; i++)
		if (list[i] != ticket->gid && !among(seen, (uint32_t)count, list[i]))
			return kv_error_set(err, KV_ERR_UNAVAILABLE, "not confined: identity: group %u is missing", list[i]);
	return 0;
}

int
kv_verify_groups(const gid_t *seen, int count, const struct kv_ticket *ticket, long overflow, struct kv_error *err)
{
	const uint32_t nobody = (uint32_t)overflow, *list;
	uint32_t want = wanted(ticket, ticket->container_root != 0, &list);

	if (overflow >= 0)
		return compare(seen, count, ticket, &nobody, want > 0 ? 1 : 0, err);
	return compare(seen, count, ticket, list, want, err);
}

int
kv_verify_own_groups(const struct kv_ticket *ticket, bool outside, struct kv_error *err)
{
	static gid_t seen[65536];	/* NGROUPS_MAX of Linux: there cannot be more */
	int count = getgroups(sizeof(seen) / sizeof(seen[0]), seen);
	char text[32];
	uint64_t number = 65534;

	if (count < 0)
		return missing("identity", strerror(errno), err);
	if (outside)
		return compare(seen, count, ticket, ticket->login_groups, ticket->login_groups_count, err);
	if (ticket->container_root != 0 || ticket->privilege != KV_PRIV_USERNS)
		return kv_verify_groups(seen, count, ticket, -1, err);
	if (kv_read_file(AT_FDCWD, "/proc/sys/kernel/overflowgid", text, sizeof(text)) >= 0 &&
	    kv_parse_u64(text, 0, UINT32_MAX, &number) != 0)
		return missing("identity", "overflowgid", err);
	return kv_verify_groups(seen, count, ticket, (long)number, err);
}

bool
kv_verify_only_loopback(const char *dev)
{
	/* Two lines of heading, then "  name: numbers". */
	for (unsigned int line = 0; dev != NULL && *dev != '\0'; line++) {
		if (line >= 2) {
			const char *name = dev + strspn(dev, " ");

			if (strncmp(name, "lo:", 3) != 0)
				return false;
		}
		dev = strchr(dev, '\n');
		if (dev != NULL)
			dev++;
	}
	return true;
}

/* Does a grant for `above` reach `path`. */
static bool
covers(const char *above, const char *path)
{
	size_t len = strlen(above);

	while (len > 0 && above[len - 1] == '/')
		len--;
	return strncmp(above, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const char *
kv_verify_hidden_folder(const struct kv_ticket *ticket)
{
	static const char *const folders[] = { "/", "/usr", "/etc", "/usr/bin", "/var" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		bool granted = false;

		for (uint32_t j = 0; j < ticket->landlock_count && !granted; j++)
			granted = covers(ticket->landlock[j].path, folders[i]);
		if (!granted)
			return folders[i];
	}
	return NULL;
}

bool
kv_verify_is_closed(const struct kv_ticket_landlock *rule)
{
	return rule->preopen && !rule->writable &&
	    (strncmp(rule->path, "/tmp", 4) != 0 || (rule->path[4] != '\0' && rule->path[4] != '/'));
}

uint16_t
kv_verify_closed_port(const struct kv_ticket *ticket)
{
	for (uint16_t port = 1;; port++) {
		bool open = false;

		for (uint32_t i = 0; i < ticket->ports_count; i++)
			open = open || ticket->ports[i] == port;
		if (!open)
			return port;	/* at most KV_PORTS_MAX are open */
	}
}

int
kv_verify_score(const struct kv_ticket *ticket, struct kv_verified *out, struct kv_error *err)
{
	bool seccomp = ticket->filter_count > 0;
	bool landlock = ticket->landlock_count > 0;
	bool network = ticket->network == KV_NET_OFF;
	bool limits = ticket->memory_limit != 0 || ticket->cpu_limit_milli != 0;
	bool noop = ticket->backend == KV_BACKEND_NOOP;
	int layers = (seccomp ? SECCOMP : 0) + (landlock ? LANDLOCK : 0) + (network ? NETWORK : 0) +
	    (ticket->read_only_root ? READ_ONLY : 0) + (limits ? LIMITS : 0);
	int score = ticket->base_score + layers;

	score = score > 100 ? 100 : score;
	if (ticket->inner != KV_BACKEND_AUTO)
		score = kv_score_composite(score,
		    kv_backend_base_score((enum kv_backend_id)ticket->inner) + layers);
	if (score != ticket->score)
		return kv_error_set(err, KV_ERR_UNAVAILABLE,
		    "not confined: the score that was promised is %d, what is here is worth %d",
		    ticket->score, score);
	out->score = score;
	if (kv_format(out->layers, sizeof(out->layers), "%scaps%s%s%s%s%s", noop ? "" : "ns,",
	    seccomp ? ",seccomp" : "", landlock ? ",landlock" : "",
	    ticket->network != KV_NET_HOST ? ",net" : "", ticket->read_only_root ? ",ro" : "",
	    limits || ticket->process_limit != 0 ? ",limits" : "") != 0)
		return kv_error_sys(err, "layers");
	return 0;
}

/* Options of keys: `sshd -T` does not show them. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"

#include <string.h>

enum {
	NO_RC = 1,
	NO_TCP = 2,
	NO_AGENT = 4,
	NO_X11 = 8,
	NO_FORWARDING = NO_TCP | NO_AGENT | NO_X11,
	ENVIRONMENT = 16,
	TUNNEL = 32,
};

static bool
key_type(const char *at)
{
	static const char *const types[] = { "ssh-", "ecdsa-", "sk-", "rsa-", "webauthn-" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(at, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

/* The effect of one option on what is closed so far. */
static unsigned int
apply(unsigned int have, const char *option, size_t len)
{
	static const struct {
		const char *name;
		unsigned int add, remove;
	} options[] = {
		{ "restrict", NO_RC | NO_FORWARDING, TUNNEL },
		{ "no-user-rc", NO_RC, 0 },
		{ "user-rc", 0, NO_RC },
		{ "no-port-forwarding", NO_TCP, 0 },
		{ "port-forwarding", 0, NO_TCP },
		{ "no-agent-forwarding", NO_AGENT, 0 },
		{ "agent-forwarding", 0, NO_AGENT },
		{ "no-x11-forwarding", NO_X11, 0 },
		{ "x11-forwarding", 0, NO_X11 },
		{ "environment", ENVIRONMENT, 0 },
		{ "tunnel", TUNNEL, 0 },
	};
	size_t name = 0;

	while (name < len && option[name] != '=')
		name++;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == name && strncasecmp(option, options[i].name, name) == 0)
			return (have | options[i].add) & ~options[i].remove;
	return have;
}

/* Reads the options before a key: words with commas between; quotes may hold anything. */
static unsigned int
read_options(const char *at)
{
	unsigned int have = 0;

	if (key_type(at))
		return 0;
	while (*at != '\0' && *at != ' ' && *at != '\t') {
		const char *start = at;
		bool quoted = false;

		for (; *at != '\0' && (quoted || (*at != ',' && *at != ' ' && *at != '\t')); at++) {
			if (*at == '\\' && at[1] == '"')
				at++;
			else if (*at == '"')
				quoted = !quoted;
		}
		have = apply(have, start, (size_t)(at - start));
		if (*at == ',')
			at++;
	}
	return have;
}

static void
report(struct kv_doctor *d, const struct kv_doctor_user *user, const char *file, unsigned int line,
    const char *id, const char *what)
{
	char where[KV_DOCTOR_WHERE * 2];

	(void)snprintf(where, sizeof(where), "%s:%u", file, line);
	kv_doctor_add(d, &(struct kv_report){ id, KV_LOW, user->name, where,
	    "Put `restrict` (and `pty` where a terminal is wanted) before the key, or close it for "
	    "all keys in sshd_config." }, "line %u of %s: %s", line, file, what);
}

void
kv_doctor_keys(struct kv_doctor *d, const struct kv_doctor_user *user, const char *file,
    bool user_rc, bool forwarding, bool environment)
{
	kv_cleanup_file FILE *keys = kv_doctor_fopen(d, file);
	kv_cleanup_free char *line = NULL;
	unsigned int number = 0;
	size_t room = 0;

	if (keys == NULL)
		return;
	while (getline(&line, &room, keys) >= 0) {
		const char *at = line + strspn(line, " \t");
		unsigned int have;

		number++;
		if (*at == '#' || *at == '\n' || *at == '\0')
			continue;
		have = read_options(at);
		if ((user_rc && (have & NO_RC) == 0) ||
		    (forwarding && (have & NO_FORWARDING) != NO_FORWARDING))
			report(d, user, file, number, "key-unrestricted",
			    "the key lacks `restrict`, and sshd_config allows forwarding or ~/.ssh/rc");
		if (environment && (have & ENVIRONMENT) != 0)
			report(d, user, file, number, "key-environment",
			    "the key sets variables of sshd's children");
		if (forwarding && (have & TUNNEL) != 0)
			report(d, user, file, number, "key-tunnel", "the key asks for a tunnel device");
	}
}

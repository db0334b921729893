#include "policy/load.h"

#include "common/io.h"
#include "policy/decide.h"
#include "policy/test_load.h"

#include <stdio.h>
#include <stdlib.h>

struct sample {
	const char *text;
	const char *error;	/* a part of the message; NULL: sound */
};

static void
check_samples(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_config config;
		int rc = test_load(samples[i].text, &config, &err);

		if (samples[i].error == NULL) {
			ATF_CHECK_MSG(rc == 0 && err.code == KV_ERR_NONE, "<%s> refused: %s",
			    samples[i].text, err.msg);
		} else {
			ATF_CHECK_MSG(rc == -1 && err.code == KV_ERR_CONFIG, "<%s> was taken",
			    samples[i].text);
			ATF_CHECK_MSG(strstr(err.msg, samples[i].error) != NULL, "<%s>: <%s> not in <%s>",
			    samples[i].text, samples[i].error, err.msg);
			ATF_CHECK_EQ(0, config.policy_count);
			ATF_CHECK_EQ(0, config.rule_count);
			ATF_CHECK(kv_list_has(&config.exempt_groups, "root"));
		}
		kv_config_release(&config);
	}
}
#define CHECK(samples) check_samples(samples, sizeof(samples) / sizeof((samples)[0]))

ATF_TC_WITHOUT_HEAD(form_is_strict);
ATF_TC_BODY(form_is_strict, tc)
{
	static const struct sample samples[] = {
		{ "# nothing\n", NULL },
		{ "[kavach]\ncontact = \"a ; b # c\" ; comment\n", NULL },
		{ "[kavach]   # comment = x\naudit_format = json ; x\n", NULL },
		{ "  [policy a]\n\tbase = basic\n", NULL },
		{ "[policy a]\nbase = basic", NULL },
		{ "[rule r]\npolicy=basic\ncommand = 'say \"a\" = [b]'\n", NULL },
		{ "[kavach]\ncontact = x\n", "k.conf:2: contact: expected quotes" },
		{ "[rule r]\npolicy=basic\ncommand = run ; rm\n", "k.conf:3: command: expected quotes" },
		{ "[rule r]\npolicy=basic\nuser = a;b\n", "user: a value that holds ; needs quotes" },
		{ "[rule r]\npolicy=basic\nuser = a#b\n", "user: a value that holds # needs quotes" },
		{ "[rule r]\npolicy=basic\nuser = \"a\n", "closing quote is missing" },
		{ "[rule r]\npolicy=basic\nuser = \"a\" b\n", "text after the closing quote" },
		{ "[rule r]\npolicy=basic\nuser = a\"b\"\n", "a quote within the value" },
		{ "[rule r]\npolicy=basic\nuser =\n", "user: a value is missing" },
		{ "[rule r]\npolicy=basic\nuser = ; x\n", "user: a value that holds ;" },
		{ "[policy a]\nbase = \\\nbasic\n", "k.conf:2: a backslash" },
		{ "[policy a]\n# \\ \nbase = basic\n", "k.conf:2: a backslash" },
		{ "[policy a]\r\nbase = basic\r\n", "k.conf:1: a carriage return" },
		{ "\xef\xbb\xbf[policy a]\n", "k.conf:1: a byte order mark" },
		{ "[policy a]\n# \xff\n", "k.conf:2: not UTF-8" },
		{ "# \xc0\xaf\n", "not UTF-8" },
		{ "# \xed\xa0\x80\n", "not UTF-8" },
		{ "# gr\xc3\xbc\xc3\x9f\n", NULL },
		{ "# \x1b[2J\n", "a control character" },
		{ "# \xc2\x9b\n", "a control character" },
		{ "base = basic\n", "k.conf:1: base: stands in no section" },
		{ "[policy a]\nbase\n", "expected KEY = VALUE" },
		{ "[policy a\nbase = basic\n", "expected [kavach], [policy NAME], [rule NAME] or [credential NAME]" },
		{ "[policy a] x\n", "expected [kavach]" },
		{ "[policy a:b]\n", "expected a name" },
		{ "[policy:a]\n", "unknown section [policy:a]" },
		{ "[policy -a]\n", "expected a name" },
		{ "[policy]\n", "expected a name" },
		{ "[policy a b]\n", "expected a name" },
		{ "[Policy a]\n", "unknown section" },
		{ "[credential a]\n", "k.conf:1: [credential a] belongs into a file of credentials.d" },
		{ "[kavach x]\n", "unknown section" },
		{ "[policy a]\nBase = basic\n", "Base: unknown key of [policy]" },
		{ "[policy a]\nuser = x\n", "user: unknown key of [policy]" },
		{ "[rule a]\nusr = x\npolicy = basic\n", "usr: unknown key of [rule]" },
		{ "[policy a]\nbase = basic\nbase = strict\n", "k.conf:3: base: stands twice" },
		{ "[policy a]\n[policy a]\n", "k.conf:2: [policy a]: stands at k.conf:1" },
		{ "[policy a]\n[policy A]\n", NULL },
		{ "[policy a]\n[rule a]\npolicy = A\n", "k.conf:3: policy: no such policy: A" },
		{ "[rule a]\npolicy=basic\n[rule a]\npolicy=basic\n", "[rule a]: stands at" },
		{ "[kavach]\n[kavach]\n", "[kavach] stands at k.conf:1 already" },
	};
	const char nul[] = "[policy a]\nbase = basic\0x\n";
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	CHECK(samples);
	ATF_CHECK_EQ(-1, test_load_bytes(nul, sizeof(nul) - 1, &config, &err));
	ATF_CHECK(strstr(err.msg, "k.conf:2: a NUL byte") != NULL);
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(sizes_are_bounded);
ATF_TC_BODY(sizes_are_bounded, tc)
{
	const size_t big = (1U << 20) + 1;
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	char *text = malloc(big);

	ATF_REQUIRE(text != NULL);
	memset(text, '\n', big);
	ATF_CHECK_EQ(-1, test_load_bytes(text, big, &config, &err));
	ATF_CHECK(strstr(err.msg, "larger than") != NULL);
	kv_config_release(&config);
	ATF_CHECK_EQ(0, test_load_bytes(text, big - 1, &config, &err));
	kv_config_release(&config);
	ATF_CHECK_EQ(-1, test_load_bytes(text, 0, &config, &err));
	ATF_CHECK(strstr(err.msg, "empty") != NULL);
	kv_config_release(&config);
	memset(text, '#', 1001);
	ATF_CHECK_EQ(-1, test_load_bytes(text, big - 1, &config, &err));
	ATF_CHECK(strstr(err.msg, "k.conf:1: longer than 1000 bytes") != NULL);
	kv_config_release(&config);
	text[1000] = '\n';
	ATF_CHECK_EQ(0, test_load_bytes(text, big - 1, &config, &err));
	kv_config_release(&config);
	free(text);
}

/* KEY|VALUE|part of the message, or nothing if it is sound. */
static const char *const policy_values[][3] = {
	{ "base", "minimal", NULL }, { "base", "nosuch", "expected minimal, basic, strict" },
	{ "base", "p", "each other's base" },
	{ "backend", "auto", NULL }, { "backend", "Process", NULL }, { "backend", "syagnos", NULL },
	{ "backend", "docker", "unknown backend: docker" }, { "backend", "proces", "unknown backend: proces" },
	{ "backend", "noop", "allow_noop" }, { "backend", "none", "unknown backend: none" },
	{ "inner_backend", "none", NULL }, { "inner_backend", "process", NULL },
	{ "inner_backend", "auto", "unknown backend: auto" },
	{ "min_strength", "0", NULL }, { "min_strength", "100", NULL },
	{ "min_strength", "101", "expected a number from 0 to 100, not '101'" },
	{ "min_strength", "-1", "expected" }, { "min_strength", "12abc", "expected" },
	{ "min_strength", "0x1", "expected" }, { "min_strength", "\" 1\"", "expected" },
	{ "min_strength", "18446744073709551616", "expected" }, { "min_strength", "\"\"", "expected" },
	{ "min_strength", "+1", "expected" },
	{ "allow_noop", "yes", NULL }, { "allow_noop", "ture", "expected yes or no, not 'ture'" },
	{ "allow_noop", "1", "expected yes or no" }, { "allow_noop", "Yes", "expected yes or no" },
	{ "allow_noop", "nope", "expected yes or no" },
	{ "privilege", "userns", NULL }, { "privilege", "root", "caps or userns" },
	{ "seccomp", "off", NULL }, { "seccomp", "desktop", NULL }, { "seccomp", "/etc/kavach/x.seccomp", NULL },
	{ "seccomp", "Strict", "expected off" }, { "seccomp", "x.seccomp", "expected off" },
	{ "seccomp", "/etc/../x", "expected off" }, { "seccomp", "/", "expected off" },
	{ "landlock_ro", "/usr, ~, ~/bin", NULL }, { "landlock_ro", "usr", "no absolute path" },
	{ "landlock_ro", "~root", "no absolute path" }, { "landlock_ro", "/usr,", "an empty item" },
	{ "landlock_ro", "\"\"", "an empty list" }, { "landlock_ro", "/a,/a", "stands twice" },
	{ "landlock_rw", "\"/srv/a;b\"", NULL }, { "landlock_rw", "/a/../b", "no absolute path" },
	{ "landlock_rw", "/a/./b", "no absolute path" }, { "landlock_rw", "/a//b", "no absolute path" },
	{ "landlock_rw", "/a:b", "no absolute path" }, { "landlock_rw", "/..a/b..", NULL },
	{ "landlock_rw", "~/..", "no absolute path" },
	{ "network", "loopback", NULL }, { "network", "proxy", NULL }, { "network", "on", "expected off" },
	{ "allowed_hosts", "a.example", "expected network = proxy beside it" },
	{ "allowed_ports", "80", "expected network = proxy or host beside it" },
	{ "allowed_methods", "GET", "expected network = proxy beside it" },
	{ "allowed_paths", "/v1", "expected network = proxy beside it" },
	{ "credentials", "\"\"", NULL }, { "credentials", "nosuch", "k.conf:2: credentials: no such credential: nosuch" },
	{ "credentials", "a/b", "does not belong" }, { "credentials", "a, b, a", "a stands twice" },
	{ "read_only_root", "no", NULL }, { "read_only_root", "off", "expected yes or no" },
	{ "memory_limit", "1G", NULL }, { "memory_limit", "none", NULL }, { "memory_limit", "1024k", NULL },
	{ "memory_limit", "1g", "expected" }, { "memory_limit", "0", "expected" },
	{ "memory_limit", "-1", "expected" }, { "memory_limit", "1GB", "expected" },
	{ "memory_limit", "\"1 G\"", "expected" }, { "memory_limit", "G", "expected" },
	{ "memory_limit", "1.5G", "expected" }, { "memory_limit", "17179869184G", "expected" },
	{ "memory_limit", "512", "expected" },
	{ "cpu_limit", "1.5", NULL }, { "cpu_limit", "none", NULL }, { "cpu_limit", "0.01", NULL },
	{ "cpu_limit", "0", "expected" }, { "cpu_limit", ".5", "expected" }, { "cpu_limit", "1.", "expected" },
	{ "cpu_limit", "1,5", "expected" }, { "cpu_limit", "1.2345", "expected" },
	{ "cpu_limit", "1e3", "expected" }, { "cpu_limit", "inf", "expected" }, { "cpu_limit", "1.-5", "expected" },
	{ "process_limit", "1", NULL }, { "process_limit", "none", NULL }, { "process_limit", "0", "expected" },
	{ "process_limit", "4294967297", "expected" },
	{ "open_files_limit", "1024", NULL }, { "open_files_limit", "8", "expected" },
	{ "tmp_size", "64k", NULL }, { "tmp_size", "none", "expected" }, { "tmp_size", "1k", "expected" },
	{ "data_dir", "/srv/a, /srv/b", NULL }, { "data_dir", "\"\"", NULL },
	{ "data_dir", "/", "belongs to the system" }, { "data_dir", "/etc/x", "belongs to the system" },
	{ "data_dir", "/var/lib/kavach", "belongs to the system" }, { "data_dir", "/var/lib/kavachx", NULL },
	{ "data_dir", "~", "no absolute path" }, { "data_dir", "/a/..", "no absolute path" },
	{ "home", "overlay", NULL }, { "home", "none", "expected rw" },
	{ "protect_dotfiles", "no", NULL }, { "protect_dotfiles", "true", "expected yes or no" },
	{ "rootfs", "host", NULL }, { "rootfs", "/srv/root", NULL }, { "rootfs", "\"/srv/a;b\"", NULL },
	{ "rootfs", "/", "expected host or an absolute path" }, { "rootfs", "Host", "expected host" },
	{ "rootfs", "srv", "expected host" }, { "rootfs", "/srv/../etc", "expected host" },
	{ "rootfs", "/srv/a:b", "expected host" }, { "rootfs", "~/root", "expected host" },
	{ "rootfs", "\"\"", "expected host" }, { "rootfs", "none", "expected host" },
	{ "image", "none", NULL }, { "image", "sy-agnos", NULL }, { "image", "0.a_B-9", NULL },
	{ "image", "-a", "expected none, or a name" }, { "image", ".a", "expected none" },
	{ "image", "_a", "expected none" }, { "image", "a/b", "expected none" },
	{ "image", "a:b", "expected none" }, { "image", "\"\"", "expected none" },
	{ "image", "\"a b\"", "expected none" }, { "image", "..", "expected none" },
	{ "image", "a123456789b123456789c123456789d123456789e123456789f123456789abc", NULL },
	{ "image", "a123456789b123456789c123456789d123456789e123456789f123456789abcd", "expected none" },
	{ "image_tier", "minimal", NULL }, { "image_tier", "dmverity", NULL },
	{ "image_tier", "tpm_measured", NULL }, { "image_tier", "tpm", "expected minimal, dmverity" },
	{ "image_tier", "Minimal", "expected minimal" }, { "image_tier", "none", "expected minimal" },
	{ "wasm_fuel", "1", NULL }, { "wasm_fuel", "none", NULL }, { "wasm_fuel", "9223372036854775807", NULL },
	{ "wasm_fuel", "0", "expected none, or a number" }, { "wasm_fuel", "9223372036854775808", "expected none" },
	{ "wasm_fuel", "1M", "expected none" }, { "wasm_fuel", "-1", "expected none" },
	{ "wasm_timeout", "0.001", NULL }, { "wasm_timeout", "1000000", NULL }, { "wasm_timeout", "none", NULL },
	{ "wasm_timeout", "0", "expected none, or seconds" }, { "wasm_timeout", "1000000.001", "expected none" },
	{ "wasm_timeout", "1s", "expected none" }, { "wasm_timeout", "0.0001", "expected none" },
	{ "shell", "/bin/zsh", NULL }, { "shell", "zsh", "expected an absolute path" },
	{ "shell", "/", "expected an absolute path" }, { "shell", "/bin/../x", "expected an absolute path" },
	{ "environment", "FOO, BAR_*", NULL }, { "environment", "\"\"", NULL },
	{ "environment", "*", "does not belong" }, { "environment", "A=B", "does not belong" },
	{ "environment", "*_X", "does not belong" }, { "environment", "1A", "does not belong" },
};
static const char *const rule_values[][3] = {
	{ "user", "alice, svc-*, *.adm", NULL }, { "user", "-u", "does not belong" },
	{ "user", "a*b", "does not belong" }, { "user", "**", "does not belong" },
	{ "user", "\"\"", "an empty list" }, { "user", "\"a b\"", "does not belong" },
	{ "group", "staff", NULL }, { "group", "@staff", NULL }, { "group", "a,,b", "an empty item" },
	{ "service", "sshd", NULL }, { "service", "\",\"", "an empty item" },
	{ "from", "10.0.0.0/8, ::1, 2001:db8::/32, a.example, *.b.example", NULL },
	{ "from", "10.0.0.1/8", "does not belong" }, { "from", "10.0.0.0/33", "does not belong" },
	{ "from", "10.0.0.0/-1", "does not belong" }, { "from", "10.0.0/8", "does not belong" },
	{ "from", "010.0.0.1", "does not belong" }, { "from", "256.0.0.1", "does not belong" },
	{ "from", "::1/129", "does not belong" }, { "from", "::ffff:10.0.0.0/104", NULL },
	{ "from", "a.example.", "does not belong" }, { "from", "*example", "does not belong" },
	{ "from", "*", "does not belong" }, { "from", "a.example/8", "does not belong" },
	{ "tty", "tty*, pts/0", NULL }, { "tty", "a*b", "does not belong" },
	{ "command", "\"id\"", NULL }, { "command", "\"\"", "expected a command" },
};

static void
check_values(const char *before, const char *const (*values)[3], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[512];
		struct sample sample = { text, values[i][2] };

		ATF_REQUIRE_EQ(0, kv_format(text, sizeof(text), "%s%s = %s\n", before, values[i][0],
		    values[i][1]));
		check_samples(&sample, 1);
	}
}

ATF_TC_WITHOUT_HEAD(values_are_wholly_parsed_or_refused);
ATF_TC_BODY(values_are_wholly_parsed_or_refused, tc)
{
	size_t count;
	const struct kv_key *keys = kv_keys(&count);

	check_values("[policy p]\n", policy_values, sizeof(policy_values) / sizeof(policy_values[0]));
	check_values("[rule r]\npolicy = basic\n", rule_values,
	    sizeof(rule_values) / sizeof(rule_values[0]));
	/* Every key of the table is among the samples. */
	for (size_t k = 0; k < count; k++) {
		bool seen = strcmp(keys[k].section, "kavach") == 0 || strcmp(keys[k].name, "policy") == 0 ||
		    strcmp(keys[k].section, "credential") == 0;	/* credential_test.c */

		for (size_t i = 0; i < sizeof(policy_values) / sizeof(policy_values[0]); i++)
			seen = seen || strcmp(policy_values[i][0], keys[k].name) == 0;
		for (size_t i = 0; i < sizeof(rule_values) / sizeof(rule_values[0]); i++)
			seen = seen || strcmp(rule_values[i][0], keys[k].name) == 0;
		ATF_CHECK_MSG(seen, "%s is not tested", keys[k].name);
	}
}

ATF_TC_WITHOUT_HEAD(kavach_section_and_network_lists);
ATF_TC_BODY(kavach_section_and_network_lists, tc)
{
	static const struct sample samples[] = {
		{ "[kavach]\nexempt_groups = root, wheel\nwrap_services = \"\"\nrequire_pam = no\n", NULL },
		{ "[kavach]\nexempt_groups = whe*\n", "does not belong" },
		{ "[kavach]\naudit_format = xml\n", "logfmt or json" },
		{ "[kavach]\naudit_required = maybe\n", "yes or no" },
		{ "[kavach]\nrequire_pam = 0\n", "yes or no" },
		{ "[kavach]\nwrap_services = -x\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = a.example, *.b.example, 1.2.3.4, *\n", NULL },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = \"\"\n", "an empty list" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = 10.0.0.0/8\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = \"a b\"\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = a-.example\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = a..example\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = 127.1\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = 0x7f000001\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_hosts = *.1\n", "does not belong" },
		{ "[policy p]\nnetwork = host\nallowed_hosts = a\n", "k.conf:3: allowed_hosts" },
		{ "[policy p]\nnetwork = host\nallowed_ports = 22, 443\n", NULL },
		{ "[policy p]\nnetwork = host\nallowed_ports = 0\n", "no TCP port" },
		{ "[policy p]\nnetwork = host\nallowed_ports = 65536\n", "no TCP port" },
		{ "[policy p]\nnetwork = host\nallowed_ports = 1-2\n", "no TCP port" },
		{ "[policy p]\nnetwork = host\nallowed_ports = \"\"\n", "an empty list" },
		{ "[policy p]\nrootfs = /a\nimage = b\n", "k.conf:3: image: expected without rootfs = /a" },
		{ "[policy p]\nimage = b\nrootfs = /a\n", "k.conf:2: image: expected without rootfs = /a" },
		{ "[policy p]\nrootfs = /a\nimage = none\n", NULL },
		{ "[policy p]\nrootfs = host\nimage = b\n", NULL },
		{ "[policy p]\nrootfs = /a\n[policy q]\nbase = p\nimage = b\n", NULL },
		{ "[policy strict]\n", "a preset cannot be defined anew" },
		{ "[policy a]\nbase=b\n[policy b]\nbase=a\n", "each other's base" },
		{ "[policy p]\nbackend=process\ninner_backend=process\n", "another backend" },
		{ "[rule r]\nuser = a\n", "[rule r]: policy: expected" },
		{ "[rule r]\n", "[rule r]: policy: expected" },
		{ "[rule r]\npolicy = \"\"\n", "expected the name of a policy" },
		{ "[policy p]\nnetwork = proxy\nallowed_methods = GET, M-SEARCH\nallowed_paths = /, /v1/a_b.c\n", NULL },
		{ "[policy p]\nnetwork = proxy\nallowed_methods = get\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_methods = -A\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_methods = ABCDEFGHIJKLMNOPQRSTUVWX\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_methods = \"\"\n", "an empty list" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = v1\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = /a/../b\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = /a/.\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = /a//b\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = /a%2e\n", "does not belong" },
		{ "[policy p]\nnetwork = proxy\nallowed_paths = /a?b\n", "does not belong" },
	};

	CHECK(samples);
}

ATF_TC_WITHOUT_HEAD(base_is_inherited_and_overridden);
ATF_TC_BODY(base_is_inherited_and_overridden, tc)
{
	static const char text[] =
	    "[policy c]\nbase = b\nlandlock_ro = /c\nnetwork = off\n"
	    "[policy b]\nbase = minimal\nlandlock_ro = /a, /b\nlandlock_rw = /w\nnetwork = proxy\n"
	    "allowed_hosts = x.example\nmemory_limit = 3M\ncpu_limit = 1.5\nhome = private\n"
	    "[policy d]\n"
	    "[rule r]\npolicy = c\ncommand = \"  a ; b # c  \"\n";
	struct kv_error err = KV_ERROR_INIT;
	const struct kv_policy *b, *c, *d;
	struct kv_config config;

	ATF_REQUIRE_EQ_MSG(0, test_load(text, &config, &err), "%s", err.msg);
	b = kv_config_policy(&config, "b");
	c = kv_config_policy(&config, "c");
	d = kv_config_policy(&config, "d");
	ATF_REQUIRE(b != NULL && c != NULL && d != NULL);
	ATF_CHECK_EQ(3, b->landlock_count);
	ATF_CHECK_EQ(1, b->allowed_hosts.count);
	ATF_CHECK_EQ(2, c->landlock_count);
	ATF_CHECK_STREQ("/w", c->landlock[0].path);
	ATF_CHECK(c->landlock[0].writable && !c->landlock[1].writable);
	ATF_CHECK_EQ(0, c->allowed_hosts.count);
	ATF_CHECK_EQ(3ULL << 20, c->memory_limit);
	ATF_CHECK_EQ(1500, c->cpu_limit_milli);
	ATF_CHECK_EQ(KV_HOME_PRIVATE, c->home);
	ATF_CHECK_EQ(KV_SECCOMP_OFF, c->seccomp);
	ATF_CHECK_EQ(KV_SECCOMP_STRICT, d->seccomp);
	ATF_CHECK_EQ(512ULL << 20, d->memory_limit);
	ATF_CHECK_STREQ("  a ; b # c  ", config.rules[0].command);
	ATF_CHECK_EQ(15, config.rules[0].line);
	ATF_CHECK(kv_config_policy(&config, "minimal") == &config.policies[0]);
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(exempt_groups_survive_a_broken_policy);
ATF_TC_BODY(exempt_groups_survive_a_broken_policy, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	ATF_CHECK_EQ(-1, test_load("[policy x]\nnonsense\n[kavach]\nexempt_groups = wheel, root\n"
	    "audit_format = json\nrequire_pam = no\naudit_required = maybe\ncontact = \"Ann\"\n", &config, &err));
	ATF_CHECK(kv_list_has(&config.exempt_groups, "wheel"));
	ATF_CHECK_EQ(2, config.exempt_groups.count);
	ATF_CHECK_STREQ("Ann", config.contact);
	ATF_CHECK_EQ(KV_AUDIT_JSON, config.audit_format);
	ATF_CHECK(config.require_pam && config.audit_required);
	kv_config_release(&config);
	/* Not those that are unsound themselves, nor those said twice. */
	ATF_CHECK_EQ(-1, test_load("[kavach]\nexempt_groups = wheel, -x\n", &config, &err));
	ATF_CHECK(!kv_list_has(&config.exempt_groups, "wheel"));
	ATF_CHECK(kv_list_has(&config.exempt_groups, "root"));
	kv_config_release(&config);
	ATF_CHECK_EQ(-1, test_load("[kavach]\nexempt_groups = wheel\nexempt_groups = users\n", &config, &err));
	ATF_CHECK_EQ(1, config.exempt_groups.count);
	ATF_CHECK(kv_list_has(&config.exempt_groups, "root"));
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(conf_d_is_read_in_byte_order);
ATF_TC_BODY(conf_d_is_read_in_byte_order, tc)
{
	const struct kv_load_options options = { .file = "k.conf", .any_owner = true };
	static const char *const passed_over[] = { ".x.conf", "a.conf~", "a.conf.bak",
		"a.conf.dpkg-old", "a.conf.rpmsave", "README" };
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;

	test_write("k.conf", "#\n", 2);
	ATF_REQUIRE_EQ(0, mkdir("conf.d", 0755));
	test_write("conf.d/b.conf", "[rule b]\npolicy = p\n", 20);
	test_write("conf.d/B.conf", "[rule c]\npolicy = p\n", 20);
	test_write("conf.d/10.conf", "[rule a]\npolicy = p\n[policy p]\n", 31);
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++) {
		char path[64];

		ATF_REQUIRE_EQ(0, kv_format(path, sizeof(path), "conf.d/%s", passed_over[i]));
		test_write(path, "nonsense", 8);
	}
	ATF_REQUIRE_EQ_MSG(0, kv_config_load(&options, &config, &err), "%s", err.msg);
	ATF_REQUIRE_EQ(3, config.rule_count);
	ATF_CHECK_STREQ("a", config.rules[0].name);
	ATF_CHECK_STREQ("c", config.rules[1].name);
	ATF_CHECK_STREQ("b", config.rules[2].name);
	kv_config_release(&config);
	test_write("conf.d/c.conf", "[kavach]\n", 9);
	ATF_CHECK_EQ(-1, kv_config_load(&options, &config, &err));
	ATF_CHECK(strstr(err.msg, "belongs into the main file") != NULL);
	kv_config_release(&config);
	test_write("conf.d/c.conf", "[policy p]\n", 11);
	ATF_CHECK_EQ(-1, kv_config_load(&options, &config, &err));
	ATF_CHECK(strstr(err.msg, "conf.d/c.conf:1: [policy p]: stands at conf.d/10.conf:3") != NULL);
	kv_config_release(&config);
}

ATF_TC_WITHOUT_HEAD(installed_examples_are_sound);
ATF_TC_BODY(installed_examples_are_sound, tc)
{
	static const char *const files[] = { "kavach.conf", "examples/backup.conf",
		"examples/builders.conf", "examples/credentials.d/builders.conf",
		"examples/contractors.conf", "examples/git-only.conf", "examples/sftp-customers.conf",
		"examples/students.conf" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct kv_load_options options = { .alone = true, .any_owner = true };
		struct kv_config config;
		char path[512];

		ATF_REQUIRE_EQ(0, kv_format(path, sizeof(path), "%s/etc/%s", KV_TOP_SRCDIR,
		    files[i]));
		options.file = path;
		ATF_CHECK_EQ_MSG(0, kv_config_load(&options, &config, &err), "%s", err.msg);
		ATF_CHECK_EQ(i == 0 || config.credential_count > 0, config.rule_count == 0);
		kv_config_release(&config);
	}
}

ATF_TC_WITHOUT_HEAD(nothing_is_printed);
ATF_TC_BODY(nothing_is_printed, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_config config;
	struct stat st;
	int fd = open("out", O_RDWR | O_CREAT | O_CLOEXEC, 0600), saved = dup(2);

	ATF_REQUIRE(fd >= 0 && saved >= 0 && dup2(fd, 2) == 2);
	(void)test_load("[policy a]\nbroken\n[x\n = =\n", &config, &err);
	kv_config_release(&config);
	(void)test_load("[policy a]\nbase = basic\n", &config, &err);
	kv_config_release(&config);
	ATF_REQUIRE_EQ(2, dup2(saved, 2));
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	ATF_CHECK_EQ(0, st.st_size);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, form_is_strict);
	ATF_TP_ADD_TC(tp, sizes_are_bounded);
	ATF_TP_ADD_TC(tp, values_are_wholly_parsed_or_refused);
	ATF_TP_ADD_TC(tp, kavach_section_and_network_lists);
	ATF_TP_ADD_TC(tp, base_is_inherited_and_overridden);
	ATF_TP_ADD_TC(tp, exempt_groups_survive_a_broken_policy);
	ATF_TP_ADD_TC(tp, conf_d_is_read_in_byte_order);
	ATF_TP_ADD_TC(tp, installed_examples_are_sound);
	ATF_TP_ADD_TC(tp, nothing_is_printed);
	return atf_no_error();
}

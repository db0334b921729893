/*
 * How long loading and deciding take: 1,000 policies and rules, spread over
 * 100 files of a conf.d (and, given a number, over that many). Prints milliseconds.
 * Aim: below 20.
 */
#include "policy/decide.h"
#include "policy/load.h"

#include "common/error.h"
#include "common/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TOTAL 1000
#define ROUNDS 21

static int
write_policy(const char *dir, unsigned int files)
{
	char path[256];
	FILE *f;

	if (kv_format(path, sizeof(path), "%s/conf.d", dir) != 0 || mkdir(path, 0755) != 0)
		return -1;
	if (kv_format(path, sizeof(path), "%s/kavach.conf", dir) != 0 || (f = fopen(path, "we")) == NULL)
		return -1;
	(void)fprintf(f, "[kavach]\nexempt_groups = root\n");
	(void)fclose(f);
	for (unsigned int i = 0, n = 0; i < files; i++) {
		(void)kv_format(path, sizeof(path), "%s/conf.d/%04u.conf", dir, i);
		f = fopen(path, "we");
		if (f == NULL)
			return -1;
		for (; n < (i + 1) * TOTAL / files; n++) {
			char base[16] = "basic";

			if (n % 10 != 0)	/* a chain of ten */
				(void)kv_format(base, sizeof(base), "p%u", n - 1);
			(void)fprintf(f, "[policy p%u]\nbase = %s\nmemory_limit = 1G\nhome = ro\n"
			    "landlock_ro = /usr, /etc\n[rule r%u]\ngroup = g%u\nservice = sshd\n"
			    "from = 10.0.0.0/8\npolicy = p%u\n", n, base, n, n, n);
		}
		(void)fclose(f);
	}
	return 0;
}

static void
remove_policy(const char *dir, unsigned int files)
{
	char path[256];

	for (unsigned int i = 0; i < files; i++) {
		(void)kv_format(path, sizeof(path), "%s/conf.d/%04u.conf", dir, i);
		(void)unlink(path);
	}
	(void)kv_format(path, sizeof(path), "%s/conf.d", dir);
	(void)rmdir(path);
	(void)kv_format(path, sizeof(path), "%s/kavach.conf", dir);
	(void)unlink(path);
	(void)rmdir(dir);
}

static double
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The last rule is the one that matches. Milliseconds, or -1. */
static double
once(const char *file)
{
	static const char *const groups[] = { "g999" };
	const struct kv_request request = { .user = "u", .uid = 1000, .groups = groups,
		.group_count = 1, .service = "sshd", .from = "10.1.2.3" };
	const struct kv_load_options options = { .file = file, .any_owner = getuid() != 0 };
	struct kv_backend_fact facts[KV_BACKEND_COUNT];
	struct kv_error err = KV_ERROR_INIT;
	struct kv_decision decision;
	struct kv_config config;
	double start = now_ms(), took = -1;

	memset(facts, 0, sizeof(facts));
	facts[0].available = facts[0].accepts[0] = true;
	facts[0].base_score = 50;
	if (kv_config_load(&options, &config, &err) != 0 ||
	    kv_decide(&config, &request, facts, &decision, &err) != 0 ||
	    decision.verdict != KV_VERDICT_CONFINE || decision.rule != &config.rules[TOTAL - 1]) {
		(void)fprintf(stderr, "policy_bench: %s\n", err.msg);
		kv_config_release(&config);
		return -1;
	}
	kv_decision_release(&decision);
	kv_config_release(&config);
	took = now_ms() - start;
	return took;
}

int
main(int argc, char **argv)
{
	/* As root below /root or the like: the trust check, which is measured too, refuses /tmp. */
	const char *parent = getuid() == 0 ? KV_RUNSTATEDIR : "/tmp";
	char dir[128], file[256];
	uint64_t files = 100;
	double took[ROUNDS];
	int status = EXIT_SUCCESS;

	if (argc > 1 && kv_parse_u64(argv[1], 1, TOTAL, &files) != 0)
		return EXIT_FAILURE;
	(void)kv_format(dir, sizeof(dir), "%s/kavach-bench.XXXXXX", parent);
	if (mkdtemp(dir) == NULL)
		return EXIT_FAILURE;
	(void)umask(022);
	(void)chmod(dir, 0755);
	(void)kv_format(file, sizeof(file), "%s/kavach.conf", dir);
	if (write_policy(dir, (unsigned int)files) != 0)
		status = EXIT_FAILURE;
	for (int i = 0; status == EXIT_SUCCESS && i < ROUNDS; i++)
		if ((took[i] = once(file)) < 0)
			status = EXIT_FAILURE;
	remove_policy(dir, (unsigned int)files);
	if (status != EXIT_SUCCESS)
		return status;
	qsort(took, ROUNDS, sizeof(took[0]), ascending);
	(void)printf("policies=%d rules=%d files=%lu min_ms=%.2f median_ms=%.2f max_ms=%.2f\n", TOTAL,
	    TOTAL, (unsigned long)files, took[0], took[ROUNDS / 2], took[ROUNDS - 1]);
	return status;
}

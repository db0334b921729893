/*
 * layers_run PROFILE COMMAND [ARG...]: runs a command under one seccomp
 * profile (basic, desktop, strict, or the path of a file), for tests.
 * layers_run --cost PROFILE: prints instructions and microseconds to compile.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "backends/process/seccomp.h"
#include "common/error.h"
#include "session/ticket.h"

static enum kv_seccomp
profile_of(const char *word)
{
	if (strcmp(word, "basic") == 0)
		return KV_SECCOMP_BASIC;
	if (strcmp(word, "desktop") == 0)
		return KV_SECCOMP_DESKTOP;
	if (strcmp(word, "strict") == 0)
		return KV_SECCOMP_STRICT;
	return KV_SECCOMP_FILE;
}

static int64_t
microseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
cost(const char *word, struct sock_filter *filter)
{
	struct kv_error err = KV_ERROR_INIT;
	int64_t best = INT64_MAX;
	size_t count = 0;

	for (int i = 0; i < 20; i++) {
		int64_t start = microseconds();

		if (kv_seccomp_compile(profile_of(word), word, filter, KV_TICKET_FILTER_MAX, &count, &err) != 0) {
			fprintf(stderr, "%s\n", err.msg);
			return KV_EXIT_CONFIG;
		}
		start = microseconds() - start;
		best = start < best ? start : best;
	}
	printf("instructions=%zu microseconds=%lld\n", count, (long long)best);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct sock_filter filter[KV_TICKET_FILTER_MAX];
	struct kv_error err = KV_ERROR_INIT;
	size_t count = 0;

	if (argc == 3 && strcmp(argv[1], "--cost") == 0)
		return cost(argv[2], filter);
	if (argc < 3)
		return KV_EXIT_USAGE;
	if (kv_seccomp_compile(profile_of(argv[1]), argv[1], filter, KV_TICKET_FILTER_MAX, &count, &err) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || kv_seccomp_install(filter, count, &err) != 0) {
		fprintf(stderr, "layers_run: %s\n", err.msg);
		return KV_EXIT_CONFIG;
	}
	(void)execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}

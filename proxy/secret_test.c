#include "proxy/secret.h"

#include "common/io.h"

#include <atf-c.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kilobytes that this process has locked. */
static long
locked(void)
{
	char status[8192];
	const char *at;

	ATF_REQUIRE(kv_read_file(AT_FDCWD, "/proc/self/status", status, sizeof(status)) > 0);
	at = strstr(status, "VmLck:");
	ATF_REQUIRE(at != NULL);
	return strtol(at + 6, NULL, 10);
}

ATF_TC_WITHOUT_HEAD(secret_is_locked);
ATF_TC_BODY(secret_is_locked, tc)
{
	long before = locked();
	char *value = kv_secret_keep("a value", 7), *more;

	ATF_REQUIRE(value != NULL);
	ATF_CHECK_STREQ("a value", value);
#if !defined(__SANITIZE_ADDRESS__)	/* which makes mlock(2) do nothing, and say that it did */
	ATF_CHECK(locked() > before);
#endif
	more = kv_secret_new(10000);
	ATF_REQUIRE(more != NULL);
	for (size_t i = 0; i < 10000; i++)
		ATF_REQUIRE_EQ(0, more[i]);
	kv_secret_free(more);
	kv_secret_drop(value);
	kv_secret_drop(NULL);
	ATF_CHECK_EQ(before, locked());
	ATF_CHECK(kv_secret_new((size_t)-1) == NULL);
}

#if !defined(__SANITIZE_ADDRESS__)
/* memset(3) that the compiler does not leave out because the memory is given back soon. */
static void
fill(char *at, char byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)at)[i] = byte;
}

/* What stands at an address that was given back; beyond what the allocator writes there itself. */
static bool
is_wiped(uintptr_t where, size_t size)
{
	const volatile char *at = (const volatile char *)where;

	for (size_t i = 32; i < size; i++) {
		if (at[i] != 0)
			return false;
	}
	return true;
}
#endif

ATF_TC_WITHOUT_HEAD(heap_is_wiped);
ATF_TC_BODY(heap_is_wiped, tc)
{
#if defined(__SANITIZE_ADDRESS__)
	atf_tc_skip("not in a build that is sanitized: its allocator is another");
#else
	static const size_t sizes[] = { 100, 1000, 20000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		volatile uintptr_t seen;	/* a number: the compiler knows what a pointer to freed memory is */
		char *at = malloc(sizes[i]), *beyond = malloc(16), *bigger;

		ATF_REQUIRE(at != NULL && beyond != NULL);
		fill(at, 'x', sizes[i]);
		seen = (uintptr_t)at;
		free(at);
		ATF_CHECK_MSG(is_wiped(seen, sizes[i]), "freed: %zu", sizes[i]);
		/* realloc(3) that moves. */
		at = malloc(sizes[i]);
		ATF_REQUIRE(at != NULL);
		fill(at, 'y', sizes[i]);
		seen = (uintptr_t)at;
		bigger = realloc(at, sizes[i] * 3);
		ATF_REQUIRE(bigger != NULL);
		ATF_CHECK_EQ('y', bigger[sizes[i] - 1]);
		ATF_CHECK_MSG((uintptr_t)bigger != seen && is_wiped(seen, sizes[i]), "moved: %zu", sizes[i]);
		free(bigger);
		free(beyond);
	}
#endif
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, secret_is_locked);
	ATF_TP_ADD_TC(tp, heap_is_wiped);
	return atf_no_error();
}

/*
 * Runs a fuzz target over its corpus: what was once found stays found. The target is linked in;
 * KV_CORPUS is its folder.
 */
#include "proxy/fuzz.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <atf-c.h>
#include <fcntl.h>

#define INPUT_MAX	((size_t)1 << 21)

static void
replay(int folder, const char *name)
{
	kv_cleanup_close int fd = kv_openat(folder, name, O_RDONLY, 0, true);
	kv_cleanup_free uint8_t *buffer = malloc(INPUT_MAX);
	uint8_t *exact;
	ssize_t n;

	ATF_REQUIRE_MSG(fd >= 0 && buffer != NULL, "%s", name);
	n = kv_read_all(fd, buffer, INPUT_MAX);
	ATF_REQUIRE_MSG(n >= 0, "%s", name);
	(void)fprintf(stderr, "%s\n", name);
	exact = fuzz_copy(buffer, (size_t)n);
	(void)LLVMFuzzerTestOneInput(exact, (size_t)n);
	free(exact);
}

ATF_TC_WITHOUT_HEAD(corpus_is_read_without_a_finding);
ATF_TC_BODY(corpus_is_read_without_a_finding, tc)
{
	kv_cleanup_dir DIR *dir = opendir(KV_CORPUS);
	const struct dirent *entry;
	unsigned int count = 0;

	ATF_REQUIRE_MSG(dir != NULL, "%s", KV_CORPUS);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		replay(dirfd(dir), entry->d_name);
		count++;
	}
	ATF_CHECK(count > 10);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, corpus_is_read_without_a_finding);
	return atf_no_error();
}

/* For the tests of policy/: a policy from a text. Each case runs in a folder of its own. */
#ifndef KV_POLICY_TEST_LOAD_H
#define KV_POLICY_TEST_LOAD_H

#include "common/error.h"
#include "policy/load.h"

#include <atf-c.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void
test_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ATF_REQUIRE(fd >= 0);
	ATF_REQUIRE_EQ((ssize_t)size, write(fd, bytes, size));
	ATF_REQUIRE_EQ(0, close(fd));
}

static inline int
test_load_bytes(const void *bytes, size_t size, struct kv_config *out, struct kv_error *err)
{
	const struct kv_load_options options = { .file = "k.conf", .any_owner = true };

	test_write("k.conf", bytes, size);
	return kv_config_load(&options, out, err);
}

static inline int
test_load(const char *text, struct kv_config *out, struct kv_error *err)
{
	return test_load_bytes(text, strlen(text), out, err);
}

#endif

#include "wrapper/secret.h"

#include <atf-c.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "session/ticket.h"

static struct kv_ticket ticket = {
	.secrets_count = 2,
	.secrets = { { .variable = "A", .size = 1 }, { .variable = "", .offset = 2, .size = 5 } },
};
static const char values[] = "a\0b\0c\nd";

ATF_TC_WITHOUT_HEAD(a_pipe_with_the_value_and_its_end);
ATF_TC_BODY(a_pipe_with_the_value_and_its_end, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	char got[16];
	int fd;

	ATF_REQUIRE_EQ(0, kv_secret_input(&ticket, values, true, false, &fd, &err));
	ATF_REQUIRE(fd >= 0);
	ATF_CHECK_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	ATF_CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	ATF_CHECK_EQ(5, read(fd, got, sizeof(got)));
	ATF_CHECK_EQ(0, memcmp("b\0c\nd", got, 5));
	ATF_CHECK_EQ(0, read(fd, got, sizeof(got)));
	(void)close(fd);
}

ATF_TC_WITHOUT_HEAD(only_a_command_without_a_terminal);
ATF_TC_BODY(only_a_command_without_a_terminal, tc)
{
	struct kv_error err = KV_ERROR_INIT;
	struct kv_ticket none = { .secrets_count = 1, .secrets = { { .variable = "A" } } };
	int fd = 0;

	ATF_CHECK_EQ(-1, kv_secret_input(&ticket, values, false, false, &fd, &err));
	ATF_CHECK_EQ(KV_ERR_DENIED, err.code);
	ATF_CHECK_EQ(-1, kv_secret_input(&ticket, values, true, true, &fd, &err));
	ATF_CHECK_EQ(-1, fd);
	ATF_CHECK_EQ(0, kv_secret_input(&none, values, false, true, &fd, &err));
	ATF_CHECK_EQ(-1, fd);
}

/* All that a credential can be must fit without a reader. */
ATF_TC_WITHOUT_HEAD(the_largest);
ATF_TC_BODY(the_largest, tc)
{
	static char big[65536];
	struct kv_ticket one = { .secrets_count = 1, .secrets = { { .size = sizeof(big) } } };
	struct kv_error err = KV_ERROR_INIT;
	size_t total = 0;
	ssize_t n;
	int fd;

	ATF_REQUIRE_EQ_MSG(0, kv_secret_input(&one, big, true, false, &fd, &err), "%s", err.msg);
	while ((n = read(fd, big, sizeof(big))) > 0)
		total += (size_t)n;
	ATF_CHECK_EQ(sizeof(big), total);
	(void)close(fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_pipe_with_the_value_and_its_end);
	ATF_TP_ADD_TC(tp, only_a_command_without_a_terminal);
	ATF_TP_ADD_TC(tp, the_largest);
	return atf_no_error();
}

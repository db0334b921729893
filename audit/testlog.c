#include "audit/testlog.h"

#include "common/error.h"
#include "common/io.h"

#include <atf-c.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIT "quit"

/* One message as rsyslog's traditional format shows it. */
static void
write_message(FILE *out, const char *text, size_t len)
{
	if (len > 20 && text[0] == '<' && text[3] == '>')
		(void)fprintf(out, "%.15s host %.*s\n", text + 4, (int)(len - 20), text + 20);
}

static void
serve_stream(int listener, FILE *out)
{
	for (;;) {
		char text[4096];
		int fd = accept(listener, NULL, NULL);
		ssize_t n = fd < 0 ? 0 : kv_read_all(fd, text, sizeof(text));

		(void)close(fd);
		if (n <= 0 || strncmp(text, QUIT, 4) == 0)
			return;
		write_message(out, text, (size_t)n - 1);
	}
}

static void
serve_dgram(int fd, FILE *out)
{
	for (;;) {
		char text[4096];
		ssize_t n = recv(fd, text, sizeof(text), 0);

		if (n <= 0 || (n == 4 && memcmp(text, QUIT, 4) == 0))
			return;
		write_message(out, text, (size_t)n);
	}
}

pid_t
testlog_start(int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)unlink(LOG_SOCKET);
	ATF_REQUIRE_EQ(0, bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	if (type == SOCK_STREAM)
		ATF_REQUIRE_EQ(0, listen(fd, 16));
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		FILE *out = fopen(LOG_FILE, "ae");

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (out == NULL)
			_exit(1);
		if (type == SOCK_STREAM)
			serve_stream(fd, out);
		else
			serve_dgram(fd, out);
		_exit(fclose(out) == 0 ? 0 : 1);
	}
	(void)close(fd);
	return pid;
}

void
testlog_stop(pid_t pid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status = 0;

	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		(void)close(fd);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ATF_REQUIRE_EQ(0, connect(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	}
	ATF_REQUIRE_EQ(4, send(fd, QUIT, 4, 0));
	(void)close(fd);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	(void)unlink(LOG_SOCKET);
}

int
testlog_state(void)
{
	int fd;

	ATF_REQUIRE_EQ(0, mkdir(STATE_DIR, 0700));
	fd = open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ATF_REQUIRE(fd >= 0);
	return fd;
}

void
testlog_write(int state_fd, enum kv_audit_format format, const char *key, const char *value)
{
	const struct kv_audit audit = { .state_fd = state_fd, .format = format,
		.socket_path = LOG_SOCKET, .timeout_ms = 20000 };
	const struct kv_audit_subject subject = { .session = "s1", .user = "alice", .uid = 1000,
		.service = "sshd", .from = "192.0.2.7", .rule = "all", .policy = "strict",
		.backend = "process", .score = 65 };
	const struct kv_audit_pair pair = { key, value };
	struct kv_error err = KV_ERROR_INIT;

	ATF_REQUIRE_MSG(kv_audit_write(&audit, KV_EVENT_ADMIN, &subject, &pair, 1, &err) == 0,
	    "%s", err.msg);
}

void
testlog_fill(int state_fd, enum kv_audit_format format, int count)
{
	pid_t pid = testlog_start(SOCK_DGRAM);

	for (int i = 0; i < count; i++)
		testlog_write(state_fd, format, "what", "a \"quoted\" word");
	testlog_stop(pid);
}

void
testlog_verify(bool with_head, struct kv_verify_result *out)
{
	struct kv_error err = KV_ERROR_INIT;
	uint8_t key[KV_KEY_SIZE];
	int fd = open(STATE_DIR "/audit.key", O_RDONLY | O_CLOEXEC);
	FILE *log = fopen(LOG_FILE, "re");

	ATF_REQUIRE(fd >= 0 && log != NULL);
	ATF_REQUIRE_EQ(KV_KEY_SIZE, kv_read_all(fd, key, sizeof(key)));
	(void)close(fd);
	ATF_REQUIRE_MSG(kv_audit_verify(log, key, sizeof(key), with_head ? STATE_DIR : NULL, out,
	    &err) == 0, "%s", err.msg);
	(void)fclose(log);
}

/* Tests move lines about and give none back: they stay reachable from here. */
static void
keep(char *line)
{
	static char *kept[64 * LOG_LINES];
	static size_t count;

	ATF_REQUIRE(count < sizeof(kept) / sizeof(kept[0]));
	kept[count++] = line;
}

size_t
testlog_read(char *lines[LOG_LINES])
{
	FILE *log = fopen(LOG_FILE, "re");
	size_t count = 0, room = 0;

	ATF_REQUIRE(log != NULL);
	for (; count < LOG_LINES; count++) {
		lines[count] = NULL;
		if (getline(&lines[count], &room, log) < 0)
			break;
		room = 0;
		keep(lines[count]);
	}
	if (count < LOG_LINES)
		free(lines[count]);
	(void)fclose(log);
	return count;
}

void
testlog_store(char *const *lines, size_t count)
{
	FILE *log = fopen(LOG_FILE, "we");

	ATF_REQUIRE(log != NULL);
	for (size_t i = 0; i < count; i++)
		(void)fputs(lines[i], log);
	ATF_REQUIRE_EQ(0, fclose(log));
}

/* Asks sshd for its effective configuration, for every account and every address of a Match. */
#include "admin/doctor_impl.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define CONFIG "/etc/ssh/sshd_config"
#define OUTPUT_MAX (256 * 1024)
#define SSHD_SECONDS 10

static long long
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: sshd with nothing but what it needs. Never returns. */
static void
become_sshd(char *const argv[], int out)
{
	char *const envp[] = { NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2)
		(void)execve(argv[0], argv, envp);
	_exit(127);
}

/* Reads until the end, for a bounded time. The length, or -1. */
static ssize_t
read_output(int fd, char *text, size_t room)
{
	long long deadline = now_ms() + SSHD_SECONDS * 1000;
	size_t used = 0;

	while (used + 1 < room) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0)
			return -1;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, text + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	text[used] = '\0';
	return (ssize_t)used;
}

/* 0 when it ended with status 0; the text is what it wrote, errors too. */
static int
run(char *const argv[], char *text, size_t room)
{
	kv_cleanup_close int in = -1;
	int ends[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	in = ends[0];
	pid = fork();
	if (pid == 0)
		become_sshd(argv, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return -1;
	n = read_output(in, text, room);
	if (n < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return n >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

char *
kv_sshd_effective(const struct kv_doctor *d, const struct kv_sshd *sshd, const char *user,
    const struct kv_sshd_from *from, char *reason, size_t room)
{
	kv_cleanup_free char *text = malloc(OUTPUT_MAX);
	char config[KV_PATH_MAX * 2], program[KV_PATH_MAX], spec[1024];
	char print[] = "-T", check[] = "-C", file[] = "-f";
	char *argv[] = { program, print, check, spec, file, config, NULL };

	(void)snprintf(reason, room, "it was not run");
	if (text == NULL || kv_format(program, sizeof(program), "%s", sshd->path) != 0 ||
	    kv_format(config, sizeof(config), "%s%s",
	    d->options->root != NULL ? d->options->root : "", CONFIG) != 0 ||
	    kv_format(spec, sizeof(spec), "user=%s,host=%s,addr=%s,laddr=%s,lport=%s", user,
	    from->host, from->addr, from->laddr, from->lport) != 0)
		return NULL;
	if (run(argv, text, OUTPUT_MAX) == 0)
		return kv_steal_ptr(&text);
	(void)snprintf(reason, room, "%.*s", (int)strcspn(text, "\r\n"), text);
	print[1] = 'G';		/* OpenSSH 9.3: needs no host keys */
	if (run(argv, text, OUTPUT_MAX) == 0)
		return kv_steal_ptr(&text);
	return NULL;
}

bool
kv_sshd_value(const char *text, const char *key, unsigned int n, char *out, size_t room)
{
	size_t len = strlen(key);

	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		if (strncmp(at, key, len) != 0 || at[len] != ' ' || n-- != 0)
			continue;
		(void)snprintf(out, room, "%.*s", (int)(strcspn(at, "\n") - len - 1), at + len + 1);
		return true;
	}
	return false;
}

static bool
find_sshd(const struct kv_doctor *d, struct kv_sshd *sshd)
{
	static const char *const paths[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd",
		"/usr/bin/sshd" };

	if (d->options->sshd != NULL)
		return kv_format(sshd->path, sizeof(sshd->path), "%s", d->options->sshd) == 0 &&
		    access(sshd->path, X_OK) == 0;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return kv_format(sshd->path, sizeof(sshd->path), "%s", paths[i]) == 0;
	return false;
}

static void
check_user(struct kv_doctor *d, const struct kv_sshd *sshd, const struct kv_doctor_user *user,
    char *shared[KV_SSHD_FROM_MAX])
{
	for (size_t i = 0; i < sshd->from_count; i++) {
		kv_cleanup_free char *own = NULL;
		const char *text = shared[i];
		char reason[256];

		if (text == NULL) {
			own = kv_sshd_effective(d, sshd, user->name, &sshd->from[i], reason,
			    sizeof(reason));
			text = own;
		}
		if (text == NULL) {
			kv_doctor_add(d, &(struct kv_report){ "sshd-unreadable", KV_HIGH, kv_no_user, CONFIG,
			    geteuid() == 0 ? "Mend the configuration until `sshd -t` is silent." :
			    "Run doctor as root: sshd reads its host keys first." },
			    "%s does not tell its configuration: %s", sshd->path, reason);
			return;
		}
		kv_sshd_check(d, sshd, user, &sshd->from[i], text);
		/* Where no Match looks at the user, one answer is everybody's. */
		if (shared[i] == NULL && !sshd->by_user)
			shared[i] = kv_steal_ptr(&own);
	}
}

void
kv_doctor_sshd(struct kv_doctor *d)
{
	kv_cleanup_free struct kv_sshd *sshd = NULL;
	char *shared[KV_SSHD_FROM_MAX] = { NULL };
	struct stat st;

	if (!kv_doctor_stat(d, CONFIG, &st) || d->user_count == 0)
		return;
	sshd = calloc(1, sizeof(*sshd));
	if (sshd == NULL) {
		d->no_memory = true;
		return;
	}
	if (!find_sshd(d, sshd)) {
		kv_doctor_add(d, &(struct kv_report){ "sshd-unreadable", KV_HIGH, kv_no_user, CONFIG,
		    "Give the path of sshd, or remove the configuration." },
		    "there is a configuration of sshd, but no sshd that explains it");
		return;
	}
	kv_sshd_parse(d, sshd);
	if (sshd->too_many)
		kv_doctor_add(d, &(struct kv_report){ "sshd-addresses", KV_LOW, kv_no_user, CONFIG,
		    "Use fewer addresses in Match, or examine the rest with sshd -T -C." },
		    "more than %d combinations of Match: the rest was not examined",
		    KV_SSHD_FROM_MAX);
	for (size_t i = 0; i < d->user_count; i++)
		check_user(d, sshd, &d->users[i], shared);
	for (size_t i = 0; i < KV_SSHD_FROM_MAX; i++)
		free(shared[i]);
	d->no_memory |= sshd->no_memory;
	kv_sshd_release(sshd);
}

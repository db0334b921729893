/*
 * kavach-proxy: the way out of one session, as a process of its own with a user of its own. Started by stage one with
 * these descriptors and nothing else (kavach-proxy(8)):
 *
 *   0  the configuration (config.h), read to its end     4  pidfd of the session's opener: its end is this one's
 *   1  "ready" is said here, or why not                  5  the folder of the proxy's audit chain; may be closed
 *   2  /dev/null                                         6  the file for the numbers; may be closed
 *   3  the listening socket, made in the session's network namespace
 *
 * MUST NOT listen, resolve or connect before all of its confinement was read back.
 */
#include "common/error.h"
#include "common/io.h"
#include "proxy/client.h"
#include "proxy/confine.h"
#include "proxy/journal.h"
#include "proxy/own.h"
#include "proxy/proxy.h"
#include "proxy/resolve.h"
#include "proxy/secret.h"
#include "proxy/upstream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FD_CONFIG, FD_READY, FD_ERRORS, FD_LISTENER, FD_OPENER, FD_AUDIT, FD_COUNTS, FD_OTHERS };

/* What stage one may leave out: -1 then. */
struct given {
	int audit, counts;
};

struct ends {
	struct kv_watch opener, signals;
	struct kv_loop *loop;
};

/* The whole text, in locked memory that is wiped. */
static int
read_config(struct kv_egress_config *config, struct kv_error *err)
{
	struct stat st;
	size_t room = KV_EGRESS_TEXT_MAX;
	char *text;
	ssize_t n;
	int result = -1;

	/* Of a file (memfd_create(2)) no more is locked than there is: there may be a limit. */
	if (fstat(FD_CONFIG, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < (off_t)room)
		room = (size_t)st.st_size;
	/* One more, to see that there was not more. */
	text = kv_secret_new(room + 1);
	if (text == NULL)
		return kv_error_sys(err, "memory cannot be locked");
	n = kv_read_all(FD_CONFIG, text, room + 1);
	if (n < 0)
		(void)kv_error_sys(err, "configuration");
	else
		result = kv_egress_config_parse(text, (size_t)n, kv_secret_keep, kv_secret_drop, config, err);
	kv_secret_free(text);
	return result;
}

/* "Header: value" for each credential, as libcurl takes it. */
static int
make_lines(struct kv_proxy *proxy, struct kv_error *err)
{
	const struct kv_egress_config *config = proxy->config;

	proxy->lines = calloc(config->credential_count + 1, sizeof(*proxy->lines));
	if (proxy->lines == NULL)
		return kv_error_set(err, KV_ERR_NOMEM, "credentials");
	for (size_t i = 0; i < config->credential_count; i++) {
		const struct kv_egress_credential *credential = &config->credential[i];
		size_t size = strlen(credential->header) + strlen(credential->value) + 3;

		proxy->lines[i] = kv_secret_new(size);
		if (proxy->lines[i] == NULL ||
		    kv_format(proxy->lines[i], size, "%s: %s", credential->header, credential->value) != 0)
			return kv_error_sys(err, "memory cannot be locked");
	}
	return 0;
}

static void
ended(struct kv_loop *loop)
{
	kv_loop_stop(loop);
}

static void
opener_ended(struct kv_watch *watch, uint32_t events)
{
	(void)events;
	ended(KV_OWNER(struct ends, opener, watch)->loop);
}

static void
signalled(struct kv_watch *watch, uint32_t events)
{
	(void)events;
	ended(KV_OWNER(struct ends, signals, watch)->loop);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
watch_ends(struct ends *ends, struct kv_loop *loop, struct kv_error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	ends->loop = loop;
	ends->opener = (struct kv_watch){ .fd = FD_OPENER, .ready = opener_ended };
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return kv_error_sys(err, "signals");
	ends->signals = (struct kv_watch){ .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signalled };
	if (ends->signals.fd < 0 || kv_loop_watch(loop, &ends->signals, EPOLLIN) != 0)
		return kv_error_sys(err, "signals");
	if (kv_loop_watch(loop, &ends->opener, EPOLLIN) != 0)
		return kv_error_sys(err, "the opener's pidfd");
	return 0;
}

/* The socket must be one that listens, and nothing that could be made to say something else. */
static int
check_listener(struct kv_error *err)
{
	int listens = 0, type = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(FD_LISTENER, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
	    getsockopt(FD_LISTENER, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return kv_error_sys(err, "the listening socket");
	if (!listens || type != SOCK_STREAM)
		return kv_error_set(err, KV_ERR_USAGE, "descriptor %d is no listening stream socket", FD_LISTENER);
	if (fcntl(FD_LISTENER, F_SETFL, O_NONBLOCK) != 0)
		return kv_error_sys(err, "the listening socket");
	return 0;
}

/*
 * Nothing but what was given is open, and all of 0 to 6 are: what is left out must not become another descriptor of
 * that number, which would then be taken for it.
 */
static int
take_descriptors(struct given *given, struct kv_error *err)
{
	for (int fd = FD_CONFIG; fd <= FD_OPENER; fd++) {
		if (!is_open(fd))
			return kv_error_set(err, KV_ERR_USAGE, "descriptor %d is not open; stage one starts this program", fd);
	}
	if (kv_close_from(FD_OTHERS) != 0)
		return kv_error_sys(err, "descriptors");
	given->audit = is_open(FD_AUDIT) ? FD_AUDIT : -1;
	given->counts = is_open(FD_COUNTS) ? FD_COUNTS : -1;
	if ((given->audit < 0 && dup2(FD_ERRORS, FD_AUDIT) < 0) || (given->counts < 0 && dup2(FD_ERRORS, FD_COUNTS) < 0))
		return kv_error_sys(err, "descriptors");
	return 0;
}

/* All that needs more than the confinement leaves. */
static int
prepare(struct kv_proxy *proxy, struct kv_egress_config *config, struct ends *ends, struct given *given, struct kv_error *err)
{
	if (take_descriptors(given, err) != 0)
		return -1;
	if (kv_confine_begin(err) != 0 || check_listener(err) != 0 || read_config(config, err) != 0)
		return -1;
	(void)dup2(FD_ERRORS, FD_CONFIG);
	tzset();
	proxy->config = config;
	proxy->listener.fd = FD_LISTENER;
	if (make_lines(proxy, err) != 0 || (proxy->own = kv_own_open(err)) < 0 || (proxy->loop = kv_loop_new(err)) == NULL ||
	    watch_ends(ends, proxy->loop, err) != 0 || (proxy->resolver = kv_resolver_new(proxy->loop, err)) == NULL ||
	    (proxy->upstream = kv_upstream_new(proxy->loop, err)) == NULL)
		return -1;
	if (config->audit_required && given->audit < 0)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "records are required, and there is no folder for their chain");
	proxy->journal = kv_journal_new(proxy->loop, config, given->audit, given->counts, err);
	return proxy->journal != NULL ? 0 : -1;
}

static void
release(struct kv_proxy *proxy, struct kv_egress_config *config)
{
	if (proxy->loop != NULL)
		kv_clients_stop(proxy);
	kv_upstream_free(proxy->upstream);
	kv_resolver_free(proxy->resolver);
	kv_journal_free(proxy->journal);
	kv_pipes_close(&proxy->pipes);
	if (proxy->own >= 0)
		(void)close(proxy->own);
	for (size_t i = 0; proxy->lines != NULL && i < config->credential_count; i++)
		kv_secret_free(proxy->lines[i]);
	free(proxy->lines);
	kv_egress_config_release(config, kv_secret_drop);
	kv_loop_free(proxy->loop);
}

int
main(void)
{
	static const char good[] = "ready\n";
	struct kv_error err = KV_ERROR_INIT;
	struct kv_egress_config config = { .uid = -1 };
	struct kv_proxy proxy = { .own = -1 };
	struct ends ends = { .loop = NULL };
	struct given given = { -1, -1 };
	int result = -1;

	if (prepare(&proxy, &config, &ends, &given, &err) == 0 && kv_confine_finish(&config, given.audit, &err) == 0 &&
	    kv_clients_start(&proxy, &err) == 0) {
		(void)!write(FD_READY, good, strlen(good));
		(void)dup2(FD_ERRORS, FD_READY);
		result = kv_loop_run(proxy.loop, &err);
	} else {
		(void)dprintf(FD_READY, "%s\n", err.msg);
	}
	release(&proxy, &config);
	return result == 0 ? KV_EXIT_OK : kv_error_exit(err.code);
}

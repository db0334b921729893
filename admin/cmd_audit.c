/* kavachctl audit verify: is the chain of a log file whole. */
#include "admin/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/output.h"
#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/verify.h"
#include "common/cleanup.h"
#include "common/io.h"

struct verify_options {
	const char *key, *file;
	bool json;
};

static int
parse(const struct kv_command *self, int argc, char **argv, struct verify_options *out)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct verify_options){ .key = NULL };
	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == 'k')
			out->key = optarg;
		else if (c == 'j')
			out->json = true;
		else
			return -1;
	}
	if (optind >= argc || strcmp(argv[optind], "verify") != 0)
		return kv_usage(self, "the only action is: verify"), -1;
	if (argc - optind != 2)
		return kv_usage(self, "verify takes one file"), -1;
	out->file = argv[optind + 1];
	return 0;
}

/* The key has one size: anything else is not one. */
static int
read_key(const char *path, uint8_t key[KV_KEY_SIZE + 1], struct kv_error *err)
{
	kv_cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return kv_error_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s: not a regular file", path);
	n = kv_read_all(fd, key, KV_KEY_SIZE + 1);
	if (n < 0)
		return kv_error_sys(err, "%s", path);
	if (n != KV_KEY_SIZE)
		return kv_error_set(err, KV_ERR_UNAVAILABLE, "%s: not a key of %d bytes", path,
		    KV_KEY_SIZE);
	return 0;
}

static void
print_text(const struct verify_options *options, const struct kv_verify_result *r)
{
	bool whole = r->bad_line == 0;

	kv_put(stdout, KV_PLAIN, options->file);
	(void)printf(": ");
	kv_put(stdout, whole ? KV_GOOD : KV_BAD, whole ? "whole" : r->finding);
	(void)printf(" (%" PRIu64 " records", r->records);
	if (r->records > 0)
		(void)printf(", seq %" PRIu64 " to %" PRIu64, r->first_seq, r->last_seq);
	if (r->unsigned_records > 0)
		(void)printf(", %" PRIu64 " unsigned", r->unsigned_records);
	if (r->interrupted > 0)
		(void)printf(", %" PRIu64 " interrupted", r->interrupted);
	if (r->findings > 1)
		(void)printf(", %" PRIu64 " findings", r->findings);
	(void)printf(")\n");
}

static void
print_json(const struct verify_options *options, const struct kv_verify_result *r)
{
	struct json_object *all = kv_json_object();

	kv_json_string(all, "file", options->file);
	kv_json_bool(all, "whole", r->bad_line == 0);
	kv_json_int(all, "records", (int64_t)r->records);
	kv_json_int(all, "unsigned_records", (int64_t)r->unsigned_records);
	kv_json_int(all, "interrupted", (int64_t)r->interrupted);
	kv_json_int(all, "findings", (int64_t)r->findings);
	kv_json_int(all, "first_seq", (int64_t)r->first_seq);
	kv_json_int(all, "last_seq", (int64_t)r->last_seq);
	kv_json_int(all, "bad_line", (int64_t)r->bad_line);
	kv_json_string(all, "reason", r->bad_line == 0 ? NULL : r->finding);
	kv_json_print(all);
}

int
kv_cmd_audit(const struct kv_command *self, int argc, char **argv)
{
	struct kv_verify_result result = { .records = 0 };
	struct kv_error err = KV_ERROR_INIT;
	struct verify_options options;
	kv_cleanup_file FILE *log = NULL;
	uint8_t key[KV_KEY_SIZE + 1];
	int status;

	if (parse(self, argc, argv, &options) != 0)
		return KV_EXIT_USAGE;
	if (read_key(options.key != NULL ? options.key : KV_AUDIT_DIR "/audit.key", key, &err) != 0) {
		kv_complain("%s", err.msg);
		return KV_EXIT_UNAVAILABLE;
	}
	log = strcmp(options.file, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") :
	    fopen(options.file, "re");
	if (log == NULL) {
		kv_complain("%s: %s", options.file, strerror(errno));
		return KV_EXIT_UNAVAILABLE;
	}
	/* Somebody else's key has no head on this host. */
	status = kv_audit_verify(log, key, KV_KEY_SIZE, options.key == NULL ? KV_AUDIT_DIR : NULL, &result, &err);
	explicit_bzero(key, sizeof(key));
	if (status != 0)
		return kv_failed(&err);
	if (options.json)
		print_json(&options, &result);
	else
		print_text(&options, &result);
	return result.bad_line == 0 ? KV_EXIT_OK : KV_EXIT_NO;
}

#include "pam_module/pam_args.h"

#include "common/error.h"

#include <string.h>

int
kv_pam_args_parse(int argc, const char *const *argv, struct kv_pam_args *out, struct kv_error *err)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "debug") == 0) {
			out->debug = true;
		} else if (strncmp(argv[i], "conf=", 5) == 0) {
			if (out->conf != NULL)
				return kv_error_set(err, KV_ERR_USAGE, "conf= is given twice");
			if (argv[i][5] != '/')
				return kv_error_set(err, KV_ERR_USAGE, "conf= needs an absolute path");
			out->conf = argv[i] + 5;
		} else {
			return kv_error_set(err, KV_ERR_USAGE, "unknown argument: %.64s", argv[i]);
		}
	}
	return 0;
}

/* kavachctl doctor: the ways around the confinement on this host. */
#include "admin/command.h"

#include <stdio.h>

#include "admin/doctor.h"

int
kv_cmd_doctor(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct kv_doctor_options doctor = { .user = NULL };
	struct kv_error err = KV_ERROR_INIT;
	int c, found;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == 'u')
			doctor.user = optarg;
		else if (c == 'j')
			doctor.json = true;
		else
			return KV_EXIT_USAGE;
	}
	if (optind < argc)
		return kv_usage(self, "unexpected argument %s", argv[optind]);
	found = kv_doctor(&doctor, stdout, &err);
	if (found < 0)
		return kv_failed(&err);
	return found == 0 ? KV_EXIT_OK : KV_EXIT_NO;
}

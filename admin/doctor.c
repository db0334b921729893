#include "admin/doctor.h"

#include "admin/doctor_impl.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/io.h"
#include "policy/load.h"

#include <fcntl.h>
#include <string.h>

/* A broken policy is a finding, and the account checks go on without it. */
static void
load_policy(struct kv_doctor *d)
{
	char file[KV_PATH_MAX * 2];
	struct kv_load_options options = { .file = NULL };
	struct kv_error err = KV_ERROR_INIT;

	if (d->options->root != NULL) {
		if (kv_format(file, sizeof(file), "%s%s", d->options->root, KV_CONF_FILE) != 0)
			return;
		options.file = file;
		options.any_owner = true;	/* a prepared folder; the host's own is checked */
	}
	d->have_config = kv_config_load(&options, &d->config, &err) == 0;
	if (!d->have_config)
		kv_doctor_add(d, &(struct kv_report){ "policy-broken", KV_HIGH, kv_no_user, KV_CONF_FILE,
		    "Mend the line that is named, and run `kavachctl check`." },
		    "the policy cannot be used, so every login but the exempt is refused: %s",
		    err.msg);
}

static void
release(struct kv_doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->findings[i].user);
		free(d->findings[i].what);
		free(d->findings[i].where);
		free(d->findings[i].fix);
	}
	free(d->findings);
	for (size_t i = 0; i < d->user_count; i++)
		kv_list_release(&d->users[i].groups);
	free(d->users);
	kv_config_release(&d->config);
	if (d->root >= 0)
		(void)close(d->root);
}

static int
examine(struct kv_doctor *d, FILE *out, struct kv_error *err)
{
	const char *root = d->options->root != NULL ? d->options->root : "/";

	d->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->root < 0)
		return kv_error_sys(err, "doctor: %s", root);
	load_policy(d);
	if (kv_doctor_users(d, err) != 0)
		return -1;
	kv_doctor_pam(d);
	kv_doctor_host(d);
	for (size_t i = 0; i < d->user_count; i++)
		kv_doctor_account(d, &d->users[i]);
	kv_doctor_sockets(d);
	kv_doctor_sshd(d);
	if (d->no_memory)
		return kv_error_set(err, KV_ERR_NOMEM, "doctor: out of memory");
	if (!d->options->json)
		kv_doctor_print(d, out);
	else if (kv_doctor_print_json(d, out) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "doctor: out of memory");
	if (fflush(out) != 0 || ferror(out) != 0)
		return kv_error_sys(err, "doctor: output");
	return d->count > 0 ? 1 : 0;
}

int
kv_doctor(const struct kv_doctor_options *options, FILE *out, struct kv_error *err)
{
	struct kv_doctor d = { .options = options, .root = -1 };
	int result = examine(&d, out, err);

	release(&d);
	return result;
}

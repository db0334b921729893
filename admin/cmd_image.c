/* kavachctl image: the roots that containers run in. */
#include "admin/command.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/image.h"
#include "admin/output.h"
#include "admin/record.h"
#include "common/cleanup.h"
#include "policy/names.h"

/* What is known of one image: what it says, and what is proven. */
struct found {
	char name[KV_IMAGE_MAX];
	struct kv_manifest manifest;
	struct kv_image_proof proof;
	bool proven;		/* an sy-agnos image that proves something */
	char trouble[256];	/* why it cannot be used; "": it can */
};

static int
look(const char *name, struct found *out, struct kv_error *err)
{
	struct kv_image image;

	memset(out, 0, sizeof(*out));
	(void)snprintf(out->name, sizeof(out->name), "%.63s", name);
	if (kv_image_open(name, &image, err) != 0)
		return -1;
	(void)close(image.dir);
	out->manifest = image.manifest;
	if (image.manifest.kind == KV_IMAGE_OCI)
		return 0;
	out->proven = kv_image_check(name, KV_TIER_MINIMAL, &out->proof, err) == 0;
	return out->proven ? 0 : -1;
}

static struct json_object *
as_json(const struct found *f)
{
	struct json_object *one = kv_json_object();
	bool agnos = f->manifest.kind == KV_IMAGE_SYAGNOS, good = f->trouble[0] == '\0';

	kv_json_string(one, "image", f->name);
	kv_json_bool(one, "available", good);
	kv_json_string(one, "kind", good ? kv_image_kind_name(f->manifest.kind) : NULL);
	kv_json_string(one, "version", good ? f->manifest.version : NULL);
	kv_json_string(one, "source", good ? f->manifest.source : NULL);
	kv_json_string(one, "sha256", good ? f->manifest.sha256 : NULL);
	kv_json_string(one, "tier_claimed", good && agnos ? kv_tier_name(f->manifest.tier) : NULL);
	kv_json_string(one, "tier", f->proven ? kv_tier_name(f->proof.tier) : NULL);
	kv_json_string(one, "reason", good ? f->proof.reason[0] != '\0' ? f->proof.reason : NULL : f->trouble);
	return one;
}

static void
add_row(struct kv_table *table, const struct found *f)
{
	bool good = f->trouble[0] == '\0';

	kv_table_add(table, (struct kv_cell[]){ { f->name, KV_PLAIN },
	    { good ? kv_image_kind_name(f->manifest.kind) : "-", KV_PLAIN },
	    { f->proven ? kv_tier_name(f->proof.tier) : "-", KV_PLAIN },
	    { good ? f->manifest.source : f->trouble, good ? KV_PLAIN : KV_BAD } });
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_image(const struct dirent *entry)
{
	return kv_image_name_ok(entry->d_name);
}

static int
list(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct kv_table table = { .columns = 4 };
	struct json_object *all = NULL;
	struct dirent **entries = NULL;
	bool json = false;
	int c, count;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c != 'j')
			return KV_EXIT_USAGE;
		json = true;
	}
	if (optind != argc)
		return kv_usage(self, "list takes no argument");
	if (json)
		all = kv_json_array();
	else
		kv_table_add(&table, (struct kv_cell[]){ { "IMAGE", KV_BOLD }, { "KIND", KV_BOLD },
		    { "PROVEN", KV_BOLD }, { "SOURCE, OR WHAT IS WRONG", KV_BOLD } });
	count = scandir(KV_IMAGES_DIR, &entries, is_image, by_name);
	for (int i = 0; i < count; i++) {
		struct kv_error err = KV_ERROR_INIT;
		struct found f;

		if (look(entries[i]->d_name, &f, &err) != 0)
			(void)snprintf(f.trouble, sizeof(f.trouble), "%.255s", err.msg);
		if (json)
			kv_json_append(all, as_json(&f));
		else
			add_row(&table, &f);
		free(entries[i]);
	}
	free(entries);
	if (json)
		kv_json_print(all);
	else
		kv_table_print(&table);
	return KV_EXIT_OK;
}

static int
show(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct kv_error err = KV_ERROR_INIT;
	bool json = false;
	struct found f;
	int c;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c != 'j')
			return KV_EXIT_USAGE;
		json = true;
	}
	if (argc - optind != 1)
		return kv_usage(self, "one image's name is needed");
	if (look(argv[optind], &f, &err) != 0) {
		kv_complain("%s", err.msg);
		return err.code == KV_ERR_UNAVAILABLE || err.code == KV_ERR_DENIED ? KV_EXIT_NO : kv_error_exit(err.code);
	}
	if (json) {
		kv_json_print(as_json(&f));
		return KV_EXIT_OK;
	}
	kv_put_field("Image", KV_BOLD, f.name);
	kv_put_field("Kind", KV_PLAIN, kv_image_kind_name(f.manifest.kind));
	kv_put_field("Version", KV_PLAIN, f.manifest.version[0] != '\0' ? f.manifest.version : NULL);
	kv_put_field("Source", KV_PLAIN, f.manifest.source[0] != '\0' ? f.manifest.source : NULL);
	kv_put_field("SHA-256", KV_PLAIN, f.manifest.sha256);
	if (f.proven) {
		kv_put_field("Claims", KV_PLAIN, kv_tier_name(f.manifest.tier));
		kv_put_field("Proves", f.proof.reason[0] != '\0' ? KV_BAD : KV_GOOD, kv_tier_name(f.proof.tier));
		kv_put_field("Why", KV_PLAIN, f.proof.reason[0] != '\0' ? f.proof.reason : NULL);
	}
	return KV_EXIT_OK;
}

/* Says and records how it went. */
static int
finish(const char *what, const char *name, int result, const struct kv_error *err)
{
	char action[96];

	(void)snprintf(action, sizeof(action), "image-%s %.63s", what, name);
	(void)kv_admin_record(action, NULL, NULL, result == 0 ? "ok" : err->msg);
	if (result == 0)
		return KV_EXIT_OK;
	kv_complain("%s", err->msg);
	return err->code == KV_ERR_DENIED ? KV_EXIT_NO : kv_error_exit(err->code);
}

static int
import(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	struct kv_error err = KV_ERROR_INIT;

	if (kv_option(self, argc, argv, options) != -1)
		return KV_EXIT_USAGE;
	if (argc - optind != 2)
		return kv_usage(self, "a name and a source are needed");
	return finish("import", argv[optind], kv_image_import(argv[optind], argv[optind + 1], &err), &err);
}

static int
remove_one(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	struct kv_error err = KV_ERROR_INIT;

	if (kv_option(self, argc, argv, options) != -1)
		return KV_EXIT_USAGE;
	if (argc - optind != 1)
		return kv_usage(self, "one image's name is needed");
	return finish("remove", argv[optind], kv_image_remove(argv[optind], &err), &err);
}

static int
build(const struct kv_command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "tier", required_argument, NULL, 't' }, { "policy", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' }, { NULL, 0, NULL, 0 },
	};
	struct kv_image_plan plan = { .tier = KV_TIER_DMVERITY };
	struct kv_error err = KV_ERROR_INIT;
	int c, tier;

	while ((c = kv_option(self, argc, argv, options)) != -1) {
		if (c == 't' && kv_word_find(kv_tier_words, optarg, &tier) == 0)
			plan.tier = (enum kv_tier)tier;
		else if (c == 't')
			return kv_usage(self, "--tier is minimal, dmverity or tpm_measured");
		else if (c == 'p')
			plan.policy = optarg;
		else if (c == 'o')
			plan.output = optarg;
		else
			return KV_EXIT_USAGE;
	}
	if (argc - optind != 1 || strcmp(argv[optind], KV_SYAGNOS_IMAGE) != 0)
		return kv_usage(self, "what can be built is " KV_SYAGNOS_IMAGE);
	c = finish("build", KV_SYAGNOS_IMAGE, kv_image_build(&plan, &err), &err);
	if (c == KV_EXIT_OK && plan.tier == KV_TIER_TPM)
		kv_complain("the image proves dmverity until a TPM's quote lies beside it (see kavachctl(8))");
	return c;
}

int
kv_cmd_image(const struct kv_command *self, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct kv_command *self, int argc, char **argv);
	} commands[] = {
		{ "list", list }, { "show", show }, { "import", import }, { "build", build }, { "remove", remove_one },
	};
	int status;

	if (argc < 2)
		return kv_usage(self, "list, show, import, build or remove");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		status = kv_need_root(self);
		return status != 0 ? status : commands[i].run(self, argc - 1, argv + 1);
	}
	return kv_usage(self, "no such command: %s", argv[1]);
}

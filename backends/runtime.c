#include "backends/runtime.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/io.h"

static const char *const names[KV_RUNTIME_COUNT] = {
	[KV_RUNTIME_CRUN] = "crun",
	[KV_RUNTIME_RUNC] = "runc",
	[KV_RUNTIME_RUNSC] = "runsc",
	[KV_RUNTIME_PODMAN] = "podman",
	[KV_RUNTIME_WASMTIME] = "wasmtime",
	[KV_RUNTIME_WASMI] = "wasmi",
};

const char *
kv_runtime_name(enum kv_runtime runtime)
{
	return runtime < KV_RUNTIME_COUNT ? names[runtime] : "?";
}

int
kv_runtime_of(const char *path, enum kv_runtime *out)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash != NULL ? slash + 1 : path;

	for (int i = 0; i < KV_RUNTIME_COUNT; i++) {
		if (strcmp(last, names[i]) == 0) {
			*out = (enum kv_runtime)i;
			return 0;
		}
	}
	return -1;
}

static bool
roots_alone(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* A link is followed first, so that the folder looked at is the one where the file is. */
static bool
trusted_program(const char *path)
{
	kv_cleanup_free char *real = realpath(path, NULL);
	struct stat file, folder;
	char *slash;

	if (real == NULL || stat(real, &file) != 0 || !S_ISREG(file.st_mode) ||
	    (file.st_mode & S_IXUSR) == 0 || !roots_alone(&file))
		return false;
	slash = strrchr(real, '/');
	slash[slash == real ? 1 : 0] = '\0';
	return stat(real, &folder) == 0 && roots_alone(&folder);
}

int
kv_runtime_find_in(const char *const *folders, enum kv_runtime runtime, char out[KV_RUNTIME_MAX])
{
	for (; *folders != NULL; folders++) {
		struct stat st;
		char path[KV_RUNTIME_MAX];

		if (stat(*folders, &st) != 0 || !roots_alone(&st) ||
		    kv_format(path, sizeof(path), "%s/%s", *folders, kv_runtime_name(runtime)) != 0)
			continue;
		if (trusted_program(path)) {
			memcpy(out, path, sizeof(path));
			return 0;
		}
	}
	return -1;
}

int
kv_runtime_find(enum kv_runtime runtime, char out[KV_RUNTIME_MAX])
{
	static const char *const folders[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", NULL,
	};

	return kv_runtime_find_in(folders, runtime, out);
}

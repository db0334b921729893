#include "session/fill_wasm.h"

#include <unistd.h>

#include "backends/wasm/line.h"
#include "common/error.h"
#include "common/words.h"
#include "session/ticket.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Where programs have their libraries; a host has some of these. */
static const char *const libraries[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
};

static int
add(struct kv_ticket *ticket, const char *path, struct kv_error *err)
{
	return kv_fill_path(ticket, ticket->home, path, false, err) == NULL ? -1 : 0;
}

int
kv_fill_runtime(const char *command, bool forced, struct kv_ticket *ticket, struct kv_error *err)
{
	char word[KV_COMMAND_MAX], module[KV_PATH_MAX];

	if (command == NULL || kv_word_next(&command, word, sizeof(word), err) != 1)
		return kv_error_set(err, KV_ERR_SYSTEM, "a module without a name");
	if (kv_wasm_module(ticket->home, word, module, sizeof(module), err) != 0 ||
	    (forced ? add(ticket, module, err) != 0 : kv_fill_name(ticket, module, false, err) == NULL) ||
	    add(ticket, ticket->runtime, err) != 0 || add(ticket, "/proc", err) != 0 || add(ticket, "/dev/null", err) != 0)
		return -1;
	for (size_t i = 0; i < COUNT(libraries); i++)
		if (access(libraries[i], F_OK) == 0 && add(ticket, libraries[i], err) != 0)
			return -1;
	return 0;
}

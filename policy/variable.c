#include "policy/variable.h"

#include <string.h>

/* A trailing * stands for any end. */
static const char *const reserved[] = {
	"LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "BASH_ENV", "ENV", "IFS", "PATH", "HOME",
	"USER", "LOGNAME", "SHELL", "SHELLOPTS", "BASHOPTS", "PS4", "BASH_FUNC_*", "MALLOC_*",
	"NLSPATH", "LOCPATH", "SSH_ORIGINAL_COMMAND", "SSH_TTY", "KAVACH_*", "CREDENTIALS_DIRECTORY",
};

bool
kv_variable_matches(const char *pattern, const char *name, size_t len)
{
	size_t plen = strlen(pattern);

	if (plen > 0 && pattern[plen - 1] == '*')
		return len >= plen - 1 && memcmp(pattern, name, plen - 1) == 0;
	return len == plen && memcmp(pattern, name, len) == 0;
}

bool
kv_variable_name_ok(const char *name, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		    (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return true;
}

bool
kv_variable_reserved(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (kv_variable_matches(reserved[i], name, len))
			return true;
	return false;
}

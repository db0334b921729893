/* Understanding what a runtime says. */
#include "backends/container/runtime.h"

#include <string.h>

const char *
kv_runtime_words(char *text)
{
	size_t len = strlen(text);
	char *line = text, *at;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		text[--len] = '\0';
	if ((at = strrchr(text, '\n')) != NULL)
		line = at + 1;
	if ((at = strstr(line, "msg=")) != NULL)
		line = at + 4;
	for (at = line; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return line;
}

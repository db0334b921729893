#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

int
kv_list_add(struct kv_list *list, const char *word)
{
	char **bigger = reallocarray(list->item, list->count + 1, sizeof(*bigger));
	char *copy;

	if (bigger == NULL)
		return -1;
	list->item = bigger;
	copy = strdup(word);
	if (copy == NULL)
		return -1;
	list->item[list->count++] = copy;
	return 0;
}

bool
kv_list_has(const struct kv_list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->item[i], word) == 0)
			return true;
	return false;
}

void
kv_list_release(struct kv_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
	list->item = NULL;
	list->count = 0;
}

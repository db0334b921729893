#include "common/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct word {
	const char *at;
	char *out;
	size_t size, used;
	bool full;
};

static void
put(struct word *word, char c)
{
	if (word->used + 1 < word->size)
		word->out[word->used++] = c;
	else
		word->full = true;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* From the opening quote to behind the closing one; false where there is none. */
static bool
take_quoted(struct word *word)
{
	char quote = *word->at++;

	for (; *word->at != '\0' && *word->at != quote; word->at++) {
		if (quote == '"' && (*word->at == '$' || *word->at == '`'))
			return false;
		if (quote == '"' && *word->at == '\\' && word->at[1] != '\0' && strchr("\"\\$`", word->at[1]) != NULL)
			word->at++;
		put(word, *word->at);
	}
	return *word->at++ == quote;
}

/* One character or quoted part; false where only a shell could go on. */
static bool
take(struct word *word, bool first)
{
	char c = *word->at;

	if (c == '\'' || c == '"') {
		if (take_quoted(word))
			return true;
		word->at--;
		return false;
	}
	if (strchr("|&;<>()$`*?[", c) != NULL || (first && (c == '~' || c == '#')))
		return false;
	if (c == '\\') {
		if (word->at[1] == '\0' || word->at[1] == '\n')
			return false;
		c = *++word->at;
	}
	put(word, c);
	word->at++;
	return true;
}

int
kv_word_next(const char **line, char *out, size_t size, struct kv_error *err)
{
	struct word word = { .at = *line, .out = out, .size = size };
	bool first = true;

	while (is_space(*word.at))
		word.at++;
	if (*word.at == '\0')
		return 0;
	for (; *word.at != '\0' && !is_space(*word.at); first = false)
		if (!take(&word, first))
			return kv_error_set(err, KV_ERR_USAGE,
			    "no shell reads this command: it is a program and its arguments, in quotes where need be");
	if (word.full || size == 0)
		return kv_error_set(err, KV_ERR_USAGE, "a word of the command is too long");
	out[word.used] = '\0';
	*line = word.at;
	return 1;
}

static int
split(const char *line, char *word, size_t size, char **words, struct kv_error *err)
{
	int got;

	while ((got = kv_word_next(&line, word, size, err)) == 1) {
		*words = strdup(word);
		if (*words++ == NULL)
			return kv_error_sys(err, "words");
	}
	return got;
}

char **
kv_words(const char *line, struct kv_error *err)
{
	size_t size = strlen(line) + 1;
	char *word = malloc(size);
	/* No line has more words than every second byte. */
	char **words = calloc(size / 2 + 2, sizeof(*words));
	int status = word == NULL || words == NULL ? kv_error_sys(err, "words") : split(line, word, size, words, err);

	free(word);
	if (status == 0)
		return words;
	kv_words_free(words);
	return NULL;
}

void
kv_words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

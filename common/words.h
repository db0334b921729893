/*
 * A command line as words, for what is started without a shell. Pure; linked by the wrapper.
 */
#ifndef KV_COMMON_WORDS_H
#define KV_COMMON_WORDS_H

#include <stddef.h>

struct kv_error;

/*
 * Takes the next word off *line, as sh(1) would: words end at spaces, tabs and line ends; '...' is
 * literal, in "..." a backslash escapes ", \, $ and `, outside it escapes anything. What a shell would expand or
 * act upon (| & ; < > ( ) $ ` * ? [, ~ or # at the beginning of a word) is an error unless it is quoted.
 * 1 with the word in out, 0 at the end, -1 with KV_ERR_USAGE; then *line is where it was.
 */
int kv_word_next(const char **line, char *out, size_t size, struct kv_error *err);

/* All words of a line, in an array ended with NULL, for kv_words_free. NULL on error. */
char **kv_words(const char *line, struct kv_error *err);
void kv_words_free(char **words);

#endif

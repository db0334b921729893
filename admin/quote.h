/* An argument vector as one line for a shell. Pure. */
#ifndef KV_ADMIN_QUOTE_H
#define KV_ADMIN_QUOTE_H

/*
 * The words in single quotes with spaces between them: sh(1) splits the line into
 * exactly argv, whatever bytes the words hold. NULL-ended. The caller frees it; NULL when
 * memory is out.
 */
char *kv_quote(char *const argv[]);

#endif

/*
 * For the analyzers, which look at one file at a time (tests/lint): what the
 * setters of an error return is always -1 (common/error.h).
 */
#include "common/error.h"

#define kv_error_set(...) (kv_error_set(__VA_ARGS__), -1)
#define kv_error_sys(...) (kv_error_sys(__VA_ARGS__), -1)
#define kv_error_wrap(...) (kv_error_wrap(__VA_ARGS__), -1)

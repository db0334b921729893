/* For the tests of this folder: a syslog daemon that writes what it is sent to a file. */
#ifndef KV_AUDIT_TESTLOG_H
#define KV_AUDIT_TESTLOG_H

#include "audit/audit.h"

#include "audit/chain.h"
#include "audit/verify.h"

#include <sys/types.h>

#define LOG_SOCKET	"log.sock"
#define LOG_FILE	"log.txt"
#define STATE_DIR	"state"
#define LOG_LINES	2000

/* Starts it in the current folder (type: SOCK_DGRAM or SOCK_STREAM); ends it when all was written. */
pid_t testlog_start(int type);
void testlog_stop(pid_t pid);

/* The state folder, made new, as a descriptor. */
int testlog_state(void);

/* Writes a record with one pair through LOG_SOCKET; fails the test if that fails. */
void testlog_write(int state_fd, enum kv_audit_format format, const char *key, const char *value);

/* Writes count records with a daemon of their own. */
void testlog_fill(int state_fd, enum kv_audit_format format, int count);

/* Verifies LOG_FILE with the key in STATE_DIR; the end too if with_head. */
void testlog_verify(bool with_head, struct kv_verify_result *out);

/* LOG_FILE as lines with their newlines; testlog.c keeps them. */
size_t testlog_read(char *lines[LOG_LINES]);
void testlog_store(char *const *lines, size_t count);

#endif

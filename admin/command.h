/*
 * The commands of kavachctl: one table (main.c), one function for each. A
 * command gets its own name as argv[0] and returns the exit status.
 */
#ifndef KV_ADMIN_COMMAND_H
#define KV_ADMIN_COMMAND_H

#include <getopt.h>
#include <stdbool.h>

#include "common/error.h"

struct kv_command {
	const char *name;
	const char *synopsis;	/* what follows the name */
	const char *summary;
	int (*run)(const struct kv_command *self, int argc, char **argv);
	bool in_order;		/* options end at the first word that is none */
};

/* Prints "kavachctl: NAME: MESSAGE" and where help is; returns KV_EXIT_USAGE. */
int kv_usage(const struct kv_command *self, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The next option, as getopt_long(3) gives it: the val of longopts; -1 at the
 * end; '?' when it is wrong, which has been said.
 */
int kv_option(const struct kv_command *self, int argc, char **argv, const struct option *longopts);

/* Prints the error; returns its exit status. */
int kv_failed(const struct kv_error *err);

/* 0, or the exit status after saying that this command is for root. */
int kv_need_root(const struct kv_command *self);

int kv_cmd_backends(const struct kv_command *self, int argc, char **argv);
int kv_cmd_score(const struct kv_command *self, int argc, char **argv);
int kv_cmd_explain(const struct kv_command *self, int argc, char **argv);
int kv_cmd_check(const struct kv_command *self, int argc, char **argv);
int kv_cmd_doctor(const struct kv_command *self, int argc, char **argv);
int kv_cmd_run(const struct kv_command *self, int argc, char **argv);
int kv_cmd_sessions(const struct kv_command *self, int argc, char **argv);
int kv_cmd_show(const struct kv_command *self, int argc, char **argv);
int kv_cmd_control(const struct kv_command *self, int argc, char **argv);
int kv_cmd_reap(const struct kv_command *self, int argc, char **argv);
int kv_cmd_audit(const struct kv_command *self, int argc, char **argv);
int kv_cmd_image(const struct kv_command *self, int argc, char **argv);
int kv_cmd_enroll(const struct kv_command *self, int argc, char **argv);

#endif

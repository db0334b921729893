/*
 * kavachctl doctor: the ways around the confinement on this host. Reads the
 * host's configuration; changes nothing.
 */
#ifndef KV_ADMIN_DOCTOR_H
#define KV_ADMIN_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

struct kv_error;

struct kv_doctor_options {
	const char *user;	/* NULL: every account that a rule matches */
	bool json;
	const char *root;	/* NULL: "/"; the tests give a folder */
	const char *sshd;	/* path of sshd; NULL: searched in the usual folders */
};

/*
 * Writes the findings to out, for a person or as JSON. 0: nothing was found; 1:
 * there are findings; -1 with err.
 */
int kv_doctor(const struct kv_doctor_options *options, FILE *out, struct kv_error *err);

#endif

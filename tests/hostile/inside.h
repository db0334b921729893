/*
 * inside: attacks from inside a session, one program without libraries. Each
 * probe tries what must be denied, in the way that changes nothing when it is not (bad
 * pointers and descriptors: an errno other than the filter's shows that the kernel was reached).
 */
#ifndef KV_TESTS_HOSTILE_INSIDE_H
#define KV_TESTS_HOSTILE_INSIDE_H

#include <stdbool.h>

#define OPEN 0		/* a probe's result: it was not denied; else the errno that denied it */

/* What the policy granted, and what the test has put outside. */
struct options {
	bool seccomp;			/* --no-seccomp clears it */
	bool ptrace;			/* --ptrace: basic and desktop leave it among the session's own */
	bool net;			/* --net: the host's network is granted */
	bool foreign;			/* --foreign: a kernel of its own (gVisor) */
	const char *tcp;		/* --tcp=ADDRESS:PORT, a listener outside */
	const char *abstract;		/* --abstract=NAME, a listener outside */
	int pid;			/* --pid=N, a process outside, as the host numbers it */
	const char *deny_write[16];	/* --deny-write=PATH, what the user owns and may not change */
	const char *deny_read[16];	/* --deny-read=PATH */
};

/* Prints "NAME: denied ERRNO" or "NAME: ALLOWED", and counts. */
void report(const char *name, int result);
/* Prints "NAME: does not apply: WHY". */
void does_not_apply(const char *name, const char *why);

void probe_calls(const struct options *options);	/* B2-B6 */
void probe_processes(const struct options *options);	/* B1, B7, B13, B21 */
void probe_network(const struct options *options);	/* B8 */
void probe_files(const struct options *options);	/* B10, B11, B16, B17 */

#endif

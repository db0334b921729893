/* What the two test programs' files share: a host of their own, and children in it. */
#ifndef KV_SESSION_VIEW_TEST_H
#define KV_SESSION_VIEW_TEST_H

#include "common/error.h"
#include "session/view.h"

#include <atf-c.h>
#include <stdio.h>
#include <unistd.h>

#define T_UID	54321
#define T_GID	54322

/* In a child: says what failed and ends it. */
#define T_CHECK(x) do { \
	if (!(x)) { \
		(void)fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno); \
		_exit(1); \
	} \
} while (0)

struct t_host {
	struct kv_account account;
	struct kv_policy policy;
	struct kv_view view;
	struct kv_ticket *ticket;
	struct kv_error err;
};

/*
 * Runs body in a child in a mount namespace of its own in which /home, /srv and /mnt are fresh:
 * /home/alice (the account's), /home/bob, each with a file. Fails the test unless it ends with 0 in time.
 */
void t_in_host(void (*body)(struct t_host *host), unsigned int seconds);
/* Runs body in a child as the account's user; true when it ended with 0. */
bool t_as_user(int (*body)(void));
/* Enters; ends the child with the message when that fails. */
void t_enter(struct t_host *host);
/* Tries to enter in a child; true when it was refused and the message has the word. */
bool t_refused(struct t_host *host, const char *word);
void t_file(const char *path, const char *text, uid_t uid, mode_t mode);
bool t_exists(const char *path);
int t_write(const char *path);	/* 0 or errno of writing into (making) the file */

#define T_CASE(name, text, body, seconds) \
	ATF_TC(name); \
	ATF_TC_HEAD(name, tc) \
	{ \
		atf_tc_set_md_var(tc, "descr", text); \
		atf_tc_set_md_var(tc, "require.user", "root"); \
	} \
	ATF_TC_BODY(name, tc) \
	{ \
		t_in_host(body, seconds); \
	}

/* view_home_test.c */
atf_error_t t_add_home_cases(atf_tp_t *tp);

#endif

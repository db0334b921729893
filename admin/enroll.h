/*
 * An account's login shell, set to kavach-session and back. Root.
 *
 * kavach-session is kept out of /etc/shells: chsh(1) lets a user change away from a
 * listed shell only, and nothing that kavach confines asks for a listed one (sshd, login,
 * su and cron do not; pam_shells(8) does, see kavachctl(8)).
 */
#ifndef KV_ADMIN_ENROLL_H
#define KV_ADMIN_ENROLL_H

#include <stdbool.h>

#include "admin/launch.h"

struct kv_error;

#define KV_SHELLS_DIR	KV_AUDIT_DIR "/shells"	/* root, 0700: USER holds the old shell, 0600 */

struct kv_enroll {
	bool changed;		/* false: it was so already */
	bool unlisted;		/* kavach-session was taken out of /etc/shells */
	char shell[KV_PATH_MAX];	/* the old shell, or the one given back */
};

/* Is this login shell kavach-session, by whatever path it is reached (/sbin is often /usr/sbin). */
bool kv_is_wrapper(const char *shell);

/*
 * The account must not be root's nor exempt: the caller has asked the policy. 0; -1
 * with KV_ERR_DENIED (uid 0), KV_ERR_UNAVAILABLE (no wrapper installed, usermod failed).
 */
int kv_enroll(const struct kv_account *account, struct kv_enroll *out, struct kv_error *err);
int kv_unenroll(const struct kv_account *account, struct kv_enroll *out, struct kv_error *err);

#endif

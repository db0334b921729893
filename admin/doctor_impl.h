/*
 * What the parts of kavachctl doctor share. Everything is read below one root
 * folder, symbolic links included, so that a prepared folder can stand in for the host.
 */
#ifndef KV_ADMIN_DOCTOR_IMPL_H
#define KV_ADMIN_DOCTOR_IMPL_H

#include "admin/doctor.h"
#include "common/error.h"
#include "policy/policy.h"

#include <sys/stat.h>

#define KV_DOCTOR_WHERE	(KV_PATH_MAX + 512)	/* a path, a line, and from where */

enum kv_severity { KV_LOW, KV_MEDIUM, KV_HIGH };

struct kv_finding {
	const char *id;		/* borrowed: a literal */
	enum kv_severity severity;
	char *user, *what, *where, *fix;	/* owned, printable ASCII; user may be NULL */
};

/* A confined account and the extremes of the policies that its rules may choose. */
struct kv_doctor_user {
	char name[KV_NAME_MAX];
	uid_t uid;
	char home[KV_PATH_MAX], shell[KV_PATH_MAX];
	struct kv_list groups;	/* owned */
	bool seccomp_off;	/* with one of its policies */
	bool host_network;
	bool only_host_network;	/* all have it */
	bool needs_caps;	/* one has privilege = caps */
	bool dotfiles_open;	/* one leaves them writable */
};

struct kv_doctor {
	const struct kv_doctor_options *options;
	int root;			/* owned */
	struct kv_config config;	/* owned */
	bool have_config;
	struct kv_doctor_user *users;	/* owned */
	size_t user_count;
	struct kv_finding *findings;	/* owned */
	size_t count;
	bool no_memory;
};

/* One way around, or one step to it. */
struct kv_report {
	const char *id;
	enum kv_severity severity;
	const char *user;	/* kv_no_user: the host */
	const char *where;
	const char *fix;
};

/* A finding about the host and nobody's account. */
static const char *const kv_no_user = NULL;

/* Adds a finding unless the same id, user and text is there already. */
void kv_doctor_add(struct kv_doctor *d, const struct kv_report *report, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool kv_doctor_has(const struct kv_doctor *d, const char *id);
void kv_doctor_print(const struct kv_doctor *d, FILE *out);
int kv_doctor_print_json(const struct kv_doctor *d, FILE *out);

/* Files below the root. NULL, -1 or false with errno. */
FILE *kv_doctor_fopen(const struct kv_doctor *d, const char *path);
int kv_doctor_open(const struct kv_doctor *d, const char *path, int flags);
bool kv_doctor_stat(const struct kv_doctor *d, const char *path, struct stat *st);
/* Names in a folder that match a shell pattern, sorted. 0, or -1 when out of memory. */
int kv_doctor_names(const struct kv_doctor *d, const char *folder, const char *pattern,
    struct kv_list *out);
/* The number of the line that is, or whose first word up to one of `ends` is, the word; 0: none. */
unsigned int kv_doctor_line(const struct kv_doctor *d, const char *path, const char *word,
    const char *ends);
/* Is there a number at path, and which. */
bool kv_doctor_number(const struct kv_doctor *d, const char *path, long *out);

/* Fills d->users. 0 or -1. */
int kv_doctor_users(struct kv_doctor *d, struct kv_error *err);
/* Does a rule match the user when he comes through this service, from anywhere? */
bool kv_doctor_rule_for(const struct kv_doctor *d, const struct kv_doctor_user *user,
    const char *service);

void kv_doctor_pam(struct kv_doctor *d);
void kv_doctor_host(struct kv_doctor *d);
void kv_doctor_sockets(struct kv_doctor *d);
void kv_doctor_account(struct kv_doctor *d, const struct kv_doctor_user *user);

/* sshd's configuration. */
struct kv_sshd_line {
	char *key, *value;	/* owned; key in small letters */
	char *file;		/* owned */
	unsigned int line;
};

struct kv_sshd_from {
	char addr[64], host[256], laddr[64], lport[16];
};

#define KV_SSHD_FROM_MAX 64

struct kv_sshd {
	char path[KV_PATH_MAX];	/* of the program */
	struct kv_sshd_line *lines;	/* owned */
	size_t line_count;
	struct kv_sshd_from from[KV_SSHD_FROM_MAX];
	size_t from_count;
	bool by_user;		/* a Match block looks at the user or a group */
	bool too_many;
	bool no_memory;
};

void kv_doctor_sshd(struct kv_doctor *d);
/* Reads the configuration with what it includes, and every address that a Match block names. */
void kv_sshd_parse(struct kv_doctor *d, struct kv_sshd *sshd);
void kv_sshd_release(struct kv_sshd *sshd);
/* `sshd -T -C ...` as text, to be freed; NULL with a reason. */
char *kv_sshd_effective(const struct kv_doctor *d, const struct kv_sshd *sshd, const char *user,
    const struct kv_sshd_from *from, char *reason, size_t room);
/* One effective configuration: what it leaves open to the user. */
void kv_sshd_check(struct kv_doctor *d, const struct kv_sshd *sshd,
    const struct kv_doctor_user *user, const struct kv_sshd_from *from, const char *text);
/* The value of the n-th line with this key, copied; false if there is none. */
bool kv_sshd_value(const char *text, const char *key, unsigned int n, char *out, size_t room);
/* The keys of the user in one authorized_keys file. */
void kv_doctor_keys(struct kv_doctor *d, const struct kv_doctor_user *user, const char *file,
    bool user_rc, bool forwarding, bool environment);

#endif

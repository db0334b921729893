/*
 * One [credential NAME]: where a secret comes from and how a session gets it. The value itself is no part of
 * the policy: session/credential.h reads it. Pure.
 */
#ifndef KV_POLICY_CREDENTIAL_H
#define KV_POLICY_CREDENTIAL_H

#include "policy/policy.h"

#define KV_CREDENTIAL_PREFIX_MAX 128	/* bytes of a header's prefix, with NUL */
#define KV_CREDENTIAL_WORDS_MAX	64	/* of a command, its program included */
#define KV_CREDENTIALS_FOLDER	"credentials.d"	/* beside kavach.conf */

enum kv_source { KV_SOURCE_NONE, KV_SOURCE_FILE, KV_SOURCE_SYSTEMD, KV_SOURCE_COMMAND };
enum kv_delivery { KV_DELIVERY_NONE, KV_DELIVERY_VARIABLE, KV_DELIVERY_FILE, KV_DELIVERY_STDIN, KV_DELIVERY_HEADER };

struct kv_credential {
	char name[KV_NAME_MAX];
	enum kv_source source;
	char from[KV_PATH_MAX];		/* FILE: an absolute path; SYSTEMD: a name */
	struct kv_list command;		/* COMMAND: argv; the first word is an absolute path */
	enum kv_delivery delivery;
	char to[KV_NAME_MAX];		/* the variable, the file below /run/credentials, or the header */
	char prefix[KV_CREDENTIAL_PREFIX_MAX];	/* HEADER: what stands before the value; "": nothing */
	struct kv_list hosts;		/* HEADER: names, *.suffix, addresses; never empty, never "*" */
	uint16_t port;			/* HEADER: of the host, which is spoken to by TLS */
	char file[KV_PATH_MAX];		/* where it stands */
	unsigned int line;
};

void kv_credential_release(struct kv_credential *credential);

/* The credential of this name (exact), borrowed; NULL if there is none. */
const struct kv_credential *kv_config_credential(const struct kv_config *config, const char *name);

/*
 * How it is delivered, for a person: "the variable API_TOKEN", "the file /run/credentials/key", "standard
 * input", "the header Authorization for api.example.org, port 443". Cut where it does not fit.
 */
void kv_credential_show(const struct kv_credential *credential, char *out, size_t size);

/*
 * Would both be one thing in a session: the same variable, the same file, standard input, or a header for a host that
 * both name.
 */
bool kv_credential_clash(const struct kv_credential *a, const struct kv_credential *b);

/* Is a byte of a header's value sound: what is printed, the space, and bytes from 0x80 on. No TAB: RFC 9110, 5.5. */
bool kv_credential_header_byte(unsigned char c);

#endif

/*
 * The wrapper's capabilities: what stage one makes inheritable, what `make
 * install` sets on the file as =ei (KV_WRAPPER_CAPS_TEXT in wrapper/Makefile.am.inc), and
 * what the wrapper checks that it holds. Reasons: doc/architecture.md.
 */
#ifndef KV_SESSION_CAPS_H
#define KV_SESSION_CAPS_H

#include <linux/capability.h>

#define KV_WRAPPER_CAPS \
	((1ULL << CAP_SYS_ADMIN) | (1ULL << CAP_SETPCAP) | (1ULL << CAP_DAC_OVERRIDE))

#endif

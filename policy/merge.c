/*
 * The merge for a composite: the stricter of each field. Where two grants have
 * nothing in common, the thing granted is off: an empty list would mean "no restriction".
 */
#include "policy/policy.h"

#include "common/error.h"
#include "policy/match.h"

#include <stdlib.h>
#include <string.h>

static const int seccomp_rank[] = {
	[KV_SECCOMP_OFF] = 0, [KV_SECCOMP_DESKTOP] = 1, [KV_SECCOMP_BASIC] = 2,
	[KV_SECCOMP_STRICT] = 3,
};
static const int home_rank[] = {
	[KV_HOME_RW] = 0, [KV_HOME_RO] = 1, [KV_HOME_OVERLAY] = 2, [KV_HOME_PRIVATE] = 3,
};

/* Which of two filters is stricter is known for our own profiles only. */
static int
merge_seccomp(const struct kv_policy *inner, struct kv_policy *out, struct kv_error *err)
{
	bool files = inner->seccomp == KV_SECCOMP_FILE && out->seccomp == KV_SECCOMP_FILE &&
	    strcmp(inner->seccomp_file, out->seccomp_file) == 0;

	if (files || inner->seccomp == KV_SECCOMP_OFF)
		return 0;
	if (out->seccomp != KV_SECCOMP_OFF &&
	    (inner->seccomp == KV_SECCOMP_FILE || out->seccomp == KV_SECCOMP_FILE))
		return kv_error_set(err, KV_ERR_CONFIG,
		    "policy %s: a seccomp file cannot be merged with another profile for inner_backend",
		    out->name);
	if (inner->seccomp == KV_SECCOMP_FILE ||
	    seccomp_rank[inner->seccomp] > seccomp_rank[out->seccomp]) {
		out->seccomp = inner->seccomp;
		memcpy(out->seccomp_file, inner->seccomp_file, sizeof(out->seccomp_file));
	}
	return 0;
}

/* What both lists let through: of two patterns that overlap, the narrower. */
static int
intersect_hosts(const struct kv_list *a, const struct kv_list *b, struct kv_list *out)
{
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++) {
			const char *narrow = NULL;

			if (kv_match_suffix(b->item[j], a->item[i]))
				narrow = a->item[i];
			else if (kv_match_suffix(a->item[i], b->item[j]))
				narrow = b->item[j];
			if (narrow != NULL && !kv_list_has(out, narrow) &&
			    kv_list_add(out, narrow) != 0)
				return -1;
		}
	}
	return 0;
}

/* The words that both name. */
static int
intersect_words(const struct kv_list *a, const struct kv_list *b, struct kv_list *out)
{
	for (size_t i = 0; i < a->count; i++)
		if (kv_list_has(b, a->item[i]) && !kv_list_has(out, a->item[i]) &&
		    kv_list_add(out, a->item[i]) != 0)
			return -1;
	return 0;
}

/* Is the path the prefix or below it. A prefix ends where a segment does, as the proxy reads it. */
static bool
path_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 &&
	    (path[len] == '\0' || path[len] == '/' || prefix[len - 1] == '/');
}

/* What lies below a prefix of both: the longer of two of which one is below the other. */
static int
intersect_paths(const struct kv_list *a, const struct kv_list *b, struct kv_list *out)
{
	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++) {
			const char *longer = NULL;

			if (path_below(a->item[i], b->item[j]))
				longer = a->item[i];
			else if (path_below(b->item[j], a->item[i]))
				longer = b->item[j];
			if (longer != NULL && !kv_list_has(out, longer) && kv_list_add(out, longer) != 0)
				return -1;
		}
	}
	return 0;
}

/* Two lists of what may be reached; empty: no restriction. Nothing in common: no network. */
static int
merge_reach(const struct kv_list *outer, const struct kv_list *inner, struct kv_list *to,
    int (*intersect)(const struct kv_list *, const struct kv_list *, struct kv_list *), struct kv_policy *out)
{
	const struct kv_list *only = outer->count != 0 ? outer : inner;

	kv_list_release(to);
	if (outer->count == 0 || inner->count == 0) {
		for (size_t i = 0; i < only->count; i++)
			if (kv_list_add(to, only->item[i]) != 0)
				return -1;
		return 0;
	}
	if (intersect(outer, inner, to) != 0)
		return -1;
	if (to->count == 0)
		out->network = KV_NET_OFF;
	return 0;
}

static int
merge_requests(const struct kv_policy *outer, const struct kv_policy *inner, struct kv_policy *out)
{
	if (merge_reach(&outer->allowed_hosts, &inner->allowed_hosts, &out->allowed_hosts,
	    intersect_hosts, out) != 0 ||
	    merge_reach(&outer->allowed_methods, &inner->allowed_methods, &out->allowed_methods,
	    intersect_words, out) != 0)
		return -1;
	return merge_reach(&outer->allowed_paths, &inner->allowed_paths, &out->allowed_paths,
	    intersect_paths, out);
}

static void
merge_ports(const struct kv_policy *inner, struct kv_policy *out)
{
	size_t kept = 0;

	if (inner->allowed_ports_count == 0)
		return;
	if (out->allowed_ports_count == 0) {
		memcpy(out->allowed_ports, inner->allowed_ports, sizeof(out->allowed_ports));
		out->allowed_ports_count = inner->allowed_ports_count;
		return;
	}
	for (size_t i = 0; i < out->allowed_ports_count; i++) {
		for (size_t j = 0; j < inner->allowed_ports_count; j++) {
			if (out->allowed_ports[i] == inner->allowed_ports[j]) {
				out->allowed_ports[kept++] = out->allowed_ports[i];
				break;
			}
		}
	}
	out->allowed_ports_count = kept;
	if (kept == 0)
		out->network = KV_NET_OFF;
}

/* Joined; a path that one side names read-only stays read-only. */
static int
merge_landlock(const struct kv_policy *inner, struct kv_policy *out, struct kv_error *err)
{
	for (size_t i = 0; i < inner->landlock_count; i++) {
		const struct kv_landlock_path *path = &inner->landlock[i];
		struct kv_landlock_path *more;
		size_t j = 0;

		while (j < out->landlock_count && strcmp(out->landlock[j].path, path->path) != 0)
			j++;
		if (j < out->landlock_count) {
			out->landlock[j].writable = out->landlock[j].writable && path->writable;
			continue;
		}
		if (j == KV_LANDLOCK_MAX)
			return kv_error_set(err, KV_ERR_CONFIG,
			    "policy %s: more than %d Landlock rules after the merge", out->name,
			    KV_LANDLOCK_MAX);
		more = kv_policy_add_landlock(out);
		if (more == NULL)
			return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
		*more = *path;
	}
	return 0;
}

static int
merge_names(const struct kv_list *outer, const struct kv_list *inner, struct kv_list *out)
{
	if (inner->count == 0)
		return 0;
	kv_list_release(out);
	return intersect_words(outer, inner, out);
}

/* Grants that a preset is silent about stay; two that speak must agree. */
static int
merge_grants(const struct kv_policy *outer, const struct kv_policy *inner, struct kv_policy *out)
{
	size_t kept = 0;

	for (size_t i = 0; inner->data_dir_count != 0 && i < out->data_dir_count; i++) {
		for (size_t j = 0; j < inner->data_dir_count; j++) {
			if (strcmp(out->data_dir[i], inner->data_dir[j]) != 0)
				continue;
			memmove(out->data_dir[kept++], out->data_dir[i], KV_PATH_MAX);
			break;
		}
	}
	if (inner->data_dir_count != 0)
		out->data_dir_count = kept;
	if (merge_names(&outer->environment, &inner->environment, &out->environment) != 0)
		return -1;
	return merge_names(&outer->credentials, &inner->credentials, &out->credentials);
}

/* The smaller of two limits, where 0 is none. */
static uint64_t
smaller(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

static void
merge_scalars(const struct kv_policy *inner, struct kv_policy *out)
{
	const uint64_t tmp_default = 64ULL << 20;

	if (inner->network < out->network)	/* off < loopback < proxy < host */
		out->network = inner->network;
	if (inner->image_tier > out->image_tier)
		out->image_tier = inner->image_tier;
	if (inner->min_strength > out->min_strength)
		out->min_strength = inner->min_strength;
	out->allow_noop = out->allow_noop && inner->allow_noop;
	out->read_only_root = out->read_only_root || inner->read_only_root;
	out->protect_dotfiles = out->protect_dotfiles || inner->protect_dotfiles;
	out->memory_limit = smaller(out->memory_limit, inner->memory_limit);
	out->cpu_limit_milli = (uint32_t)smaller(out->cpu_limit_milli, inner->cpu_limit_milli);
	out->process_limit = (uint32_t)smaller(out->process_limit, inner->process_limit);
	out->open_files_limit = (uint32_t)smaller(out->open_files_limit, inner->open_files_limit);
	out->wasm_fuel = smaller(out->wasm_fuel, inner->wasm_fuel);
	out->wasm_timeout_ms = (uint32_t)smaller(out->wasm_timeout_ms, inner->wasm_timeout_ms);
	if (out->tmp_size != inner->tmp_size)
		out->tmp_size = smaller(out->tmp_size != 0 ? out->tmp_size : tmp_default,
		    inner->tmp_size != 0 ? inner->tmp_size : tmp_default);
	if (home_rank[inner->home] > home_rank[out->home])
		out->home = inner->home;
}

/* rootfs and image stay the outer's: the root is its work, and what is inside starts in it. */
int
kv_policy_merge(const struct kv_policy *outer, const struct kv_policy *inner,
    struct kv_policy *out, struct kv_error *err)
{
	if (kv_policy_copy(outer, out) != 0)
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	merge_scalars(inner, out);
	merge_ports(inner, out);
	if (merge_seccomp(inner, out, err) != 0 || merge_landlock(inner, out, err) != 0) {
		kv_policy_release(out);
		return -1;
	}
	if (merge_requests(outer, inner, out) != 0 || merge_grants(outer, inner, out) != 0) {
		kv_policy_release(out);
		return kv_error_set(err, KV_ERR_NOMEM, "out of memory");
	}
	return 0;
}

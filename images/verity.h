/*
 * dm-verity hash trees as veritysetup(8) writes them: a superblock (version 1, hash type 1), then
 * the levels of the tree from the top. Linux: Documentation/admin-guide/device-mapper/verity.rst;
 * cryptsetup's wiki, "DMVerity". Only SHA-256 and blocks of 4096 bytes.
 *
 * Trust: the hash file comes from root's folder, but nothing in it is believed before it leads to the root hash.
 */
#ifndef KV_IMAGES_VERITY_H
#define KV_IMAGES_VERITY_H

#include <stdint.h>

struct kv_error;

#define KV_VERITY_BLOCK	4096U
#define KV_VERITY_DIGEST 32U

/*
 * Reads both files whole: every block of data is hashed, and so is every level up to root. 0, or -1: KV_ERR_DENIED
 * (it does not match, or the data has a part that the tree does not cover), KV_ERR_SYSTEM. No privilege.
 */
int kv_verity_verify(int data, int tree, const uint8_t root[KV_VERITY_DIGEST], struct kv_error *err);

/* SHA-256 of the whole file, and its size. 0 or -1. */
int kv_file_digest(int fd, uint8_t out[KV_VERITY_DIGEST], uint64_t *size, struct kv_error *err);

#endif

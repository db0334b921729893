#include "images/verity.h"

#include <endian.h>
#include <errno.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/io.h"

#define PER_BLOCK	(KV_VERITY_BLOCK / KV_VERITY_DIGEST)
#define LEVELS_MAX	8	/* 128^8 blocks */
#define SALT_MAX	256

struct superblock {
	uint8_t signature[8];
	uint32_t version, hash_type;
	uint8_t uuid[16];
	uint8_t algorithm[32];
	uint32_t data_block_size, hash_block_size;
	uint64_t data_blocks;
	uint16_t salt_size;
	uint8_t pad1[6];
	uint8_t salt[SALT_MAX];
	uint8_t pad2[168];
};
_Static_assert(sizeof(struct superblock) == 512, "the superblock on disk");

struct verity {
	int data, tree;
	uint64_t data_blocks;
	uint8_t salt[SALT_MAX];
	size_t salt_size;
	unsigned int levels;
	uint64_t start[LEVELS_MAX];	/* block of the hash file where each begins; 0 is the lowest */
	uint64_t blocks[LEVELS_MAX];
};

/* One whole block; a file that ends before is an error, too. */
static int
read_block(int fd, uint64_t number, uint8_t out[KV_VERITY_BLOCK], struct kv_error *err)
{
	size_t used = 0;

	while (used < KV_VERITY_BLOCK) {
		ssize_t n = pread(fd, out + used, KV_VERITY_BLOCK - used, (off_t)(number * KV_VERITY_BLOCK + used));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return kv_error_sys(err, "dm-verity: reading");
		if (n == 0)
			return kv_error_set(err, KV_ERR_DENIED, "dm-verity: the hash tree is cut off");
		used += (size_t)n;
	}
	return 0;
}

static void
hash_block(const struct verity *v, const uint8_t *block, uint8_t out[KV_VERITY_DIGEST])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, v->salt_size, v->salt);
	sha256_update(&ctx, KV_VERITY_BLOCK, block);
	sha256_digest(&ctx, KV_VERITY_DIGEST, out);
}

static int
read_superblock(struct verity *v, struct kv_error *err)
{
	uint8_t block[KV_VERITY_BLOCK];
	struct superblock sb;

	if (read_block(v->tree, 0, block, err) != 0)
		return -1;
	memcpy(&sb, block, sizeof(sb));
	if (memcmp(sb.signature, "verity\0\0", sizeof(sb.signature)) != 0 ||
	    le32toh(sb.version) != 1 || le32toh(sb.hash_type) != 1)
		return kv_error_set(err, KV_ERR_DENIED, "dm-verity: no superblock of a known version");
	if (memcmp(sb.algorithm, "sha256\0", sizeof("sha256")) != 0 ||
	    le32toh(sb.data_block_size) != KV_VERITY_BLOCK || le32toh(sb.hash_block_size) != KV_VERITY_BLOCK)
		return kv_error_set(err, KV_ERR_DENIED, "dm-verity: not SHA-256 over blocks of %u", KV_VERITY_BLOCK);
	v->data_blocks = le64toh(sb.data_blocks);
	v->salt_size = le16toh(sb.salt_size);
	if (v->salt_size > sizeof(v->salt))
		return kv_error_set(err, KV_ERR_DENIED, "dm-verity: a salt of %zu bytes", v->salt_size);
	memcpy(v->salt, sb.salt, v->salt_size);
	return 0;
}

/* Where each level lies: the highest, of one block, comes first in the file. */
static int
lay_out(struct verity *v, struct kv_error *err)
{
	uint64_t below = v->data_blocks, next = 1;

	while (below > 1) {
		if (v->levels == LEVELS_MAX)
			return kv_error_set(err, KV_ERR_DENIED, "dm-verity: too many blocks");
		below = (below + PER_BLOCK - 1) / PER_BLOCK;
		v->blocks[v->levels++] = below;
	}
	for (unsigned int i = v->levels; i-- > 0; next += v->blocks[i])
		v->start[i] = next;
	return 0;
}

/* Each of count blocks from first of fd against its digest in the level above. */
static int
check_level(const struct verity *v, int fd, uint64_t first, uint64_t count, unsigned int above, struct kv_error *err)
{
	uint8_t block[KV_VERITY_BLOCK], parent[KV_VERITY_BLOCK], digest[KV_VERITY_DIGEST];

	for (uint64_t i = 0; i < count; i++) {
		if (i % PER_BLOCK == 0 && read_block(v->tree, v->start[above] + i / PER_BLOCK, parent, err) != 0)
			return -1;
		if (read_block(fd, first + i, block, err) != 0)
			return -1;
		hash_block(v, block, digest);
		if (!memeql_sec(digest, parent + i % PER_BLOCK * KV_VERITY_DIGEST, KV_VERITY_DIGEST))
			return kv_error_set(err, KV_ERR_DENIED, "dm-verity: block %llu of %s does not match",
			    (unsigned long long)(first + i), fd == v->data ? "the data" : "the hash tree");
	}
	return 0;
}

static int
check_root(const struct verity *v, const uint8_t *root, struct kv_error *err)
{
	uint8_t block[KV_VERITY_BLOCK], digest[KV_VERITY_DIGEST];

	if (read_block(v->levels == 0 ? v->data : v->tree, v->levels == 0 ? 0 : v->start[v->levels - 1],
	    block, err) != 0)
		return -1;
	hash_block(v, block, digest);
	if (!memeql_sec(digest, root, KV_VERITY_DIGEST))
		return kv_error_set(err, KV_ERR_DENIED, "dm-verity: the hash tree does not lead to the root hash");
	return 0;
}

int
kv_verity_verify(int data, int tree, const uint8_t root[KV_VERITY_DIGEST], struct kv_error *err)
{
	struct verity v = { .data = data, .tree = tree };
	struct stat st;

	if (fstat(data, &st) != 0)
		return kv_error_sys(err, "dm-verity");
	if (read_superblock(&v, err) != 0)
		return -1;
	if (v.data_blocks == 0 || (uint64_t)st.st_size / KV_VERITY_BLOCK != v.data_blocks ||
	    (uint64_t)st.st_size % KV_VERITY_BLOCK != 0)
		return kv_error_set(err, KV_ERR_DENIED, "dm-verity: the hash tree is not for a file of this size");
	if (lay_out(&v, err) != 0 || check_root(&v, root, err) != 0)
		return -1;
	for (unsigned int i = v.levels; i-- > 1;)
		if (check_level(&v, v.tree, v.start[i - 1], v.blocks[i - 1], i, err) != 0)
			return -1;
	return v.levels == 0 ? 0 : check_level(&v, data, 0, v.data_blocks, 0, err);
}

int
kv_file_digest(int fd, uint8_t out[KV_VERITY_DIGEST], uint64_t *size, struct kv_error *err)
{
	uint8_t chunk[16 * KV_VERITY_BLOCK];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (*size = 0;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), (off_t)*size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return kv_error_sys(err, "reading the image");
		if (n == 0)
			break;
		sha256_update(&ctx, (size_t)n, chunk);
		*size += (uint64_t)n;
	}
	sha256_digest(&ctx, KV_VERITY_DIGEST, out);
	return 0;
}

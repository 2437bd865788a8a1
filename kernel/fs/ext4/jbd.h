/* SPDX-License-Identifier: MIT */
/*
 * jbd.h: the journal's structures on disk (all numbers big-endian) and what journal.c and recovery.c share.
 * Source: linux-doc, filesystems/ext4/journal.
 */
#ifndef NESTLING_EXT4_JBD_H
#define NESTLING_EXT4_JBD_H

#include "kernel/fs/ext4/ext4.h"

#define JBD_MAGIC 0xc03b3998U
#define JBD_DESCRIPTOR 1
#define JBD_COMMIT 2
#define JBD_SUPER_V1 3
#define JBD_SUPER_V2 4
#define JBD_REVOKE 5

#define JBD_INCOMPAT_REVOKE 0x1
#define JBD_INCOMPAT_64BIT 0x2
#define JBD_INCOMPAT_ASYNC_COMMIT 0x4
#define JBD_INCOMPAT_CSUM_V2 0x8
#define JBD_INCOMPAT_CSUM_V3 0x10
#define JBD_INCOMPAT_KNOWN                                                                         \
	(JBD_INCOMPAT_REVOKE | JBD_INCOMPAT_64BIT | JBD_INCOMPAT_ASYNC_COMMIT |                    \
		JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3)

#define JBD_TAG_ESCAPE 1
#define JBD_TAG_SAME_UUID 2
#define JBD_TAG_LAST 8

struct jbd_header {
	__be32 magic, type, sequence;
} __packed;

struct jbd_super {
	struct jbd_header h;
	__be32 blocksize, maxlen, first, sequence, start, error;
	__be32 compat, incompat, ro_compat;
	u8 uuid[16];
	__be32 nr_users, dynsuper, max_transaction, max_trans_data;
	u8 checksum_type, pad2[3];
	__be32 num_fc_blks, head;
	u8 pad[160];
	__be32 checksum;
	u8 users[768];
} __packed;
_Static_assert(sizeof(struct jbd_super) == 1024, "journal superblock");

static inline u32 be32(__be32 v)
{
	return __builtin_bswap32((u32)v);
}
static inline __be32 to_be32(u32 v)
{
	return (__be32)__builtin_bswap32(v);
}
static inline u64 be64(const void *p)
{
	u64 v;

	__builtin_memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

#endif

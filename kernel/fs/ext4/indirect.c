/* SPDX-License-Identifier: MIT */
/*
 * indirect.c: changes the block maps of files without extents, as ext2 and ext3 made them: 12
 * blocks in the inode, then trees of one, two and three levels. extent.c does the lookup.
 *
 * ext4_ind_create() allocates one block and the missing nodes on the path to it. ext4_ind_remove()
 * frees a range of blocks. An allocation that fails half-way leaves an empty indirect block, which
 * is valid. Trees from the disk may contain loops: the slot in the inode fixes the depth of a
 * tree, and a block that is freed twice sets sbi->failed, which ends the walk. The caller holds
 * i_data_sem for writing and a handle, and writes the inode. A node that a punched hole has emptied
 * stays until the file is removed.
 *
 * Source: linux-doc, filesystems/ext4/ifork.
 */
#include "kernel/fs/ext4/extent.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

#define MAX_LEVEL 3
#define PRUNE_CREDITS 6

/*
 * Returns the number of levels of indirect blocks between the inode and block @lblk, or -EFBIG if
 * no map reaches that block. slot[]: the index to follow at each level.
 */
static int find_slots(const struct ext4_sb *sbi, u32 lblk, u32 slot[MAX_LEVEL + 1])
{
	u64 per = sbi->block_size / 4, n = lblk, span = per;
	int level, i;

	if (n < EXT4_NDIR_BLOCKS) {
		slot[0] = lblk;
		return 0;
	}
	n -= EXT4_NDIR_BLOCKS;
	for (level = 1; level <= MAX_LEVEL && n >= span; level++) {
		n -= span;
		span *= per;
	}
	if (level > MAX_LEVEL)
		return -EFBIG;
	slot[0] = EXT4_NDIR_BLOCKS + (u32)level - 1;
	for (i = 1; i <= level; i++) {
		span /= per;
		slot[i] = (u32)(n / span);
		n %= span;
	}
	return level;
}

/*
 * Allocates a block and stores its number in *at, which lies in the block @owner, or in the inode
 * if @owner is NULL. @node: the new block is an indirect block and zeroed. Returns 0 or -errno.
 */
static int fill_slot(
	struct ext4_handle *h, struct inode *inode, __le32 *at, struct ext4_buf *owner, bool node)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b;
	u32 len = 1;
	int err;
	u64 block = ext4_alloc_blocks(h, inode, EXT4_I(inode)->goal, &len, &err);

	if (!block)
		return err;
	b = node ? ext4_bnew(sbi, block, EXT4_USE(EXT4_MAP, inode->i_ino)) : NULL;
	err = block >> 32 ? -EFBIG : IS_ERR(b) ? (int)PTR_ERR(b) : 0;
	if (!err) {
		*at = (__le32)block;
		EXT4_I(inode)->goal = block + 1;
		if (owner)
			ext4_dirty(h, owner);
		if (b)
			ext4_dirty(h, b);
	}
	if (!IS_ERR_OR_NULL(b))
		ext4_brelse(b);
	if (err)
		ext4_free_blocks(h, inode, block, 1, false);
	return err;
}

static struct ext4_buf *read_node(struct inode *inode, u32 block)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);

	if (ext4_block_valid(sbi, block, 1))
		return ext4_bread(sbi, block, EXT4_USE(EXT4_MAP, inode->i_ino));
	ext4_error(inode->i_sb, "inode %lu: its map names block %u, which is not there",
		inode->i_ino, block);
	return ERR_PTR(-EFSCORRUPTED);
}

int ext4_ind_create(struct ext4_handle *h, struct inode *inode, struct ext4_map *map)
{
	u32 slot[MAX_LEVEL + 1];
	int levels = find_slots(EXT4_SB(inode->i_sb), map->lblk, slot), i, err = 0;
	struct ext4_buf *b = NULL, *next;
	__le32 *at;

	if (levels < 0)
		return levels;
	at = &EXT4_I(inode)->i_block[slot[0]];
	for (i = 0; i <= levels; i++) {
		if (!*at)
			err = fill_slot(h, inode, at, b, i < levels);
		if (err || i == levels)
			break;
		next = read_node(inode, *at);
		if (b)
			ext4_brelse(b);
		if (IS_ERR(next))
			return (int)PTR_ERR(next);
		b = next;
		at = (__le32 *)b->data + slot[i + 1];
	}
	map->pblk = err ? 0 : *at;
	map->len = 1;
	map->unwritten = false;
	if (b)
		ext4_brelse(b);
	return err;
}

/*
 * Extends the handle, or restarts it in a new transaction, so that a node can be freed. The changes
 * so far are consistent. Returns 0 or -errno.
 */
static int more_credits(struct ext4_handle **h, struct inode *inode)
{
	if (EXT4_SB(inode->i_sb)->failed)
		return -EFSCORRUPTED;
	if (!ext4_extend(*h, PRUNE_CREDITS))
		return 0;
	return ext4_restart(h, inode);
}

/*
 * Frees the data blocks [@from, @end) of the subtree at *at, which lies in the block @owner, or in
 * the inode if @owner is NULL. The subtree has @level levels of nodes, and block numbers count from
 * its first block. Also frees its nodes if the range covers the whole subtree. Returns 0 or -errno.
 */
static int prune(struct ext4_handle **h, struct inode *inode, __le32 *at, struct ext4_buf *owner,
	int level, u64 from, u64 end)
{
	u32 per = EXT4_SB(inode->i_sb)->block_size / 4, i;
	struct ext4_buf *b;
	u64 span = 1;
	int err, k;

	if (!*at)
		return 0;
	if (level) {
		for (k = 1; k < level; k++)
			span *= per;
		err = more_credits(h, inode);
		b = err ? ERR_PTR(err) : read_node(inode, *at);
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		for (i = (u32)(from / span); i < per && i * span < end && !err; i++)
			err = prune(h, inode, (__le32 *)b->data + i, b, level - 1,
				i == from / span ? from % span : 0, end - i * span);
		ext4_brelse(b);
		cond_resched();
		if (err || from || end < per * span)
			return err;
	}
	if (EXT4_SB(inode->i_sb)->failed)
		return -EFSCORRUPTED;
	b = ext4_hold_bitmap(*h, EXT4_SB(inode->i_sb), *at);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	ext4_free_blocks(*h, inode, *at, 1,
		level || !S_ISREG(inode->i_mode) || EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL);
	if (b)
		ext4_brelse(b);
	*at = 0;
	if (owner)
		ext4_dirty(*h, owner);
	return 0;
}

int ext4_ind_remove(struct ext4_handle **h, struct inode *inode, u32 from, u32 last)
{
	u64 per = EXT4_SB(inode->i_sb)->block_size / 4, base = 0, span = 1;
	u64 end = last == ~0U ? ~0UL >> 1 : (u64)last + 1;
	int i, level, err = 0;

	for (i = 0; i < EXT4_NDIR_BLOCKS + MAX_LEVEL && !err; i++) {
		level = max(i - EXT4_NDIR_BLOCKS + 1, 0);
		if (level)
			span *= per;
		if (from < base + span && end > base)
			err = prune(h, inode, &EXT4_I(inode)->i_block[i], NULL, level,
				from > base ? from - base : 0, end - base);
		base += span;
	}
	return err;
}

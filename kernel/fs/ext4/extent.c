/* SPDX-License-Identifier: MIT */
/*
 * extent.c: maps file blocks to disk blocks: extent trees, and the block maps of older files.
 *
 * Every node is checked at each use: its magic, its entry counts against its size, its depth (one
 * less than its parent's), and that the blocks it names lie in the file system. Its checksum is
 * checked once after it was read. The caller holds i_data_sem, at least for reading.
 *
 * Source: linux-doc, filesystems/ext4/ifork.
 */
#include "kernel/fs/ext4/extent.h"
#include "kernel/lib/string.h"

/*
 * Checks a node of @space bytes, which should have @depth (negative: any depth). Returns 0 or
 * -EFSCORRUPTED.
 */
static int check_node(struct inode *inode, const struct ext4_extent_header *h, u32 space, int depth)
{
	const struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	const struct ext4_extent *e = (const void *)(h + 1);
	const struct ext4_extent_idx *x = (const void *)(h + 1);
	u32 max_entries = (space - sizeof(*h)) / sizeof(*e), i;
	u64 next = 0;

	if (h->eh_magic != EXT4_EXT_MAGIC || h->eh_max > max_entries || h->eh_entries > h->eh_max ||
		h->eh_depth > EXT4_MAX_DEPTH || (depth >= 0 && h->eh_depth != depth))
		goto bad;
	for (i = 0; i < h->eh_entries; i++) {
		if (h->eh_depth) {
			if ((i && x[i].ei_block < next) ||
				!ext4_block_valid(sbi, idx_block(&x[i]), 1))
				goto bad;
			next = (u64)x[i].ei_block + 1;
		} else {
			if (e[i].ee_block < next || !extent_len(&e[i]) ||
				(u64)e[i].ee_block + extent_len(&e[i]) > ~0U ||
				!ext4_block_valid(sbi, extent_start(&e[i]), extent_len(&e[i])))
				goto bad;
			next = (u64)e[i].ee_block + extent_len(&e[i]);
		}
	}
	return 0;
bad:
	ext4_error(inode->i_sb,
		"inode %lu: bad extent node (magic %x, entries %u, max %u, depth %u)", inode->i_ino,
		h->eh_magic, h->eh_entries, h->eh_max, h->eh_depth);
	return -EFSCORRUPTED;
}

int ext4_extent_check_root(struct inode *inode)
{
	return check_node(
		inode, (const void *)EXT4_I(inode)->i_block, sizeof(EXT4_I(inode)->i_block), -1);
}

int ext4_extent_verify(struct inode *inode, struct ext4_buf *b, int depth)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	const struct ext4_extent_header *h = (const void *)b->data;
	u32 tail;
	int err;

	/*
	 * Checked at each use: a damaged image may use the block twice, and the other use may
	 * change it.
	 */
	err = check_node(inode, h, sbi->block_size - (sbi->csum ? 4 : 0), depth);
	if (err || b->flags & BUF_VERIFIED)
		return err;
	if (sbi->csum) {
		/* the checksum follows the last possible entry */
		u32 at = (u32)(sizeof(*h) + h->eh_max * sizeof(struct ext4_extent));

		memcpy(&tail, b->data + at, 4);
		if (ext4_csum(EXT4_I(inode)->csum_seed, b->data, at) != tail) {
			ext4_error(inode->i_sb, "inode %lu: extent block %lu: bad checksum",
				inode->i_ino, b->block);
			return -EFSBADCRC;
		}
	}
	__atomic_or_fetch(&b->flags, BUF_VERIFIED, __ATOMIC_RELAXED);
	return 0;
}

/*
 * Returns the index of the last entry that begins at or before @lblk, or 0 if all begin later.
 * Index and leaf entries have the same first word.
 */
u32 ext4_extent_find(const struct ext4_extent_header *h, u32 lblk)
{
	const struct ext4_extent *e = (const void *)(h + 1);
	u32 lo = 0, hi = h->eh_entries;

	while (hi - lo > 1) {
		u32 mid = (lo + hi) / 2;

		if (e[mid].ee_block <= lblk)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Fills in @map from a leaf. @limit: first file block that other leaves may map. */
static void map_from_leaf(const struct ext4_extent_header *h, struct ext4_map *map, u64 limit)
{
	const struct ext4_extent *e = (const void *)(h + 1);
	u64 hole_end = limit, end;
	u32 i;

	map->pblk = 0;
	map->unwritten = false;
	if (h->eh_entries) {
		i = ext4_extent_find(h, map->lblk);
		end = (u64)e[i].ee_block + extent_len(&e[i]);
		if (e[i].ee_block <= map->lblk && map->lblk < end) {
			map->pblk = extent_start(&e[i]) + (map->lblk - e[i].ee_block);
			map->unwritten = e[i].ee_len > EXT4_INIT_MAX_LEN;
			map->len = (u32)min_t(u64, map->len, end - map->lblk);
			return;
		}
		if (e[i].ee_block > map->lblk)
			hole_end = e[i].ee_block;
		else if (i + 1 < h->eh_entries)
			hole_end = e[i + 1].ee_block;
	}
	map->len = (u32)min_t(u64, map->len, hole_end - map->lblk);
}

static int map_extents(struct inode *inode, struct ext4_map *map)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	const struct ext4_extent_header *h = (const void *)EXT4_I(inode)->i_block;
	struct ext4_buf *b = NULL;
	u64 limit = 1UL << 32;
	int err = ext4_extent_check_root(inode);

	while (!err && h->eh_depth && h->eh_entries) {
		const struct ext4_extent_idx *x = (const void *)(h + 1);
		u32 i = ext4_extent_find(h, map->lblk);
		int depth = h->eh_depth - 1;
		struct ext4_buf *next;

		if (x[i].ei_block > map->lblk) { /* hole before the first leaf */
			map->pblk = 0;
			map->unwritten = false;
			map->len = min(map->len, x[i].ei_block - map->lblk);
			goto out;
		}
		if (i + 1 < h->eh_entries)
			limit = x[i + 1].ei_block;
		next = ext4_bread(sbi, idx_block(&x[i]), EXT4_USE(EXT4_NODE, inode->i_ino));
		if (b)
			ext4_brelse(b);
		b = NULL;
		if (IS_ERR(next))
			return (int)PTR_ERR(next);
		b = next;
		h = (const void *)b->data;
		err = ext4_extent_verify(inode, b, depth);
	}
	if (!err)
		map_from_leaf(h, map, limit);
out:
	if (b)
		ext4_brelse(b);
	return err;
}

/* ---- block maps: 12 direct blocks, then trees of indirect blocks with 1, 2 and 3 levels ---- */

static int map_indirect(struct inode *inode, struct ext4_map *map)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 per = sbi->block_size / 4;
	u64 n = map->lblk, span = 1;
	int level = 0;
	u32 entry, i, want = map->len;

	map->unwritten = false;
	map->len = 1;
	if (n < EXT4_NDIR_BLOCKS) {
		entry = EXT4_I(inode)->i_block[n];
		goto found;
	}
	n -= EXT4_NDIR_BLOCKS;
	for (level = 1, span = per; level < 4 && n >= span; level++) {
		n -= span;
		span *= per;
	}
	if (level == 4)
		return -EFBIG;
	entry = EXT4_I(inode)->i_block[EXT4_NDIR_BLOCKS + level - 1];
	for (i = 0; i < (u32)level && entry; i++) {
		struct ext4_buf *b;

		span /= per;
		if (!ext4_block_valid(sbi, entry, 1))
			goto bad;
		b = ext4_bread(sbi, entry, EXT4_USE(EXT4_MAP, inode->i_ino));
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		entry = ((const __le32 *)b->data)[n / span];
		n %= span;
		ext4_brelse(b);
	}
	/* Without an entry, the whole subtree is a hole. */
	if (!entry)
		map->len = (u32)min_t(u64, want, span - n);
found:
	if (entry && !ext4_block_valid(sbi, entry, 1))
		goto bad;
	map->pblk = entry;
	return 0;
bad:
	ext4_error(inode->i_sb, "inode %lu: block %u maps to %u, which is not there", inode->i_ino,
		map->lblk, entry);
	return -EFSCORRUPTED;
}

int ext4_map_blocks(struct inode *inode, struct ext4_map *map)
{
	if (ext4_is_inline(inode)) { /* has no blocks */
		map->pblk = 0;
		map->unwritten = false;
		return 0;
	}
	return EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL ? map_extents(inode, map) :
							  map_indirect(inode, map);
}

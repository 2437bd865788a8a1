/* SPDX-License-Identifier: MIT */
/*
 * shift.c: removing a range from a file (FALLOC_FL_COLLAPSE_RANGE) and inserting a hole into it
 * (FALLOC_FL_INSERT_RANGE).
 *
 * No data moves on the disk: the extents after the range get other file blocks, one extent in each
 * transaction. When they move down, the extent nearest to the range moves first. When they move up,
 * the file's last extent moves first. So each extent moves to an empty place. A crash in between
 * leaves a file with only some extents moved, as on Linux, and with the larger of the two sizes.
 * The tree is sound at each commit. A few blocks are reserved before, so that a split of a node
 * finds room.
 *
 * Locks: the caller holds i_rwsem. The pages from the range on are first written and dropped.
 * invalidate_lock is held from then until the size is set, so that no such page gets into the cache
 * meanwhile: it would be written to blocks that by then belong to another page.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

#define SPLIT_BLOCKS 16
#define DROP_TRIES 16
#define LAST_BLOCK (~0U - 1)

/*
 * Writes all pages from @off on to the disk and drops them. invalidate_lock is held, so that no
 * page gets into the cache meanwhile. If a mapping writes to a page between the two steps, both are
 * repeated, but after DROP_TRIES rounds such a write is lost. Returns 0 or -errno.
 */
static int drop_pages(struct inode *inode, loff_t off)
{
	struct address_space *m = inode->i_mapping;
	loff_t from = (loff_t)((u64)off & PAGE_MASK);
	int tries, err;

	for (tries = 0; tries < DROP_TRIES; tries++) {
		err = filemap_write_and_wait_range(m, from, S64_MAX);
		if (err || !drop_clean_pages(m, (u64)from >> PAGE_SHIFT, ~0UL))
			return err;
	}
	truncate_inode_pages_range(m, from, S64_MAX);
	return 0;
}

/*
 * Moves one extent of [@from, @last] by @by blocks, in its own transaction. Returns as
 * ext4_shift_last().
 */
static int shift_one(struct inode *inode, u32 from, u32 last, s64 by, u32 *at)
{
	struct ext4_handle *h = ext4_start(inode->i_sb, EXT4_REMOVE_CREDITS);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	down_write(&EXT4_I(inode)->i_data_sem);
	err = ext4_shift_last(h, inode, from, last, by, at);
	up_write(&EXT4_I(inode)->i_data_sem);
	if (err)
		ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	cond_resched();
	return err;
}

/* Moves all extents that begin at or after @from down by @by blocks. Returns 0 or -errno. */
static int shift_down(struct inode *inode, u32 from, u32 by)
{
	u64 lblk = from;
	int err = 0;
	u32 at;

	while (lblk < LAST_BLOCK && err >= 0) {
		struct ext4_map m = { .lblk = (u32)lblk, .len = (u32)(LAST_BLOCK - lblk) };

		down_read(&EXT4_I(inode)->i_data_sem);
		err = ext4_map_blocks(inode, &m);
		up_read(&EXT4_I(inode)->i_data_sem);
		if (!err && m.pblk)
			err = shift_one(inode, m.lblk, m.lblk + m.len - 1, -(s64)by, &at);
		lblk += m.len;
	}
	return min(err, 0);
}

/*
 * Moves all extents that begin at or after @from up by @by blocks. An extent that crosses @from is
 * split there. Sets *moved once the first extent has moved. Returns 0 or -errno.
 */
static int shift_up(struct inode *inode, u32 from, u32 by, bool *moved)
{
	u32 last = LAST_BLOCK, at;
	int err;

	while ((err = shift_one(inode, from, last, by, &at)) > 0) {
		*moved = true;
		if (at <= from)
			break;
		last = at - 1;
	}
	return min(err, 0);
}

/* Sets the size in memory and on disk. Returns 0 or -errno. */
static int set_size(struct inode *inode, loff_t size)
{
	struct ext4_handle *h = ext4_start(inode->i_sb, EXT4_INODE_CREDITS);

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	down_write(&EXT4_I(inode)->i_data_sem);
	EXT4_I(inode)->disksize = size;
	i_size_write(inode, size);
	up_write(&EXT4_I(inode)->i_data_sem);
	inode->i_mtime = inode->i_ctime = current_time(inode);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	return 0;
}

/* Frees the blocks @first to @last (inclusive). Opens a handle. Returns 0 or -errno. */
static int remove_range(struct inode *inode, u32 first, u32 last)
{
	struct ext4_handle *h = ext4_start(inode->i_sb, EXT4_REMOVE_CREDITS);
	int err;

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	down_write(&EXT4_I(inode)->i_data_sem);
	err = ext4_remove_space(&h, inode, first, last);
	up_write(&EXT4_I(inode)->i_data_sem);
	if (!h)
		return err;
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	return err;
}

/* True if the range consists of whole blocks. */
static bool whole_blocks(const struct inode *inode, loff_t off, loff_t len)
{
	return !((u64)(off | len) & (inode->i_sb->s_blocksize - 1));
}

/* Removes the range from the file. Returns 0 or -errno. invalidate_lock is held. */
static int collapse(struct inode *inode, loff_t off, loff_t len)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 bits = inode->i_blkbits, first = (u32)((u64)off >> bits), n = (u32)((u64)len >> bits);
	int err;

	err = drop_pages(inode, off);
	if (!err)
		err = ext4_reserve(sbi, SPLIT_BLOCKS);
	if (err)
		return err;
	err = remove_range(inode, first, first + n - 1);
	if (!err)
		err = shift_down(inode, first + n, n);
	ext4_unreserve(sbi, SPLIT_BLOCKS);
	return err ? err : set_size(inode, i_size_read(inode) - len);
}

int ext4_collapse_range(struct inode *inode, loff_t off, loff_t len)
{
	int err;

	if (!whole_blocks(inode, off, len) || off + len >= i_size_read(inode))
		return -EINVAL;
	/* Writes most of the pages before faults and reads have to wait for invalidate_lock. */
	err = filemap_write_and_wait_range(inode->i_mapping, off, S64_MAX);
	if (err)
		return err;
	down_write(&inode->i_mapping->invalidate_lock);
	err = collapse(inode, off, len);
	up_write(&inode->i_mapping->invalidate_lock);
	return err;
}

/* Inserts a hole into the file. Returns 0 or -errno. invalidate_lock is held. */
static int insert(struct inode *inode, loff_t off, loff_t len)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	loff_t old = i_size_read(inode);
	u32 bits = inode->i_blkbits;
	bool moved = false;
	int err = drop_pages(inode, off);

	if (!err)
		err = ext4_reserve(sbi, SPLIT_BLOCKS);
	if (err)
		return err;
	/* The size is set first, so that no moved extent lies beyond it after a crash. */
	err = set_size(inode, old + len);
	if (!err)
		err = shift_up(inode, (u32)((u64)off >> bits), (u32)((u64)len >> bits), &moved);
	if (err && !moved)
		set_size(inode, old);
	ext4_unreserve(sbi, SPLIT_BLOCKS);
	return err;
}

int ext4_insert_range(struct inode *inode, loff_t off, loff_t len)
{
	loff_t size = i_size_read(inode);
	int err;

	if (!whole_blocks(inode, off, len) || off >= size)
		return -EINVAL;
	if (len > inode->i_sb->s_maxbytes - size)
		return -EFBIG;
	err = inode_newsize_ok(inode, size + len);
	if (!err)
		err = filemap_write_and_wait_range(inode->i_mapping, off, S64_MAX);
	if (err)
		return err;
	down_write(&inode->i_mapping->invalidate_lock);
	err = insert(inode, off, len);
	up_write(&inode->i_mapping->invalidate_lock);
	return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * dio.c: O_DIRECT: maps a file's bytes to disk blocks, for vfs/direct_io.c.
 *
 * A read looks up the map. A write needs blocks: in a hole, or beyond the end of the file, they are
 * allocated as unwritten before the data is submitted. When the data has reached the device, a
 * transaction marks them as written and sets the size. So a crash in between shows zeros or the old
 * size, never the earlier contents of the blocks. Existing written blocks need no transaction.
 *
 * The page cache is used instead for inline files, for files without extents where a block is
 * missing, and for writes that begin or end inside an unwritten block, since the rest of that block
 * must become zeros.
 *
 * Locks: those that direct_io.h describes, and i_data_sem for each lookup in the map.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/vfs/direct_io.h"

static int look(struct inode *inode, u32 lblk, u32 len, struct ext4_map *m)
{
	int err;

	*m = (struct ext4_map){ .lblk = lblk, .len = len };
	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, m);
	up_read(&EXT4_I(inode)->i_data_sem);
	return err ? err : m->len ? 0 : -EFSCORRUPTED;
}

/*
 * Returns the number of blocks that [pos, pos + len) touches, at most as many as a map's length can
 * express.
 */
static u32 count_blocks(const struct inode *inode, loff_t pos, u64 len)
{
	u64 first = (u64)pos >> inode->i_blkbits,
	    end = DIV_ROUND_UP((u64)pos + len, inode->i_sb->s_blocksize);

	return (u32)min_t(u64, end - first, 0xffffffffUL - first);
}

static int dio_map(struct inode *inode, loff_t pos, u64 len, struct direct_extent *e)
{
	u64 inside = (u64)pos & (inode->i_sb->s_blocksize - 1);
	struct ext4_map m;
	int err;

	if (ext4_is_inline(inode))
		return -ENOTBLK;
	if ((u64)pos >> inode->i_blkbits >= 0xffffffffUL)
		return -EFBIG;
	err = look(inode, (u32)((u64)pos >> inode->i_blkbits), count_blocks(inode, pos, len), &m);
	if (err)
		return err;
	*e = (struct direct_extent){ .bdev = inode->i_sb->s_bdev,
		.sector = (m.pblk << (inode->i_blkbits - SECTOR_SHIFT)) + (inside >> SECTOR_SHIFT),
		.len = ((u64)m.len << inode->i_blkbits) - inside,
		.kind = !m.pblk     ? DIRECT_HOLE :
			m.unwritten ? DIRECT_UNWRITTEN :
				      DIRECT_DATA };
	return 0;
}

/*
 * True if the write neither begins nor ends in the middle of one of the blocks of @m. An unwritten
 * block can only be written as a whole.
 */
static bool is_whole(const struct inode *inode, loff_t pos, u64 len, const struct ext4_map *m)
{
	u64 mask = inode->i_sb->s_blocksize - 1, end = (u64)pos + len;
	u64 from = (u64)m->lblk << inode->i_blkbits, to = ((u64)m->lblk + m->len)
							  << inode->i_blkbits;

	return !((u64)pos & mask && from < (u64)pos) && !(end & mask && to > end);
}

/* Prepares the blocks @m for a write. May shorten @m. Returns 0 or -errno, as ->prepare() does. */
static int prepare_run(struct inode *inode, loff_t pos, u64 len, struct ext4_map *m, bool nowait)
{
	if (m->pblk && !m->unwritten)
		return 0;
	if (!is_whole(inode, pos, len, m) || !(EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL))
		return -ENOTBLK;
	if (m->pblk)
		return 0;
	return nowait ? -EAGAIN : ext4_alloc_unwritten(inode, m, 0);
}

static s64 dio_prepare(struct inode *inode, loff_t pos, u64 len, bool nowait)
{
	u32 first = (u32)((u64)pos >> inode->i_blkbits), n = count_blocks(inode, pos, len);
	u64 at = first, end = at + n;
	int err = ext4_alive(EXT4_SB(inode->i_sb));

	if (err)
		return err;
	if (inode->i_sb->s_flags & SB_RDONLY)
		return -EROFS;
	if (ext4_is_inline(inode) || end > ext4_max_blocks(inode) || !n)
		return -ENOTBLK;
	if (ext4_has_lost(EXT4_SB(inode->i_sb))) {
		if (nowait)
			return -EAGAIN;
		ext4_settle_lost(EXT4_SB(inode->i_sb));
	}
	while (at < end) {
		struct ext4_map m;

		err = look(inode, (u32)at, (u32)(end - at), &m);
		if (!err)
			err = prepare_run(inode, pos, len, &m, nowait);
		if (err)
			break;
		at += m.len;
	}
	if (err == -ENOSPC && at > first) /* only the part of @len that has blocks */
		return (s64)min(len, (at << inode->i_blkbits) - (u64)pos);
	return err ? err : (s64)len;
}

/*
 * Moves the size on disk up to the end of the blocks @m, which were written, but at most to @end.
 * The caller writes the inode in the same transaction.
 */
static void follow(struct inode *inode, const struct ext4_map *m, loff_t end)
{
	loff_t at = (loff_t)(((u64)m->lblk + m->len) << inode->i_blkbits);

	if (at > end)
		at = end;
	if (at > EXT4_I(inode)->disksize)
		EXT4_I(inode)->disksize = at;
}

/*
 * Turns the unwritten blocks of [pos, pos + n) into written ones, some in each transaction. Each
 * transaction also moves the size on disk, since no blocks may lie beyond it after a crash. The
 * size on disk may be smaller than i_size while later pages have no blocks yet. Returns 0 or
 * -errno.
 */
static int set_written(struct inode *inode, loff_t pos, u64 n)
{
	u32 lblk = (u32)((u64)pos >> inode->i_blkbits), left = count_blocks(inode, pos, n);
	int err = 0;

	while (left && !err) {
		struct ext4_map m;
		struct ext4_handle *h;

		err = look(inode, lblk, left, &m);
		if (err)
			break;
		if (m.unwritten) {
			h = ext4_start(inode->i_sb, 2 * EXT4_ALLOC_CREDITS + EXT4_INODE_CREDITS);
			if (IS_ERR(h))
				return (int)PTR_ERR(h);
			down_write(&EXT4_I(inode)->i_data_sem);
			err = ext4_map_create(h, inode, &m, false);
			if (!err)
				follow(inode, &m, pos + (loff_t)n);
			up_write(&EXT4_I(inode)->i_data_sem);
			ext4_write_inode_raw(h, inode);
			ext4_stop(h);
		}
		lblk += m.len;
		left -= min(left, m.len);
	}
	return err;
}

static int set_end(struct inode *inode, loff_t end)
{
	struct ext4_handle *h;

	h = ext4_start(inode->i_sb, EXT4_INODE_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	i_size_write(inode, end);
	down_write(&EXT4_I(inode)->i_data_sem);
	if (end > EXT4_I(inode)->disksize)
		EXT4_I(inode)->disksize = end;
	up_write(&EXT4_I(inode)->i_data_sem);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	return 0;
}

static int dio_end(struct inode *inode, loff_t pos, ssize_t n, bool grows)
{
	int err;

	/* Frees the blocks that were allocated beyond the end but not written to. */
	if (n <= 0)
		return grows ? ext4_truncate(inode) : 0;
	if (grows) {
		if (pos > i_size_read(inode))
			pagecache_zero_tail(inode->i_mapping, i_size_read(inode));
		ext4_end_moves(inode);
	}
	err = set_written(inode, pos, (u64)n);
	return !err && grows ? set_end(inode, pos + n) : err;
}

const struct direct_ops ext4_direct_ops = {
	.map = dio_map,
	.prepare = dio_prepare,
	.end = dio_end,
};

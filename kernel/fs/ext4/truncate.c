/* SPDX-License-Identifier: MIT */
/*
 * truncate.c: shrinks and removes files; setattr and fallocate.
 *
 * Removing blocks may take several transactions, so an inode that shrinks or is removed is first
 * made an orphan (orphan.c): after a crash the next mount finishes the work. Order for shrinking:
 * cut the size in memory and the page cache; under a handle, make the orphan entry and set the size
 * on disk; free the blocks; remove the orphan entry. Locks: the caller holds i_rwsem (not at
 * eviction, when the inode has no other user).
 */
#include <linux/falloc.h>

#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/direct_io.h"

/* ---- truncation ---- */

/* True if i_block has a map of blocks. For devices and short symlinks it has none. */
static bool has_map(const struct inode *inode)
{
	if (ext4_is_inline(inode))
		return false;
	return EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL || S_ISREG(inode->i_mode) ||
	       S_ISDIR(inode->i_mode) || inode->i_op == &ext4_symlink_iops;
}

/* Returns the number of blocks that @size bytes take. */
static u32 first_block_beyond(const struct inode *inode, loff_t size)
{
	return (u32)DIV_ROUND_UP((u64)size, (u64)inode->i_sb->s_blocksize);
}

/*
 * Frees the blocks beyond i_size. The inode is an orphan meanwhile. The caller has already
 * truncated the page cache. Returns 0 or -errno.
 */
int ext4_truncate(struct inode *inode)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_handle *h;
	int err;

	h = ext4_start(inode->i_sb, EXT4_REMOVE_CREDITS);
	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	down_write(&ei->i_data_sem);
	ei->disksize = i_size_read(inode);
	ei->goal = 0;
	ext4_window_drop(EXT4_SB(inode->i_sb), inode);
	err = ext4_orphan_add(h, inode);
	if (!err && has_map(inode))
		err = ext4_remove_space(&h, inode, first_block_beyond(inode, inode->i_size), ~0U);
	up_write(&ei->i_data_sem);
	if (!h)
		return err;
	if (!err && inode->i_nlink)
		err = ext4_orphan_del(h, inode);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	return err;
}

/* Returns 1 if the file has a block at byte @pos, 0 if not, or -errno. */
static int has_block_at(struct inode *inode, loff_t pos)
{
	struct ext4_map m = { .lblk = (u32)((u64)pos >> inode->i_blkbits), .len = 1 };
	int err;

	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, &m);
	up_read(&EXT4_I(inode)->i_data_sem);
	return err ? err : m.pblk != 0;
}

/*
 * Zeroes bytes [from, to) of one page, in the cache and, by later writeback, on disk. A clean page
 * over a hole has only zeros, so it stays clean and needs no reservation. Returns 0 or -errno.
 */
static int zero_in_page(struct inode *inode, loff_t from, loff_t to)
{
	struct page *p = read_cache_page(inode->i_mapping, (u64)from >> PAGE_SHIFT, NULL);
	int there = 0;

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	lock_page(p);
	if (p->mapping == inode->i_mapping) {
		wait_on_page_writeback(p);
		p = cache_page_own(p);
		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		there = PageDirty(p) || PagePrivate(p) || ext4_blocks_per_page(inode) > 1 ?
				1 :
				has_block_at(inode, from);
	}
	if (there > 0) {
		memset((u8 *)page_address(p) + ((u64)from & (PAGE_SIZE - 1)), 0,
			(size_t)(to - from));
		set_page_dirty(p);
	}
	unlock_page(p);
	put_page(p);
	return min(there, 0);
}

static bool page_cached(struct inode *inode, loff_t pos)
{
	struct page *p = find_get_page(inode->i_mapping, (u64)pos >> PAGE_SHIFT);

	if (p)
		put_page(p);
	return p != NULL;
}

/*
 * Zeroes the part of a page at the edge of a punched hole. If the file has no block there,
 * allocates none, but blocks smaller than a page are not examined one by one. Returns 0 or -errno.
 */
static int zero_edge(struct inode *inode, loff_t from, loff_t to)
{
	int there;

	if (from >= to || from >= i_size_read(inode))
		return 0;
	there = inode->i_sb->s_blocksize < PAGE_SIZE || page_cached(inode, from) ?
			1 :
			has_block_at(inode, from);
	return there > 0 ? zero_in_page(inode, from, to) : there;
}

/* Sets the size in memory and the size to be written, in bytes. Takes i_data_sem. */
static void change_size(struct inode *inode, loff_t size)
{
	i_size_write(inode, size);
	down_write(&EXT4_I(inode)->i_data_sem);
	EXT4_I(inode)->disksize = size;
	up_write(&EXT4_I(inode)->i_data_sem);
}

/*
 * Extends a file. First moves inline data into blocks, and repeats that until the size is set,
 * since writeback may move the data of a short file back into the inode. Returns 0 or -errno.
 */
static int make_longer(struct inode *inode, loff_t size)
{
	struct ext4_inode *ei = EXT4_I(inode);
	bool out = false;
	int err = 0;

	while (!out && !err) {
		err = ext4_inline_out(inode, false);
		down_write(&ei->i_data_sem);
		out = !err && !ext4_is_inline(inode);
		if (out) {
			i_size_write(inode, size);
			ei->disksize = size;
		}
		up_write(&ei->i_data_sem);
	}
	return err;
}

/*
 * Restores the old size after blocks could not be freed, so that they do not lie beyond the file's
 * end. Blocks that were freed become a hole.
 */
static void regrow(struct inode *inode, loff_t old)
{
	struct ext4_handle *h = ext4_start(inode->i_sb, EXT4_INODE_CREDITS);

	if (IS_ERR(h))
		return;
	change_size(inode, old);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
}

/*
 * Writes the zeros that follow the new end before the transaction with the size begins. Its commit
 * waits for them. Otherwise a crash could leave old data there, which would appear when the file
 * grows again. fsync reports errors of this write.
 */
static void write_tail(struct inode *inode, loff_t size)
{
	struct writeback_control wbc = {
		.sync = true, .nr_to_write = 1, .start = size, .end = size
	};

	if ((u64)size & (inode->i_sb->s_blocksize - 1) && has_block_at(inode, size) > 0)
		ext4_aops.writepages(&inode->i_data, &wbc);
}

/* Sets the size in bytes. i_rwsem is held, no handle is open. Returns 0 or -errno. */
static int set_size(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);
	int err = 0;

	if (size > old) {
		pagecache_zero_tail(inode->i_mapping, old); /* may wait for writeback */
		ext4_end_moves(inode);
		return make_longer(inode, size);
	}
	inode_dio_wait(inode);
	/* The rest of the last page must read as zeros if the file grows again. */
	if (size < old)
		err = zero_edge(inode, size, (loff_t)round_up((u64)size, PAGE_SIZE));
	if (err)
		return err;
	if (size < old)
		write_tail(inode, size);
	EXT4_I(inode)->rewritten |= !size && old;
	down_write(&inode->i_mapping->invalidate_lock);
	i_size_write(inode, size);
	truncate_pagecache(inode->i_mapping, size);
	err = ext4_truncate(inode);
	if (err)
		regrow(inode, old);
	up_write(&inode->i_mapping->invalidate_lock);
	return err;
}

u64 ext4_max_blocks(const struct inode *inode)
{
	u64 per = 1UL << (inode->i_blkbits - 2);

	if (EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL)
		return 0xffffffffUL;
	return min(12 + per + per * per + per * per * per, 0xffffffffUL);
}

int ext4_setattr(struct dentry *d, struct iattr *attr)
{
	struct inode *inode = d_inode(d);
	loff_t old = i_size_read(inode);
	struct ext4_handle *h;
	int err = inode->i_flags & S_IMMUTABLE ? -EPERM : setattr_prepare(d, attr);

	if (!err && attr->ia_valid & ATTR_SIZE) {
		err = inode_newsize_ok(inode, attr->ia_size);
		if (!err && (u64)attr->ia_size >> inode->i_blkbits > ext4_max_blocks(inode))
			err = -EFBIG;
		if (!err && attr->ia_size != i_size_read(inode))
			err = ext4_inline_out(inode, attr->ia_size < i_size_read(inode));
		if (!err)
			err = set_size(inode, attr->ia_size);
	}
	if (err)
		return err;
	h = ext4_start(inode->i_sb, EXT4_INODE_CREDITS);
	if (IS_ERR(h)) {
		err = (int)PTR_ERR(h);
	} else {
		setattr_copy(inode, attr);
		err = ext4_write_inode_raw(h, inode);
		if (inode_is_sync(inode))
			ext4_stop_waits(h);
		ext4_stop(h);
	}
	if (err && attr->ia_valid & ATTR_SIZE && attr->ia_size > old)
		change_size(inode, old);
	return err;
}

/* ---- the end of an inode ---- */

/*
 * Frees the rest of an inode without blocks: its attributes, its place on the list of orphans, and
 * its number. Returns 0 or -errno.
 */
static int give_up_number(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_buf *bitmap = ext4_hold_inode_bitmap(h, inode);
	int err;

	if (IS_ERR(bitmap))
		return (int)PTR_ERR(bitmap);
	err = ext4_xattr_delete(h, inode);
	if (!err)
		err = ext4_orphan_del(h, inode);
	if (!err) {
		EXT4_I(inode)->dtime = (u32)(ktime_get_real() / 1000000000);
		ext4_write_inode_raw(h, inode);
		ext4_free_inode_number(h, inode);
	}
	if (bitmap)
		ext4_brelse(bitmap);
	return err;
}

/*
 * Removes an inode without names. If a block cannot be read, the next mount continues: the inode on
 * disk has the state so far, and stays on the list of orphans.
 */
static void delete_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_handle *h;
	int err = 0;

	h = ext4_start(sb, EXT4_REMOVE_CREDITS);
	/* If read-only, the next mount finds the inode on the list of orphans. */
	if (IS_ERR(h))
		return;
	ext4_orphan_add(h, inode);
	down_write(&ei->i_data_sem);
	i_size_write(inode, 0);
	ei->disksize = 0;
	if (has_map(inode))
		err = ext4_remove_space(&h, inode, 0, ~0U);
	up_write(&ei->i_data_sem);
	if (!h)
		return;
	if (!err)
		err = give_up_number(h, inode);
	if (err)
		ext4_write_inode_raw(h, inode);
	ext4_stop(h);
}

void ext4_evict_inode(struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);

	truncate_inode_pages(&inode->i_data, 0);
	if (!inode->i_nlink && inode->i_ino && !(inode->i_state & I_NEW))
		delete_inode(inode);
	ext4_orphan_evicted(inode);
	if (!inode->i_nlink)
		ext4_window_drop(sbi, inode);
	clear_inode(inode);
}

/* ---- fallocate ---- */

/* Makes a hole of the bytes [off, off+len). i_rwsem is held. Returns 0 or -errno. */
static int punch(struct inode *inode, loff_t off, loff_t len)
{
	u64 bs = inode->i_sb->s_blocksize, end = (u64)(off + len);
	u32 first = (u32)DIV_ROUND_UP((u64)off, bs), last = (u32)(end / bs);
	struct ext4_handle *h;
	loff_t head = (loff_t)min(round_up((u64)off, PAGE_SIZE), end),
	       tail = (loff_t)(end & PAGE_MASK);
	int err = filemap_write_and_wait_range(inode->i_mapping, off, off + len - 1);

	if (!err)
		err = zero_edge(inode, off, head);
	if (!err && tail >= head)
		err = zero_edge(inode, tail, (loff_t)end);
	if (err)
		return err;
	down_write(&inode->i_mapping->invalidate_lock);
	truncate_inode_pages_range(inode->i_mapping, off, off + len - 1);
	h = first < last ? ext4_start(inode->i_sb, EXT4_REMOVE_CREDITS) : NULL;
	if (IS_ERR_OR_NULL(h)) {
		up_write(&inode->i_mapping->invalidate_lock);
		return (int)PTR_ERR(h);
	}
	down_write(&EXT4_I(inode)->i_data_sem);
	err = ext4_remove_space(&h, inode, first, last - 1);
	up_write(&EXT4_I(inode)->i_data_sem);
	up_write(&inode->i_mapping->invalidate_lock);
	if (!h)
		return err;
	inode->i_mtime = inode->i_ctime = current_time(inode);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	return err;
}

/*
 * Cuts @m to its first part, which either has blocks already (*room becomes 0), or is a hole. For a
 * hole, reserves *room blocks, as delayed allocation does for dirty pages. Returns 0 or -errno.
 */
static int make_room(struct inode *inode, struct ext4_map *m, u32 *room)
{
	struct ext4_map have = *m;
	int err;

	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, &have);
	up_read(&EXT4_I(inode)->i_data_sem);
	m->len = have.len;
	*room = 0;
	if (err || have.pblk)
		return err;
	m->len = min(m->len, (u32)EXT4_INIT_MAX_LEN);
	while (ext4_reserve(EXT4_SB(inode->i_sb), m->len)) {
		if (m->len == 1)
			return -ENOSPC;
		m->len /= 2;
	}
	*room = m->len;
	return 0;
}

/*
 * Moves the size up to the beginning of block @lblk, where the file's new blocks end, but at most
 * to @end. i_data_sem is held for writing.
 */
static void follow_blocks(struct inode *inode, u64 lblk, loff_t end)
{
	struct ext4_inode *ei = EXT4_I(inode);
	loff_t size = (loff_t)min_t(u64, lblk << inode->i_blkbits, (u64)end);

	if (size > ei->disksize)
		ei->disksize = size;
	if (end && ei->disksize > i_size_read(inode))
		i_size_write(inode, ei->disksize);
}

int ext4_alloc_unwritten(struct inode *inode, struct ext4_map *m, loff_t end)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_handle *h;
	u32 room;
	int err = make_room(inode, m, &room);

	if (err)
		return err;
	h = ext4_start(inode->i_sb, 2 * EXT4_ALLOC_CREDITS + EXT4_INODE_CREDITS);
	if (IS_ERR(h)) {
		ext4_unreserve(sbi, room);
		return (int)PTR_ERR(h);
	}
	down_write(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_create(h, inode, m, true);
	if (!err)
		follow_blocks(inode, (u64)m->lblk + m->len, end);
	up_write(&EXT4_I(inode)->i_data_sem);
	ext4_write_inode_raw(h, inode);
	ext4_stop(h);
	ext4_unreserve(sbi, room);
	return err;
}

/*
 * Allocates unwritten blocks for the range, some in each transaction. Returns 0 or -errno. -EINTR
 * after a fatal signal.
 */
static int preallocate(struct inode *inode, loff_t off, loff_t len, bool keep_size)
{
	u64 bs = inode->i_sb->s_blocksize;
	u32 lblk = (u32)((u64)off / bs), end = (u32)DIV_ROUND_UP((u64)(off + len), bs);
	int err = 0;

	if (!keep_size && off + len > i_size_read(inode)) {
		pagecache_zero_tail(inode->i_mapping, i_size_read(inode));
		ext4_end_moves(inode);
	}
	while (lblk < end && !err) {
		struct ext4_map m = { .lblk = lblk, .len = end - lblk };

		inode->i_mtime = inode->i_ctime = current_time(inode);
		err = ext4_alloc_unwritten(inode, &m, keep_size ? 0 : off + len);
		lblk += m.len;
		if (fatal_signal_pending(current))
			err = err ? err : -EINTR;
		cond_resched();
	}
	return err;
}

#define SHIFTING (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)

long ext4_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	int err;

	if (!S_ISREG(inode->i_mode))
		return -EOPNOTSUPP;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | SHIFTING))
		return -EOPNOTSUPP;
	/* Block maps cannot mark blocks as unwritten. */
	if (!(EXT4_I(inode)->i_flags & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)) &&
		mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((u64)(off + len) > (u64)inode->i_sb->s_maxbytes)
		return -EFBIG;
	down_write(&inode->i_rwsem);
	inode_dio_wait(inode);
	err = inode->i_flags & S_SWAPFILE || (inode->i_pins && mode & ~FALLOC_FL_KEEP_SIZE) ?
		      -ETXTBSY :
	      mode & (FALLOC_FL_KEEP_SIZE | SHIFTING) ?
		      0 :
		      inode_newsize_ok(inode, max(off + len, i_size_read(inode)));
	if (!err)
		err = file_remove_privs(f);
	if (!err)
		err = file_update_time(f);
	if (!err)
		err = ext4_inline_out(inode, false);
	if (!err && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		err = punch(inode, off, len);
	if (!err && mode & FALLOC_FL_COLLAPSE_RANGE)
		err = ext4_collapse_range(inode, off, len);
	if (!err && mode & FALLOC_FL_INSERT_RANGE)
		err = ext4_insert_range(inode, off, len);
	if (!err && !(mode & (FALLOC_FL_PUNCH_HOLE | SHIFTING)))
		err = preallocate(inode, off, len, mode & FALLOC_FL_KEEP_SIZE);
	up_write(&inode->i_rwsem);
	if (!err && file_is_sync(f))
		err = vfs_fsync_range(f, 0, S64_MAX, !(f->f_flags & O_SYNC & ~O_DSYNC));
	return err;
}

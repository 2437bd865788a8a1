/* SPDX-License-Identifier: MIT */
/*
 * window.c: keeps the free blocks after a growing file's last block for that file's later blocks.
 *
 * A window maps a range of a file's blocks to a run of disk blocks. An allocation outside the
 * file's windows (ext4_alloc_data()) also makes a window, as large as the file is expected to grow.
 * If no task has the file open for writing, that is the number of its delayed blocks: blocks
 * promised to dirty pages and not allocated yet. Else it is twice the number of its allocated and
 * delayed blocks. While the window exists, each of its file blocks has a fixed disk block, in
 * whatever order writeback allocates them, and allocations for other files look elsewhere. Files of
 * less than SMALL blocks take the first free run, so that small files that are closed before they
 * are written out (an unpacked archive) lie one after the other.
 *
 * A window reserves nothing in the bitmaps: a crash leaves no trace, its blocks are counted as
 * free, and a search that finds too little elsewhere ignores windows. There are EXT4_WINDOWS
 * windows, at most OWN_MAX of them for one file. A new window replaces the least recently used one.
 * The last close drops the part that the file will not fill. A truncation drops all windows of the
 * file.
 *
 * Lock: alloc_lock. Cost: a scan of EXT4_WINDOWS entries for each free run that a search meets.
 */
#include "kernel/fs/ext4/ext4.h"

#define SMALL 16 /* in blocks */
/* in blocks: a file that needs a run of at least this length at once is a stream */
#define LONG 256
/* in blocks: smallest window of a stream that is open for writing */
#define STREAM_MIN 4096
/* in blocks: smallest window of other files that are open for writing */
#define OPEN_MIN 512
/* in blocks: largest window for a short run that does not follow the file's last block */
#define PLACE_MAX 2048
#define OWN_MAX 4

static bool has_writer(const struct inode *inode)
{
	return atomic_read(&inode->i_writecount) > 0;
}

/* Returns the number of blocks that the file will have when all its dirty pages are written. */
static u64 volume(struct inode *inode)
{
	return (inode->i_blocks >> (inode->i_blkbits - SECTOR_SHIFT)) +
	       READ_ONCE(EXT4_I(inode)->delayed);
}

static u64 blocks_of_size(struct inode *inode)
{
	return DIV_ROUND_UP((u64)i_size_read(inode), 1UL << inode->i_blkbits);
}

u32 ext4_window_room(struct ext4_sb *sbi, struct inode *inode, u32 lblk, bool on, u32 len)
{
	u64 most = clamp(sbi->free_blocks / 8, (u64)OPEN_MIN, (u64)sbi->blocks_per_group / 2),
	    size = blocks_of_size(inode), left = size > lblk ? size - lblk : 0, room;

	if (!S_ISREG(inode->i_mode))
		return len;
	if (!has_writer(inode))
		room = min(left, READ_ONCE(EXT4_I(inode)->delayed));
	else
		room = clamp(2 * volume(inode), (u64)(len >= LONG ? STREAM_MIN : OPEN_MIN),
			(u64)(on || len >= LONG ? ~0U : PLACE_MAX));
	return (u32)max(min(room, most), (u64)len);
}

bool ext4_window_small(struct inode *inode)
{
	return volume(inode) < SMALL;
}

struct ext4_window *ext4_window_find(struct ext4_sb *sbi, u64 ino, u32 lblk)
{
	u32 i;

	for (i = 0; i < EXT4_WINDOWS; i++) {
		struct ext4_window *w = &sbi->windows[i];

		if (w->ino != ino || lblk < w->lblk || lblk - w->lblk >= w->len)
			continue;
		w->used = ++sbi->window_clock;
		return w;
	}
	return NULL;
}

u32 ext4_window_clip(const struct ext4_sb *sbi, u64 ino, u64 block, u32 len, u32 *skip)
{
	u32 i;

	*skip = 0;
	for (i = 0; i < EXT4_WINDOWS; i++) {
		const struct ext4_window *w = &sbi->windows[i];

		if (!w->ino || w->ino == ino || block >= w->first + w->len ||
			block + len <= w->first)
			continue;
		if (block < w->first) {
			len = (u32)(w->first - block);
		} else {
			*skip = (u32)(w->first + w->len - block);
			return 0;
		}
	}
	return len;
}

/*
 * Chooses the window to replace: the file's own least recently used one if it has OWN_MAX of them,
 * else the least recently used one of all.
 */
static struct ext4_window *victim(struct ext4_sb *sbi, u64 ino)
{
	struct ext4_window *all = &sbi->windows[0], *own = NULL;
	u32 i, n = 0;

	for (i = 0; i < EXT4_WINDOWS; i++) {
		struct ext4_window *w = &sbi->windows[i];

		if (w->used < all->used)
			all = w;
		if (w->ino != ino)
			continue;
		n++;
		if (!own || w->used < own->used)
			own = w;
	}
	return n >= OWN_MAX ? own : all;
}

void ext4_window_set(struct ext4_sb *sbi, u64 ino, u32 lblk, u64 first, u32 len)
{
	/* the window in which the block could not be allocated, or NULL */
	struct ext4_window *old = ext4_window_find(sbi, ino, lblk);
	u32 skip;

	len = ext4_window_clip(sbi, ino, first, len, &skip);
	*(old ? old : victim(sbi, ino)) = (struct ext4_window){
		.ino = ino, .lblk = lblk, .first = first, .len = len, .used = ++sbi->window_clock
	};
}

/* Cuts the file's windows at its block @end. */
static void cut(struct ext4_sb *sbi, u64 ino, u64 end)
{
	u32 i;

	mutex_lock(&sbi->alloc_lock);
	for (i = 0; i < EXT4_WINDOWS; i++) {
		struct ext4_window *w = &sbi->windows[i];

		if (w->ino != ino || w->lblk + (u64)w->len <= end)
			continue;
		if (w->lblk < end)
			w->len = (u32)(end - w->lblk);
		else
			*w = (struct ext4_window){ .ino = 0 };
	}
	mutex_unlock(&sbi->alloc_lock);
}

void ext4_window_closed(struct ext4_sb *sbi, struct inode *inode)
{
	cut(sbi, inode->i_ino, READ_ONCE(EXT4_I(inode)->delayed) ? blocks_of_size(inode) : 0);
}

void ext4_window_drop(struct ext4_sb *sbi, const struct inode *inode)
{
	cut(sbi, inode->i_ino, 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * window.c: files that are written side by side keep out of each other's way.
 *
 * A file that has just been given blocks and goes on growing is expected to want those behind them next. That place is its window: for a
 * while other files look elsewhere, as long as there is an elsewhere. Nothing is reserved by it: windows are a handful of hints in memory,
 * the oldest is forgotten for a new one, and a search that finds nothing otherwise does not look at them.
 * What gets one: a run of at least LONG blocks (a stream), and any file that somebody has open for writing. Small files that were closed
 * before they were written out (an unpacked archive) get none, so that they lie one behind the other.
 * Lock: alloc_lock. Cost: a look at WINDOWS entries for each free run that a search meets.
 */
#include "kernel/fs/ext4/ext4.h"

#define LONG 256         /* blocks */
#define STREAM_ROOM 4096 /* for a stream */
#define OPEN_ROOM_MIN 512
#define OPEN_ROOM_MAX 2048

void ext4_window_set(struct ext4_sb *sbi, struct inode *inode, u64 next, u32 got)
{
	u64 have = inode->i_blocks >> (inode->i_blkbits - SECTOR_SHIFT);
	struct ext4_window *w = &sbi->windows[0];
	u32 i;

	if (!S_ISREG(inode->i_mode) || (got < LONG && atomic_read(&inode->i_writecount) <= 0))
		return;
	mutex_lock(&sbi->alloc_lock);
	for (i = 0; i < EXT4_WINDOWS; i++) {
		if (sbi->windows[i].ino == inode->i_ino) {
			w = &sbi->windows[i];
			break;
		}
		if (sbi->windows[i].used < w->used)
			w = &sbi->windows[i];
	}
	*w = (struct ext4_window){
		.ino = inode->i_ino, .first = next, .used = ++sbi->window_clock
	};
	w->len = got >= LONG ? STREAM_ROOM :
			       (u32)clamp(2 * have, (u64)OPEN_ROOM_MIN, (u64)OPEN_ROOM_MAX);
	mutex_unlock(&sbi->alloc_lock);
}

void ext4_window_drop(struct ext4_sb *sbi, const struct inode *inode)
{
	u32 i;

	mutex_lock(&sbi->alloc_lock);
	for (i = 0; i < EXT4_WINDOWS; i++)
		if (sbi->windows[i].ino == inode->i_ino)
			sbi->windows[i] = (struct ext4_window){ .ino = 0 };
	mutex_unlock(&sbi->alloc_lock);
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

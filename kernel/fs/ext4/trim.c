/* SPDX-License-Identifier: MIT */
/*
 * trim.c: discards free blocks on the disk: after each commit, the blocks that it freed (mount
 * option discard), and on request (FITRIM, fstrim(8)).
 *
 * Blocks that are being discarded are held (balloc.c: group_info.held), so that they cannot be
 * allocated meanwhile, and FITRIM holds trim_lock. An allocation that finds no other free block
 * waits for trim_lock, since the held blocks may be promised to dirty pages.
 */
#include <linux/capability.h>
#include <linux/fs.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"

static int discard_one(struct ext4_sb *sbi, const struct ext4_freed *f)
{
	u32 sectors = sbi->block_size >> SECTOR_SHIFT;

	return bdev_discard(sbi->sb->s_bdev, f->block * sectors, (u64)f->count * sectors);
}

void ext4_discard_freed(struct ext4_sb *sbi, const struct ext4_freed *list)
{
	int err = 0;

	if (!(sbi->opt.flags & EXT4_OPT_DISCARD) || !sbi->sb->s_bdev->disk->discard)
		return;
	for (; list && !err; list = list->next)
		err = discard_one(sbi, list);
	if (err)
		printk(KERN_WARNING "EXT4-fs (%s): discard failed (%d)\n", sbi->sb->s_id, err);
}

struct trim {
	u64 first, end; /* block numbers */
	u32 min;        /* blocks: shortest run to trim */
	u64 trimmed;    /* in blocks */
};

/* Trims the free runs of a group, some in each transaction. Returns 0 or -errno. */
static int trim_group(struct ext4_sb *sbi, struct trim *t, u32 group)
{
	u64 base = ext4_group_first(sbi, group);
	u32 from = t->first > base ? (u32)(t->first - base) : 0,
	    end = (u32)min_t(u64, ext4_group_blocks(sbi, group), t->end - base);
	int err = 0;

	while (from < end && !err) {
		struct ext4_handle *h = ext4_start(sbi->sb, 3);
		struct ext4_freed *list, *f;

		if (IS_ERR(h))
			return (int)PTR_ERR(h);
		mutex_lock(&sbi->trim_lock);
		err = ext4_hold_free(h, sbi, group, &from, end, t->min, &list);
		ext4_stop(h);
		for (f = list; f && !err; f = f->next) {
			err = discard_one(sbi, f);
			t->trimmed += err ? 0 : f->count;
		}
		ext4_release_trimmed(sbi, list);
		mutex_unlock(&sbi->trim_lock);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return err;
}

static int trim_all(struct ext4_sb *sbi, struct trim *t)
{
	u32 group = ext4_block_group(sbi, t->first), last = ext4_block_group(sbi, t->end - 1);
	int err = 0;

	for (; group <= last && !err; group++)
		err = trim_group(sbi, t, group);
	return err;
}

long ext4_fitrim(struct super_block *sb, uaddr_t arg)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 bits = sb->s_blocksize_bits;
	struct fstrim_range r;
	struct trim t;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!sb->s_bdev->disk->discard)
		return -EOPNOTSUPP;
	if (sb->s_flags & SB_RDONLY)
		return -EROFS;
	/* After a shutdown, blocks that are free in memory may belong to files on the disk. */
	if (ext4_alive(sbi))
		return -EIO;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.start >> bits >= sbi->blocks_count || r.len < sbi->block_size ||
		r.minlen >> bits > sbi->blocks_per_group)
		return -EINVAL;
	t = (struct trim){ .first = max(r.start >> bits, (u64)sbi->first_data_block),
		.min = (u32)max(r.minlen >> bits, 1UL) };
	t.end = min((r.start >> bits) + (r.len >> bits), sbi->blocks_count);
	err = t.end > t.first ? trim_all(sbi, &t) : 0;
	if (err)
		return err;
	r.len = t.trimmed << bits;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

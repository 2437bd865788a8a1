/* SPDX-License-Identifier: MIT */
/*
 * lost.c: if the disk refuses the data of new blocks, zeroes these blocks before a commit makes
 * them part of a file.
 *
 * Writeback allocates a block in an extent that is not marked as unwritten, so a read returns what
 * the disk has there. The transaction commits when the write of the data has ended, successfully or
 * not. After a failed write the block would show its earlier contents, perhaps bytes of another
 * file. So the bio of a failed write is kept as the record of its sectors:
 *
 *	ext4_lost_begin(txn)
 *	        in end_io, before the bio's pages end writeback
 *	ext4_lost_end(txn, bio)
 *	        in end_io, after that; keeps the bio
 *	ext4_settle_lost(sbi)
 *	        zeroes the sectors of all these bios; if the disk refuses that too, the log is
 *	        aborted, so that no file shows the blocks after a crash
 *
 * The commit calls ext4_settle_lost() when the writes of its transaction have ended. A task that
 * writes to existing blocks calls it first, or the zeroes could overwrite its data. Blocks that
 * were freed meanwhile cannot belong to another file yet, since their transaction has not
 * committed. The zeroes become a hole in the host's image file where possible, so that writing them
 * succeeds even if the host's disk is full.
 *
 * Not covered are data=writeback and file systems without a log, which give no such guarantee, and
 * data that overwrites a file's own blocks. Locks: lost_mutex -> j->lock.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

#define TRIES 3

static int write_zeros(struct block_device *b, sector_t s, u64 nr)
{
	int err = bdev_write_zeroes(b, s, nr);
	char *zeros;

	if (err != -EOPNOTSUPP)
		return err;
	zeros = kzalloc(PAGE_SIZE, GFP_NOFS | __GFP_NOFAIL);
	for (err = 0; nr && !err;) {
		u64 n = min(nr, PAGE_SIZE >> SECTOR_SHIFT);

		err = bdev_rw(b, REQ_WRITE, s, zeros, n << SECTOR_SHIFT);
		s += n;
		nr -= n;
	}
	kfree(zeros);
	return err;
}

void ext4_zero_lost(struct ext4_sb *sbi, struct block_device *b, sector_t s, u64 nr)
{
	int err = -EIO, i;

	for (i = 0; i < TRIES && err && !ext4_journal_is_aborted(sbi); i++)
		err = write_zeros(b, s, nr);
	if (!err || ext4_journal_is_aborted(sbi))
		return;
	printk(KERN_CRIT "EXT4-fs (%s): %lu new sectors could neither be written nor zeroed\n",
		sbi->sb->s_id, (unsigned long)nr);
	ext4_journal_abort(sbi, err);
}

bool ext4_hides_lost(const struct ext4_sb *sbi)
{
	return sbi->opt.data != EXT4_DATA_WRITEBACK && !sbi->journal->unlogged;
}

void ext4_lost_begin(struct ext4_txn *t)
{
	atomic_inc(&t->j->nr_lost);
}

void ext4_lost_end(struct ext4_txn *t, struct bio *bio)
{
	struct ext4_journal *j = t->j;

	spin_lock(&j->lock);
	list_add_tail(&bio->list, &j->lost);
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_updates);
}

static struct bio *take_first(struct ext4_journal *j)
{
	struct bio *bio;

	spin_lock(&j->lock);
	bio = list_empty(&j->lost) ? NULL : list_first_entry(&j->lost, struct bio, list);
	if (bio)
		list_del_init(&bio->list);
	spin_unlock(&j->lock);
	return bio;
}

bool ext4_has_lost(const struct ext4_sb *sbi)
{
	return sbi->journal && atomic_read(&sbi->journal->nr_lost);
}

void ext4_settle_lost(struct ext4_sb *sbi)
{
	struct ext4_journal *j = sbi->journal;
	struct bio *bio = NULL;

	if (!ext4_has_lost(sbi))
		return;
	ext4_journal_use(j);
	mutex_lock(&j->lost_mutex);
	while (atomic_read(&j->nr_lost)) {
		wait_event(&j->wait_updates, (bio = take_first(j)) != NULL);
		ext4_zero_lost(sbi, bio->bdev, bio->sector, bio->bytes >> SECTOR_SHIFT);
		bio_put(bio);
		atomic_dec(&j->nr_lost);
	}
	mutex_unlock(&j->lost_mutex);
	ext4_journal_unuse(j);
}

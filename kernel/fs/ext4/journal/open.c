/* SPDX-License-Identifier: MIT */
/*
 * open.c: opens the journal of a file system at mount, and closes it.
 *
 *	ext4_journal_load()    reads superblock and map of the log, replays it, starts the thread
 *	ext4_journal_close()   ends the thread and empties the log; a remount may load it again
 *	ext4_journal_free()    at unmount
 *
 * Locks: s_umount of the mount for writing; j->lock for what handles see.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

/* four times a transaction's size */
#define UNLOGGED_BLOCKS 16384

/*
 * Reads the map of the log: the device block of each of its blocks. They never move. Returns 0 or
 * -errno.
 */
static int read_map(struct ext4_journal *j)
{
	u32 lblk = 0;

	j->map = kmalloc(j->maxlen * sizeof(j->map[0]), GFP_KERNEL);
	if (!j->map)
		return -ENOMEM;
	while (lblk < j->maxlen) {
		struct ext4_map m = { .lblk = lblk, .len = j->maxlen - lblk };
		int err;
		u32 i;

		down_read(&EXT4_I(j->inode)->i_data_sem);
		err = ext4_map_blocks(j->inode, &m);
		up_read(&EXT4_I(j->inode)->i_data_sem);
		if (err)
			return err;
		if (!m.pblk || !m.len)
			return -EFSCORRUPTED;
		for (i = 0; i < m.len; i++)
			j->map[lblk++] = m.pblk + i;
		cond_resched();
	}
	return 0;
}

/*
 * Refuses a log that must be replayed if this kernel cannot check whether its transactions are
 * complete. Returns 0 or -errno.
 */
static int check_replayable(const struct ext4_journal *j)
{
	u32 incompat = be32(j->super.incompat);
	const char *why = NULL;

	if (be32(j->super.h.type) != JBD_SUPER_V2 || !j->super.start)
		return 0;
	if (incompat & JBD_INCOMPAT_FAST_COMMIT)
		why = "may have fast commits";
	else if (incompat & JBD_INCOMPAT_ASYNC_COMMIT &&
		 !(incompat & (JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3)))
		why = "was written with async_commit and no checksums of blocks";
	if (!why)
		return 0;
	printk(KERN_ERR "EXT4-fs (%s): its log %s, and cannot be replayed here: e2fsck does\n",
		j->sbi->sb->s_id, why);
	return -EOPNOTSUPP;
}

/* Reads and checks the log's superblock, and sets first and maxlen. Returns 0 or -errno. */
static int read_super(struct ext4_journal *j)
{
	struct ext4_sb *sbi = j->sbi;
	struct ext4_map m = { .lblk = 0, .len = 1 };
	u32 type;
	int err = ext4_map_blocks(j->inode, &m);

	if (err)
		return err;
	if (!m.pblk)
		return -EFSCORRUPTED;
	err = bdev_rw(sbi->sb->s_bdev, REQ_READ, m.pblk * (sbi->block_size >> SECTOR_SHIFT),
		j->super_block, sbi->block_size);
	if (err)
		return err;
	memcpy(&j->super, j->super_block, sizeof(j->super));
	type = be32(j->super.h.type);
	j->first = be32(j->super.first);
	j->maxlen = be32(j->super.maxlen);
	if (be32(j->super.h.magic) != JBD_MAGIC || (type != JBD_SUPER_V1 && type != JBD_SUPER_V2) ||
		be32(j->super.blocksize) != sbi->block_size || j->first < 1 ||
		j->first >= j->maxlen || j->maxlen - j->first < 128 ||
		j->maxlen > (u64)j->inode->i_size >> j->inode->i_blkbits || j->maxlen > 1U << 26)
		return -EFSCORRUPTED;
	err = check_replayable(j);
	if (err)
		return err;
	if (type == JBD_SUPER_V2 &&
		be32(j->super.incompat) & ~(u32)(JBD_INCOMPAT_KNOWN | JBD_INCOMPAT_FAST_COMMIT)) {
		printk(KERN_ERR "EXT4-fs (%s): journal has unknown features 0x%x\n", sbi->sb->s_id,
			be32(j->super.incompat));
		return -EINVAL;
	}
	return 0;
}

static void journal_free(struct ext4_journal *j)
{
	if (j->inode)
		iput(j->inode);
	kfree(j->map);
	kfree(j->super_block);
	kfree(j);
}

/* Finds the log of a file system. Starts no thread. Returns ERR_PTR on failure. */
static struct ext4_journal *journal_open(struct super_block *sb)
{
	struct ext4_journal *j = kzalloc(sizeof(*j), GFP_KERNEL);
	int err = -ENOMEM;

	if (!j)
		return ERR_PTR(err);
	j->sbi = EXT4_SB(sb);
	j->super_block = kmalloc(j->sbi->block_size, GFP_KERNEL);
	if (!j->super_block)
		goto err_free;
	j->inode = ext4_iget(sb, j->sbi->disk.s_journal_inum);
	if (IS_ERR(j->inode)) {
		err = (int)PTR_ERR(j->inode);
		j->inode = NULL;
		goto err_free;
	}
	spin_lock(&j->inode->i_lock);
	j->inode->i_state |= I_OWN;
	spin_unlock(&j->inode->i_lock);
	err = -EFSCORRUPTED;
	if (!S_ISREG(j->inode->i_mode))
		goto err_free;
	err = read_super(j);
	if (!err)
		err = read_map(j);
	if (!err)
		return j;
err_free:
	journal_free(j);
	return ERR_PTR(err);
}

/*
 * Prepares the journal, whose log was replayed, and writes an empty log. @next_tid 0: begins with
 * 1. Returns 0 or -errno.
 */
static int journal_begin_writing(struct ext4_journal *j, u32 next_tid)
{
	j->wide = EXT4_HAS(j->sbi, incompat, INCOMPAT_64BIT);
	j->super.h.type = to_be32(JBD_SUPER_V2);
	j->super.compat = 0;
	j->csum = j->sbi->csum && j->sbi->opt.flags & EXT4_OPT_JCSUM;
	j->csum_seed = crc32c(~0U, j->super.uuid, sizeof(j->super.uuid));
	j->super.incompat = to_be32(JBD_INCOMPAT_REVOKE | (j->wide ? JBD_INCOMPAT_64BIT : 0) |
				    (j->csum ? JBD_INCOMPAT_CSUM_V3 : 0));
	j->super.error = 0;
	j->super.checksum_type = j->csum ? JBD_CRC32C : 0;
	j->head = j->first;
	j->next_tid = next_tid ? next_tid : 1;
	j->committed_tid = j->wanted_tid = j->flushed_tid = j->next_tid - 1;
	spin_lock_init(&j->lock);
	init_waitqueue_head(&j->wait_start);
	init_waitqueue_head(&j->wait_updates);
	init_waitqueue_head(&j->wait_done);
	init_waitqueue_head(&j->wait_work);
	init_completion(&j->thread_done);
	INIT_LIST_HEAD(&j->checkpoint);
	INIT_LIST_HEAD(&j->lost);
	mutex_init(&j->lost_mutex);
	return ext4_log_write_super(j, 0, j->next_tid);
}

/*
 * Makes the journal of a file system without a log. Its transactions are as large as with a log.
 * Returns ERR_PTR on failure.
 */
static struct ext4_journal *journal_without_log(struct super_block *sb)
{
	struct ext4_journal *j = kzalloc(sizeof(*j), GFP_KERNEL);

	if (!j)
		return ERR_PTR(-ENOMEM);
	j->sbi = EXT4_SB(sb);
	j->unlogged = true;
	j->maxlen = UNLOGGED_BLOCKS;
	return j;
}

/*
 * Frees the closed journal of an earlier mount for writing, which sbi->journal no longer names.
 * fsync and others may still be reading its members, or sleep on its queues. The first grace period
 * ends when no task is about to call ext4_journal_use(), the second when the last user has woken
 * up this one.
 */
static void free_old(struct ext4_journal *j)
{
	synchronize_rcu();
	wait_event(&j->wait_done, !atomic_read(&j->users));
	synchronize_rcu();
	journal_free(j);
}

int ext4_journal_load(struct super_block *sb, bool write)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	bool logged = EXT4_HAS(sbi, compat, COMPAT_HAS_JOURNAL);
	/* the closed journal of an earlier mount for writing */
	struct ext4_journal *j, *old = sbi->journal;
	u32 next_tid = 0;
	int err = 0;

	j = logged ? journal_open(sb) : journal_without_log(sb);
	if (IS_ERR(j)) {
		printk(KERN_ERR "EXT4-fs (%s): no usable journal (%ld)\n", sb->s_id, PTR_ERR(j));
		return (int)PTR_ERR(j);
	}
	if (logged)
		err = ext4_replay(sb, j->map, j->first, j->maxlen, &next_tid);
	if (!err && (write || be32(j->super.start)))
		err = journal_begin_writing(j, next_tid);
	if (err)
		printk(KERN_ERR "EXT4-fs (%s): journal recovery failed (%d)\n", sb->s_id, err);
	if (err || !write)
		goto out_free;
	j->thread = kthread_run(ext4_journal_thread, j, "jbd2/%s", sb->s_id);
	if (j->thread) {
		j->thread_nr = pid_nr(j->thread->thread_pid);
		smp_store_release(&sbi->journal, j);
		if (old)
			free_old(old);
		return 0;
	}
	err = -ENOMEM;
out_free:
	journal_free(j);
	return err;
}

int ext4_journal_close(struct ext4_sb *sbi)
{
	struct ext4_journal *j = sbi->journal;
	struct ext4_buf *b, *next;
	int err;

	if (!j || j->closed)
		return 0;
	spin_lock(&j->lock);
	/* The journal thread still commits the running transaction, once its handles have ended. */
	j->closed = true;
	j->stop = true;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
	wake_up(&j->wait_work);
	wait_for_completion(&j->thread_done);
	err = j->aborted ? -EIO : ext4_checkpoint(j);
	if (err && !j->aborted)
		printk(KERN_ERR "EXT4-fs (%s): the journal could not be emptied\n", sbi->sb->s_id);
	list_for_each_entry_safe(b, next, &j->checkpoint, cp_list)
		ext4_log_drop_copy(j, b);
	return err;
}

bool ext4_journal_open(const struct ext4_sb *sbi)
{
	return sbi->journal && !sbi->journal->closed;
}

/* Frees the journal. No task may have a handle or wait for one. */
void ext4_journal_free(struct ext4_sb *sbi)
{
	if (sbi->journal)
		journal_free(sbi->journal);
	sbi->journal = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: dirty inodes, and the threads that write them and their pages out, one for each
 * disk.
 *
 *   mark_inode_dirty, mark_inode_dirty_sync    the inode's own fields changed
 *   writeback_kick                             one of its pages became dirty (called through its
 *                                              address_space)
 *   writeback_inode, writeback_sb              written now: fsync, sync, unmounting
 *   writeback_start                            a disk is opened for writing: starts its thread
 *
 * States of an inode: clean -> dirty (on its superblock's s_dirty, in the order of dirtied_when) ->
 * I_SYNC (being written; what becomes dirty meanwhile counts for the next round) -> clean, or dirty
 * again.
 *
 * A thread sleeps while nothing of its disk is dirty, so an idle guest has no timer running. An
 * inode that has been dirty for vm.dirty_expire_centisecs is written within
 * vm.dirty_writeback_centisecs more. While more than the background limit is dirty, all dirty
 * inodes are written. All dirty inodes of a disk are also written if the shrinker met some there
 * (inode.c). The shrinker writes none itself, since its task may hold locks that the file system
 * needs for that. With a thread for each disk, a slow or stuck disk does not delay tasks that write
 * to another. File systems without a disk share one thread.
 *
 * sync() must write and wait for all that was dirty when it was called, including what another task
 * is writing just then. So an inode in I_SYNC is on s_syncing, with the time when its writeback
 * began. It goes back to s_dirty with that time, since data that became dirty meanwhile is not
 * older.
 *
 * Invariants: an inode on s_dirty has I_DIRTY set and is hashed or a block device's; I_SYNC has one
 * owner, and the inodes on s_syncing are those in I_SYNC. s_dirty is in the order of dirtied_when.
 * Locks: i_lock -> s_inode_wblist_lock. mm chooses the pages and throttles writers (writeback.c,
 * bdi.c).
 */
#include "kernel/block/block.h"
#include "kernel/vfs/internal.h"

static DEFINE_MUTEX(start_mutex);

/*
 * True if the inode has a disk or server to which it can be written. Inodes of memory file systems
 * have none.
 */
static bool inode_has_backing(const struct inode *inode)
{
	const struct address_space_operations *a = inode->i_data.a_ops;

	return inode->i_sb->s_op->write_inode || (a && a->writepages);
}

/*
 * Records that metadata is dirty, so that the device's thread writes it after the writeback
 * interval.
 */
static void note_metadata(struct backing_dev *b)
{
	if (!__atomic_exchange_n(&b->metadata, true, __ATOMIC_SEQ_CST))
		wake_up_all(&b->wait);
}

static void mark_dirty(struct inode *inode, u32 flags)
{
	struct super_block *sb = inode->i_sb;
	bool first;

	if ((READ_ONCE(inode->i_state) & flags) == flags || !inode_has_backing(inode))
		return;
	spin_lock(&inode->i_lock);
	first = !(inode->i_state & I_DIRTY);
	inode->i_state |= flags;
	if (first && !(inode->i_state & (I_SYNC | I_FREEING)) &&
		(!hlist_unhashed(&inode->i_hash) || inode->i_bdev)) {
		spin_lock(&sb->s_inode_wblist_lock);
		inode->dirtied_when = ktime_get();
		if (list_empty(&inode->i_dirty_list))
			list_add_tail(&inode->i_dirty_list, &sb->s_dirty);
		spin_unlock(&sb->s_inode_wblist_lock);
	}
	spin_unlock(&inode->i_lock);
	if (first)
		note_metadata(sb->s_bdi);
}

void mark_inode_dirty(struct inode *inode)
{
	if (inode->i_sb->s_op->dirty_inode)
		inode->i_sb->s_op->dirty_inode(inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
	mark_dirty(inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
}

void mark_inode_dirty_sync(struct inode *inode)
{
	if (inode->i_sb->s_op->dirty_inode)
		inode->i_sb->s_op->dirty_inode(inode, I_DIRTY_SYNC);
	mark_dirty(inode, I_DIRTY_SYNC);
}

void writeback_kick(struct inode *inode)
{
	mark_dirty(inode, I_DIRTY_PAGES);
}

/*
 * Sets I_SYNC, after waiting until no other task has set it, and clears the dirty bits. Returns the
 * bits that were set.
 */
static u32 sync_begin(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	u32 dirty;

	for (;;) {
		spin_lock(&inode->i_lock);
		if (!(inode->i_state & I_SYNC))
			break;
		spin_unlock(&inode->i_lock);
		wait_on_inode_bit(inode, I_SYNC);
	}
	dirty = inode->i_state & I_DIRTY;
	inode->i_state = (inode->i_state & ~I_DIRTY) | I_SYNC;
	spin_lock(&sb->s_inode_wblist_lock);
	inode->dirtied_when = ktime_get();
	list_move_tail(&inode->i_dirty_list, &sb->s_syncing);
	spin_unlock(&sb->s_inode_wblist_lock);
	spin_unlock(&inode->i_lock);
	return dirty;
}

/*
 * Inserts an inode into s_dirty in the order of dirtied_when. The search begins at the end of
 * s_dirty, near which the inode belongs. s_inode_wblist_lock is held.
 */
static void insert_dirty(struct super_block *sb, struct inode *inode)
{
	struct list_head *at = sb->s_dirty.prev;

	while (at != &sb->s_dirty &&
		list_entry(at, struct inode, i_dirty_list)->dirtied_when > inode->dirtied_when)
		at = at->prev;
	list_add(&inode->i_dirty_list, at);
}

/* Clears I_SYNC, puts the inode back on s_dirty if it is dirty, and wakes up waiters. */
static void sync_end(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	spin_lock(&inode->i_lock);
	if (mapping_has_dirty(&inode->i_data))
		inode->i_state |= I_DIRTY_PAGES;
	inode->i_state &= ~I_SYNC;
	spin_lock(&sb->s_inode_wblist_lock);
	list_del_init(&inode->i_dirty_list);
	if ((inode->i_state & I_DIRTY) && !(inode->i_state & I_FREEING))
		insert_dirty(sb, inode);
	spin_unlock(&sb->s_inode_wblist_lock);
	spin_unlock(&inode->i_lock);
	wake_inode(inode);
}

int writeback_inode(struct inode *inode, bool sync)
{
	const struct address_space_operations *a = inode->i_data.a_ops;
	struct writeback_control wbc = {
		.sync = sync, .nr_to_write = ~0UL, .start = 0, .end = ~0UL >> 1
	};
	u32 dirty = sync_begin(inode);
	int err = 0, err2;

	if (a && a->writepages && mapping_has_dirty(&inode->i_data))
		err = a->writepages(&inode->i_data, &wbc);
	if (sync && a && a->writepages)
		filemap_fdatawait_range(&inode->i_data, 0, ~0UL >> 1);
	/* Writing the pages may have allocated blocks, which makes the inode dirty. */
	dirty |= READ_ONCE(inode->i_state);
	if ((dirty & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) && inode->i_sb->s_op->write_inode) {
		spin_lock(&inode->i_lock);
		inode->i_state &= ~(I_DIRTY_SYNC | I_DIRTY_DATASYNC);
		spin_unlock(&inode->i_lock);
		err2 = inode->i_sb->s_op->write_inode(inode, sync);
		err = err ? err : err2;
	}
	sync_end(inode);
	return err;
}

/*
 * Returns the first inode of @list that became dirty no later than @limit (ns), with a reference.
 * NULL: there is none. Sets *busy if an inode was skipped because its i_lock was taken. @b: the
 * device of the calling flusher, or NULL.
 */
static struct inode *next_inode(struct super_block *sb, struct list_head *list, u64 limit,
	struct backing_dev *b, bool *busy)
{
	struct inode *inode, *found = NULL;

	spin_lock(&sb->s_inode_wblist_lock);
	list_for_each_entry(inode, list, i_dirty_list) {
		if (inode->dirtied_when > limit)
			break;
		/* i_lock is the outer of the two locks, so it may only be tried here. */
		if (!spin_trylock(&inode->i_lock)) {
			*busy = true;
			continue;
		}
		if (!(inode->i_state & I_FREEING)) {
			if (b)
				bdi_set_flushing(b, inode);
			atomic_inc(&inode->i_count);
			found = inode;
		}
		spin_unlock(&inode->i_lock);
		if (found)
			break;
	}
	spin_unlock(&sb->s_inode_wblist_lock);
	return found;
}

/*
 * Writes the inodes that became dirty no later than @limit (ns). Returns false if some were skipped
 * as busy. A written inode gets a later time than @limit, so the loop ends. @b: the flusher's
 * device, or NULL.
 */
static bool writeback_older(
	struct super_block *sb, struct list_head *list, u64 limit, bool sync, struct backing_dev *b)
{
	struct inode *inode;
	bool busy = false;

	while ((inode = next_inode(sb, list, limit, b, &busy))) {
		writeback_inode(inode, sync);
		iput(inode);
		if (b)
			bdi_set_flushing(b, NULL);
		cond_resched();
	}
	return !busy;
}

static bool sb_has_dirty(struct super_block *sb)
{
	return !list_empty(&sb->s_dirty);
}

static bool is_under_writeback(const struct inode *inode)
{
	return atomic_read(&inode->i_data.nrwriteback);
}

/*
 * Waits for pages that were submitted without waiting. Their inodes are clean by now, and on no
 * dirty list.
 */
static void wait_for_pages(struct super_block *sb)
{
	struct inode *inode = NULL;

	/* Does not wait for the server of a file system without a disk, which may never finish. */
	if (!sb->s_bdev || !atomic_read(&sb->s_bdi->nr_writeback))
		return;
	while ((inode = sb_next_inode(sb, inode, is_under_writeback))) {
		if (is_under_writeback(inode))
			filemap_fdatawait_range(&inode->i_data, 0, ~0UL >> 1);
		cond_resched();
	}
}

/*
 * Writes all inodes that were dirty at the call. With @sync, the function first waits for inodes
 * that other tasks are writing, since those may be dirty again afterwards: they return to s_dirty
 * with a time no later than @limit.
 */
void writeback_sb(struct super_block *sb, bool sync)
{
	u64 limit = ktime_get();
	struct blk_plug plug;

	/* If this task sleeps, its plugged bios are submitted first. */
	blk_start_plug(&plug);
	if (sync)
		while (!writeback_older(sb, &sb->s_syncing, limit, true, NULL))
			cond_resched();
	while (!writeback_older(sb, &sb->s_dirty, limit, sync, NULL))
		cond_resched();
	blk_finish_plug(&plug);
	if (sync)
		wait_for_pages(sb);
}

static void flush_one(struct super_block *sb, void *arg)
{
	u64 *limit = arg;

	/* The inodes stay dirty: the file system had an error and is read-only, or is frozen. */
	if (sb_rdonly(sb) || READ_ONCE(sb->s_frozen))
		return;
	writeback_older(sb, &sb->s_dirty, *limit, false, sb->s_bdi);
	if (sb_has_dirty(sb))
		note_metadata(sb->s_bdi);
}

/*
 * Writes the inodes that are due: first pages, then inodes. Small files that are adjacent on the
 * disk are written together, since a request costs more than its data.
 */
static void flush(struct backing_dev *b)
{
	u64 now = ktime_get(), age = (u64)READ_ONCE(sysctl_dirty_expire_centisecs) * 10000000;
	bool over = false, wanted = READ_ONCE(b->inodes_wanted);
	struct blk_plug plug;
	u64 limit;

	blk_start_plug(&plug);
	do {
		over = bdi_is_over(b) || (over && bdi_is_near(b));
		cond_resched();
	} while (bdi_flush_one(b, now, over));
	__atomic_store_n(&b->metadata, false, __ATOMIC_SEQ_CST);
	limit = over || wanted ? now : now > age ? now - age : 0;
	for_each_super_of(b, flush_one, &limit);
	blk_finish_plug(&plug);
	if (wanted)
		bdi_inodes_written(b);
}

static int flusher(void *arg)
{
	struct backing_dev *b = arg;
	u64 last = 0, due;

	current->flags |= PF_FLUSHER;
	for (;;) {
		due = bdi_next_due(b, last);
		wait_event_idle_timeout(&b->wait,
			READ_ONCE(b->wanted) || ktime_get() >= due || bdi_next_due(b, last) < due,
			due);
		if (!READ_ONCE(b->wanted) && ktime_get() < bdi_next_due(b, last))
			continue;
		WRITE_ONCE(b->wanted, false);
		flush(b);
		last = ktime_get();
		/*
		 * Over the limit even after the flush: nothing could be written, so wait before the
		 * next attempt.
		 */
		if (bdi_is_over(b)) {
			bdi_wake(b);
			set_current_state(TASK_IDLE);
			schedule_deadline(ktime_get() + 10000000);
		}
	}
	return 0;
}

int writeback_start(struct backing_dev *b)
{
	int err = 0;

	if (READ_ONCE(b->runs))
		return 0;
	mutex_lock(&start_mutex);
	if (!b->runs) {
		if (kthread_run(flusher, b, "flush-%u:%u", MAJOR(b->dev), MINOR(b->dev)))
			WRITE_ONCE(b->runs, true);
		else
			err = -ENOMEM;
	}
	mutex_unlock(&start_mutex);
	return err;
}

static int writeback_init(void)
{
	return writeback_start(&default_bdi);
}
INITCALL(3, writeback_init);

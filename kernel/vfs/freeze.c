/* SPDX-License-Identifier: MIT */
/*
 * freeze.c: freezes file systems: the disk is then consistent, and nothing is written to it until a
 * thaw.
 *
 *	freeze_super, thaw_super                      FIFREEZE and FITHAW, one file system
 *	freeze_for_snapshot, thaw_after_snapshot      all file systems, for the management console
 *
 * Both freezes of a file system may be in force at one time (s_frozen is a set); writes resume when
 * both have ended. A task that changes names or inodes waits in mnt_want_write(), before it takes
 * locks that readers need. A freeze waits for running changes, so that removals are complete, but
 * only for a limited time, since a change may wait for another frozen file system. Writes that
 * bypass page cache and journal wait in sb_start_direct_write(). The file system stops its own
 * writes in freeze_fs.
 *
 * Locks: s_umount for writing around s_frozen, which is read without a lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/block/block.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/internal.h"

#define CHANGES_WAIT 5000000000UL /* ns; limit of the wait for changes */
/*
 * Nanoseconds that a snapshot waits for direct writes. It is limited, since a page of the writer's
 * memory may never arrive.
 */
#define DIRECT_WAIT 20000000000UL

/*
 * Woken up when a thaw lets writers go on, and when the last write ends for which a freeze waits.
 */
static DECLARE_WAIT_QUEUE_HEAD(thaw_wait);
static atomic_t forbidden; /* freeze_forbid(true) calls in force */

/*
 * Begins a write for which a freeze waits: counts it in @count, or sleeps while @stopped is set.
 * Either the writer sees @stopped or the freeze sees the count.
 */
static void start(atomic_t *count, bool *stopped)
{
	for (;;) {
		atomic_inc(count); /* a full barrier */
		if (!READ_ONCE(*stopped))
			return;
		if (atomic_dec_and_test(count))
			wake_up_all(&thaw_wait);
		wait_event(&thaw_wait, !READ_ONCE(*stopped));
	}
}

static void end(atomic_t *count, bool *stopped)
{
	if (atomic_dec_and_test(count) && READ_ONCE(*stopped))
		wake_up_all(&thaw_wait);
}

void sb_start_change(struct super_block *sb)
{
	start(&sb->s_changes, &sb->s_changes_stopped);
}

void sb_end_change(struct super_block *sb)
{
	end(&sb->s_changes, &sb->s_changes_stopped);
}

void sb_start_direct_write(struct super_block *sb)
{
	start(&sb->s_direct_writes, &sb->s_direct_stopped);
}

void sb_end_direct_write(struct super_block *sb)
{
	end(&sb->s_direct_writes, &sb->s_direct_stopped);
}

/*
 * Stops changes and direct writes. @who: FREEZE_*. Returns 0, or -ETIMEDOUT if a direct write does
 * not end in time. In both cases the caller must call go_on() later.
 */
static int stop(struct super_block *sb, u32 who)
{
	u64 deadline = who == FREEZE_SNAPSHOT ? ktime_get() + DIRECT_WAIT : ~0UL;
	int err;

	__atomic_store_n(&sb->s_direct_stopped, true, __ATOMIC_SEQ_CST);
	err = wait_event_timeout(&thaw_wait, !atomic_read(&sb->s_direct_writes), deadline, false);
	if (err)
		return err;
	__atomic_store_n(&sb->s_changes_stopped, true, __ATOMIC_SEQ_CST);
	wait_event_timeout(
		&thaw_wait, !atomic_read(&sb->s_changes), ktime_get() + CHANGES_WAIT, false);
	return 0;
}

static void go_on(struct super_block *sb)
{
	__atomic_store_n(&sb->s_direct_stopped, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sb->s_changes_stopped, false, __ATOMIC_SEQ_CST);
	wake_up_all(&thaw_wait);
}

void freeze_forbid(bool on)
{
	if (on)
		atomic_inc(&forbidden);
	else
		atomic_dec(&forbidden);
}

/*
 * Freezes a file system, or, if it is frozen already, only adds @who (FREEZE_*) to s_frozen.
 * s_umount is held for writing.
 */
static int freeze_locked(struct super_block *sb, u32 who)
{
	int err = 0;

	assert_rwsem_held_write(&sb->s_umount);
	if (sb->s_frozen & who || atomic_read(&forbidden))
		return -EBUSY;
	if (!sb->s_frozen && !sb_rdonly(sb)) {
		err = stop(sb, who);
		if (!err)
			err = sync_filesystem(sb, true);
		if (!err)
			err = sb->s_op->freeze_fs(sb);
		if (err)
			go_on(sb);
	}
	if (!err)
		WRITE_ONCE(sb->s_frozen, sb->s_frozen | who);
	return err;
}

int freeze_super(struct super_block *sb)
{
	int err;

	if (!sb->s_op->freeze_fs)
		return -EOPNOTSUPP;
	down_write(&sb->s_umount);
	err = freeze_locked(sb, FREEZE_USER);
	up_write(&sb->s_umount);
	return err;
}

void super_thaw_locked(struct super_block *sb, u32 who)
{
	u32 left = sb->s_frozen & ~who;

	assert_rwsem_held_write(&sb->s_umount);
	if (left == sb->s_frozen)
		return;
	if (!left && sb->s_op->unfreeze_fs)
		sb->s_op->unfreeze_fs(sb);
	WRITE_ONCE(sb->s_frozen, left);
	if (!left)
		go_on(sb);
}

int thaw_super(struct super_block *sb)
{
	int err;

	down_write(&sb->s_umount);
	err = sb->s_frozen & FREEZE_USER ? 0 : -EINVAL;
	super_thaw_locked(sb, FREEZE_USER);
	up_write(&sb->s_umount);
	return err;
}

/* ---- all file systems ---- */

static void thaw_each(u32 who)
{
	struct super_block *sb = NULL;

	while ((sb = super_next(sb))) {
		/*
		 * Test this first, so as not to wait for s_umount of superblocks that are not
		 * frozen.
		 */
		if (!(READ_ONCE(sb->s_frozen) & who))
			continue;
		down_write(&sb->s_umount);
		if (sb->s_root && (sb->s_flags & SB_ACTIVE))
			super_thaw_locked(sb, who);
		up_write(&sb->s_umount);
	}
}

void thaw_all(void)
{
	/*
	 * Prevents a snapshot from freezing everything meanwhile and from holding disks to which
	 * the thaw must write.
	 */
	freeze_forbid(true);
	disks_release();
	thaw_each(FREEZE_ALL);
	freeze_forbid(false);
}

static bool can_freeze(const struct super_block *sb)
{
	return sb->s_bdev && sb->s_op->freeze_fs;
}

static int rest_one(struct super_block *sb)
{
	int err = 0;

	down_write(&sb->s_umount);
	if (sb->s_root && (sb->s_flags & SB_ACTIVE)) {
		if (!can_freeze(sb))
			err = sync_filesystem(sb, true);
		else if (!(sb->s_frozen & FREEZE_SNAPSHOT))
			err = freeze_locked(sb, FREEZE_SNAPSHOT);
	}
	up_write(&sb->s_umount);
	return err;
}

int freeze_for_snapshot(char *failed, size_t size)
{
	struct super_block *sb = NULL;
	int err;

	/* Dirty data is written out first, so that tasks wait only briefly for the freeze. */
	sync_all();
	while ((sb = super_prev(sb))) {
		err = sb->s_bdev ? rest_one(sb) : 0;
		if (!err)
			continue;
		scnprintf(failed, size, "%s", sb->s_id);
		/* Walks to the end of the list, since that drops the walk's references. */
		while (sb)
			sb = super_prev(sb);
		return err;
	}
	return 0;
}

bool frozen_for_snapshot(void)
{
	struct super_block *sb = NULL;
	/* Read after queue_hold(): either the thaw sees the hold, or this task sees `forbidden`. */
	bool all = !__atomic_load_n(&forbidden.v, __ATOMIC_SEQ_CST);

	while ((sb = super_prev(sb)))
		all &= !can_freeze(sb) || sb_rdonly(sb) ||
		       READ_ONCE(sb->s_frozen) & FREEZE_SNAPSHOT;
	return all;
}

void thaw_after_snapshot(void)
{
	thaw_each(FREEZE_SNAPSHOT);
}

void snapshot_supers(
	void (*fn)(const char *dev, const char *type, enum super_rest rest, void *arg), void *arg)
{
	struct super_block *sb = NULL;

	while ((sb = super_next(sb)))
		if (sb->s_bdev)
			fn(sb->s_id, sb->s_type->name,
				sb_rdonly(sb)           ? SUPER_READ_ONLY :
				READ_ONCE(sb->s_frozen) ? SUPER_FROZEN :
							  SUPER_SYNCED,
				arg);
}

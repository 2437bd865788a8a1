/* SPDX-License-Identifier: MIT */
/*
 * ext4_journal.h: the journal's handles and transactions, and what happens to blocks when a
 * transaction has committed. Included by ext4.h, whose types it uses.
 *
 * @h is an open handle. A @tid is the number of a transaction.
 */
#ifndef NESTLING_EXT4_JOURNAL_H
#define NESTLING_EXT4_JOURNAL_H

/*
 * Replays the log if needed. With @write opens it for writing and sets sbi->journal, and frees the
 * closed journal of an earlier mount for writing after a grace period. Returns 0 or -errno.
 */
int ext4_journal_load(struct super_block *sb, bool write);
/* Commits, checkpoints, and refuses new handles. Returns 0, or -errno if the log is not empty. */
int ext4_journal_close(struct ext4_sb *sbi);
void ext4_journal_free(struct ext4_sb *sbi); /* of a closed journal */
/*
 * Writes all changes to their places and empties the log. New handles wait for the thaw. The
 * journal must be open. Returns 0, or -errno with the journal thawed. The caller has no handle.
 */
int ext4_journal_freeze(struct super_block *sb);
void ext4_journal_thaw(struct super_block *sb);
bool ext4_journal_frozen(const struct ext4_sb *sbi);
bool ext4_journal_open(const struct ext4_sb *sbi); /* True if loaded and not closed */
/*
 * Begins a handle on the running transaction, for a change of at most @credits blocks. Waits for
 * room in the log. Handles nest: a call in a handle only counts, and ignores @credits. Returns
 * ERR_PTR on failure: -EROFS (the journal is aborted, or the mount is read-only) or -EIO (the file
 * system is shut down).
 */
struct ext4_handle *ext4_start(struct super_block *sb, u32 credits);
/* Ends a handle, and lets its transaction commit when the outermost call ends. */
void ext4_stop(struct ext4_handle *h);
/* Makes the outermost ext4_stop() wait until the handle's changes are committed. */
void ext4_stop_waits(struct ext4_handle *h);
/*
 * Adds credits to the handle. Returns 0, or -EAGAIN if the transaction is full or about to commit:
 * the caller must stop the handle and start another. Never fails in a nested call of ext4_start().
 */
int ext4_extend(struct ext4_handle *h, u32 credits);
/*
 * Adds @b, which has changed, to the handle's transaction, which takes its own reference. Does not
 * sleep.
 */
void ext4_dirty(struct ext4_handle *h, struct ext4_buf *b);
/*
 * Records that a metadata block is freed: its copies in the log must not be replayed, and must not
 * be written to their place after this transaction has committed.
 */
void ext4_forget(struct ext4_handle *h, struct ext4_sb *sbi, u64 block);
/*
 * Counts a bio whose data must reach the disk before the handle's transaction commits. The bio's
 * end_io must call ext4_ordered_done() with the returned transaction. Neither sleeps.
 */
struct ext4_txn *ext4_ordered_bio(struct ext4_handle *h);
void ext4_ordered_done(struct ext4_txn *t, bool failed);
/*
 * lost.c: handles lost blocks: new blocks whose data could not be written. Before the pages of a
 * failed bio end writeback, call ext4_lost_begin(). After that, and before ext4_ordered_done(),
 * call ext4_lost_end(), which takes over the bio. Neither sleeps. ext4_has_lost() is true while
 * lost blocks are not zeroed yet. ext4_settle_lost() returns when all lost blocks are zeroed or the
 * log is aborted. It sleeps, and may be called with or without a handle.
 */
/* True if this mount zeroes lost blocks. Called while the journal is open. */
bool ext4_hides_lost(const struct ext4_sb *sbi);
void ext4_lost_begin(struct ext4_txn *t);
void ext4_lost_end(struct ext4_txn *t, struct bio *bio);
bool ext4_has_lost(const struct ext4_sb *sbi);
void ext4_settle_lost(struct ext4_sb *sbi);
/*
 * Zeroes @nr sectors of @b from @s on at once, for a caller that itself waited for the failed
 * write.
 */
void ext4_zero_lost(struct ext4_sb *sbi, struct block_device *b, sector_t s, u64 nr);
u32 ext4_handle_tid(const struct ext4_handle *h);
u32 ext4_latest_tid(const struct ext4_sb *sbi); /* last transaction that has begun */
/*
 * Waits until transaction @tid has committed. Returns 0 if its commit flushed the disk's cache
 * after this call began, 1 if it may not have, or -EIO if the journal is aborted. Sleeps. The
 * caller has no handle.
 */
int ext4_commit_tid(struct ext4_sb *sbi, u32 tid);
/*
 * Commits what has changed until now. @wait: sleeps until that is done, and the caller has no
 * handle. Returns 0, or -EIO if the journal is aborted.
 */
int ext4_force_commit(struct super_block *sb, bool wait);
/* Flushes the disk's write cache. Does nothing with the option nobarrier. Returns 0 or -errno. */
int ext4_flush_disk(struct ext4_sb *sbi);
/*
 * Ends the journal after an error (@err: -errno): logs it, makes the file system read-only, and may
 * panic, as errors= says. Does nothing without a journal, or if that is aborted. Does not wait.
 */
void ext4_journal_abort(struct ext4_sb *sbi, int err);
bool ext4_journal_is_aborted(const struct ext4_sb *sbi);
/* Aborts the log without making the file system read-only (see shutdown.c). */
void ext4_journal_give_up(struct ext4_sb *sbi);
/* Returns 0, or -EIO after FS_IOC_SHUTDOWN. */
static inline int ext4_alive(const struct ext4_sb *sbi)
{
	return unlikely(__atomic_load_n(&sbi->shutdown, __ATOMIC_ACQUIRE)) ? -EIO : 0;
}
long ext4_shutdown(struct super_block *sb, uaddr_t from); /* FS_IOC_SHUTDOWN */
/* True if the log was aborted because the disk refused a request, not because of damage. */
bool ext4_lost_by_disk(const struct ext4_sb *sbi);
/* Blocks that a transaction freed. balloc.c makes them allocatable when it has committed. */
struct ext4_freed {
	struct ext4_freed *next;
	u64 block;
	u32 count;
};
/*
 * Makes the blocks allocatable and frees the list, as ext4_release_trimmed() does. Takes
 * alloc_lock.
 */
void ext4_release_held(struct ext4_sb *sbi, struct ext4_freed *list);
/*
 * Holds some of the free runs of at least @min_len blocks in bits [*from, end) of a group, and
 * returns them as a list for ext4_release_trimmed(). The caller holds trim_lock until that call: an
 * allocation that finds no free block waits for it. Moves *from behind the bits that were searched;
 * @end or more: all were. *list is NULL if there are none. Takes alloc_lock. Returns 0 or -errno.
 */
int ext4_hold_free(struct ext4_handle *h, struct ext4_sb *sbi, u32 group, u32 *from, u32 end,
	u32 min_len, struct ext4_freed **list);
void ext4_release_trimmed(struct ext4_sb *sbi, struct ext4_freed *list);
/* trim.c: with the option discard, discards freed blocks. Called after the commit; sleeps. */
void ext4_discard_freed(
	struct ext4_sb *sbi, const struct ext4_freed *list); /* a failure is only logged */
/* FITRIM. @arg: a struct fstrim_range of the user. Returns 0 or -errno. */
long ext4_fitrim(struct super_block *sb, uaddr_t arg);
/* Gives @f, allocated, to the transaction, which frees it. */
void ext4_txn_freed(struct ext4_handle *h, struct ext4_freed *f);
/*
 * super.c: Writes the counters into the superblock's block. Called in a commit, while no handle is
 * open. Takes alloc_lock.
 */
void ext4_sb_update(struct ext4_sb *sbi);
/* Stores the counts of free blocks, free inodes and written KiB in @d. */
void ext4_sb_count(
	struct ext4_sb *sbi, struct ext4_disk_sb *d); /* called with sbi->alloc_lock held */
/* Return how many KiB were written to the device: since the mount, and ever. */
u64 ext4_session_kbytes(const struct ext4_sb *sbi);
u64 ext4_lifetime_kbytes(const struct ext4_sb *sbi);
/*
 * tenant.c: Begin and end serving reads and writes of the device's file (bdev_tenant). sb->s_root
 * must already exist.
 */
void ext4_tenant_enter(struct ext4_sb *sbi);
void ext4_tenant_leave(struct ext4_sb *sbi);
/* sysfs.c: Show and hide /sys/fs/ext4/DEVICE. Without memory there are no files, silently. */
void ext4_sysfs_enter(struct ext4_sb *sbi);
void ext4_sysfs_leave(struct ext4_sb *sbi);
/* value of s_first_error_errcode and s_last_error_errcode on disk */
#define EXT4_CODE_CORRUPTED 5
/*
 * Replays the log, whose blocks [@first, @maxlen) lie on the device at map[]. Sets *next_tid to the
 * number of the next transaction. Returns 0 or -errno.
 */
int ext4_replay(
	struct super_block *sb, u64 *map, u32 first, u32 maxlen, u32 *next_tid); /* recovery.c */

#endif

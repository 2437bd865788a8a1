/* SPDX-License-Identifier: MIT */
/*
 * journal.c: metadata changes become durable in whole transactions.
 *
 *	h = ext4_start(sb, credits);  change buffers; ext4_dirty(h, buf) ...;  ext4_stop(h);
 *
 * States of a transaction: RUNNING (handles join it) -> barrier (no handle may begin, and the open
 * handles end) -> its buffers are copied, and a new transaction may begin -> its ordered data has
 * reached the disk -> descriptors, copies and revokes are written into the log -> commit block with
 * PREFLUSH and FUA -> COMMITTED. The copies stay in memory until a checkpoint writes them to their
 * places ("home"), in block order, and empties the log.
 *
 * Copying at the barrier costs a memcpy of each dirty block (0.3 us). In return, handles may change
 * a buffer while it is being committed: only handles use the live buffers, and only the journal
 * thread the copies. A checkpoint always empties the whole log, so that one flush is enough for all
 * of it. The log is at least four times as large as a transaction.
 *
 * Invariants:
 * 1. Only committed copies are written home, never live data.
 * 2. A block that was freed is not allocated again before the freeing transaction has committed
 *    (balloc.c holds it), and a freed metadata block has a revoke record.
 * 3. The log's superblock on disk has the log's start before the first commit block after that
 *    start can reach the disk.
 *
 * Locks: j->lock (spin) for the running transaction and its list. After the barrier, a transaction
 * belongs to the journal thread. For lockdep an open handle is a sleeping lock: ext4_start() may
 * wait for the end of a barrier, and the barrier waits for open handles.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/lib/debug/lockdep.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

/* smallest room, in blocks, so that handles of a few hundred blocks fit into a quarter of it */
#define ROOM_LEAST 1024

#define SECOND 1000000000UL

/* A task's handle, in current->journal_info. */
struct ext4_handle {
	struct ext4_txn *txn;
	u32 refs, credits; /* refs: nested calls of ext4_start() */
	bool sync;         /* the end waits for the commit */
};

/* True if @a is @b or later. The numbers may wrap around. */
static bool tid_geq(u32 a, u32 b)
{
	return (s32)(a - b) >= 0;
}

/* ---- handles ---- */

/*
 * Returns how many blocks of the log may be in use. Each of them has a copy in memory until a
 * checkpoint, so a machine with little memory uses only a part of a large log.
 */
u32 ext4_journal_room(const struct ext4_journal *j)
{
	u64 log = j->maxlen - j->first, bytes = nr_managed_frames() << PAGE_SHIFT;

	return (u32)min(log, max(bytes / 8 / j->sbi->block_size, (u64)ROOM_LEAST));
}

/* Returns how many blocks of the log a transaction may need at most. */
static u32 txn_max(const struct ext4_journal *j)
{
	return ext4_journal_room(j) / 4;
}

/*
 * Returns how many blocks of the log @t may need, including those for its revokes: the removal of a
 * directory makes a revoke for each of its blocks. j->lock is held.
 */
static u32 txn_blocks(const struct ext4_journal *j, const struct ext4_txn *t)
{
	return t->nr_bufs + t->reserved + ext4_log_revoke_blocks(j, t->nr_revokes);
}

/* True if a handle with @credits need not wait: it can begin now, or must fail. j->lock is held. */
static bool may_start(const struct ext4_journal *j, u32 credits)
{
	const struct ext4_txn *t = j->running;

	return j->aborted || j->closed ||
	       (!j->barrier && !j->frozen && t && txn_blocks(j, t) + credits <= txn_max(j));
}

/* True if a waiting join() may succeed: a transaction has room, or a new one can begin. */
static bool start_ready(struct ext4_journal *j, u32 credits)
{
	bool yes;

	spin_lock(&j->lock);
	yes = may_start(j, credits) || (!j->barrier && !j->frozen && !j->running);
	spin_unlock(&j->lock);
	return yes;
}

static struct ext4_txn *txn_new(struct ext4_journal *j)
{
	struct ext4_txn *t = kzalloc(sizeof(*t), GFP_NOFS | __GFP_NOFAIL);

	INIT_LIST_HEAD(&t->bufs);
	t->j = j;
	t->started = ktime_get();
	return t;
}

/* Requests a commit up to @tid. The caller holds j->lock, and wakes up j->wait_work afterwards. */
static void want_commit_locked(struct ext4_journal *j, u32 tid)
{
	if (!tid_geq(j->wanted_tid, tid))
		j->wanted_tid = tid;
}

/*
 * Joins the running transaction, or begins one. Returns 0, -EAGAIN (the caller must wait), -EROFS
 * (aborted) or -EIO (shut down).
 */
static int join(struct ext4_journal *j, struct ext4_handle *h)
{
	struct ext4_txn *fresh = NULL;
	int err = 0;
	bool wake = false;

	spin_lock(&j->lock);
	if (!j->barrier && !j->frozen && !j->running && !j->aborted && !j->closed) {
		spin_unlock(&j->lock);
		fresh = txn_new(j);
		spin_lock(&j->lock);
		if (!j->barrier && !j->frozen && !j->running && !j->closed) {
			fresh->tid = j->next_tid++;
			j->running = fresh;
			fresh = NULL;
			wake = true;
		}
	}
	if (j->aborted || j->closed) {
		err = ext4_alive(j->sbi) ? -EIO : -EROFS;
	} else if (may_start(j, h->credits)) {
		h->txn = j->running;
		h->txn->updates++;
		h->txn->reserved += h->credits;
	} else {
		err = -EAGAIN;
		if (!j->barrier && j->running) {
			want_commit_locked(j, j->running->tid);
			wake = true;
		}
	}
	spin_unlock(&j->lock);
	kfree(fresh);
	if (wake)
		wake_up(&j->wait_work);
	return err;
}

void ext4_journal_use(struct ext4_journal *j)
{
	atomic_inc(&j->users);
}

void ext4_journal_unuse(struct ext4_journal *j)
{
	/* free_old() waits for a grace period, so @j stays until the wake-up has ended. */
	if (atomic_dec_and_test(&j->users))
		wake_up_all(&j->wait_done);
}

struct ext4_handle *ext4_start(struct super_block *sb, u32 credits)
{
	struct ext4_handle *h = current->journal_info;
	struct ext4_journal *j;
	int err;

	if (h) {
		h->refs++;
		return h;
	}
	if (ext4_alive(EXT4_SB(sb)))
		return ERR_PTR(-EIO);
	if (!READ_ONCE(EXT4_SB(sb)->journal) || sb->s_flags & SB_RDONLY)
		return ERR_PTR(-EROFS);
	/* The eviction of an inode cannot report an error. */
	h = kmalloc(sizeof(*h), GFP_NOFS | __GFP_NOFAIL);
	/* Not before the sleep: a remount may free a closed journal. */
	j = READ_ONCE(EXT4_SB(sb)->journal);
	ext4_journal_use(j);
	*h = (struct ext4_handle){ .refs = 1, .credits = min(credits, txn_max(j)) };
	lockdep_acquire(h, LOCK_CLASS(handle), false, false, __builtin_return_address(0));
	while ((err = join(j, h)) == -EAGAIN)
		wait_event(&j->wait_start, start_ready(j, h->credits));
	ext4_journal_unuse(j); /* a handle keeps it, too */
	if (err) {
		lockdep_release(h);
		kfree(h);
		return ERR_PTR(err);
	}
	current->journal_info = h;
	return h;
}

void ext4_stop(struct ext4_handle *h)
{
	struct ext4_txn *t = h->txn;
	struct ext4_journal *j = t->j;
	u32 tid = t->tid;
	bool wake;

	if (--h->refs)
		return;
	current->journal_info = NULL;
	lockdep_release(h);
	spin_lock(&j->lock);
	t->updates--;
	t->reserved -= h->credits;
	wake = !t->updates && j->barrier;
	spin_unlock(&j->lock);
	if (wake)
		wake_up(&j->wait_updates);
	/* If the journal is aborted, the next call reports it. */
	if (h->sync)
		ext4_commit_tid(j->sbi, tid);
	kfree(h);
}

void ext4_stop_waits(struct ext4_handle *h)
{
	h->sync = true;
}

int ext4_extend(struct ext4_handle *h, u32 credits)
{
	struct ext4_txn *t = h->txn;
	struct ext4_journal *j = t->j;
	int err = 0;

	spin_lock(&j->lock);
	if (h->refs == 1 && (j->barrier || txn_blocks(j, t) + credits > txn_max(j))) {
		err = -EAGAIN;
	} else {
		t->reserved += credits;
		h->credits += credits;
	}
	spin_unlock(&j->lock);
	return err;
}

u32 ext4_handle_tid(const struct ext4_handle *h)
{
	return h->txn->tid;
}

u32 ext4_latest_tid(const struct ext4_sb *sbi)
{
	return sbi->journal ? READ_ONCE(sbi->journal->next_tid) - 1 : 0;
}

/* Adds @b to the transaction. Returns false if it already has @b. j->lock is held. */
bool ext4_txn_add_locked(struct ext4_txn *t, struct ext4_buf *b)
{
	if (b->txn)
		return false;
	b->txn = t;
	list_add_tail(&b->t_list, &t->bufs);
	t->nr_bufs++;
	return true;
}

void ext4_dirty(struct ext4_handle *h, struct ext4_buf *b)
{
	struct ext4_journal *j = h->txn->j;

	if (READ_ONCE(b->txn) == h->txn)
		return;
	ext4_bget(b); /* the transaction's reference */
	spin_lock(&j->lock);
	if (ext4_txn_add_locked(h->txn, b))
		b = NULL;
	spin_unlock(&j->lock);
	if (b)
		ext4_brelse(b);
}

/* Adds a revoke record. May sleep, but cannot fail. */
static void add_revoke(struct ext4_txn *t, u64 block)
{
	struct ext4_journal *j = t->j;
	u64 *bigger = NULL;
	u32 room;

	spin_lock(&j->lock);
	while (t->nr_revokes == t->max_revokes) {
		room = t->max_revokes ? t->max_revokes * 2 : 64;
		spin_unlock(&j->lock);
		bigger = kmalloc(room * sizeof(u64), GFP_NOFS | __GFP_NOFAIL);
		spin_lock(&j->lock);
		if (t->max_revokes < room) {
			u64 *old = t->revokes;

			memcpy(bigger, old, t->nr_revokes * sizeof(u64));
			t->revokes = bigger;
			t->max_revokes = room;
			bigger = old;
		}
		spin_unlock(&j->lock);
		kfree(bigger);
		spin_lock(&j->lock);
	}
	t->revokes[t->nr_revokes++] = block;
	spin_unlock(&j->lock);
}

void ext4_forget(struct ext4_handle *h, struct ext4_sb *sbi, u64 block)
{
	struct ext4_buf *b = ext4_bfind(sbi, block);
	bool drop = false;

	if (b) {
		spin_lock(&h->txn->j->lock);
		if (b->txn == h->txn) {
			b->txn = NULL;
			list_del_init(&b->t_list);
			h->txn->nr_bufs--;
			drop = true;
		}
		spin_unlock(&h->txn->j->lock);
		if (drop)
			ext4_brelse(b);
		ext4_brelse(b);
	}
	add_revoke(h->txn, block);
}

void ext4_txn_freed(struct ext4_handle *h, struct ext4_freed *f)
{
	struct ext4_journal *j = h->txn->j;

	spin_lock(&j->lock);
	f->next = h->txn->freed;
	h->txn->freed = f;
	spin_unlock(&j->lock);
}

struct ext4_txn *ext4_ordered_bio(struct ext4_handle *h)
{
	atomic_inc(&h->txn->data_inflight);
	return h->txn;
}

void ext4_ordered_done(struct ext4_txn *t, bool failed)
{
	struct ext4_journal *j = t->j;

	if (failed)
		WRITE_ONCE(t->data_failed, true);
	if (atomic_dec_and_test(&t->data_inflight))
		wake_up(&j->wait_updates);
}

/* ---- the thread ---- */

/*
 * True if the running transaction must commit now. *deadline: the time (ktime_get()) when its age
 * demands it, or ~0 if there is none.
 */
static bool commit_due(struct ext4_journal *j, u64 *deadline)
{
	bool due = false;

	*deadline = ~0UL;
	spin_lock(&j->lock);
	if (j->running) {
		*deadline = j->running->started + j->sbi->opt.commit * SECOND;
		due = j->stop || tid_geq(j->wanted_tid, j->running->tid) ||
		      ktime_get() >= *deadline;
	}
	spin_unlock(&j->lock);
	return due;
}

int ext4_journal_thread(void *arg)
{
	struct ext4_journal *j = arg;
	u64 deadline, other;

	current->flags |= PF_MEMALLOC; /* a commit frees other tasks' memory */
	while (!j->stop || j->running) {
		struct ext4_txn *t;

		if (!commit_due(j, &deadline)) {
			u64 seen = deadline;

			wait_event_idle_timeout(&j->wait_work,
				j->stop || commit_due(j, &other) || other != seen, deadline);
			continue;
		}
		spin_lock(&j->lock);
		t = j->running;
		j->busy = true;
		spin_unlock(&j->lock);
		ext4_commit_txn(j, t);
		WRITE_ONCE(j->busy, false);
		wake_up_all(&j->wait_done);
	}
	complete(&j->thread_done);
	return 0;
}

int ext4_commit_tid(struct ext4_sb *sbi, u32 tid)
{
	struct ext4_journal *j = sbi->journal;
	bool early;
	int ret;

	if (!j)
		return 1;
	/*
	 * A tid that has not begun belongs to an earlier mount for writing (numbers restart if
	 * there is no log), or to no transaction at all.
	 */
	if (j->closed || tid_geq(READ_ONCE(j->committed_tid), tid) ||
		!tid_geq(READ_ONCE(j->next_tid) - 1, tid))
		return j->aborted ? -EIO : 1;
	spin_lock(&j->lock);
	/*
	 * If the transaction is already committing, its flush may have begun before the caller's
	 * data was written.
	 */
	early = j->running && j->running->tid == tid;
	want_commit_locked(j, tid);
	spin_unlock(&j->lock);
	wake_up(&j->wait_work);
	ext4_journal_use(j);
	wait_event(&j->wait_done, tid_geq(READ_ONCE(j->committed_tid), tid) || j->aborted);
	if (j->aborted)
		ret = -EIO;
	else
		ret = early && tid_geq(READ_ONCE(j->flushed_tid), tid) ? 0 : 1;
	ext4_journal_unuse(j);
	return ret;
}

int ext4_force_commit(struct super_block *sb, bool wait)
{
	struct ext4_journal *j = EXT4_SB(sb)->journal;
	u32 tid = 0;
	bool any = false;

	if (!j)
		return 0;
	spin_lock(&j->lock);
	if (j->running) {
		tid = j->running->tid;
		any = true;
		want_commit_locked(j, tid);
	} else if (j->committing) {
		tid = j->committing->tid;
		any = true;
	}
	spin_unlock(&j->lock);
	if (any)
		wake_up(&j->wait_work);
	if (any && wait)
		return min(ext4_commit_tid(EXT4_SB(sb), tid), 0);
	return j->aborted ? -EIO : 0;
}

int ext4_journal_freeze(struct super_block *sb)
{
	struct ext4_journal *j = EXT4_SB(sb)->journal;
	int err;

	spin_lock(&j->lock);
	j->frozen = true;
	spin_unlock(&j->lock);
	err = ext4_force_commit(sb, true);
	wait_event(&j->wait_done, !READ_ONCE(j->busy) || j->aborted);
	if (!err)
		err = ext4_flush_disk(EXT4_SB(sb));
	/* The journal thread stays idle until the thaw. */
	if (!err)
		err = ext4_checkpoint(j);
	if (err)
		ext4_journal_thaw(sb);
	return err;
}

void ext4_journal_thaw(struct super_block *sb)
{
	struct ext4_journal *j = EXT4_SB(sb)->journal;

	spin_lock(&j->lock);
	j->frozen = false;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
}

bool ext4_journal_frozen(const struct ext4_sb *sbi)
{
	return sbi->journal && sbi->journal->frozen;
}

void ext4_journal_abort(struct ext4_sb *sbi, int err)
{
	struct ext4_journal *j = sbi->journal;

	if (!j || j->aborted)
		return;
	printk(KERN_ERR "Aborting journal on device %s-8.\n", sbi->sb->s_id);
	printk(KERN_CRIT "EXT4-fs (%s): journal aborted (%d)\n", sbi->sb->s_id, err);
	if (sbi->opt.errors == EXT4_ERRORS_PANIC)
		panic("EXT4-fs (device %s): panic forced after error", sbi->sb->s_id);
	printk(KERN_CRIT "EXT4-fs (%s): Remounting filesystem read-only\n", sbi->sb->s_id);
	j->disk_refused = err != -EFSCORRUPTED;
	if (j->disk_refused)
		bdev_lost(sbi->sb->s_bdev, 0, err);
	sbi->sb->s_flags |= SB_RDONLY;
	ext4_journal_give_up(sbi);
}

void ext4_journal_give_up(struct ext4_sb *sbi)
{
	struct ext4_journal *j = sbi->journal;

	if (!j)
		return;
	spin_lock(&j->lock);
	j->aborted = true;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
	wake_up_all(&j->wait_done);
}

bool ext4_lost_by_disk(const struct ext4_sb *sbi)
{
	return ext4_journal_is_aborted(sbi) && sbi->journal->disk_refused;
}

bool ext4_journal_is_aborted(const struct ext4_sb *sbi)
{
	return sbi->journal && READ_ONCE(sbi->journal->aborted);
}

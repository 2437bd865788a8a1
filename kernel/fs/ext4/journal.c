/* SPDX-License-Identifier: MIT */
/*
 * journal.c: metadata changes become durable in whole transactions.
 *
 *	h = ext4_start(sb, credits);  change buffers; ext4_dirty(h, buf) ...;  ext4_stop(h);
 *
 * A transaction: RUNNING (handles join it) -> barrier (no handle may begin; the open ones end) -> its buffers are copied, and a new
 * transaction may begin -> ordered data has reached the disk -> descriptor, copies and revokes go into the log -> commit block with
 * PREFLUSH and FUA: COMMITTED. The copies stay until a checkpoint writes them home, in block order, and empties the log.
 *
 * Copying at the barrier costs a memcpy of each dirty block (0.3 us) and spares everything that "a buffer under commit must not change"
 * otherwise asks for: live buffers belong to handles only, copies to the journal thread only. A checkpoint always empties the whole log:
 * the log is large against a transaction (a quarter), and one flush serves all.
 *
 * Invariants: 1. what is written home is a committed copy, never live data; 2. a block that was freed is not had again before its
 * transaction has committed (balloc.c holds it), and a freed metadata block has a revoke record; 3. the log's superblock names the
 * tail before the first commit block behind it can reach the disk.
 * Locks: j->lock (spin) for the running transaction and its list; everything after the barrier belongs to the journal thread.
 */
#include "kernel/fs/ext4/jbd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"

#define COMMIT_INTERVAL 5000000000UL

struct ext4_txn {
	u32 tid;
	u32 updates, nr_bufs, reserved; /* under j->lock */
	struct list_head bufs;          /* of ext4_buf.t_list, under j->lock */
	atomic_t data_inflight;
	struct ext4_journal *j;
	struct ext4_freed *freed; /* under j->lock */
	u64 *revokes;             /* under j->lock */
	u32 nr_revokes, max_revokes;
	u64 started;
};

struct ext4_journal {
	struct ext4_sb *sbi;
	struct inode *inode;
	u64 *map;                      /* block of the log -> block of the device */
	u32 first, maxlen, head, used; /* the journal thread's */
	bool wide;                     /* 64-bit tags */
	struct jbd_super super;        /* as on disk */
	u8 *super_block;               /* the block it lies in */

	spinlock_t lock;
	struct ext4_txn *running, *committing;
	bool barrier, stop, aborted;
	bool closed; /* no handle may begin: read-only from now on */
	u32 next_tid, committed_tid, wanted_tid;
	struct wait_queue_head wait_start, wait_updates, wait_done, wait_work;
	struct task *thread;
	struct completion thread_done;
	struct list_head checkpoint; /* of ext4_buf.cp_list; the journal thread's */
	u32 nr_checkpoint;
};

struct ext4_handle {
	struct ext4_txn *txn;
	u32 refs, credits;
};

static bool tid_geq(u32 a, u32 b)
{
	return (s32)(a - b) >= 0;
}

/* ---- handles ---- */

static u32 txn_max(const struct ext4_journal *j)
{
	return (j->maxlen - j->first) / 4;
}

/* Under j->lock: may a handle with so many credits begin now? */
static bool may_start(const struct ext4_journal *j, u32 credits)
{
	const struct ext4_txn *t = j->running;

	return j->aborted || j->closed ||
	       (!j->barrier && t && t->nr_bufs + t->reserved + credits <= txn_max(j));
}

static bool start_ready(struct ext4_journal *j, u32 credits)
{
	bool yes;

	spin_lock(&j->lock);
	yes = may_start(j, credits) || (!j->barrier && !j->running);
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

static void want_commit_locked(struct ext4_journal *j, u32 tid)
{
	if (!tid_geq(j->wanted_tid, tid))
		j->wanted_tid = tid;
}

/* Joins the running transaction, or makes one: 0, -EAGAIN (wait), -EROFS. */
static int join(struct ext4_journal *j, struct ext4_handle *h)
{
	struct ext4_txn *fresh = NULL;
	int err = 0;
	bool wake = false;

	spin_lock(&j->lock);
	if (!j->barrier && !j->running && !j->aborted && !j->closed) {
		spin_unlock(&j->lock);
		fresh = txn_new(j);
		spin_lock(&j->lock);
		if (!j->barrier && !j->running && !j->closed) {
			fresh->tid = j->next_tid++;
			j->running = fresh;
			fresh = NULL;
			wake = true;
		}
	}
	if (j->aborted || j->closed) {
		err = -EROFS;
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

struct ext4_handle *ext4_start(struct super_block *sb, u32 credits)
{
	struct ext4_journal *j = EXT4_SB(sb)->journal;
	struct ext4_handle *h = current->journal_info;
	int err;

	if (h) {
		h->refs++;
		return h;
	}
	if (!j || sb->s_flags & SB_RDONLY)
		return ERR_PTR(-EROFS);
	h = kmalloc(sizeof(*h), GFP_NOFS);
	if (!h)
		return ERR_PTR(-ENOMEM);
	*h = (struct ext4_handle){ .refs = 1, .credits = min(credits, txn_max(j)) };
	while ((err = join(j, h)) == -EAGAIN)
		wait_event(&j->wait_start, start_ready(j, h->credits));
	if (err) {
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
	bool wake;

	if (--h->refs)
		return;
	current->journal_info = NULL;
	spin_lock(&j->lock);
	t->updates--;
	t->reserved -= h->credits;
	wake = !t->updates && j->barrier;
	spin_unlock(&j->lock);
	if (wake)
		wake_up(&j->wait_updates);
	kfree(h);
}

int ext4_extend(struct ext4_handle *h, u32 credits)
{
	struct ext4_txn *t = h->txn;
	struct ext4_journal *j = t->j;
	int err = 0;

	spin_lock(&j->lock);
	if (h->refs == 1 && (j->barrier || t->nr_bufs + t->reserved + credits > txn_max(j))) {
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

/* Under j->lock. */
static bool add_locked(struct ext4_txn *t, struct ext4_buf *b)
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
	ext4_bget(b); /* the transaction's */
	spin_lock(&j->lock);
	if (add_locked(h->txn, b))
		b = NULL;
	spin_unlock(&j->lock);
	if (b)
		ext4_brelse(b);
}

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

void ext4_ordered_done(struct ext4_txn *t)
{
	struct ext4_journal *j = t->j;

	if (atomic_dec_and_test(&t->data_inflight))
		wake_up(&j->wait_updates);
}

/* ---- the log ---- */

struct log_writer {
	struct ext4_journal *j;
	struct bio *bio;
	u64 next; /* device block that would go on with the bio */
	atomic_t pending;
	int err;
	struct wait_queue_head wait;
};

static void log_end_io(struct bio *bio)
{
	struct log_writer *w = bio->private;

	if (bio->status)
		w->err = bio->status;
	bio_put(bio);
	if (atomic_dec_and_test(&w->pending))
		wake_up(&w->wait);
}

static void log_submit(struct log_writer *w)
{
	struct bio *bio = w->bio;

	w->bio = NULL;
	if (!bio)
		return;
	atomic_inc(&w->pending);
	submit_bio(bio);
}

/* One block from @data to block @to of the device; neighbours share a bio. @data stays until log_wait(). */
static void write_block(struct log_writer *w, u64 to, u8 *data)
{
	u32 bs = w->j->sbi->block_size;
	struct page *p = virt_to_page(data);
	u32 off = (u32)((u64)data & ~PAGE_MASK);

	if (w->bio && (to != w->next || !bio_add_page(w->bio, p, bs, off)))
		log_submit(w);
	if (!w->bio) {
		w->bio = bio_alloc(w->j->sbi->sb->s_bdev, BIO_MAX_VECS, REQ_WRITE | REQ_META,
			GFP_NOFS | __GFP_NOFAIL);
		w->bio->sector = to * (bs >> SECTOR_SHIFT);
		w->bio->end_io = log_end_io;
		w->bio->private = w;
		bio_add_page(w->bio, p, bs, off);
	}
	w->next = to + 1;
}

static int log_wait(struct log_writer *w)
{
	log_submit(w);
	if (!atomic_dec_and_test(&w->pending))
		wait_event(&w->wait, atomic_read(&w->pending) == 0);
	return w->err;
}

static void log_begin(struct log_writer *w, struct ext4_journal *j)
{
	*w = (struct log_writer){ .j = j, .pending = ATOMIC_INIT(1) };
	init_waitqueue_head(&w->wait);
}

static u64 log_next(struct ext4_journal *j)
{
	u64 to = j->map[j->head];

	j->head = j->head + 1 >= j->maxlen ? j->first : j->head + 1;
	j->used++;
	return to;
}

static int write_super(struct ext4_journal *j, u32 start, u32 sequence)
{
	j->super.start = to_be32(start);
	j->super.sequence = to_be32(sequence);
	memcpy(j->super_block, &j->super, sizeof(j->super));
	return bdev_rw(j->sbi->sb->s_bdev, REQ_WRITE | REQ_META | REQ_FUA,
		j->map[0] * (j->sbi->block_size >> SECTOR_SHIFT), j->super_block,
		j->sbi->block_size);
}

/* ---- checkpoint: everything committed goes home, the log is empty afterwards ---- */

static void sort_blocks(struct ext4_buf **a, u32 n)
{
	u32 gap, i, k;

	for (gap = n / 2; gap; gap /= 2) /* Shell's: in place, no stack, n is some thousands */
		for (i = gap; i < n; i++) {
			struct ext4_buf *b = a[i];

			for (k = i; k >= gap && a[k - gap]->block > b->block; k -= gap)
				a[k] = a[k - gap];
			a[k] = b;
		}
}

static void drop_copy(struct ext4_journal *j, struct ext4_buf *b)
{
	kfree(b->copy);
	b->copy = NULL;
	list_del_init(&b->cp_list);
	j->nr_checkpoint--;
	ext4_brelse(b);
}

static int checkpoint(struct ext4_journal *j)
{
	struct ext4_buf **all, *b, *next;
	struct log_writer w;
	u32 n = 0, i;
	int err;

	all = kmalloc(max(j->nr_checkpoint, 1U) * sizeof(all[0]), GFP_NOFS | __GFP_NOFAIL);
	list_for_each_entry(b, &j->checkpoint, cp_list)
		all[n++] = b;
	sort_blocks(all, n);
	log_begin(&w, j);
	for (i = 0; i < n; i++)
		write_block(&w, all[i]->block, all[i]->copy);
	err = log_wait(&w);
	kfree(all);
	if (!err && n)
		err = bdev_flush(j->sbi->sb->s_bdev);
	if (!err)
		err = write_super(j, 0, j->committed_tid + 1);
	if (err)
		return err;
	list_for_each_entry_safe(b, next, &j->checkpoint, cp_list)
		drop_copy(j, b);
	j->used = 0;
	return 0;
}

/* ---- commit; all by the journal thread ---- */

struct logged {
	struct ext4_buf *b;
	u8 *copy;
};
struct commit {
	struct ext4_journal *j;
	struct ext4_txn *t;
	struct logged *list;
	u32 n;
	struct log_writer w;
	u8 **blocks; /* descriptor, revoke and escaped blocks, freed at the end */
	u32 nr_blocks, max_blocks;
};

static bool no_updates(struct ext4_journal *j, struct ext4_txn *t)
{
	bool yes;

	spin_lock(&j->lock);
	yes = !t->updates;
	spin_unlock(&j->lock);
	return yes;
}

/* Stops handles, copies what is dirty, lets them go on with a new transaction. */
static void take_snapshot(struct commit *c)
{
	struct ext4_journal *j = c->j;
	struct ext4_txn *t = c->t;
	struct ext4_buf *b, *next;

	spin_lock(&j->lock);
	j->barrier = true;
	spin_unlock(&j->lock);
	wait_event(&j->wait_updates, no_updates(j, t));
	if (t->nr_bufs) {
		ext4_sb_update(j->sbi);
		ext4_bget(j->sbi->sb_buf);
		spin_lock(&j->lock);
		b = add_locked(t, j->sbi->sb_buf) ? NULL : j->sbi->sb_buf;
		spin_unlock(&j->lock);
		if (b)
			ext4_brelse(b);
	}
	c->list = kmalloc(max(t->nr_bufs, 1U) * sizeof(c->list[0]), GFP_NOFS | __GFP_NOFAIL);
	list_for_each_entry_safe(b, next, &t->bufs, t_list) {
		u8 *copy = kmalloc(j->sbi->block_size, GFP_NOFS | __GFP_NOFAIL);

		memcpy(copy, b->data, j->sbi->block_size);
		c->list[c->n++] = (struct logged){ b, copy };
	}
	spin_lock(&j->lock);
	list_for_each_entry_safe(b, next, &t->bufs, t_list) {
		list_del_init(&b->t_list);
		WRITE_ONCE(b->txn, NULL);
	}
	j->running = NULL;
	j->committing = t;
	j->barrier = false;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
}

static u8 *new_block(struct commit *c, u32 type)
{
	struct jbd_header *h;

	if (c->nr_blocks == c->max_blocks) {
		c->max_blocks = c->max_blocks ? c->max_blocks * 2 : 16;
		c->blocks = krealloc(
			c->blocks, c->max_blocks * sizeof(c->blocks[0]), GFP_NOFS | __GFP_NOFAIL);
	}
	h = kzalloc(c->j->sbi->block_size, GFP_NOFS | __GFP_NOFAIL);
	c->blocks[c->nr_blocks++] = (u8 *)h;
	h->magic = to_be32(JBD_MAGIC);
	h->type = to_be32(type);
	h->sequence = to_be32(c->t->tid);
	return (u8 *)h;
}

static u32 tag_bytes(const struct ext4_journal *j)
{
	return j->wide ? 12 : 8;
}

static u32 tags_per_block(const struct ext4_journal *j)
{
	return (j->sbi->block_size - (u32)sizeof(struct jbd_header) - 16) / tag_bytes(j);
}

/* What goes into the log for a copy: itself, or an escaped twin when it looks like a log block. */
static u8 *log_form(struct commit *c, u8 *copy, u32 *flags)
{
	__be32 magic = to_be32(JBD_MAGIC);
	u8 *twin;

	if (memcmp(copy, &magic, 4))
		return copy;
	twin = new_block(c, 0);
	memcpy(twin, copy, c->j->sbi->block_size);
	memset(twin, 0, 4);
	*flags |= JBD_TAG_ESCAPE;
	return twin;
}

static void write_blocks(struct commit *c)
{
	struct ext4_journal *j = c->j;
	u32 per = tags_per_block(j), i, k;

	for (i = 0; i < c->n; i += per) {
		u8 *d = new_block(c, JBD_DESCRIPTOR), *p = d + sizeof(struct jbd_header);
		u32 n = min(per, c->n - i);

		write_block(&c->w, log_next(j), d);
		for (k = 0; k < n; k++) {
			u32 flags = (k ? JBD_TAG_SAME_UUID : 0) | (k == n - 1 ? JBD_TAG_LAST : 0);
			u64 block = c->list[i + k].b->block;
			u8 *data = log_form(c, c->list[i + k].copy, &flags);
			__be32 lo = to_be32((u32)block), hi = to_be32((u32)(block >> 32));

			memcpy(p, &lo, 4);
			p[6] = (u8)(flags >> 8);
			p[7] = (u8)flags;
			if (j->wide)
				memcpy(p + 8, &hi, 4);
			p += tag_bytes(j);
			if (!k) {
				memcpy(p, j->super.uuid, 16);
				p += 16;
			}
			write_block(&c->w, log_next(j), data);
		}
	}
}

static void write_revokes(struct commit *c)
{
	struct ext4_journal *j = c->j;
	struct ext4_txn *t = c->t;
	u32 size = j->wide ? 8 : 4, per = (j->sbi->block_size - 16) / size, i, k;

	for (i = 0; i < t->nr_revokes; i += per) {
		u8 *d = new_block(c, JBD_REVOKE);
		u32 n = min(per, t->nr_revokes - i);
		__be32 bytes = to_be32(16 + n * size);

		memcpy(d + 12, &bytes, 4);
		for (k = 0; k < n; k++) {
			u64 wide = __builtin_bswap64(t->revokes[i + k]);
			__be32 narrow = to_be32((u32)t->revokes[i + k]);

			memcpy(d + 16 + k * size, j->wide ? (void *)&wide : (void *)&narrow, size);
		}
		write_block(&c->w, log_next(j), d);
	}
}

static int write_commit_block(struct commit *c)
{
	struct ext4_journal *j = c->j;
	u8 *d = new_block(c, JBD_COMMIT);
	u64 now = ktime_get_real(), sec = __builtin_bswap64(now / 1000000000);
	__be32 nsec = to_be32((u32)(now % 1000000000));

	memcpy(d + 48, &sec, 8);
	memcpy(d + 56, &nsec, 4);
	return bdev_rw(j->sbi->sb->s_bdev, REQ_WRITE | REQ_META | REQ_PREFLUSH | REQ_FUA,
		log_next(j) * (j->sbi->block_size >> SECTOR_SHIFT), d, j->sbi->block_size);
}

static u32 log_need(const struct commit *c)
{
	u32 size = c->j->wide ? 8 : 4, per = (c->j->sbi->block_size - 16) / size;

	return c->n + DIV_ROUND_UP(c->n, tags_per_block(c->j)) +
	       DIV_ROUND_UP(c->t->nr_revokes, per) + 2;
}

static int write_log(struct commit *c)
{
	struct ext4_journal *j = c->j;
	int err = 0;

	if (j->used + log_need(c) > j->maxlen - j->first)
		err = checkpoint(j);
	if (!err && !j->used)
		err = write_super(j, j->head, c->t->tid);
	if (err)
		return err;
	log_begin(&c->w, j);
	write_revokes(c);
	write_blocks(c);
	err = log_wait(&c->w);
	return err ? err : write_commit_block(c);
}

/* The transaction is on disk: its copies are what a checkpoint writes; copies of revoked blocks are not. */
static void keep_copies(struct commit *c)
{
	struct ext4_journal *j = c->j;
	u32 i;

	for (i = 0; i < c->t->nr_revokes; i++) {
		struct ext4_buf *b = ext4_bfind(j->sbi, c->t->revokes[i]);

		if (b && b->copy)
			drop_copy(j, b);
		if (b)
			ext4_brelse(b);
	}
	for (i = 0; i < c->n; i++) {
		struct ext4_buf *b = c->list[i].b;

		if (b->copy) {
			kfree(b->copy);
			ext4_brelse(b); /* the transaction's; the checkpoint has one */
		} else {
			list_add_tail(&b->cp_list, &j->checkpoint);
			j->nr_checkpoint++;
		}
		b->copy = c->list[i].copy;
	}
}

static void drop_copies(struct commit *c)
{
	u32 i;

	for (i = 0; i < c->n; i++) {
		kfree(c->list[i].copy);
		ext4_brelse(c->list[i].b);
	}
}

static void commit(struct ext4_journal *j, struct ext4_txn *t)
{
	struct commit c = { .j = j, .t = t };
	int err = 0;

	take_snapshot(&c);
	wait_event(&j->wait_updates, atomic_read(&t->data_inflight) == 0);
	if ((c.n || t->nr_revokes) && !j->aborted)
		err = write_log(&c);
	if (err || j->aborted) {
		drop_copies(&c);
		if (err)
			ext4_journal_abort(j->sbi, err);
	} else {
		keep_copies(&c);
	}
	ext4_release_held(j->sbi, t->freed);
	while (c.nr_blocks)
		kfree(c.blocks[--c.nr_blocks]);
	kfree(c.blocks);
	kfree(c.list);
	spin_lock(&j->lock);
	j->committed_tid = t->tid;
	j->committing = NULL;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_done);
	kfree(t->revokes);
	kfree(t);
	if (!j->aborted && j->used > (j->maxlen - j->first) / 2 && checkpoint(j))
		ext4_journal_abort(j->sbi, -EIO);
}

/* ---- the thread ---- */

static bool commit_due(struct ext4_journal *j, u64 *deadline)
{
	bool due = false;

	*deadline = ~0UL;
	spin_lock(&j->lock);
	if (j->running) {
		*deadline = j->running->started + COMMIT_INTERVAL;
		due = j->stop || tid_geq(j->wanted_tid, j->running->tid) ||
		      ktime_get() >= *deadline;
	}
	spin_unlock(&j->lock);
	return due;
}

static int journal_thread(void *arg)
{
	struct ext4_journal *j = arg;
	u64 deadline, other;

	current->flags |= PF_MEMALLOC; /* its memory is what frees others' */
	while (!j->stop || j->running) {
		struct ext4_txn *t;

		if (!commit_due(j, &deadline)) {
			u64 seen = deadline;

			wait_event_timeout(&j->wait_work,
				j->stop || commit_due(j, &other) || other != seen, deadline, false);
			continue;
		}
		spin_lock(&j->lock);
		t = j->running;
		spin_unlock(&j->lock);
		commit(j, t);
	}
	complete(&j->thread_done);
	return 0;
}

int ext4_commit_tid(struct ext4_sb *sbi, u32 tid)
{
	struct ext4_journal *j = sbi->journal;

	if (!j)
		return 1;
	if (j->closed || tid_geq(READ_ONCE(j->committed_tid), tid))
		return j->aborted ? -EIO : 1;
	spin_lock(&j->lock);
	want_commit_locked(j, tid);
	spin_unlock(&j->lock);
	wake_up(&j->wait_work);
	wait_event(&j->wait_done, tid_geq(READ_ONCE(j->committed_tid), tid) || j->aborted);
	return j->aborted ? -EIO : 0;
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

void ext4_journal_abort(struct ext4_sb *sbi, int err)
{
	struct ext4_journal *j = sbi->journal;

	if (!j || j->aborted)
		return;
	printk(KERN_CRIT "EXT4-fs (%s): journal aborted (%d), file system is read-only now\n",
		sbi->sb->s_id, err);
	spin_lock(&j->lock);
	j->aborted = true;
	spin_unlock(&j->lock);
	sbi->sb->s_flags |= SB_RDONLY;
	wake_up_all(&j->wait_start);
	wake_up_all(&j->wait_done);
}

/* ---- opening and closing ---- */

/* The log's blocks on the device: they never move. */
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
	}
	return 0;
}

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
	if (type == JBD_SUPER_V2 && be32(j->super.incompat) & ~(u32)JBD_INCOMPAT_KNOWN) {
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

static int journal_begin_writing(struct ext4_journal *j, u32 next_tid)
{
	j->wide = EXT4_HAS(j->sbi, incompat, INCOMPAT_64BIT);
	j->super.h.type = to_be32(JBD_SUPER_V2);
	j->super.compat = 0;
	j->super.incompat = to_be32(JBD_INCOMPAT_REVOKE | (j->wide ? JBD_INCOMPAT_64BIT : 0));
	j->super.error = 0;
	j->super.checksum_type = 0;
	j->super.checksum = 0;
	j->head = j->first;
	j->next_tid = next_tid ? next_tid : 1;
	j->committed_tid = j->wanted_tid = j->next_tid - 1;
	spin_lock_init(&j->lock);
	init_waitqueue_head(&j->wait_start);
	init_waitqueue_head(&j->wait_updates);
	init_waitqueue_head(&j->wait_done);
	init_waitqueue_head(&j->wait_work);
	init_completion(&j->thread_done);
	INIT_LIST_HEAD(&j->checkpoint);
	return write_super(j, 0, j->next_tid);
}

int ext4_journal_load(struct super_block *sb, bool write)
{
	struct ext4_journal *j;
	u32 next_tid = 0;
	int err;

	ext4_journal_free(EXT4_SB(sb)); /* the closed one of an earlier mount for writing */
	j = journal_open(sb);
	if (IS_ERR(j)) {
		printk(KERN_ERR "EXT4-fs (%s): no usable journal (%ld)\n", sb->s_id, PTR_ERR(j));
		return (int)PTR_ERR(j);
	}
	err = ext4_replay(sb, j->map, j->first, j->maxlen, &next_tid);
	if (!err && (write || be32(j->super.start)))
		err = journal_begin_writing(j, next_tid);
	if (err)
		printk(KERN_ERR "EXT4-fs (%s): journal recovery failed (%d)\n", sb->s_id, err);
	if (err || !write)
		goto out_free;
	j->thread = kthread_run(journal_thread, j, "jbd2/%s", sb->s_id);
	if (j->thread) {
		EXT4_SB(sb)->journal = j;
		return 0;
	}
	err = -ENOMEM;
out_free:
	journal_free(j);
	return err;
}

void ext4_journal_close(struct ext4_sb *sbi)
{
	struct ext4_journal *j = sbi->journal;
	struct ext4_buf *b, *next;

	if (!j || j->closed)
		return;
	spin_lock(&j->lock);
	j->closed = true; /* the thread commits what is running, once its handles have ended */
	j->stop = true;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
	wake_up(&j->wait_work);
	wait_for_completion(&j->thread_done);
	if (!j->aborted && checkpoint(j))
		printk(KERN_ERR "EXT4-fs (%s): the journal could not be emptied\n", sbi->sb->s_id);
	list_for_each_entry_safe(b, next, &j->checkpoint, cp_list)
		drop_copy(j, b);
}

bool ext4_journal_open(const struct ext4_sb *sbi)
{
	return sbi->journal && !sbi->journal->closed;
}

/* Nobody can have a handle or wait for one any more. */
void ext4_journal_free(struct ext4_sb *sbi)
{
	if (sbi->journal)
		journal_free(sbi->journal);
	sbi->journal = NULL;
}

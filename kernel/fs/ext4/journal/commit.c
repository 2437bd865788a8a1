/* SPDX-License-Identifier: MIT */
/*
 * commit.c: commits write transactions into the log, and checkpoints write the log's blocks to
 * their places on the disk ("home"). Both run in the journal thread, but the checkpoint of a freeze
 * or close runs in the caller's task. journal.c defines transactions and their invariants.
 *
 * Costs: a memcpy of each dirty block at the barrier, bios of up to 256 blocks into the log, one
 * commit block with PREFLUSH and FUA. A checkpoint writes the copies in block order and flushes
 * once.
 */
#include "kernel/fs/ext4/journal/jbd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

/* ---- the log ---- */

/* Writes of blocks that are waited for together: log_begin(), write_block() ..., log_wait(). */
struct log_writer {
	struct ext4_journal *j;
	struct bio *bio;
	/* device block that would extend the current bio */
	u64 next;
	atomic_t pending; /* bios in flight, and 1 until log_wait() */
	int err;          /* -errno of a failed bio */
	/*
	 * The log_writer lies on a stack, so log_end_io() must not access it after completing this.
	 */
	struct completion done;
};

static void log_end_io(struct bio *bio)
{
	struct log_writer *w = bio->private;

	if (bio->status)
		w->err = bio->status;
	bio_put(bio);
	if (atomic_dec_and_test(&w->pending))
		complete(&w->done);
}

static void log_submit(struct log_writer *w)
{
	struct bio *bio = w->bio;

	w->bio = NULL;
	if (!bio)
		return;
	bio->opf |= REQ_SYNC;
	atomic_inc(&w->pending);
	submit_bio(bio);
}

/*
 * Writes @data to block @to of the device. Contiguous blocks share a bio. @data must stay valid
 * until log_wait().
 */
static void write_block(struct log_writer *w, u64 to, u8 *data)
{
	u32 bs = w->j->sbi->block_size;
	struct page *p = virt_to_page(data);
	u32 off = (u32)((u64)data & ~PAGE_MASK);

	if (w->bio && (to != w->next || !bio_add_page(w->bio, p, bs, off)))
		log_submit(w);
	if (!w->bio) {
		w->bio = bio_alloc(w->j->sbi->sb->s_bdev, BIO_SURE_VECS, REQ_WRITE | REQ_META,
			GFP_NOFS | __GFP_NOFAIL);
		w->bio->sector = to * (bs >> SECTOR_SHIFT);
		w->bio->end_io = log_end_io;
		w->bio->private = w;
		bio_add_page(w->bio, p, bs, off);
	}
	w->next = to + 1;
}

/* Waits until all blocks are on the disk or in its cache. Returns 0 or -errno. */
static int log_wait(struct log_writer *w)
{
	log_submit(w);
	if (!atomic_dec_and_test(&w->pending))
		wait_for_completion(&w->done);
	return w->err;
}

static void log_begin(struct log_writer *w, struct ext4_journal *j)
{
	*w = (struct log_writer){ .j = j, .pending = ATOMIC_INIT(1) };
	init_completion(&w->done);
}

/* Takes the next block of the log, and returns its block number on the device. */
static u64 log_next(struct ext4_journal *j)
{
	u64 to = j->map[j->head];

	j->head = j->head + 1 >= j->maxlen ? j->first : j->head + 1;
	j->used++;
	return to;
}

/*
 * Returns @flags, which flush the disk's cache, or 0 if the mount has the option nobarrier, which
 * is for a disk whose cache survives a power loss.
 */
static u32 if_barrier(const struct ext4_journal *j, u32 flags)
{
	return j->sbi->opt.flags & EXT4_OPT_BARRIER ? flags : 0;
}

int ext4_flush_disk(struct ext4_sb *sbi)
{
	return sbi->opt.flags & EXT4_OPT_BARRIER ? bdev_flush(sbi->sb->s_bdev) : 0;
}

int ext4_log_write_super(struct ext4_journal *j, u32 start, u32 sequence)
{
	if (j->unlogged)
		return 0;
	j->super.start = to_be32(start);
	j->super.sequence = to_be32(sequence);
	j->super.checksum = 0;
	if (j->csum)
		j->super.checksum = to_be32(crc32c(~0U, &j->super, sizeof(j->super)));
	memcpy(j->super_block, &j->super, sizeof(j->super));
	return bdev_rw(j->sbi->sb->s_bdev, REQ_WRITE | REQ_META | if_barrier(j, REQ_FUA),
		j->map[0] * (j->sbi->block_size >> SECTOR_SHIFT), j->super_block,
		j->sbi->block_size);
}

/* ---- checkpoint: writes all committed blocks to their places and empties the log ---- */

/*
 * Merges two sorted chains, which are linked by cp_list.next and end with NULL. Returns the merged
 * chain.
 */
static struct list_head *merge(struct list_head *a, struct list_head *b)
{
	struct list_head *first = NULL, **at = &first;

	while (a && b) {
		struct list_head **less =
			list_entry(a, struct ext4_buf, cp_list)->block <=
					list_entry(b, struct ext4_buf, cp_list)->block ?
				&a :
				&b;

		*at = *less;
		at = &(*less)->next;
		*less = (*less)->next;
	}
	*at = a ? a : b;
	return first;
}

/*
 * Number of chains of the merge sort. Chain k has 2^k buffers or none, and the last chain may have
 * any number.
 */
#define SORT_CHAINS 32

/*
 * Sorts the checkpoint list by block number, in place, since an array for many thousands of blocks
 * would be large.
 */
static void sort_checkpoint(struct ext4_journal *j)
{
	struct list_head *chain[SORT_CHAINS] = { NULL }, *all = NULL, *next, *p;
	u32 k;

	for (p = j->checkpoint.next; p != &j->checkpoint; p = next) {
		struct list_head *run = p;

		next = p->next;
		run->next = NULL;
		for (k = 0; k < SORT_CHAINS - 1 && chain[k]; k++) {
			run = merge(chain[k], run);
			chain[k] = NULL;
		}
		chain[k] = merge(chain[k], run);
	}
	for (k = 0; k < SORT_CHAINS; k++)
		all = merge(chain[k], all);
	INIT_LIST_HEAD(&j->checkpoint);
	for (p = all; p; p = next) {
		next = p->next;
		list_add_tail(p, &j->checkpoint);
	}
}

void ext4_log_drop_copy(struct ext4_journal *j, struct ext4_buf *b)
{
	kfree(b->copy);
	b->copy = NULL;
	list_del_init(&b->cp_list);
	j->nr_checkpoint--;
	ext4_brelse(b);
}

/*
 * Writes a copy to its place on the disk. In a copy of the superblock, first updates the error
 * fields: newer errors may have been written to the disk since the copy was made. sb_disk_lock is
 * held.
 */
static void write_to_place(struct log_writer *w, const struct ext4_buf *b, u8 *copy)
{
	struct ext4_sb *sbi = w->j->sbi;

	if (b == sbi->sb_buf)
		ext4_errors_to_disk(sbi, (void *)(copy + sbi->sb_off));
	write_block(w, b->block, copy);
}

int ext4_checkpoint(struct ext4_journal *j)
{
	struct ext4_buf *b, *next;
	struct log_writer w;
	int err;

	sort_checkpoint(j);
	mutex_lock(&j->sbi->sb_disk_lock);
	log_begin(&w, j);
	list_for_each_entry(b, &j->checkpoint, cp_list)
		write_to_place(&w, b, b->copy);
	err = log_wait(&w);
	mutex_unlock(&j->sbi->sb_disk_lock);
	if (!err && j->nr_checkpoint)
		err = ext4_flush_disk(j->sbi);
	if (!err)
		err = ext4_log_write_super(j, 0, j->committed_tid + 1);
	if (err)
		return err;
	list_for_each_entry_safe(b, next, &j->checkpoint, cp_list)
		ext4_log_drop_copy(j, b);
	j->used = 0;
	return 0;
}

/* ---- commit, in the journal thread ---- */

/* A block of the transaction. */
struct logged {
	struct ext4_buf *b;
	u8 *copy; /* content at the barrier, owned */
	u8 *form; /* block written into the log */
};
#define LOGGED_PER_FRAME ((u32)(PAGE_SIZE / sizeof(struct logged)))
struct commit {
	struct ext4_journal *j;
	struct ext4_txn *t;
	/*
	 * arrays of LOGGED_PER_FRAME elements, a page each: a larger allocation could wait for ever
	 * if memory is fragmented
	 */
	struct logged **list;
	u32 n, frames;
	struct log_writer w;
	/* descriptor, revoke and escaped blocks, which are freed at the end */
	u8 **blocks;
	u32 nr_blocks, max_blocks;
};

static struct logged *logged(const struct commit *c, u32 i)
{
	return &c->list[i / LOGGED_PER_FRAME][i % LOGGED_PER_FRAME];
}

/* Makes room for @n blocks in c->list. Cannot fail. */
static void list_alloc(struct commit *c, u32 n)
{
	u32 i;

	c->frames = DIV_ROUND_UP(n, LOGGED_PER_FRAME);
	c->list = kmalloc(max(c->frames, 1U) * sizeof(c->list[0]), GFP_NOFS | __GFP_NOFAIL);
	for (i = 0; i < c->frames; i++)
		c->list[i] = kmalloc(PAGE_SIZE, GFP_NOFS | __GFP_NOFAIL);
}

static void list_free(struct commit *c)
{
	u32 i;

	for (i = 0; i < c->frames; i++)
		kfree(c->list[i]);
	kfree(c->list);
}

static bool no_updates(struct ext4_journal *j, struct ext4_txn *t)
{
	bool yes;

	spin_lock(&j->lock);
	yes = !t->updates;
	spin_unlock(&j->lock);
	return yes;
}

/*
 * The barrier: lets no new handle begin, waits until the open handles end, copies the dirty
 * buffers, and then lets handles begin in a new transaction.
 */
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
		b = ext4_txn_add_locked(t, j->sbi->sb_buf) ? NULL : j->sbi->sb_buf;
		spin_unlock(&j->lock);
		if (b)
			ext4_brelse(b);
	}
	list_alloc(c, t->nr_bufs);
	list_for_each_entry_safe(b, next, &t->bufs, t_list) {
		u8 *copy = kmalloc(j->sbi->block_size, GFP_NOFS | __GFP_NOFAIL);

		memcpy(copy, b->data, j->sbi->block_size);
		*logged(c, c->n++) = (struct logged){ b, copy, NULL };
	}
	spin_lock(&j->lock);
	list_for_each_entry_safe(b, next, &t->bufs, t_list) {
		list_del_init(&b->t_list);
		__atomic_or_fetch(&b->flags, BUF_LOGGING, __ATOMIC_RELAXED);
		__atomic_store_n(&b->txn, NULL, __ATOMIC_RELEASE);
	}
	j->running = NULL;
	j->committing = t;
	j->barrier = false;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_start);
}

/* Returns a zeroed block of the log with a header of @type, which the end of the commit frees. */
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

/* Return the length of a tag, and of the checksum at the end of descriptors and revoke blocks. */
static u32 tag_bytes(const struct ext4_journal *j)
{
	return j->csum ? 16 : j->wide ? 12 : 8;
}

static u32 tail_bytes(const struct ext4_journal *j)
{
	return j->csum ? 4 : 0;
}

/*
 * Stores the checksum of a whole block of the log in the word at byte @at, which must be 0 before
 * the call. 4096 bytes take about 1 us.
 */
static void seal(const struct ext4_journal *j, u8 *block, u32 at)
{
	__be32 crc = to_be32(crc32c(j->csum_seed, block, j->sbi->block_size));

	if (j->csum)
		memcpy(block + at, &crc, 4);
}

static u32 tags_per_block(const struct ext4_journal *j)
{
	return (j->sbi->block_size - (u32)sizeof(struct jbd_header) - 16 - tail_bytes(j)) /
	       tag_bytes(j);
}

/*
 * Returns the block that is written into the log for a copy: the copy itself, or if the copy begins
 * with JBD_MAGIC as the log's own blocks do, a duplicate without the magic (escaped).
 */
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

/* Writes the tags of @n blocks of the list, from block @first on, into the descriptor @d. */
static void fill_descriptor(struct commit *c, u8 *d, u32 first, u32 n)
{
	struct ext4_journal *j = c->j;
	u8 *p = d + sizeof(struct jbd_header);
	u32 k;

	for (k = 0; k < n; k++) {
		u32 flags = (k ? JBD_TAG_SAME_UUID : 0) | (k == n - 1 ? JBD_TAG_LAST : 0);
		struct logged *l = logged(c, first + k);
		u64 block = l->b->block;
		__be32 lo = to_be32((u32)block), hi = to_be32((u32)(block >> 32));

		l->form = log_form(c, l->copy, &flags);
		memcpy(p, &lo, 4);
		p[6] = (u8)(flags >> 8);
		p[7] = (u8)flags;
		if (j->wide)
			memcpy(p + 8, &hi, 4);
		/* Checksum over the transaction's number and the block as it lies in the log. */
		if (j->csum) {
			__be32 tid = to_be32(c->t->tid), crc;

			crc = to_be32(
				crc32c(crc32c(j->csum_seed, &tid, 4), l->form, j->sbi->block_size));
			memcpy(p + 12, &crc, 4);
		}
		p += tag_bytes(j);
		if (!k) {
			memcpy(p, j->super.uuid, 16);
			p += 16;
		}
	}
	seal(j, d, j->sbi->block_size - 4);
}

/*
 * Writes descriptors and blocks into the log. A descriptor is filled completely before its
 * write_block(), because its bio may be submitted before the blocks that follow it, if the log is
 * not contiguous on disk.
 */
static void write_blocks(struct commit *c)
{
	u32 per = tags_per_block(c->j), i, k;

	for (i = 0; i < c->n; i += per) {
		u8 *d = new_block(c, JBD_DESCRIPTOR);
		u32 n = min(per, c->n - i);

		fill_descriptor(c, d, i, n);
		write_block(&c->w, log_next(c->j), d);
		for (k = 0; k < n; k++)
			write_block(&c->w, log_next(c->j), logged(c, i + k)->form);
	}
}

static u32 revokes_per_block(const struct ext4_journal *j)
{
	return (j->sbi->block_size - 16 - tail_bytes(j)) / (j->wide ? 8 : 4);
}

u32 ext4_log_revoke_blocks(const struct ext4_journal *j, u32 n)
{
	return j->unlogged ? 0 : DIV_ROUND_UP(n, revokes_per_block(j));
}

static void write_revokes(struct commit *c)
{
	struct ext4_journal *j = c->j;
	struct ext4_txn *t = c->t;
	u32 size = j->wide ? 8 : 4, per = revokes_per_block(j), i, k;

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
		seal(j, d, j->sbi->block_size - 4);
		write_block(&c->w, log_next(j), d);
	}
}

/*
 * Writes the commit block. Once it is on the disk, a replay of the log includes the transaction.
 * Returns 0 or -errno.
 */
static int write_commit_block(struct commit *c)
{
	struct ext4_journal *j = c->j;
	u8 *d = new_block(c, JBD_COMMIT);
	u64 now = ktime_get_real(), sec = __builtin_bswap64(now / 1000000000);
	__be32 nsec = to_be32((u32)(now % 1000000000));

	memcpy(d + 48, &sec, 8);
	memcpy(d + 56, &nsec, 4);
	seal(j, d, 16);
	return bdev_rw(j->sbi->sb->s_bdev,
		REQ_WRITE | REQ_META | if_barrier(j, REQ_PREFLUSH | REQ_FUA),
		log_next(j) * (j->sbi->block_size >> SECTOR_SHIFT), d, j->sbi->block_size);
}

/* Returns how many blocks of the log the commit may take. */
static u32 log_need(const struct commit *c)
{
	return c->n + DIV_ROUND_UP(c->n, tags_per_block(c->j)) +
	       ext4_log_revoke_blocks(c->j, c->t->nr_revokes) + 2;
}

/*
 * Writes the blocks to their places at once, for a file system without a log. If a crash interrupts
 * that, e2fsck must repair the file system, as with ext2. Returns 0 or -errno.
 */
static int write_home(struct commit *c)
{
	u32 i;
	int err;

	mutex_lock(&c->j->sbi->sb_disk_lock);
	log_begin(&c->w, c->j);
	for (i = 0; i < c->n; i++)
		write_to_place(&c->w, logged(c, i)->b, logged(c, i)->copy);
	err = log_wait(&c->w);
	mutex_unlock(&c->j->sbi->sb_disk_lock);
	return err ? err : ext4_flush_disk(c->j->sbi);
}

/*
 * Writes the transaction into the log, after a checkpoint if the log lacks room. Returns 0 or
 * -errno.
 */
static int write_log(struct commit *c)
{
	struct ext4_journal *j = c->j;
	int err = 0;

	if (j->unlogged)
		return write_home(c);
	if (j->used + log_need(c) > j->maxlen - j->first)
		err = ext4_checkpoint(j);
	if (!err && !j->used)
		err = ext4_log_write_super(j, j->head, c->t->tid);
	if (err)
		return err;
	log_begin(&c->w, j);
	write_revokes(c);
	write_blocks(c);
	err = log_wait(&c->w);
	return err ? err : write_commit_block(c);
}

/*
 * Clears BUF_LOGGING, since the buffer now has its copy, or needs none: its block was written
 * without a log, or the commit has failed. See is_newer() of buffer.c.
 */
static void end_logging(struct ext4_buf *b)
{
	__atomic_and_fetch(&b->flags, ~(u32)BUF_LOGGING, __ATOMIC_RELEASE);
}

/*
 * Gives the copies of a transaction that is now in the log to the checkpoint list, and drops the
 * older copies of revoked blocks.
 */
static void keep_copies(struct commit *c)
{
	struct ext4_journal *j = c->j;
	u32 i;

	for (i = 0; i < c->t->nr_revokes; i++) {
		struct ext4_buf *b = ext4_bfind(j->sbi, c->t->revokes[i]);

		if (b && b->copy)
			ext4_log_drop_copy(j, b);
		if (b)
			ext4_brelse(b);
	}
	for (i = 0; i < c->n; i++) {
		struct ext4_buf *b = logged(c, i)->b;

		if (b->copy) {
			kfree(b->copy);
			/*
			 * Drops the transaction's reference, since the checkpoint list already has
			 * one.
			 */
			ext4_brelse(b);
		} else {
			list_add_tail(&b->cp_list, &j->checkpoint);
			j->nr_checkpoint++;
		}
		b->copy = logged(c, i)->copy;
		end_logging(b);
	}
}

/* Frees the copies, and drops the transaction's references. */
static void drop_copies(struct commit *c)
{
	u32 i;

	for (i = 0; i < c->n; i++) {
		kfree(logged(c, i)->copy);
		end_logging(logged(c, i)->b);
		ext4_brelse(logged(c, i)->b);
	}
}

void ext4_commit_txn(struct ext4_journal *j, struct ext4_txn *t)
{
	struct commit c = { .j = j, .t = t };
	bool flushed = true;
	int err = 0;

	take_snapshot(&c);
	wait_event(&j->wait_updates, atomic_read(&t->data_inflight) == 0);
	ext4_settle_lost(j->sbi);
	if (t->data_failed && j->sbi->opt.flags & EXT4_OPT_DATA_ERR_ABORT)
		ext4_journal_abort(j->sbi, -EIO);
	/*
	 * While the log is in use, even an empty transaction gets a commit block. Otherwise a
	 * replay would take the gap in the numbers for the end of the log.
	 */
	if ((c.n || t->nr_revokes || j->used) && !j->aborted)
		err = write_log(&c);
	else
		flushed = false;
	if (err || j->aborted || j->unlogged) {
		drop_copies(&c);
		if (err)
			ext4_journal_abort(j->sbi, err);
	} else {
		keep_copies(&c);
	}
	if (!err && !j->aborted)
		ext4_discard_freed(j->sbi, t->freed);
	ext4_release_held(j->sbi, t->freed);
	while (c.nr_blocks)
		kfree(c.blocks[--c.nr_blocks]);
	kfree(c.blocks);
	list_free(&c);
	spin_lock(&j->lock);
	/* Set before a waiter can see the new committed_tid. */
	if (flushed)
		WRITE_ONCE(j->flushed_tid, t->tid);
	j->committed_tid = t->tid;
	j->committing = NULL;
	spin_unlock(&j->lock);
	wake_up_all(&j->wait_done);
	kfree(t->revokes);
	kfree(t);
	if (!j->aborted && j->used > ext4_journal_room(j) / 2 && ext4_checkpoint(j))
		ext4_journal_abort(j->sbi, -EIO);
}

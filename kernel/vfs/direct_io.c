/* SPDX-License-Identifier: MIT */
/*
 * direct_io.c: reads and writes between the caller's own frames and the disk, past the page cache.
 *
 * One transfer is a struct direct_io. Guest frames are pinned piece by piece; the owner of a kernel
 * buffer keeps it until the transfer has ended. Bios are built from the frames along the extents
 * that the file system returns (direct_io.h), and submitted. A submitter that waits finishes the
 * transfer itself. An asynchronous transfer (iov_iter.async) is finished at the end of its last
 * bio, or by a worker if that may sleep.
 *
 * Page cache: the range's dirty pages are written out first. A write then drops the range's pages,
 * and at its end drops those that were read or mapped meanwhile. If a page cannot be dropped
 * because another task dirties it, the write goes through the cache. As on Linux, stores to a
 * mapping may be lost during a direct write.
 *
 * Truncation: i_rwsem is held while bios are built and submitted. From then on i_dio_count protects
 * the blocks: inode_dio_wait() waits until it is 0. A write that grows the file keeps i_rwsem until
 * it has ended and the size is set, and is never asynchronous.
 *
 * An error of any bio fails the whole transfer. A read does not report bytes beyond the end of the
 * file, but may write them to memory, up to the end of the last sector.
 *
 * States: submitted (refs: the submitter, each bio) -> ended (refs 0) -> finished. Locks: i_rwsem,
 * the outermost.
 */
#include "kernel/vfs/direct_io.h"

#include "kernel/block/block.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/vfs/internal.h"

#define SECTOR_MASK ((1U << SECTOR_SHIFT) - 1)
#define PIN_BATCH 64
#define CHECK_BATCH 16
/* Bytes of one bio. Bounded, so that several workers of a disk share a large transfer. */
#define BIO_BYTES (1U << 20)
#define ZERO_PIECE (1U << 20)

struct direct_io {
	atomic_t refs;
	struct file *file; /* with a reference if asynchronous */
	struct inode *inode;
	const struct direct_ops *ops;
	loff_t pos;
	u64 want; /* bytes requested */
	u64 size; /* bytes submitted so far */
	/* In a read: bytes from pos up to the end of the file. */
	u64 most;
	int err; /* the first error; atomic */
	bool write, unwritten, grows;
	/*
	 * The memory is a kernel buffer. Its owner pins the frames, marks them dirty, and may have
	 * locked them.
	 */
	bool kernel;
	bool sync, datasync;    /* if asynchronous: O_SYNC, O_DSYNC */
	struct io_async *async; /* NULL: the submitter waits for @done */
	/* completed reads into pages of files; an atomic stack linked by bio->private */
	struct bio *late;
	struct completion done;
	struct work work;
};

static DECLARE_WAIT_QUEUE_HEAD(dio_wait);

void inode_dio_wait(struct inode *inode)
{
	if (atomic_read(&inode->i_dio_count))
		wait_event(&dio_wait, !atomic_read(&inode->i_dio_count));
}

static void inode_dio_end(struct inode *inode)
{
	if (atomic_dec_and_test(&inode->i_dio_count))
		wake_up_all(&dio_wait);
}

/* ---- completion ---- */

static void note_error(struct direct_io *d, int err)
{
	cmpxchg(&d->err, 0, err);
}

/*
 * Calls @fn for each frame in each piece of the bio. The bio has one reference to a guest's frame
 * for each such call.
 */
static void for_each_page(struct bio *bio, void (*fn)(struct page *p))
{
	for (u32 i = 0; i < bio->nr_vecs; i++) {
		const struct bio_vec *v = &bio->vec[i];
		u32 n = (v->off + v->len + (u32)PAGE_SIZE - 1) >> PAGE_SHIFT;

		for (u32 k = 0; k < n; k++)
			fn(v->page + k);
	}
}

/*
 * Marks a page dirty after a read into it. The page of a shared mapping now holds new content of
 * its file. The page was marked dirty before the read, but writeback may have cleaned it since.
 */
static void dirty_page(struct page *p)
{
	lock_page(p);
	page_text_changed(p);
	if (p->mapping)
		set_page_dirty(p);
	unlock_page(p);
}

static bool wants_dirtying(const struct bio *bio)
{
	for (u32 i = 0; i < bio->nr_vecs; i++) {
		const struct bio_vec *v = &bio->vec[i];
		u32 n = (v->off + v->len + (u32)PAGE_SIZE - 1) >> PAGE_SHIFT;

		for (u32 k = 0; k < n; k++)
			if (READ_ONCE(v->page[k].mapping) &&
				(!PageDirty(v->page + k) ||
					test_bit(PG_patched, &v->page[k].flags)))
				return true;
	}
	return false;
}

static void release_bio(const struct direct_io *d, struct bio *bio)
{
	if (!d->kernel)
		for_each_page(bio, put_page);
	bio_put(bio);
}

static void dirty_late_pages(struct direct_io *d)
{
	struct bio *bio = d->late;

	while (bio) {
		struct bio *next = bio->private;

		for_each_page(bio, dirty_page);
		release_bio(d, bio);
		bio = next;
	}
}

static u64 first_page(const struct direct_io *d)
{
	return (u64)d->pos >> PAGE_SHIFT;
}

static u64 last_page(const struct direct_io *d)
{
	return ((u64)d->pos + d->want - 1) >> PAGE_SHIFT;
}

static bool is_cached(const struct direct_io *d)
{
	struct address_space *m = d->inode->i_mapping;
	struct page *p;

	if (!READ_ONCE(m->nrpages) || !find_get_pages(m, first_page(d), last_page(d), 1, &p))
		return false;
	put_page(p);
	return true;
}

/*
 * Finishes a transfer whose data has reached the device. @in_task: the function may sleep; false
 * only if needs_task() is false. A write drops cached pages only with @in_task, since that may
 * sleep. Without it no page need be dropped: a page that was cached meanwhile was read after the
 * data was written.
 */
static ssize_t finish(struct direct_io *d, bool in_task)
{
	ssize_t n = d->err ? d->err : (ssize_t)d->size;
	struct inode *inode = d->inode;
	int err = 0;

	if (!d->write) {
		dirty_late_pages(d);
		inode_dio_end(inode);
		return n < 0 ? n : (ssize_t)min(d->size, d->most);
	}
	if (d->unwritten || d->grows)
		err = d->ops->end(inode, d->pos, n, d->grows);
	if (in_task && READ_ONCE(inode->i_mapping->nrpages))
		drop_clean_pages(inode->i_mapping, first_page(d), last_page(d));
	inode_dio_end(inode);
	sb_end_direct_write(inode->i_sb);
	return err ? err : n;
}

static void finish_async(struct direct_io *d, bool in_task)
{
	struct io_async *a = d->async;
	ssize_t n = finish(d, in_task);
	int err = 0;

	if (n > 0 && d->datasync)
		err = vfs_fsync_range(d->file, d->pos, d->pos + n - 1, !d->sync);
	fput(d->file);
	kfree(d);
	a->done(a, err ? err : n);
}

static void finish_work(struct work *w)
{
	finish_async(container_of(w, struct direct_io, work), true);
}

static bool needs_task(const struct direct_io *d)
{
	if (!d->write)
		return d->late;
	return d->unwritten || d->datasync || is_cached(d);
}

static void direct_put(struct direct_io *d)
{
	if (!atomic_dec_and_test(&d->refs))
		return;
	if (!d->async)
		complete(&d->done);
	else if (needs_task(d))
		work_queue(&d->work);
	else
		finish_async(d, false);
}

/* Ends a bio. Called at a boundary or in any task. */
static void bio_ended(struct bio *bio)
{
	struct direct_io *d = bio->private;

	if (bio->status)
		note_error(d, bio->status);
	if (!d->write && !d->kernel && wants_dirtying(bio)) {
		struct bio *old = READ_ONCE(d->late);

		do
			bio->private = old;
		while (!__atomic_compare_exchange_n(
			&d->late, &old, bio, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	} else {
		release_bio(d, bio);
	}
	direct_put(d);
}

/* ---- submitting ---- */

/* Collects adjacent bytes in a bio. The bio is submitted when the next bytes are not adjacent. */
struct bio_run {
	struct direct_io *d;
	struct bio *bio;
	sector_t next; /* sector after its last byte */
};

static void run_submit(struct bio_run *r)
{
	struct bio *bio = r->bio;

	r->bio = NULL;
	if (!bio)
		return;
	atomic_inc(&r->d->refs);
	if (r->d->write)
		current->io_write_bytes += bio->bytes;
	submit_bio(bio);
	io_pause();
}

static int run_start(struct bio_run *r, const struct direct_extent *e, u32 pages)
{
	r->bio = bio_alloc(e->bdev, pages,
		r->d->write ? REQ_WRITE | REQ_SYNC : REQ_READ | REQ_PAST_CACHE, GFP_KERNEL);
	if (!r->bio)
		return -ENOMEM;
	r->bio->sector = e->sector;
	r->bio->private = r->d;
	r->bio->end_io = bio_ended;
	return 0;
}

/* Drops the reference that iov_iter_get_pages() took, which takes none for kernel buffers. */
static void unpin(const struct direct_io *d, struct page *p)
{
	if (!d->kernel)
		put_page(p);
}

/*
 * Adds @len bytes of a frame to the run, and takes over the caller's reference to the frame.
 * Returns 0, or -errno, in which case the caller keeps the reference. @more: number of frames that
 * will follow.
 */
static int run_add(struct bio_run *r, const struct direct_extent *e, struct page *p, u32 off,
	u32 len, u32 more)
{
	struct bio *bio = r->bio;
	u32 vecs;
	int err;

	if (bio && (bio->bdev != e->bdev || r->next != e->sector || bio->bytes + len > BIO_BYTES))
		run_submit(r);
	vecs = r->bio ? r->bio->nr_vecs : 0;
	if (r->bio && !bio_add_page(r->bio, p, len, off)) {
		run_submit(r);
		vecs = 0;
	} else if (r->bio) {
		if (off && r->bio->nr_vecs == vecs)
			/* The bio has a reference to this frame already, from the piece before. */
			unpin(r->d, p);
		r->next = e->sector + (len >> SECTOR_SHIFT);
		return 0;
	}
	err = run_start(r, e, more + 1);
	if (err)
		return err;
	bio_add_page(r->bio, p, len, off);
	r->next = e->sector + (len >> SECTOR_SHIFT);
	return 0;
}

static void extent_advance(struct direct_extent *e, u64 n)
{
	e->len -= n;
	e->sector += n >> SECTOR_SHIFT;
}

/* Submits the next bytes of the extent. Returns their number, or -errno. */
static ssize_t submit_piece(
	struct bio_run *r, struct iov_iter *it, struct direct_extent *e, u64 left)
{
	struct page *pages[PIN_BATCH];
	u32 off, i, pieces;
	ssize_t n = iov_iter_get_pages(it, min(left, e->len), !r->d->write, pages, PIN_BATCH, &off);
	u32 todo = n > 0 ? (u32)n : 0;
	int err = 0;

	if (n < 0)
		return n;
	pieces = (off + todo + (u32)PAGE_SIZE - 1) >> PAGE_SHIFT;
	for (i = 0; i < pieces && !err; i++) {
		u32 len = min(todo, (u32)PAGE_SIZE - off);
		u32 more = (u32)min_t(u64, BIO_MAX_VECS - 1, (left - 1) >> PAGE_SHIFT);

		err = run_add(r, e, pages[i], off, len, more);
		if (err)
			break;
		extent_advance(e, len);
		todo -= len;
		left -= len;
		off = 0;
	}
	for (; i < pieces; i++)
		unpin(r->d, pages[i]);
	return err ? err : n;
}

static ssize_t zero_piece(struct iov_iter *it, struct direct_extent *e, u64 left)
{
	size_t n = (size_t)min(min(left, e->len), (u64)ZERO_PIECE);

	if (iov_iter_zero(n, it) < n)
		return -EFAULT;
	extent_advance(e, n);
	return (ssize_t)n;
}

/*
 * Submits the whole range, or the part before an error, which is recorded in @d. @e is the first
 * extent; its length is 0 if it is not known yet.
 */
static void submit_range(struct direct_io *d, struct iov_iter *it, struct direct_extent e)
{
	struct bio_run r = { .d = d };
	loff_t pos = d->pos;
	u64 left = d->want;
	ssize_t n = 0;

	while (left && n >= 0) {
		if (!e.len)
			n = d->ops->map(d->inode, pos, left, &e);
		if (n < 0)
			break;
		if (d->write && e.kind == DIRECT_HOLE) {
			n = -EIO; /* impossible: prepare() allocates blocks */
			break;
		}
		d->unwritten |= d->write && e.kind == DIRECT_UNWRITTEN;
		if (e.kind == DIRECT_DATA || d->write) {
			n = submit_piece(&r, it, &e, left);
		} else {
			run_submit(&r);
			n = zero_piece(it, &e, left);
		}
		if (n < 0)
			break;
		pos += n;
		left -= (u64)n;
		d->size += (u64)n;
		if (wait_interrupted(TASK_KILLABLE))
			n = -EINTR;
		cond_resched();
	}
	run_submit(&r);
	if (n < 0)
		note_error(d, (int)n);
}

static void setup(struct direct_io *d, struct file *f, const struct iov_iter *it, loff_t pos, u64 n,
	bool write)
{
	*d = (struct direct_io){ .inode = f->f_mapping->host,
		.ops = f->f_op->direct,
		.pos = pos,
		.want = n,
		.write = write,
		.kernel = it->type == ITER_KERNEL };
	init_completion(&d->done);
	atomic_set(&d->refs, 1);
	atomic_inc(&d->inode->i_dio_count);
}

/*
 * Allocates an asynchronous transfer, which outlives the system call. Returns NULL if the caller
 * must wait instead: the request is not asynchronous, or there is no memory.
 */
static struct direct_io *setup_async(
	struct file *f, const struct iov_iter *it, loff_t pos, u64 n, bool write)
{
	struct direct_io *d = it->async ? kmalloc(sizeof(*d), GFP_KERNEL) : NULL;

	if (!d)
		return NULL;
	setup(d, f, it, pos, n, write);
	d->file = get_file(f);
	d->async = it->async;
	d->sync = it->sync || (f->f_flags & O_SYNC & ~O_DSYNC);
	d->datasync = write && (d->sync || it->dsync || file_is_sync(f));
	work_setup(&d->work, finish_work);
	return d;
}

static ssize_t wait_and_finish(struct direct_io *d)
{
	if (!atomic_dec_and_test(&d->refs))
		wait_for_completion(&d->done);
	return finish(d, true);
}

/* ---- reading ---- */

/* True if the cache has data that is not on the disk. For callers that may not wait. */
static bool range_is_dirty(struct address_space *m, loff_t pos, u64 n)
{
	u64 index = (u64)pos >> PAGE_SHIFT, last = ((u64)pos + n - 1) >> PAGE_SHIFT;
	struct page *pages[CHECK_BATCH];
	bool dirty = false;

	if (!mapping_has_dirty(m) && !atomic_read(&m->nrwriteback))
		return false;
	while (index <= last && !dirty) {
		u32 nr = find_get_pages(m, index, last, CHECK_BATCH, pages);

		if (!nr)
			break;
		index = pages[nr - 1]->index + 1;
		while (nr--) {
			dirty |= PageDirty(pages[nr]) || PageWriteback(pages[nr]);
			put_page(pages[nr]);
		}
	}
	return dirty;
}

static int lock_for_read(struct inode *inode, bool nowait)
{
	if (!nowait)
		down_read(&inode->i_rwsem);
	else if (!down_read_trylock(&inode->i_rwsem))
		return -EAGAIN;
	return 0;
}

/*
 * Returns how many bytes to read from the disk: 0 at the end of the file, otherwise whole sectors.
 * Sets *most to the bytes up to the end of the file.
 */
static u64 readable(const struct inode *inode, loff_t pos, u64 count, u64 *most)
{
	loff_t size = i_size_read(inode);

	*most = pos < size ? (u64)(size - pos) : 0;
	return min(count, round_up(*most, (u64)SECTOR_MASK + 1));
}

/*
 * Reads at @pos. Releases i_rwsem, which is held for reading. Returns bytes, -EIOCBQUEUED or
 * -errno.
 */
static ssize_t read_locked(struct file *f, struct iov_iter *to, loff_t pos)
{
	struct address_space *m = f->f_mapping;
	struct direct_io here, *d;
	struct direct_extent e;
	u64 most, n = readable(m->host, pos, to->count, &most);
	int err = 0;

	if (!n)
		goto out_unlock;
	if (to->nowait && range_is_dirty(m, pos, n))
		err = -EAGAIN;
	else
		err = filemap_write_and_wait_range(m, pos, pos + (loff_t)n - 1);
	if (!err)
		err = f->f_op->direct->map(m->host, pos, n, &e);
	if (err)
		goto out_unlock;
	d = setup_async(f, to, pos, n, false);
	if (!d) {
		d = &here;
		setup(d, f, to, pos, n, false);
	}
	d->most = most;
	submit_range(d, to, e);
	up_read(&m->host->i_rwsem);
	if (d == &here)
		return wait_and_finish(d);
	direct_put(d);
	return -EIOCBQUEUED;
out_unlock:
	up_read(&m->host->i_rwsem);
	return err;
}

ssize_t direct_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t n = lock_for_read(f->f_mapping->host, to->nowait);

	if (n)
		return n;
	n = read_locked(f, to, *pos);
	if (n > 0)
		*pos += n;
	if (n >= 0 || n == -EIOCBQUEUED)
		file_accessed(f);
	return n;
}

/* ---- writing ---- */

/*
 * Writes the dirty pages of the range to the device and drops the range from the cache. Returns 0;
 * -ENOTBLK if a page cannot be dropped, so that the write must go through the cache; -EAGAIN if
 * @nowait is set and any page of the file is cached; or another -errno.
 */
static int clear_cache(struct address_space *m, loff_t pos, u64 n, bool nowait)
{
	int err;

	if (!READ_ONCE(m->nrpages))
		return 0;
	if (nowait)
		return -EAGAIN;
	err = filemap_write_and_wait_range(m, pos, pos + (loff_t)n - 1);
	if (err)
		return err;
	return drop_clean_pages(m, (u64)pos >> PAGE_SHIFT, ((u64)pos + n - 1) >> PAGE_SHIFT) ?
		       -ENOTBLK :
		       0;
}

/*
 * Prepares cache and blocks for a write. Returns how many bytes may be written now, or an error, as
 * direct_ops.prepare() does. i_rwsem is held for writing.
 */
static s64 prepare_write(struct file *f, const struct iov_iter *from, loff_t pos)
{
	const struct direct_ops *ops = f->f_op->direct;
	struct inode *inode = f->f_mapping->host;
	/* Part of a sector remains if a size limit has shortened the write. */
	int err = from->count & SECTOR_MASK ?
			  -EINVAL :
			  clear_cache(f->f_mapping, pos, from->count, from->nowait);

	if (err)
		return err;
	if (!ops->prepare)
		return (s64)from->count;
	return ops->prepare(inode, pos, from->count, from->nowait);
}

ssize_t direct_write_unlock(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_mapping->host;
	struct direct_io here, *d = NULL;
	s64 n = prepare_write(f, from, *pos);
	bool grows;

	if (n <= 0) {
		up_write(&inode->i_rwsem);
		sb_end_direct_write(inode->i_sb);
		return n;
	}
	grows = *pos + n > i_size_read(inode);
	if (!grows)
		d = setup_async(f, from, *pos, (u64)n, true);
	if (!d) {
		d = &here;
		setup(d, f, from, *pos, (u64)n, true);
	}
	d->grows = grows;
	submit_range(d, from, (struct direct_extent){ .len = 0 });
	if (!grows)
		up_write(&inode->i_rwsem);
	if (d != &here) {
		direct_put(d);
		return -EIOCBQUEUED;
	}
	n = wait_and_finish(d);
	if (grows)
		up_write(&inode->i_rwsem);
	if (n > 0)
		*pos += n;
	return n;
}

bool direct_io_aligned(const struct inode *inode, const struct iov_iter *it, loff_t pos)
{
	const struct block_device *b = S_ISBLK(inode->i_mode) ? inode->i_bdev : inode->i_sb->s_bdev;
	u64 block = b ? b->disk->logical_block_size : SECTOR_MASK + 1;

	return !(((u64)pos | it->count) & (block - 1)) && !(iov_iter_alignment(it) & SECTOR_MASK);
}

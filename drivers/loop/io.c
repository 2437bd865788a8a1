/* SPDX-License-Identifier: MIT */
/*
 * io.c: the thread of a bound loop device, which serves bios by reads and writes of the backing
 * file.
 *
 * Bios are submitted from any context, even by a task that is about to sleep, so loop_submit() only
 * queues them. One thread for each unit serves them in order; a flush therefore covers all writes
 * that ended before it. The thread has PF_MEMALLOC: dirty pages of the loop device are written back
 * only through it, so it must wait neither for the dirty limit nor for reclaim.
 *
 * Lock: loop.queue_lock.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/falloc.h>

#include "drivers/loop/loop.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/direct_io.h"
#include "kernel/vfs/vfs.h"

void loop_submit(struct gendisk *d, struct bio *bio)
{
	struct loop *lo = d->private;
	bool alive;

	spin_lock(&lo->queue_lock);
	alive = lo->thread && !lo->stop;
	if (alive)
		list_add_tail(&bio->list, &lo->queue);
	spin_unlock(&lo->queue_lock);
	if (alive)
		wake_up_all(&lo->wait);
	else
		/* Without a file there is nothing to flush. */
		bio_endio(bio, (bio->opf & REQ_OP_MASK) == REQ_FLUSH ? 0 : -EIO);
}

/* ---- one bio ---- */

/* Reads or writes a vector. A read beyond the end of the file returns zeros. */
static int move_vec(struct loop *lo, const struct bio_vec *v, loff_t pos, bool write)
{
	char *at = (char *)page_address(v->page) + v->off;
	u32 left = v->len;

	while (left) {
		struct iov_iter it;
		ssize_t n;

		iov_iter_kernel(&it, at, left);
		it.cached = lo->file->f_flags & O_DIRECT &&
			    !direct_io_aligned(lo->file->f_mapping->host, &it, pos);
		n = write ? vfs_write_iter(lo->file, &it, &pos) :
			    vfs_read_iter(lo->file, &it, &pos);
		if (n < 0)
			return (int)n == -ENOSPC ? -ENOSPC : -EIO;
		if (!n) {
			if (write)
				return -EIO;
			memset(at, 0, left);
			return 0;
		}
		at += n;
		left -= (u32)n;
	}
	return 0;
}

static int move_data(struct loop *lo, struct bio *bio, loff_t pos, bool write)
{
	loff_t start = pos;
	u32 i;
	int err = 0;

	for (i = 0; i < bio->nr_vecs && !err; i++) {
		err = move_vec(lo, &bio->vec[i], pos, write);
		pos += bio->vec[i].len;
	}
	if (!err && write && lo->flags & LO_FLAGS_DIRECT_IO)
		err = filemap_write_and_wait_range(lo->file->f_mapping, start, pos - 1);
	return err;
}

static int write_zeroes(struct loop *lo, loff_t pos, u64 n)
{
	void *zero = get_free_page(GFP_KERNEL | __GFP_ZERO);
	int err = zero ? 0 : -ENOMEM;

	while (n && !err) {
		ssize_t done = kernel_write(lo->file, zero, min_t(u64, n, PAGE_SIZE), &pos);

		if (done <= 0)
			err = -EIO;
		else
			n -= (u64)done;
		cond_resched();
	}
	if (zero)
		free_page_addr(zero);
	return err;
}

static int drop_range(struct loop *lo, loff_t pos, u64 n, bool must_be_zero)
{
	const struct file_operations *fop = lo->file->f_op;
	long err = -EOPNOTSUPP;

	if (fop->fallocate)
		err = fop->fallocate(
			lo->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, (loff_t)n);
	if (err == -ETXTBSY) /* the file has a swap area */
		err = -EOPNOTSUPP;
	if (err && must_be_zero)
		err = write_zeroes(lo, pos, n);
	return (int)err;
}

static int flush_file(struct loop *lo)
{
	int err = vfs_fsync_range(lo->file, 0, S64_MAX, false);

	return err == -EINVAL ? 0 : err ? -EIO : 0;
}

static int serve(struct loop *lo, struct bio *bio)
{
	u32 op = bio->opf & REQ_OP_MASK;
	loff_t pos = (loff_t)((bio->sector << SECTOR_SHIFT) + lo->offset);
	int err = 0;

	if (bio->opf & REQ_PREFLUSH)
		err = flush_file(lo);
	if (err)
		return err;
	switch (op) {
	case REQ_READ: return move_data(lo, bio, pos, false);
	case REQ_WRITE: err = move_data(lo, bio, pos, true); break;
	case REQ_DISCARD: err = drop_range(lo, pos, bio->bytes, false); break;
	case REQ_WRITE_ZEROES: err = drop_range(lo, pos, bio->bytes, true); break;
	case REQ_FLUSH: return flush_file(lo);
	default: return -EOPNOTSUPP;
	}
	if (!err && bio->opf & REQ_FUA)
		err = flush_file(lo);
	return err;
}

/* ---- the thread ---- */

/* Returns the next bio to serve, or NULL if there is none. */
static struct bio *take(struct loop *lo)
{
	struct bio *bio = NULL;

	spin_lock(&lo->queue_lock);
	lo->busy = !lo->frozen && !list_empty(&lo->queue);
	if (lo->busy) {
		bio = list_first_entry(&lo->queue, struct bio, list);
		list_del_init(&bio->list);
	}
	spin_unlock(&lo->queue_lock);
	return bio;
}

static bool has_work(struct loop *lo)
{
	bool yes;

	spin_lock(&lo->queue_lock);
	yes = lo->stop || (!lo->frozen && !list_empty(&lo->queue));
	spin_unlock(&lo->queue_lock);
	return yes;
}

/* True if the thread must end: @stop is set, after which loop_submit() accepts no more bios. */
static bool finished(struct loop *lo)
{
	bool yes;

	spin_lock(&lo->queue_lock);
	yes = lo->stop && list_empty(&lo->queue);
	spin_unlock(&lo->queue_lock);
	return yes;
}

static int loop_thread(void *arg)
{
	struct loop *lo = arg;
	struct bio *bio;

	current->flags |= PF_MEMALLOC;
	for (;;) {
		while ((bio = take(lo))) {
			bio_endio(bio, serve(lo, bio));
			cond_resched();
		}
		wake_up_all(&lo->wait); /* loop_freeze() may wait */
		if (finished(lo))
			break;
		wait_event_idle(&lo->wait, has_work(lo));
	}
	complete(&lo->gone);
	return 0;
}

int loop_start_thread(struct loop *lo)
{
	lo->stop = lo->frozen = lo->busy = false;
	init_completion(&lo->gone);
	lo->thread = kthread_run(loop_thread, lo, "loop%u", lo->number);
	return lo->thread ? 0 : -ENOMEM;
}

void loop_stop_thread(struct loop *lo)
{
	spin_lock(&lo->queue_lock);
	lo->stop = true;
	spin_unlock(&lo->queue_lock);
	wake_up_all(&lo->wait);
	wait_for_completion(&lo->gone);
	lo->thread = NULL;
}

static bool idle(struct loop *lo)
{
	bool yes;

	spin_lock(&lo->queue_lock);
	yes = !lo->busy;
	spin_unlock(&lo->queue_lock);
	return yes;
}

void loop_freeze(struct loop *lo)
{
	spin_lock(&lo->queue_lock);
	lo->frozen = true;
	spin_unlock(&lo->queue_lock);
	wait_event(&lo->wait, idle(lo));
}

void loop_thaw(struct loop *lo)
{
	spin_lock(&lo->queue_lock);
	lo->frozen = false;
	spin_unlock(&lo->queue_lock);
	wake_up_all(&lo->wait);
}

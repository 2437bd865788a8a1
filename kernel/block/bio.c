/* SPDX-License-Identifier: MIT */
/*
 * bio.c: requests from a file system to a driver (struct bio), and the ways to wait for them.
 *
 *      bio = bio_alloc(bdev, n, REQ_READ, GFP_NOFS);
 *      bio_add_page(bio, page, len, off); ...
 *      bio->end_io = fn; submit_bio(bio);            fn runs once, at a boundary, and puts the bio
 *      err = submit_bio_wait(bio); bio_put(bio);     or the caller sleeps
 *
 * A bio belongs to its submitter until submit_bio(), to the driver until bio_endio(), to end_io
 * after that. No locks: it has one owner at a time.
 */
#include <asm/errno.h>

#include "kernel/block/block.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"

struct bio *bio_alloc(struct block_device *bdev, u32 nr_vecs, u32 opf, gfp_t gfp)
{
	const struct gendisk *d = bdev->disk;
	struct bio *bio;

	if (nr_vecs > BIO_MAX_VECS)
		nr_vecs = BIO_MAX_VECS;
	bio = kzalloc(sizeof(*bio) + nr_vecs * (sizeof(bio->vec[0]) + d->driver_vec_bytes) +
			      d->driver_bytes,
		gfp);
	if (!bio)
		return NULL;
	INIT_LIST_HEAD(&bio->list);
	bio->bdev = bdev;
	bio->opf = opf;
	bio->max_vecs = nr_vecs;
	return bio;
}

void bio_put(struct bio *bio)
{
	kfree(bio);
}

/*
 * Adds a page. If the page follows the last one in memory, it extends the last vector, so that the
 * host gets few long pieces.
 */
bool bio_add_page(struct bio *bio, struct page *p, u32 len, u32 off)
{
	struct bio_vec *last = bio->nr_vecs ? &bio->vec[bio->nr_vecs - 1] : NULL;

	if (last &&
		page_to_pfn(last->page) + (last->off + last->len) / PAGE_SIZE == page_to_pfn(p) &&
		(last->off + last->len) % PAGE_SIZE == off &&
		(u64)last->len + len < BIO_MAX_SEGMENT) {
		last->len += len;
		bio->bytes += len;
		return true;
	}
	if (bio->nr_vecs == bio->max_vecs)
		return false;
	bio->vec[bio->nr_vecs++] = (struct bio_vec){ p, off, len };
	bio->bytes += len;
	return true;
}

/* True if @bio may have changed disk blocks of which its devices' page caches have older copies. */
static bool changes_past_cache(const struct bio *bio)
{
	u32 op = bio->opf & REQ_OP_MASK;

	return op != REQ_READ && op != REQ_FLUSH && !(bio->opf & REQ_FROM_CACHE);
}

void bio_endio(struct bio *bio, int status)
{
	bio->status = status;
	if (bio->bdev) {
		if (changes_past_cache(bio))
			__atomic_add_fetch(&bio->bdev->disk->changed, 1, __ATOMIC_SEQ_CST);
		disk_account_end(bio);
		queue_leave(bio);
		/* A failed joined bio is not logged: queue.c retries its parts. */
		if (unlikely(status && status != -EOPNOTSUPP && !bio_is_joined(bio)))
			bio_report_error(bio);
	}
	bio->end_io(bio);
}

void bio_end_read_pages(struct bio *bio)
{
	u32 i;

	for (i = 0; i < bio->nr_vecs; i++) {
		struct page *p = bio->vec[i].page;
		u32 left = bio->vec[i].off + bio->vec[i].len;

		for (;; p++) {
			end_page_read(p, bio->status);
			if (left <= PAGE_SIZE)
				break;
			left -= PAGE_SIZE;
		}
	}
	bio_put(bio);
}

static void end_io_complete(struct bio *bio)
{
	complete(bio->private);
}

int submit_bio_wait(struct bio *bio)
{
	struct completion done;
	bool io;

	init_completion(&done);
	bio->private = &done;
	bio->end_io = end_io_complete;
	bio->opf |= REQ_SYNC;
	submit_bio(bio);
	io = io_wait_begin();
	wait_for_completion(&done);
	io_wait_end(io);
	return bio->status;
}

int bdev_rw(struct block_device *b, u32 opf, sector_t s, void *buf, size_t n)
{
	char *p = buf;

	while (n) {
		size_t part = min_t(size_t, n, 1U << 20);
		/*
		 * The allocation must not fail: a task that waits for metadata, a commit block or
		 * writeback could not report ENOMEM.
		 */
		struct bio *bio = bio_alloc(b, 1, opf, GFP_NOFS | __GFP_NOFAIL);
		int err;

		bio->sector = s;
		bio_add_page(bio, virt_to_page(p), (u32)part, (u32)((u64)p & ~PAGE_MASK));
		err = submit_bio_wait(bio);
		bio_put(bio);
		if (err)
			return err;
		p += part;
		s += part >> SECTOR_SHIFT;
		n -= part;
		opf &= ~(u32)REQ_PREFLUSH;
	}
	return 0;
}

static int bdev_simple(struct block_device *b, u32 op, sector_t s, u64 nr)
{
	struct bio *bio = bio_alloc(b, 0, op, op == REQ_FLUSH ? GFP_NOFS | __GFP_NOFAIL : GFP_NOFS);
	int err;

	if (!bio)
		return -ENOMEM;
	bio->sector = s;
	bio->bytes = nr << SECTOR_SHIFT;
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

int bdev_flush(struct block_device *b)
{
	return bdev_simple(b, REQ_FLUSH, 0, 0);
}

/*
 * Sends a range in pieces of at most BIO_MAX_RANGE, so that no request keeps a worker of the driver
 * busy for long.
 */
static int bdev_range(struct block_device *b, u32 op, sector_t s, u64 nr)
{
	int err = 0;

	while (nr && !err) {
		u64 n = min(nr, BIO_MAX_RANGE >> SECTOR_SHIFT);

		err = bdev_simple(b, op, s, n);
		s += n;
		nr -= n;
	}
	return err;
}

int bdev_discard(struct block_device *b, sector_t s, u64 nr)
{
	if (!b->disk->discard)
		return -EOPNOTSUPP;
	return bdev_range(b, REQ_DISCARD, s, nr);
}

int bdev_write_zeroes(struct block_device *b, sector_t s, u64 nr)
{
	if (!b->disk->write_zeroes)
		return -EOPNOTSUPP;
	return bdev_range(b, REQ_WRITE_ZEROES, s, nr);
}

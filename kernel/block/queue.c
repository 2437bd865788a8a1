/* SPDX-License-Identifier: MIT */
/*
 * queue.c: submit_bio() and the queue of bios between the submitting tasks and the drivers.
 *
 * A bio is checked against its device, remapped from the partition to the disk, counted, and passed
 * to the driver. While current has a plug, bios gather in it. Finishing the plug joins neighbours
 * (equal operation, adjacent sectors) into one bio. So a file system that submits page by page, or
 * many small files that are adjacent, cost the host one call for many pages. A task that sleeps or
 * reschedules with a plug submits it first (plug_before_sleep): the page or journal commit that it
 * waits for may need a bio in the plug.
 *
 * If a joined bio fails, its parts are submitted once more, each alone, so that an error in one
 * part does not fail the others.
 *
 * A disk has at most nr_requests under way. Further submitters sleep until one has ended, so there
 * is at most one waiting request for each task.
 *
 * On a held disk (queue_hold()) no request that changes it begins: a snapshot copies its files
 * meanwhile.
 *
 * Order: the driver may complete in any order. A submitter that needs order waits, or uses
 * REQ_PREFLUSH and REQ_FUA (block.h).
 * Invariants:
 * 1. A bio that reaches a driver lies within the disk and is whole sectors long.
 * 2. Every submitted bio ends once.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/trace.h"
#include "kernel/block/block.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/mm/stats.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

/* Maximum of bios in a plug: other tasks may wait for their pages. */
#define PLUG_MAX 128

static bool has_data(u32 opf)
{
	u32 op = opf & REQ_OP_MASK;

	return op == REQ_READ || op == REQ_WRITE;
}

/* Returns 0, or the errno with which the bio must fail. */
static int bio_check(const struct bio *bio)
{
	const struct block_device *b = bio->bdev;
	u32 op = bio->opf & REQ_OP_MASK;
	u64 nr = bio->bytes >> SECTOR_SHIFT;

	if (op == REQ_FLUSH)
		return 0;
	if (!bio->bytes || bio->bytes & ((1U << SECTOR_SHIFT) - 1))
		return -EIO;
	if (nr > b->nr_sectors || bio->sector > b->nr_sectors - nr)
		return -EIO;
	if (op != REQ_READ && bdev_read_only(b))
		return -EROFS;
	if (op == REQ_DISCARD && !b->disk->discard)
		return -EOPNOTSUPP;
	if (op == REQ_WRITE_ZEROES && !b->disk->write_zeroes)
		return -EOPNOTSUPP;
	return 0;
}

static bool has_change(const struct bio *bio)
{
	u32 op = bio->opf & REQ_OP_MASK;

	return op != REQ_READ && op != REQ_FLUSH;
}

static DECLARE_WAIT_QUEUE_HEAD(room); /* a request of a full disk ended */
static DECLARE_WAIT_QUEUE_HEAD(hold); /* a hold or the last change ended */

/* ---- held disks ---- */

static void change_leave(struct gendisk *d)
{
	if (atomic_dec_and_test(&d->changes) && queue_is_held(d))
		wake_up_all(&hold);
}

static void change_enter(struct gendisk *d)
{
	for (;;) {
		/*
		 * Full barrier against queue_hold(): either queue_hold() sees the count, or this
		 * task sees @held.
		 */
		atomic_inc(&d->changes);
		if (!queue_is_held(d))
			return;
		change_leave(d);
		wait_event(&hold, !queue_is_held(d));
	}
}

void queue_hold(struct gendisk *d)
{
	__atomic_store_n(&d->held, true, __ATOMIC_SEQ_CST);
	wait_event(&hold, !atomic_read(&d->changes));
}

void queue_release(struct gendisk *d)
{
	__atomic_store_n(&d->held, false, __ATOMIC_SEQ_CST);
	wake_up_all(&hold);
}

/* ---- requests under way ---- */

static void room_leave(struct gendisk *d)
{
	if (d->nr_requests && (u32)atomic_add_return(-1, &d->under_way) == d->nr_requests - 1)
		wake_up_all(&room);
}

static bool try_enter(struct gendisk *d)
{
	if ((u32)atomic_inc_return(&d->under_way) <= d->nr_requests)
		return true;
	room_leave(d); /* may make room for another waiter */
	return false;
}

static void queue_enter(struct bio *bio)
{
	struct gendisk *d = bio->bdev->disk;
	bool io;

	if (has_change(bio))
		change_enter(d);
	if (!d->nr_requests || try_enter(d))
		return;
	io = io_wait_begin();
	wait_event(&room, (u32)atomic_read(&d->under_way) < d->nr_requests && try_enter(d));
	io_wait_end(io);
}

void queue_leave(struct bio *bio)
{
	struct gendisk *d = bio->bdev->disk;

	room_leave(d);
	if (has_change(bio))
		change_leave(d);
}

static u32 io_kind(const struct bio *bio)
{
	switch (bio->opf & REQ_OP_MASK) {
	case REQ_READ: return IO_READ;
	case REQ_DISCARD: return IO_DISCARD;
	}
	return IO_WRITE;
}

static void dispatch(struct bio *bio)
{
	struct gendisk *d = bio->bdev->disk;

	TRACE(block, "%s %s sector %lu, %lu bytes, for %s[%d]", d->name,
		(bio->opf & REQ_OP_MASK) == REQ_READ ? "reads" : "writes",
		(unsigned long)bio->sector, (unsigned long)bio->bytes, current->comm, current->pid);
	io_account(
		d->part[0]->dev, io_kind(bio), bio->bytes, bio->nr_vecs ? bio->vec[0].page : NULL);
	queue_enter(bio);
	disk_account_start(bio);
	d->ops->submit(d, bio);
}

/* ---- joining ---- */

/* Parts of failed joined bios, to be submitted alone. Under again_lock. */
static LIST_HEAD(again);
static DEFINE_SPINLOCK(again_lock);
static struct work again_work;

static void try_again(struct work *w)
{
	LIST_HEAD(todo);

	spin_lock(&again_lock);
	list_splice_tail_init(&again, &todo);
	spin_unlock(&again_lock);
	while (!list_empty(&todo)) {
		struct bio *bio = list_first_entry(&todo, struct bio, list);

		list_del_init(&bio->list);
		dispatch(bio);
	}
}

/*
 * The end_io of a joined bio, which shares the vectors of its parts. If it failed, submits each
 * part alone, since some may succeed. Otherwise ends all parts.
 */
static void end_merged(struct bio *all)
{
	struct list_head *parts = all->private;
	struct bio *bio, *next;

	if (all->status) {
		spin_lock(&again_lock);
		list_splice_tail_init(parts, &again);
		spin_unlock(&again_lock);
		work_queue(&again_work);
	}
	list_for_each_entry_safe(bio, next, parts, list) {
		list_del_init(&bio->list);
		bio->status = 0;
		bio->end_io(bio);
	}
	kfree(parts);
	bio_put(all);
}

bool bio_is_joined(const struct bio *bio)
{
	return bio->end_io == end_merged;
}

static bool can_join(const struct bio *a, const struct bio *b)
{
	return a->bdev == b->bdev && a->part == b->part && a->opf == b->opf && has_data(a->opf) &&
	       !(a->opf & (REQ_PREFLUSH | REQ_FUA)) &&
	       a->sector + (a->bytes >> SECTOR_SHIFT) == b->sector;
}

/*
 * Returns how many bios at the list's front can be joined into one bio of at most @most vectors.
 * Sets *vecs to the number of vectors of that bio.
 */
static u32 run_length(struct list_head *list, u32 most, u32 *vecs)
{
	struct bio *bio = list_first_entry(list, struct bio, list);
	u32 n = 1;

	*vecs = bio->nr_vecs;
	while (bio->list.next != list) {
		struct bio *next = list_next_entry(bio, list);

		if (!can_join(bio, next) || *vecs + next->nr_vecs > most)
			break;
		*vecs += next->nr_vecs;
		n++;
		bio = next;
	}
	return n;
}

/*
 * Takes the longest run of joinable bios off the list's front and returns them as one bio. NULL: no
 * neighbours, or too little memory; the caller then sends the first bio alone. The allocation must
 * not reclaim: pages that reclaim would wait for may belong to bios of this list, which are not
 * submitted yet. If a large bio cannot be allocated, a shorter run is joined.
 */
static struct bio *join_front(struct list_head *list)
{
	struct bio *first = list_first_entry(list, struct bio, list), *bio, *all;
	struct list_head *parts;
	u32 nr_vecs, n = run_length(list, BIO_MAX_VECS, &nr_vecs);

	if (n == 1)
		return NULL;
	parts = kmalloc(sizeof(*parts), GFP_ATOMIC);
	if (!parts)
		return NULL;
	all = bio_alloc(first->bdev, nr_vecs, first->opf, GFP_ATOMIC);
	if (!all && nr_vecs > BIO_SURE_VECS) {
		n = run_length(list, BIO_SURE_VECS, &nr_vecs);
		all = n > 1 ? bio_alloc(first->bdev, nr_vecs, first->opf, GFP_ATOMIC) : NULL;
	}
	if (!all) {
		kfree(parts);
		return NULL;
	}
	INIT_LIST_HEAD(parts);
	all->part = first->part;
	all->sector = first->sector;
	all->private = parts;
	all->end_io = end_merged;
	disk_account_merge(all, n - 1);
	while (n--) {
		u32 i;

		bio = list_first_entry(list, struct bio, list);
		list_move_tail(&bio->list, parts);
		for (i = 0; i < bio->nr_vecs; i++)
			bio_add_page(all, bio->vec[i].page, bio->vec[i].len, bio->vec[i].off);
	}
	return all;
}

static void flush_plug(struct blk_plug *p)
{
	LIST_HEAD(todo);

	list_splice_tail_init(&p->list, &todo);
	p->nr = 0;
	while (!list_empty(&todo)) {
		struct bio *bio = join_front(&todo);

		if (!bio) {
			bio = list_first_entry(&todo, struct bio, list);
			list_del_init(&bio->list);
		}
		dispatch(bio);
	}
}

/* Counts bytes that are read and written, for /proc/vmstat (pgpgin, pgpgout) and /proc/PID/io. */
static void count_data(const struct bio *bio)
{
	if (!has_data(bio->opf))
		return;
	if ((bio->opf & REQ_OP_MASK) == REQ_READ) {
		current->io_read_bytes += bio->bytes;
		count_vm(pgpgin, bio->bytes >> SECTOR_SHIFT);
	} else {
		count_vm(pgpgout, bio->bytes >> SECTOR_SHIFT);
	}
}

void submit_bio(struct bio *bio)
{
	struct blk_plug *plug = current->plug;
	int err = bio_check(bio);

	if (!err)
		count_data(bio);
	bio->part = bio->bdev;
	bio->sector += bio->bdev->start;
	bio->bdev = bio->bdev->disk->part[0];
	if (err) {
		bio->status = err;
		bio->end_io(bio);
		return;
	}
	if (plug && !(bio->opf & (REQ_PREFLUSH | REQ_FUA | REQ_SYNC)) && has_data(bio->opf)) {
		list_add_tail(&bio->list, &plug->list);
		if (++plug->nr >= PLUG_MAX)
			flush_plug(plug);
		return;
	}
	if (plug)
		flush_plug(plug);
	dispatch(bio);
}

void blk_start_plug(struct blk_plug *p)
{
	INIT_LIST_HEAD(&p->list);
	p->nr = 0;
	if (!current->plug)
		current->plug = p;
}

void blk_finish_plug(struct blk_plug *p)
{
	if (current->plug != p)
		return;
	current->plug = NULL;
	flush_plug(p);
}

/*
 * Submits the plug of a task that is about to sleep. Submitting may itself sleep, and the wake-up
 * for which the caller waits may happen meanwhile. So true means that the caller must test its
 * condition again.
 */
static bool plug_before_sleep(void)
{
	struct blk_plug *p = current->plug;

	if (list_empty(&p->list))
		return false;
	__set_current_state(TASK_RUNNING);
	flush_plug(p);
	return true;
}

static const struct sched_plug_ops plug_ops = { .submit = plug_before_sleep };

static int queue_init(void)
{
	work_setup(&again_work, try_again);
	sched_plug_ops = &plug_ops;
	return 0;
}
INITCALL(1, queue_init);

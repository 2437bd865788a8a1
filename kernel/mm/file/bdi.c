/* SPDX-License-Identifier: MIT */
/*
 * bdi.c: the devices that dirty pages are written to, and the limits on dirty pages.
 *
 *	b = bdi_get(disk's number)      add_disk(); mappings of its files point to it
 *	balance_dirty_pages(mapping)    after a write: waits while too much is dirty
 *
 * Above the background limit (vm.dirty_background_ratio or _bytes) the threads of all devices
 * write. Above the limit (vm.dirty_ratio or _bytes) writers wait, but only those whose own device
 * has more than its share. The share is the device's part of all pages written out lately. So a
 * slow disk fills its own share and does not stop writers to another disk. A share is at least a
 * sixteenth of the limit, or min_ratio of /sys/class/bdi/N if that is more, and at most max_ratio.
 * While no device has written pages, the share of each is the whole limit. "Lately" is counted in
 * pages, not in time: after 32768 written pages all counts are halved.
 *
 * Backing devices are never freed, so pointers to them need no reference.
 *
 * Locks: wb_lock for the list of devices and their lists of mappings; no other lock of mm is taken
 * within.
 */
#include "kernel/mm/internal.h"
#include "kernel/mm/group/iogroup.h"

#define WRITTEN_MAX 32768
#define SHARE_MIN 16 /* a part of 1/16 */
#define RA_DEFAULT 128
/* number of written pages after which a task that waits for memory tries again */
#define FLUSHED_ENOUGH 32
#define FLUSH_WAIT 100000000UL /* ns; as on Linux */

int sysctl_dirty_ratio = 20, sysctl_dirty_background_ratio = 10;
int sysctl_dirty_expire_centisecs = 3000, sysctl_dirty_writeback_centisecs = 500;
u64 sysctl_dirty_bytes, sysctl_dirty_background_bytes; /* 0: use the ratio */

DEFINE_SPINLOCK(wb_lock);
LIST_HEAD(backing_devs);
static DECLARE_WAIT_QUEUE_HEAD(balance_wait);

struct backing_dev default_bdi = {
	.ra_pages = RA_DEFAULT,
	.max_ratio = 100,
	.dirty = LIST_HEAD_INIT(default_bdi.dirty),
	.link = LIST_HEAD_INIT(default_bdi.link),
	.wait = WAIT_QUEUE_HEAD_INIT(default_bdi.wait),
};

static struct backing_dev *find_bdi(dev_t dev)
{
	struct backing_dev *b;

	assert_spin_held(&wb_lock);
	list_for_each_entry(b, &backing_devs, link)
		if (b->dev == dev)
			return b;
	return NULL;
}

struct backing_dev *bdi_get(dev_t dev)
{
	struct backing_dev *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL), *b;

	if (!fresh)
		return NULL;
	fresh->dev = dev;
	fresh->ra_pages = RA_DEFAULT;
	fresh->max_ratio = 100;
	INIT_LIST_HEAD(&fresh->dirty);
	init_waitqueue_head(&fresh->wait);
	spin_lock(&wb_lock);
	b = find_bdi(dev);
	if (!b)
		list_add_tail(&fresh->link, &backing_devs);
	spin_unlock(&wb_lock);
	if (!b)
		return fresh;
	kfree(fresh);
	return b;
}

void bdi_wake(struct backing_dev *b)
{
	if (READ_ONCE(b->wanted))
		return;
	WRITE_ONCE(b->wanted, true);
	wake_up_all(&b->wait);
}

void bdi_want_inodes(struct backing_dev *b)
{
	if (!READ_ONCE(b->runs))
		return;
	WRITE_ONCE(b->inodes_wanted, true);
	bdi_wake(b);
}

void bdi_inodes_written(struct backing_dev *b)
{
	WRITE_ONCE(b->inodes_wanted, false);
	wake_balanced();
}

void bdi_set_flushing(struct backing_dev *b, const struct inode *inode)
{
	__atomic_store_n(&b->flushing, inode, __ATOMIC_SEQ_CST);
	if (!inode)
		wake_up_all(&b->wait);
}

void bdi_wait_flushing(struct backing_dev *b, const struct inode *inode)
{
	wait_event(&b->wait, __atomic_load_n(&b->flushing, __ATOMIC_SEQ_CST) != inode);
}

void wake_flushers(void)
{
	struct backing_dev *b;

	spin_lock(&wb_lock);
	list_for_each_entry(b, &backing_devs, link)
		if (atomic_read(&b->nr_dirty))
			bdi_wake(b);
	spin_unlock(&wb_lock);
}

/* ---- waits of reclaim ---- */

/* number of pages that have become clean, or whose write has ended */
static atomic64_t cleaned;

bool inodes_are_wanted(void)
{
	struct backing_dev *b;
	bool any = false;

	spin_lock(&wb_lock);
	list_for_each_entry(b, &backing_devs, link)
		any |= READ_ONCE(b->inodes_wanted);
	spin_unlock(&wb_lock);
	return any;
}

/*
 * True if FLUSHED_ENOUGH pages were cleaned since @seen, or nothing is left to write. @inodes: the
 * latter means that no inodes are wanted.
 */
static bool have_flushed(s64 seen, bool inodes)
{
	if (atomic_read(&cleaned) - seen >= FLUSHED_ENOUGH)
		return true;
	return inodes ? !inodes_are_wanted() : !nr_dirty_pages() && !nr_writeback_pages();
}

void wait_for_flushers(bool inodes)
{
	s64 seen = atomic_read(&cleaned);

	wake_flushers();
	wait_event_timeout(
		&balance_wait, have_flushed(seen, inodes), ktime_get() + FLUSH_WAIT, false);
}

/* ---- limits ---- */

static u64 limit_of(u64 bytes, int ratio)
{
	return bytes ? DIV_ROUND_UP(bytes, PAGE_SIZE) : nr_managed_frames() * (u32)ratio / 100;
}

void dirty_limits(u64 *background, u64 *limit)
{
	*limit = limit_of(sysctl_dirty_bytes, sysctl_dirty_ratio);
	*background = limit_of(sysctl_dirty_background_bytes, sysctl_dirty_background_ratio);
	if (*background >= *limit)
		*background = *limit / 2;
}

/*
 * Returns how many pages all devices have written lately. Halves their counts when the sum is
 * large.
 */
static u64 sum_written(void)
{
	struct backing_dev *b;
	u64 sum = 0;

	spin_lock(&wb_lock);
	list_for_each_entry(b, &backing_devs, link)
		sum += (u64)atomic_read(&b->written);
	if (sum > WRITTEN_MAX)
		list_for_each_entry(b, &backing_devs, link)
			atomic_set(&b->written, atomic_read(&b->written) / 2);
	spin_unlock(&wb_lock);
	return sum;
}

u64 bdi_limit(struct backing_dev *b, u64 limit)
{
	u64 own = (u64)atomic_read(&b->written), sum = sum_written();
	u64 share = sum ? limit * min(own, sum) / sum : limit;

	share = max(share, max(limit / SHARE_MIN, limit * b->min_ratio / 100));
	return min(share, limit * b->max_ratio / 100);
}

bool bdi_is_over(struct backing_dev *b)
{
	u64 background, limit;

	dirty_limits(&background, &limit);
	return atomic_read(&b->nr_dirty) && nr_dirty_pages() > background;
}

bool bdi_is_near(struct backing_dev *b)
{
	u64 background, limit;

	dirty_limits(&background, &limit);
	return atomic_read(&b->nr_dirty) && nr_dirty_pages() > background - background / 8;
}

/* True if a writer to @b must wait. */
static bool must_wait(struct backing_dev *b)
{
	u64 background, limit;

	dirty_limits(&background, &limit);
	if (nr_dirty_pages() + nr_writeback_pages() <= limit && b->max_ratio >= 100)
		return false;
	return (u64)(atomic_read(&b->nr_dirty) + atomic_read(&b->nr_writeback)) >
	       bdi_limit(b, limit);
}

void wake_balanced(void)
{
	atomic_inc(&cleaned);
	if (waitqueue_active(&balance_wait))
		wake_up_all(&balance_wait);
}

bool much_is_dirty(void)
{
	u64 background, limit;

	dirty_limits(&background, &limit);
	return nr_dirty_pages() + nr_writeback_pages() > background;
}

void balance_dirty_pages(struct address_space *m)
{
	struct backing_dev *b;

	io_pause();
	if (likely(!much_is_dirty()))
		return;
	/* a loop device's thread must not wait: it cleans the dirty pages of its own device */
	if (m->a_ops->memory_only || frees_memory(current))
		return;
	b = mapping_bdi(m);
	if (bdi_is_over(b))
		bdi_wake(b);
	while (must_wait(b)) {
		if (wait_interrupted(TASK_KILLABLE))
			return;
		wait_event_timeout(&balance_wait, !must_wait(b), ktime_get() + 20000000, false);
		if (atomic_read(&b->nr_dirty))
			bdi_wake(b);
	}
}

static int bdi_init(void)
{
	spin_lock(&wb_lock);
	list_add(&default_bdi.link, &backing_devs);
	spin_unlock(&wb_lock);
	return 0;
}
INITCALL(1, bdi_init);

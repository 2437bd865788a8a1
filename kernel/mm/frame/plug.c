/* SPDX-License-Identifier: MIT */
/*
 * plug.c: grows and shrinks the guest's memory while it runs (the management console's "config
 * mem").
 *
 *	mm_unplug(n, &most)   takes n frames from the guest, and gives their memory to the host
 *	mm_plug(n, &most)     gives n frames to the guest, up to mem-max=
 *
 * A frame that does not belong to the guest is
 *	beyond    behind the zone's end, and was never allocated. The host does not back it, and its
 *	          struct page is untouched: so frames are taken from there first, at no cost,
 *	          and mem-max= costs little.
 *	out       in a block that was taken from the free lists, and punched. Blocks are linked by
 *	          their first page (PG_reserved, its order in ->private); the block taken last is
 *	          given back first, and a block that is too large is halved.
 *
 * Only free memory is taken, and memory that reclaim frees: no process is killed for it, and the
 * guest keeps enough above its watermarks to run. A request is met in full or not at all: a guest
 * that cannot give so much keeps what it had.
 *
 * Locks: plug_lock is held over a change of size.
 */
#include "kernel/mm/internal.h"

#define LEAST (8UL << 20 >> PAGE_SHIFT) /* frames; less than 8 MiB is refused */
/* most ns that a request may take, since the console serves no other client meanwhile */
#define PATIENCE 15000000000UL
#define IDLE_ROUNDS 16

static DEFINE_MUTEX(plug_lock);
static LIST_HEAD(out);
static u64 nr_out;

/* ---- blocks that are out ---- */

static void out_add(pfn_t pfn, u32 order)
{
	struct page *p = mem_map + pfn;

	p->flags = BIT(PG_reserved);
	p->private = order;
	list_add(&p->lru, &out);
	nr_out += 1UL << order;
}

static struct page *out_take(void)
{
	struct page *p = list_first_entry(&out, struct page, lru);

	list_del(&p->lru);
	nr_out -= 1UL << p->private;
	return p;
}

/* Returns up to @n frames of the block removed last to the zone. Returns their number. */
static u64 out_return(u64 n)
{
	struct page *p = out_take();
	pfn_t pfn = page_to_pfn(p);
	u32 order = (u32)p->private;

	p->flags = 0;
	p->private = 0;
	while (1UL << order > n) {
		order--;
		out_add(pfn + (1UL << order), order);
	}
	buddy_plug(pfn, order, true);
	return 1UL << order;
}

/* ---- taking frames from the guest ---- */

/* Returns how many frames must stay free in the guest. */
static u64 keep(void)
{
	return 2 * zone_marks.high;
}

/*
 * Returns how many free frames can be taken. Frames in the caches of vCPUs are free, but cannot be
 * taken.
 */
static u64 nr_to_be_had(void)
{
	u64 free = nr_free_frames(), cached = 0;

	for (int cpu = 0; cpu < nr_cpus; cpu++)
		cached += mm_cached_frames(cpu);
	return free - min(free, cached);
}

/*
 * Reclaims until @n frames, or a block of the largest order, can be taken beyond the reserve. Stops
 * at @end (ktime), or when reclaim makes no progress and no dirty pages remain. Returns true if any
 * frame can be taken.
 */
static bool some_free(u64 n, u64 end)
{
	u64 wanted = keep() + min(n, 1UL << MAX_ORDER), most = 0;

	for (int idle = 0; nr_to_be_had() < wanted && ktime_get() < end; idle++) {
		if (nr_to_be_had() > most || nr_dirty_pages() || nr_writeback_pages())
			idle = 0;
		most = max(most, nr_to_be_had());
		if (idle > IDLE_ROUNDS || !try_to_free_pages(GFP_KERNEL, MAX_ORDER))
			break;
		cond_resched();
	}
	return nr_to_be_had() > keep();
}

/*
 * Takes a block of at most @n frames and gives it to the host. Returns its size in frames. 0: there
 * is no block, or the host has refused it (*err).
 */
static u64 take_block(u64 n, int *err)
{
	bool backed;
	pfn_t pfn;
	u32 order;

	if (!buddy_unplug(n, keep(), &pfn, &order, &backed))
		return 0;
	*err = backed ? physmem_release(pfn, 1UL << order) : 0;
	if (*err) {
		buddy_plug(pfn, order, false);
		return 0;
	}
	if (backed)
		large_block_gone(pfn, 1UL << order);
	out_add(pfn, order);
	return 1UL << order;
}

int mm_unplug(u64 n, u64 *most)
{
	u64 beyond, got, more = 1, end;
	int err = 0;

	*most = 0;
	mutex_lock(&plug_lock);
	end = ktime_get() + PATIENCE;
	if (n > nr_managed_frames() - min(nr_managed_frames(), LEAST))
		err = -ERANGE;
	beyond = got = err ? 0 : buddy_unplug_wild(n, keep());
	while (got < n && !err && more && some_free(n - got, end)) {
		more = take_block(n - got, &err);
		got += more;
		cond_resched();
	}
	if (got < n) {
		*most = err ? 0 : got;
		for (got -= beyond; got;)
			got -= out_return(got);
		buddy_plug_wild(beyond);
		err = err ? err : -ENOMEM;
	}
	mutex_unlock(&plug_lock);
	return err;
}

/* ---- giving frames to the guest ---- */

int mm_plug(u64 n, u64 *most)
{
	int err = 0;

	mutex_lock(&plug_lock);
	*most = nr_out + buddy_beyond();
	if (n > *most)
		err = -ENOMEM;
	while (!err && n && nr_out)
		n -= out_return(n);
	if (!err)
		buddy_plug_wild(n);
	mutex_unlock(&plug_lock);
	return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * page_alloc.c: allocates and frees frames: watermarks, a cache of single frames for each vCPU,
 * charges, and the last resorts when no frame is free.
 *
 *	p = alloc_pages(GFP_KERNEL, order);  free_pages(p, order);
 *	p = alloc_extent(GFP_USER, order);   each frame has its own reference and is freed by
 *	                                     put_page()
 *
 * buddy.c manages the blocks of frames. Each vCPU uses its own cache without a lock, since kernel
 * code is not preempted. reclaim.c frees memory that is in use.
 */
#include "kernel/mm/debug/uninit.h"
#include "kernel/mm/frame/zone.h"

#include "kernel/sched/sched.h"

#define CACHE_BATCH 16
#define CACHE_MAX 64

struct frame_cache {
	u32 count;
	struct page *page[CACHE_MAX];
} __aligned(64);
static struct frame_cache frame_caches[MAX_CPUS]; /* each used by its vCPU only */

struct zone_marks zone_marks;
int sysctl_min_free_kbytes;
/* vm.min_free_kbytes as set, in frames; or 0 */
static u64 asked_min;

/* ---- watermarks ---- */

static void derive_marks(u64 min)
{
	zone_marks.min = min;
	zone_marks.low = min * 3 / 2;
	zone_marks.high = min * 2;
	sysctl_min_free_kbytes = (int)(min << 2);
}

/*
 * Computes the watermarks from vm.min_free_kbytes, or as a 128th of memory; never so high that
 * nothing could be allocated.
 */
void zone_set_marks(void)
{
	u64 most = max(zone.managed / 8, 64UL);

	derive_marks(
		asked_min ? clamp(asked_min, 32UL, most) : clamp(zone.managed / 128, 64UL, 4096UL));
}

/* Applies a new value of vm.min_free_kbytes. */
void mm_min_free_changed(void)
{
	asked_min = max((u64)sysctl_min_free_kbytes >> 2, 1UL);
	zone_set_marks();
}

/* Returns the number of frames that must stay free for more urgent callers. */
static u64 reserve_for(gfp_t gfp)
{
	if (unlikely(frees_memory(current)))
		return 0;
	return gfp & GFP_ATOMIC ? zone_marks.min / 2 : zone_marks.min;
}

/* ---- the vCPU's cache ---- */

static void cache_fill(struct frame_cache *fc, u64 reserve)
{
	fc->count = zone_alloc_frames(fc->page, CACHE_BATCH, reserve);
	/*
	 * frames are taken from the end of the array: reverse it, so that they come in ascending
	 * order
	 */
	for (u32 i = 0; i < fc->count / 2; i++) {
		struct page *t = fc->page[i];

		fc->page[i] = fc->page[fc->count - 1 - i];
		fc->page[fc->count - 1 - i] = t;
	}
}

static void cache_drain(struct frame_cache *fc, u32 keep)
{
	if (fc->count <= keep)
		return;
	zone_free_frames(fc->page + keep, fc->count - keep);
	fc->count = keep;
}

/* ---- allocating ---- */

/* Takes free frames while @reserve others stay free, or returns NULL. Does not sleep. */
static struct page *take_frames(u32 order, u64 reserve)
{
	struct frame_cache *fc;

	if (order)
		return zone_alloc(order, reserve);
	fc = &frame_caches[smp_processor_id()];
	if (!fc->count)
		cache_fill(fc, reserve);
	return fc->count ? fc->page[--fc->count] : NULL;
}

/*
 * Number of attempts after which an allocation that must not fail may use a part of the reserve:
 * its task may hold a lock that the OOM victim needs. Frames of the reserve do not go through the
 * vCPU's cache, where other allocations would take them.
 */
#define STUCK_ROUNDS 16

/*
 * Lets a victim of the OOM killer run. Yields at first. After STUCK_ROUNDS rounds sleeps, so that a
 * victim of a lower priority runs too. kernel/task/oom_reap.c takes the memory of a victim that
 * does not end.
 */
static void wait_for_victim(int round)
{
	if (round <= STUCK_ROUNDS)
		yield();
	else
		sleep_ns(1000000);
}

/*
 * Reclaims and retries until the allocation succeeds, or nothing can be reclaimed and no victim is
 * left to be killed. A task that is being killed gives up sooner.
 */
static struct page *alloc_slow(gfp_t gfp, u32 order)
{
	for (int round = 0;; round++) {
		struct page *p;
		u64 freed;

		cache_drain(&frame_caches[smp_processor_id()], 0);
		/* enough is free, but fragmented, and the caller also accepts smaller extents */
		if (order && gfp & __GFP_NOOOM && zone.nr_free >= zone_marks.low + (1UL << order))
			return take_frames(order, reserve_for(gfp));
		freed = try_to_free_pages(gfp, order);
		p = take_frames(order, reserve_for(gfp));
		if (!p && round > STUCK_ROUNDS && gfp & __GFP_NOFAIL)
			p = zone_alloc(order, zone_marks.min / 4);
		if (p)
			return p;
		if (freed && round < (order && gfp & __GFP_NOOOM ? 1 : 16))
			continue;
		/* memory is fragmented: an OOM kill would not help */
		if (order && !(gfp & __GFP_NOFAIL) &&
			(order > 3 || zone.nr_free >= zone_marks.high + (1UL << order)))
			return NULL;
		if (gfp & __GFP_NOOOM)
			return NULL;
		if (oom_kill(gfp, order))
			wait_for_victim(round);
		else if (!(gfp & __GFP_NOFAIL))
			return NULL;
		if (round > STUCK_ROUNDS && !(gfp & __GFP_NOFAIL) &&
			wait_interrupted(TASK_KILLABLE))
			return NULL;
		cond_resched();
	}
}

/*
 * Allocates frames without charging them, after reclaim if needed. May sleep unless @gfp has
 * GFP_ATOMIC. NULL: no memory.
 */
static struct page *get_frames(gfp_t gfp, u32 order)
{
	struct page *p;

	if (!(gfp & GFP_ATOMIC))
		might_sleep();
	if (order > MAX_ORDER)
		return NULL;
	count_vm(pgalloc, 1UL << order);
	p = take_frames(order, reserve_for(gfp));
	if (unlikely(zone.nr_free < zone_marks.low))
		wake_kswapd();
	if (unlikely(!p && current->flags & PF_FLUSHER))
		p = zone_alloc(order, zone_marks.min / 4); /* not through the vCPU's cache */
	if (likely(p) || gfp & GFP_ATOMIC)
		return p;
	return alloc_slow(gfp, order);
}

/*
 * Charges all frames at once if the limit has room, else one by one, with reclaim. The OOM killer
 * runs only for orders for which alloc_slow() runs it. After a refusal free_pages() uncharges the
 * frames charged before. 0 or -ENOMEM.
 */
static int charge_frames(struct page *p, u32 order, gfp_t gfp)
{
	int err = 0;

	if (order && !mem_charge(p, 1U << order, gfp))
		return 0;
	for (u32 i = 0; i < 1U << order && !err; i++)
		err = mem_charge(p + i, 1, order > 3 ? gfp | __GFP_NOOOM : gfp);
	return err;
}

struct page *alloc_pages(gfp_t gfp, u32 order)
{
	struct page *p = get_frames(gfp, order);

	if (!p)
		return NULL;
	for (u64 i = 0; i < 1UL << order; i++) {
		if (gfp & __GFP_ZERO && !test_bit(PG_zero, &p[i].flags))
			clear_page(page_address(p + i));
		else if (!(gfp & __GFP_ZERO))
			uninit_fill(page_address(p + i), PAGE_SIZE);
		p[i].flags = 0;
		atomic_set(&p[i].mapcount, 0);
		atomic_set(&p[i].refcount, 0);
	}
	atomic_set(&p->refcount, 1);
	if (unlikely(current->mem_group) && gfp & (GFP_USER | __GFP_ACCOUNT) &&
		charge_frames(p, order, gfp)) {
		free_pages(p, order);
		return NULL;
	}
	return p;
}

/*
 * Frees the frames of an extent that the group's limit forbids. Frames with PG_zero stay known as
 * zero.
 */
static void refuse_extent(struct page *p, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (test_bit(PG_zero, &p[i].flags))
			free_fresh_page(p + i);
		else
			put_page(p + i);
	}
}

struct page *alloc_extent(gfp_t gfp, u32 order)
{
	struct page *p;

	/* a large extent is optional: nothing is reclaimed for it */
	if (order) {
		p = zone_alloc(order, max(zone_marks.high, zone.managed / 16));
		count_vm(pgalloc, p ? 1UL << order : 0);
	} else {
		p = get_frames(gfp, 0);
	}
	if (!p)
		return NULL;
	for (u64 i = 0; i < 1UL << order; i++) {
		atomic_set(&p[i].mapcount, 0);
		atomic_set(&p[i].refcount, 1);
	}
	if (unlikely(current->mem_group) && mem_charge(p, 1U << order, gfp)) {
		refuse_extent(p, 1U << order);
		return NULL;
	}
	return p;
}

/* Takes frame @pfn out of the vCPU's cache. Returns false if it is not there. */
static bool cache_take_at(pfn_t pfn)
{
	struct frame_cache *fc = &frame_caches[smp_processor_id()];
	struct page *p = mem_map + pfn;

	for (u32 i = fc->count; i--;)
		if (fc->page[i] == p) {
			fc->page[i] = fc->page[--fc->count];
			return true;
		}
	return false;
}

int alloc_frames_at(pfn_t pfn, u32 n)
{
	u64 reserve = max(zone_marks.high, zone.managed / 16);
	u32 got = 0, more = 1;

	while (more && got < n && pfn + got < READ_ONCE(zone.wild) &&
		!atomic_read(&mem_map[pfn + got].refcount)) {
		more = zone_take_at(pfn + got, n - got, reserve);
		if (!more)
			more = cache_take_at(pfn + got);
		got += more;
	}
	for (u32 i = 0; i < got; i++) {
		atomic_set(&mem_map[pfn + i].mapcount, 0);
		atomic_set(&mem_map[pfn + i].refcount, 1);
	}
	count_vm(pgalloc, got);
	if (got && unlikely(current->mem_group) &&
		mem_charge(mem_map + pfn, got, GFP_USER | __GFP_SPARE)) {
		refuse_extent(mem_map + pfn, got);
		return -ENOMEM;
	}
	return (int)got;
}

/* ---- freeing ---- */

static void check_free(struct page *p)
{
	if (unlikely(p->flags & (BIT(PG_locked) | BIT(PG_buddy) | BIT(PG_lru) | BIT(PG_reserved)) ||
		     atomic_read(&p->mapcount)))
		panic("free of frame %#lx in use: flags %#lx, mapped %d times",
			(unsigned long)page_to_pfn(p), (unsigned long)p->flags,
			atomic_read(&p->mapcount));
}

void free_pages(struct page *p, u32 order)
{
	struct frame_cache *fc;

	check_free(p);
	for (u32 i = 0; i < 1U << order; i++)
		if (unlikely(p[i].memcg))
			mem_uncharge(p + i);
	atomic_set(&p->refcount, 0);
	count_vm(pgfree, 1UL << order);
	p->flags = 0;
	p->private = 0;
	if (order) {
		zone_free(p, order);
		return;
	}
	fc = &frame_caches[smp_processor_id()];
	if (fc->count == CACHE_MAX) {
		cache_drain(fc, CACHE_MAX / 2);
		if (unlikely(zone.nr_used_free > GIVEBACK_KEEP))
			giveback_kick();
	}
	fc->page[fc->count++] = p;
}

void free_fresh_page(struct page *p)
{
	check_free(p);
	if (unlikely(p->memcg))
		mem_uncharge(p);
	atomic_set(&p->refcount, 0);
	count_vm(pgfree, 1);
	p->flags = BIT(PG_zero);
	zone_free_frames(&p, 1);
}

void *get_free_pages(gfp_t gfp, u32 order)
{
	struct page *p = alloc_pages(gfp, order);

	return p ? page_address(p) : NULL;
}

void free_pages_addr(void *p, u32 order)
{
	if (p)
		free_pages(virt_to_page(p), order);
}

/* ---- counts ---- */

u64 nr_free_frames(void)
{
	u64 n = READ_ONCE(zone.nr_free);

	for (int cpu = 0; cpu < nr_cpus; cpu++)
		n += READ_ONCE(frame_caches[cpu].count);
	return n;
}

void mm_zone_info(struct mm_zone_info *z)
{
	z->min = zone_marks.min;
	z->low = zone_marks.low;
	z->high = zone_marks.high;
	z->cache_max = CACHE_MAX;
	z->cache_batch = CACHE_BATCH;
}

u32 mm_cached_frames(int cpu)
{
	return READ_ONCE(frame_caches[cpu].count);
}

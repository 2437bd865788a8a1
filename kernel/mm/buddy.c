/* SPDX-License-Identifier: MIT */
/*
 * buddy.c: the allocator of frames of region 0 (physmem): blocks of 2^order frames, aligned to their size (Knowlton, 1965).
 *
 *	p = alloc_pages(GFP_KERNEL, order);  free_pages(p, order);
 *	p = alloc_extent(GFP_USER, order);   each frame has its own reference and goes back by put_page()
 *
 * States of a frame:
 *	wild		never handed out; above zone.wild. Its struct page is untouched (all zeros), so that the page array of a big
 *			instance costs the host nothing before it is used. The host reads it as zeros.
 *	free		in a block on a free list; the block's first page has PG_buddy and its order in ->private.
 *	cached		free, in a vCPU's cache of single frames; no flag tells.
 *	in use		refcount > 0.
 *
 * A bit for each frame says whether the host (as far as we know) backs it: "used". A frame without it is fresh: it reads as
 * zeros and costs no host memory. Used frames are preferred: they are cheaper to touch and cost the host nothing more.
 * Fresh ones come in ascending order, so that extents handed out one after the other are neighbours.
 *
 * Invariants: 1. no two free buddies of the same order. 2. zone.nr_free counts wild and free frames, not cached ones.
 * 3. a fresh frame is zero and no mapping of it exists.
 *
 * Locks: zone.lock for the lists, the bits and the counts. The vCPU caches belong to their vCPU: kernel code is not preempted.
 * It does not free memory by itself: reclaim.c does.
 */
#include "kernel/mm/internal.h"

#include "kernel/sched/task.h"

#define NR_KINDS 2
#define USED 0  /* holds at least one frame that the host backs */
#define FRESH 1 /* all of it reads as zeros and is not backed */

#define CACHE_BATCH 16
#define CACHE_MAX 64

struct zone {
	spinlock_t lock;
	struct list_head free[MAX_ORDER + 1][NR_KINDS];
	u64 *used_bits;
	u64 nr_free;      /* wild + free */
	u64 nr_used_free; /* free frames with their bit set */
	pfn_t wild, end;  /* frames [wild, end) were never handed out */
	pfn_t limit;      /* those in [end, limit) are not the guest's (plug.c) */
	u64 managed;      /* written under the lock, read without */
};
static struct zone zone;

struct frame_cache {
	u32 count;
	struct page *page[CACHE_MAX];
} __aligned(64);
static struct frame_cache frame_caches[MAX_CPUS]; /* each by its vCPU only */

struct zone_marks zone_marks;
int sysctl_min_free_kbytes;
static u64 asked_min; /* what vm.min_free_kbytes was set to, in frames; or 0 */

/* ---- the bits ---- */

static u64 bits_mask(pfn_t pfn, u64 n)
{
	return (n >= 64 ? ~0UL : BIT(n) - 1) << (pfn & 63);
}

static u64 count_used(pfn_t pfn, u64 n)
{
	u64 sum = 0;

	if (n < 64)
		return __builtin_popcountl(zone.used_bits[pfn / 64] & bits_mask(pfn, n));
	for (u64 w = pfn / 64; w < (pfn + n) / 64; w++)
		sum += __builtin_popcountl(zone.used_bits[w]);
	return sum;
}

static void set_used(pfn_t pfn, u64 n, bool used)
{
	u64 step = min_t(u64, n, 64);

	for (u64 i = 0; i < n; i += step) {
		u64 mask = bits_mask(pfn + i, step);

		if (used)
			zone.used_bits[(pfn + i) / 64] |= mask;
		else
			zone.used_bits[(pfn + i) / 64] &= ~mask;
	}
}

/* ---- blocks; all under zone.lock ---- */

static void block_link(pfn_t pfn, u32 order)
{
	struct page *p = mem_map + pfn;
	u64 used = count_used(pfn, 1UL << order);

	p->flags = BIT(PG_buddy);
	p->private = order;
	if (used)
		list_add(&p->lru, &zone.free[order][USED]);
	else
		list_add_tail(&p->lru, &zone.free[order][FRESH]);
}

static void block_unlink(struct page *p)
{
	list_del(&p->lru);
	p->flags = 0;
	p->private = 0;
}

static void block_free(pfn_t pfn, u32 order)
{
	zone.nr_free += 1UL << order;
	zone.nr_used_free += count_used(pfn, 1UL << order);
	for (; order < MAX_ORDER; order++) {
		pfn_t other = pfn ^ (1UL << order);
		struct page *b = mem_map + other;

		if (other + (1UL << order) > zone.wild)
			break;
		if (!test_bit(PG_buddy, &b->flags) || b->private != order)
			break;
		block_unlink(b);
		pfn = min(pfn, other);
	}
	block_link(pfn, order);
}

/* Moves the next wild frames, up to an aligned block of the largest order, to the free lists. False: none is left. */
static bool grow_from_wild(void)
{
	pfn_t pfn = zone.wild;
	u32 order = pfn ? min_t(u32, MAX_ORDER, __builtin_ctzl(pfn)) : MAX_ORDER;

	if (pfn >= zone.end)
		return false;
	while (pfn + (1UL << order) > zone.end)
		order--;
	zone.wild = pfn + (1UL << order);
	zone.nr_free -= 1UL << order; /* block_free counts them again */
	block_free(pfn, order);
	return true;
}

static struct page *find_block(u32 order, u32 *found)
{
	for (int kind = 0; kind < NR_KINDS; kind++)
		for (u32 o = order; o <= MAX_ORDER; o++)
			if (!list_empty(&zone.free[o][kind])) {
				*found = o;
				return list_first_entry(&zone.free[o][kind], struct page, lru);
			}
	return NULL;
}

/* The frames leave the zone; their bits still tell which are fresh. */
static struct page *block_take(u32 order)
{
	struct page *p;
	u32 o;

	while (!(p = find_block(order, &o)))
		if (!grow_from_wild())
			return NULL;
	block_unlink(p);
	while (o > order) {
		o--;
		block_link(page_to_pfn(p) + (1UL << o), o);
	}
	zone.nr_free -= 1UL << order;
	zone.nr_used_free -= count_used(page_to_pfn(p), 1UL << order);
	return p;
}

/* A frame in use: PG_zero when it was fresh. From now on it counts as backed. */
static void prepare_frames(struct page *p, u32 order)
{
	pfn_t pfn = page_to_pfn(p);

	for (u64 i = 0; i < 1UL << order; i++) {
		bool used = zone.used_bits[(pfn + i) / 64] & BIT((pfn + i) & 63);

		p[i].flags = used ? 0 : BIT(PG_zero);
		p[i].private = 0;
		p[i].mapping = NULL;
	}
	set_used(pfn, 1UL << order, true);
}

/* ---- the way in ---- */

/* Frames that must stay free for those who need them more. */
static u64 reserve_for(gfp_t gfp)
{
	if (unlikely(frees_memory(current)))
		return 0;
	return gfp & GFP_ATOMIC ? zone_marks.min / 2 : zone_marks.min;
}

static struct page *zone_alloc(u32 order, u64 reserve)
{
	struct page *p = NULL;

	spin_lock(&zone.lock);
	if (zone.nr_free >= (1UL << order) + reserve)
		p = block_take(order);
	if (p)
		prepare_frames(p, order);
	spin_unlock(&zone.lock);
	return p;
}

static void cache_fill(struct frame_cache *fc, u64 reserve)
{
	spin_lock(&zone.lock);
	while (fc->count < CACHE_BATCH && zone.nr_free > reserve) {
		struct page *p = block_take(0);

		if (!p)
			break;
		prepare_frames(p, 0);
		fc->page[fc->count++] = p;
	}
	spin_unlock(&zone.lock);
	/* Handed out from the end: make that ascending. */
	for (u32 i = 0; i < fc->count / 2; i++) {
		struct page *t = fc->page[i];

		fc->page[i] = fc->page[fc->count - 1 - i];
		fc->page[fc->count - 1 - i] = t;
	}
}

static void cache_drain(struct frame_cache *fc, u32 keep)
{
	spin_lock(&zone.lock);
	while (fc->count > keep) {
		struct page *p = fc->page[--fc->count];

		if (test_bit(PG_zero, &p->flags))
			set_used(page_to_pfn(p), 1, false);
		p->flags = 0;
		block_free(page_to_pfn(p), 0);
	}
	spin_unlock(&zone.lock);
}

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
 * Who must not fail and has waited so often for others' frames in vain may hold a lock that the process needs which is to die for him: he gets
 * a part of the reserve. None of it goes into the vCPU's cache, where others would find it.
 */
#define STUCK_ROUNDS 16

/* Frees what it can, until it helps. */
static struct page *alloc_slow(gfp_t gfp, u32 order)
{
	for (int round = 0;; round++) {
		struct page *p;
		u64 freed;

		cache_drain(&frame_caches[smp_processor_id()], 0);
		/* there is enough, but in pieces, and the caller is content with those */
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
		if (order &&
			!(gfp & __GFP_NOFAIL) && /* pieces: somebody's death would not join them */
			(order > 3 || zone.nr_free >= zone_marks.high + (1UL << order)))
			return NULL;
		if (gfp & __GFP_NOOOM)
			return NULL;
		if (!oom_kill || !oom_kill(gfp, order)) {
			if (!(gfp & __GFP_NOFAIL))
				return NULL;
		}
		if (round > 64 && !(gfp & __GFP_NOFAIL))
			return NULL;
		cond_resched();
		yield();
	}
}

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
	if (likely(p) || gfp & GFP_ATOMIC)
		return p;
	return alloc_slow(gfp, order);
}

/*
 * What is left of the limit may be enough for all; if not, others' frames are reclaimed for one after the other. For as many as alloc_slow()
 * has nobody killed for, nobody is killed here. What was charged when one is refused, free_pages() gives back.
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

/* A group refuses it: the frames go back as they came. */
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

	/* A large extent is a convenience: nothing is reclaimed for it. */
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

/* ---- the way back ---- */

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
		spin_lock(&zone.lock);
		block_free(page_to_pfn(p), order);
		spin_unlock(&zone.lock);
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
	p->flags = 0;
	spin_lock(&zone.lock);
	set_used(page_to_pfn(p), 1, false);
	block_free(page_to_pfn(p), 0);
	spin_unlock(&zone.lock);
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

/* ---- give-back (giveback.c) ---- */

u32 buddy_isolate_resident(pfn_t *pfn, u8 *order, u32 max, u64 frames)
{
	u32 n = 0;

	spin_lock(&zone.lock);
	for (int o = MAX_ORDER; o >= 0 && n < max; o--) {
		struct list_head *h = &zone.free[o][USED];

		while (n < max && !list_empty(h) && frames >= 1UL << o) {
			struct page *p = list_last_entry(h, struct page, lru);

			block_unlink(p);
			pfn[n] = page_to_pfn(p);
			order[n++] = o;
			frames -= 1UL << o;
			zone.nr_free -= 1UL << o;
			zone.nr_used_free -= count_used(page_to_pfn(p), 1UL << o);
		}
	}
	spin_unlock(&zone.lock);
	return n;
}

void buddy_return(pfn_t pfn, u32 order, bool fresh)
{
	spin_lock(&zone.lock);
	set_used(pfn, 1UL << order, !fresh);
	block_free(pfn, order);
	spin_unlock(&zone.lock);
}

/* ---- numbers and start ---- */

u64 nr_free_frames(void)
{
	u64 n = READ_ONCE(zone.nr_free);

	for (int cpu = 0; cpu < nr_cpus; cpu++)
		n += READ_ONCE(frame_caches[cpu].count);
	return n;
}

u64 nr_free_resident(void)
{
	return READ_ONCE(zone.nr_used_free);
}

pfn_t mm_first_wild(void)
{
	return READ_ONCE(zone.wild);
}

u64 nr_managed_frames(void)
{
	return READ_ONCE(zone.managed);
}

u64 mm_free_blocks(u32 order)
{
	struct list_head *at;
	u64 n = 0;

	spin_lock(&zone.lock);
	for (int kind = 0; kind < NR_KINDS; kind++)
		list_for_each(at, &zone.free[order][kind])
			n++;
	if (order == MAX_ORDER)
		n += (zone.end - zone.wild) >> MAX_ORDER;
	spin_unlock(&zone.lock);
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

static void derive_marks(u64 min)
{
	zone_marks.min = min;
	zone_marks.low = min * 3 / 2;
	zone_marks.high = min * 2;
	sysctl_min_free_kbytes = (int)(min << 2);
}

/* vm.min_free_kbytes, or a 128th: never so much that nothing could be allocated. */
static void set_marks(void)
{
	u64 most = max(zone.managed / 8, 64UL);

	derive_marks(
		asked_min ? clamp(asked_min, 32UL, most) : clamp(zone.managed / 128, 64UL, 4096UL));
}

/* vm.min_free_kbytes was written. */
void mm_min_free_changed(void)
{
	asked_min = max((u64)sysctl_min_free_kbytes >> 2, 1UL);
	set_marks();
}

/* Frames that the host backs already (a physmem file that was used before) hold anything but zeros. */
static void find_backed(pfn_t first, pfn_t end)
{
	pfn_t pfn = first;

	while ((pfn = physmem_next(pfn, end, true)) < end) {
		pfn_t hole = physmem_next(pfn, end, false);

		for (; pfn < hole; pfn++)
			set_used(pfn, 1, true);
	}
}

void buddy_init(pfn_t first, pfn_t end, pfn_t limit)
{
	u64 bitmap = PAGE_ALIGN(DIV_ROUND_UP(limit, 64) * 8) >> PAGE_SHIFT;

	spin_lock_init(&zone.lock);
	for (int o = 0; o <= MAX_ORDER; o++)
		for (int kind = 0; kind < NR_KINDS; kind++)
			INIT_LIST_HEAD(&zone.free[o][kind]);
	zone.used_bits = pfn_to_virt(first);
	memset(zone.used_bits, 0, bitmap << PAGE_SHIFT);
	zone.wild = first + bitmap;
	zone.end = end;
	zone.limit = limit;
	zone.managed = zone.nr_free = end - zone.wild;
	set_marks();
	find_backed(zone.wild, limit);
}

/* ---- memory that comes and goes (plug.c) ---- */

static void resized(s64 frames)
{
	WRITE_ONCE(zone.managed, zone.managed + (u64)frames);
	set_marks();
}

u64 buddy_unplug_wild(u64 frames, u64 keep)
{
	u64 n;

	spin_lock(&zone.lock);
	n = min(frames, zone.end - zone.wild);
	n = min(n, zone.nr_free - min(zone.nr_free, keep));
	zone.end -= n;
	zone.nr_free -= n;
	resized(-(s64)n);
	spin_unlock(&zone.lock);
	return n;
}

bool buddy_unplug(u64 frames, u64 keep, pfn_t *pfn, u32 *order, bool *backed)
{
	struct page *p = NULL;

	spin_lock(&zone.lock);
	for (int o = min(MAX_ORDER, 63 - __builtin_clzl(frames)); o >= 0 && !p; o--) {
		if (zone.nr_free < keep + (1UL << o))
			continue;
		p = block_take((u32)o);
		*order = (u32)o;
	}
	if (p) {
		*pfn = page_to_pfn(p);
		*backed = count_used(*pfn, 1UL << *order) > 0;
		resized(-(s64)(1UL << *order));
	}
	spin_unlock(&zone.lock);
	return p;
}

void buddy_plug(pfn_t pfn, u32 order, bool fresh)
{
	spin_lock(&zone.lock);
	if (fresh)
		set_used(pfn, 1UL << order, false);
	resized((s64)(1UL << order));
	block_free(pfn, order);
	spin_unlock(&zone.lock);
}

u64 buddy_plug_wild(u64 frames)
{
	u64 n;

	spin_lock(&zone.lock);
	n = min(frames, zone.limit - zone.end);
	zone.end += n;
	zone.nr_free += n;
	resized((s64)n);
	spin_unlock(&zone.lock);
	return n;
}

u64 buddy_beyond(void)
{
	return zone.limit - READ_ONCE(zone.end);
}

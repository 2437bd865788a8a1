/* SPDX-License-Identifier: MIT */
/*
 * buddy.c: the allocator of frames of region 0 (physmem): blocks of 2^order frames, aligned to
 * their size (Knowlton, 1965).
 *
 *	p = zone_alloc(order, reserve);  zone_free(p, order); (called by page_alloc.c only)
 *
 * States of a frame:
 *	wild		never allocated; above zone.wild. Its struct page is untouched (all zeros),
 *	                so that the page array of a big instance costs the host nothing before it is
 *	                used. The host reads it as zeros.
 *	free		in a block on a free list; the block's first page has PG_buddy and its order
 *	                in ->private.
 *	cached		free, in a vCPU's cache of single frames (page_alloc.c); no flag shows that.
 *	in use		refcount > 0.
 *
 * The "used" bit of each frame is set if the host backs it, as far as the kernel knows. A frame
 * without it is fresh: it reads as zeros and costs no host memory. Used frames are preferred: they
 * are cheaper to touch and cost the host nothing more. Fresh frames come in ascending order, so
 * that extents allocated one after the other are neighbours.
 *
 * Invariants:
 * 1. No two buddies of one order are both free.
 * 2. zone.nr_free counts wild and free frames, not cached ones.
 * 3. A fresh frame is zero and no mapping of it exists.
 *
 * Locks: zone.lock for the lists, the bits and the counts.
 */
#include "kernel/mm/frame/zone.h"

struct zone zone;

/* ---- bits of the frames ---- */

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

/* ---- blocks, under zone.lock ---- */

/* Puts a block on its free list. zone.lock is held. */
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

/* Frees a block, and merges it with its free buddies. zone.lock is held. */
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

/*
 * Moves the next wild frames, up to an aligned block of the largest order, to the free lists.
 * Returns false if none is left.
 */
static bool grow_from_wild(void)
{
	pfn_t pfn = zone.wild;
	u32 order = pfn ? min_t(u32, MAX_ORDER, __builtin_ctzl(pfn)) : MAX_ORDER;

	if (pfn >= zone.end)
		return false;
	while (pfn + (1UL << order) > zone.end)
		order--;
	zone.wild = pfn + (1UL << order);
	zone.nr_free -= 1UL << order; /* block_free() adds the frames again */
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

/* Takes a block off its list. Its bits still mark which of its frames are fresh. */
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

/*
 * Prepares frames for use: sets PG_zero on fresh ones. From now on all of the frames count as
 * backed by the host.
 */
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

/* ---- allocating and freeing ---- */

struct page *zone_alloc(u32 order, u64 reserve)
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

u32 zone_alloc_frames(struct page **p, u32 max, u64 reserve)
{
	u32 n = 0;

	spin_lock(&zone.lock);
	while (n < max && zone.nr_free > reserve) {
		p[n] = block_take(0);
		if (!p[n])
			break;
		prepare_frames(p[n++], 0);
	}
	spin_unlock(&zone.lock);
	return n;
}

/* Finds the free block that contains @pfn. NULL: the frame is in use, or wild. */
static struct page *block_around(pfn_t pfn)
{
	for (u32 o = 0; o <= MAX_ORDER && pfn < zone.wild; o++) {
		struct page *p = mem_map + (pfn & ~((1UL << o) - 1));

		if (test_bit(PG_buddy, &p->flags))
			return pfn < page_to_pfn(p) + (1UL << p->private) ? p : NULL;
	}
	return NULL;
}

/*
 * Puts frames [pfn, end), which were part of a free block that is on no list any more, on free
 * lists, as one block or several.
 */
static void link_rest(pfn_t pfn, pfn_t end)
{
	while (pfn < end) {
		u32 order = min_t(u32, (u32)__builtin_ctzl(pfn | 1UL << MAX_ORDER),
			63 - __builtin_clzl(end - pfn));

		block_link(pfn, order);
		pfn += 1UL << order;
	}
}

u32 zone_take_at(pfn_t pfn, u32 n, u64 reserve)
{
	struct page *b;
	pfn_t first;
	u64 size;

	spin_lock(&zone.lock);
	b = block_around(pfn);
	if (!b || zone.nr_free < n + reserve) {
		spin_unlock(&zone.lock);
		return 0;
	}
	first = page_to_pfn(b);
	size = 1UL << b->private;
	n = min_t(u64, n, first + size - pfn);
	block_unlink(b);
	link_rest(first, pfn);
	link_rest(pfn + n, first + size);
	zone.nr_free -= n;
	for (u32 i = 0; i < n; i++) {
		zone.nr_used_free -= count_used(pfn + i, 1);
		prepare_frames(mem_map + pfn + i, 0);
	}
	spin_unlock(&zone.lock);
	return n;
}

void zone_free(struct page *p, u32 order)
{
	spin_lock(&zone.lock);
	block_free(page_to_pfn(p), order);
	spin_unlock(&zone.lock);
}

void zone_free_frames(struct page *const *p, u32 n)
{
	spin_lock(&zone.lock);
	while (n--) {
		if (test_bit(PG_zero, &p[n]->flags))
			set_used(page_to_pfn(p[n]), 1, false);
		p[n]->flags = 0;
		block_free(page_to_pfn(p[n]), 0);
	}
	spin_unlock(&zone.lock);
}

/* ---- giving frames back to the host (giveback.c) ---- */

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

/* ---- counts and initialisation ---- */

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

/*
 * Marks frames as used that the host backs already: a physmem file that was used before has old
 * data in them.
 */
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
	zone_set_marks();
	find_backed(zone.wild, limit);
}

/* ---- growing and shrinking memory (plug.c) ---- */

static void resized(s64 frames)
{
	WRITE_ONCE(zone.managed, zone.managed + (u64)frames);
	zone_set_marks();
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

/* Sets the bits of a block, which is aligned to its size. */
static void note_block(u8 *bits, pfn_t pfn, u32 order)
{
	if (order >= 3)
		memset(bits + pfn / 8, 0xff, 1UL << (order - 3));
	else
		bits[pfn / 8] |= ((1 << (1 << order)) - 1) << pfn % 8;
}

void mm_note_free(u8 *bits)
{
	spin_lock(&zone.lock);
	for (u32 o = 0; o <= MAX_ORDER; o++)
		for (int kind = 0; kind < NR_KINDS; kind++) {
			struct page *p;

			list_for_each_entry(p, &zone.free[o][kind], lru)
				note_block(bits, page_to_pfn(p), o);
		}
	spin_unlock(&zone.lock);
}

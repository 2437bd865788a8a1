/* SPDX-License-Identifier: MIT */
/*
 * region.c: frames of regions other than physmem: pages of host files that can be read and never
 * written (arch/um/machine/region.c maps them).
 *
 *	p = region_page_take(pfn);       NULL: it is in use, or the host has lost it
 *	... like any page: references, mapcount, the page cache ...
 *	put_page(p);                     the last reference frees it
 *
 * States of a frame: free (PG_direct is clear, and the rest of its struct page has no meaning), in
 * use (PG_direct set, refcount > 0). A frame is taken by one test-and-set of PG_direct; freeing
 * clears everything, PG_direct last. So if a damaged file system refers to one block twice, only
 * the first user gets the frame, and the second reads the block into memory.
 *
 * The frame allocator does not manage them: they are never free memory, and never written. A write
 * goes to a copy (direct.c, cow.c). They use no memory of the guest, and instances that map the
 * same file share the host's memory for it.
 */
#include "kernel/mm/internal.h"

#define MAX_REGIONS 15

struct frame_region {
	pfn_t start;
	u64 nr;
	struct page *map;
	/* a bit for each frame, set by the host world */
	const u8 *lost;
};
/* written at boot only; region 0 is not in the array */
static struct frame_region regions[MAX_REGIONS];
static u32 nr_regions;
u32 region_lost_count;

void mm_add_region(pfn_t start, u64 nr, struct page *map, const u8 *lost)
{
	BUG_ON(nr_regions == MAX_REGIONS);
	regions[nr_regions] = (struct frame_region){ start, nr, map, lost };
	smp_store_release(&nr_regions, nr_regions + 1);
}

static const struct frame_region *region_of(pfn_t pfn)
{
	for (u32 i = 0; i < nr_regions; i++)
		if (pfn - regions[i].start < regions[i].nr)
			return &regions[i];
	return NULL;
}

struct page *region_pfn_to_page(pfn_t pfn)
{
	const struct frame_region *r = region_of(pfn);

	if (!r)
		panic("frame number %#lx belongs to no region", (unsigned long)pfn);
	return r->map + (pfn - r->start);
}

pfn_t region_page_to_pfn(const struct page *p)
{
	for (u32 i = 0; i < nr_regions; i++)
		if ((u64)(p - regions[i].map) < regions[i].nr)
			return regions[i].start + (p - regions[i].map);
	panic("%p is no struct page", p);
}

u32 pfn_region(pfn_t pfn, u64 *offset)
{
	const struct frame_region *r;

	*offset = pfn << PAGE_SHIFT;
	if (likely(pfn < max_pfn))
		return 0;
	r = region_of(pfn);
	BUG_ON(!r);
	*offset = (pfn - r->start) << PAGE_SHIFT;
	return (u32)(r - regions) + 1;
}

bool pfn_valid(pfn_t pfn)
{
	return pfn < max_pfn || region_of(pfn);
}

static bool frame_lost(const struct frame_region *r, pfn_t pfn)
{
	u64 i = pfn - r->start;

	return READ_ONCE(r->lost[i / 8]) >> (i % 8) & 1;
}

bool region_addr_lost(const void *p)
{
	pfn_t pfn = ((u64)p - KERNEL_MAP_BASE) >> PAGE_SHIFT;
	const struct frame_region *r = region_of(pfn);

	return r && frame_lost(r, pfn);
}

struct page *region_page_take(pfn_t pfn)
{
	const struct frame_region *r = region_of(pfn);
	struct page *p;

	if (!r || frame_lost(r, pfn))
		return NULL;
	p = r->map + (pfn - r->start);
	if (test_and_set_bit(PG_direct, &p->flags))
		return NULL;
	atomic_set(&p->mapcount, 0);
	atomic_set(&p->refcount, 1);
	return p;
}

void region_page_free(struct page *p)
{
	if (unlikely(p->flags & (BIT(PG_locked) | BIT(PG_lru)) || atomic_read(&p->mapcount)))
		panic("free of frame %#lx in use: flags %#lx, mapped %d times",
			(unsigned long)page_to_pfn(p), (unsigned long)p->flags,
			atomic_read(&p->mapcount));
	p->mapping = NULL;
	p->private = 0;
	smp_store_release(&p->flags, 0);
}

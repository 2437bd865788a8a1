/* SPDX-License-Identifier: MIT */
/*
 * anon.c: first touches of anonymous memory, by extents.
 *
 * A fault fills the empty entries around it, within an aligned window of the VMA, with contiguous
 * frames. The window begins with 64 KiB (a small area is filled at once) and is four times as
 * large, up to 2 MiB, each time that the next fault is where the last window ended. Aligned windows
 * and ascending frames let the host merge neighbours into one of its VMAs.
 *
 * Frames that the host does not back yet (PG_zero) cost nothing until they are touched. Recycled
 * frames are zeroed here, and the host maps them at once (populate) unless the task is in a group
 * with a limit. All but the page of the fault get PTE_RESERVED: mapped ahead, perhaps never
 * touched. When memory is short, windows shrink to one page, and untouched pages are freed
 * (reclaim.c).
 *
 * Small areas of a program that touches most of them are filled when they are made (fault_ahead()),
 * with no fault.
 *
 * Cost: one mmap() on the host for the window; 94 ns for each recycled page that is zeroed.
 */
#include "kernel/mm/fault/fault.h"
#include "kernel/mm/group/memcg.h"

#define ORDER_FIRST 4
#define ORDER_MAX 9
#define ORDER_STEP 2
/* new small areas are filled at once while mm->eager is at least this */
#define EAGER_FROM 4
#define EAGER_MAX 8
/* one of this many new small areas is left to its faults, as a sample */
#define EAGER_SAMPLE 16
#define TABLE_SPAN (512 * PAGE_SIZE)

struct page *anon_page_alloc(void)
{
	struct page *p = alloc_page(GFP_USER | __GFP_NOOOM);

	if (p)
		p->flags = BIT(PG_anon) | BIT(PG_uptodate);
	return p;
}

struct page *frame_run_take(struct frame_run *r)
{
	struct page *p;

	if (!r->left && r->order) {
		r->next = alloc_extent(GFP_USER, r->order);
		r->left = r->next ? 1U << r->order : 0;
	}
	if (!r->left)
		return anon_page_alloc();
	p = r->next++;
	r->left--;
	p->flags = BIT(PG_anon) | BIT(PG_uptodate);
	return p;
}

void frame_run_end(struct frame_run *r)
{
	for (; r->left; r->next++, r->left--) {
		if (test_bit(PG_zero, &r->next->flags))
			free_fresh_page(r->next);
		else
			put_page(r->next);
	}
}

/*
 * Counts a new small area. Returns true if all of it is to be mapped at once. Each small area that
 * is left to its faults decrements mm->eager, and each fault in one adds two. Takes no lock.
 */
bool anon_small_made(struct mm *mm, u64 start, u64 end)
{
	u8 eager = READ_ONCE(mm->eager);

	WRITE_ONCE(mm->small_start, start);
	WRITE_ONCE(mm->small_end, end);
	if (eager >= EAGER_FROM && ++mm->eager_made % EAGER_SAMPLE)
		return true;
	if (eager)
		WRITE_ONCE(mm->eager, eager - 1);
	return false;
}

static void small_touched(struct mm *mm)
{
	WRITE_ONCE(mm->eager, min_t(u8, READ_ONCE(mm->eager) + 2, EAGER_MAX));
}

/*
 * Finds the bounds of the small area that contains @addr: a whole VMA, or the part of a larger VMA
 * that the last mmap has added.
 */
static bool small_area(const struct vm_area *v, u64 addr, u64 *start, u64 *end)
{
	*start = v->vm_start;
	*end = v->vm_end;
	if (*end - *start <= SMALL_AREA)
		return true;
	*start = max(*start, READ_ONCE(v->vm_mm->small_start));
	*end = min(*end, READ_ONCE(v->vm_mm->small_end));
	return addr >= *start && addr < *end && *end - *start <= SMALL_AREA;
}

/* Computes the window for a fault at @addr: aligned, inside the VMA. */
static void window(struct vm_area *v, u64 addr, u64 *start, u64 *end)
{
	u32 order = ORDER_FIRST;
	u64 size;

	/* map no page ahead: userfaultfd counts an untouched page as missing */
	if (v->vm_uffd) {
		*start = addr;
		*end = addr + PAGE_SIZE;
		return;
	}
	/* the whole area, as far as one table reaches */
	if (small_area(v, addr, start, end)) {
		*start = max(*start, addr & ~(TABLE_SPAN - 1));
		*end = min(*end, (addr & ~(TABLE_SPAN - 1)) + TABLE_SPAN);
		return;
	}
	if (addr == v->next_fault)
		order = min_t(
			u32, max_t(u32, v->extent_order, ORDER_FIRST) + ORDER_STEP, ORDER_MAX);
	v->extent_order = order;
	size = PAGE_SIZE << order;
	*start = max(v->vm_start, addr & ~(size - 1));
	*end = min(v->vm_end, (addr & ~(size - 1)) + size);
}

/*
 * Shrinks the window to the run of empty entries that contains @addr. Under page_table_lock; @e is
 * the entry of @addr.
 */
static void clip_to_empty(pte_t *e, u64 addr, u64 *start, u64 *end)
{
	u64 lo = addr, hi = addr + PAGE_SIZE;
	pte_t *p;

	for (p = e; lo > *start && !p[-1]; p--)
		lo -= PAGE_SIZE;
	for (p = e; hi < *end && !p[1]; p++)
		hi += PAGE_SIZE;
	*start = lo;
	*end = hi;
}

/* Frees the frames for which no entry was made. */
static void put_rest(struct page *p, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		p[i].flags &= BIT(PG_zero);
		if (p[i].flags)
			free_fresh_page(p + i);
		else
			put_page(p + i);
	}
}

/*
 * Allocates an extent for @n pages, or a single frame if there is no such extent. *got: the number
 * of pages.
 */
static struct page *extent_alloc(u32 n, u32 *got)
{
	u32 order = n > 1 ? 32 - __builtin_clz(n - 1) : 0;
	struct page *p = alloc_extent(GFP_USER | __GFP_NOOOM, order);

	if (!p && order)
		p = alloc_extent(GFP_USER | __GFP_NOOOM, order = 0);
	if (!p)
		return NULL;
	*got = min_t(u32, n, 1U << order);
	put_rest(p, *got, 1U << order);
	return p;
}

/* Zeroes the recycled pages of an extent. Returns true if the host backs most of the extent. */
static bool extent_zero(struct page *p, u32 n)
{
	u32 used = 0;

	for (u32 i = 0; i < n; i++) {
		if (!test_bit(PG_zero, &p[i].flags)) {
			clear_page(page_address(p + i));
			used++;
		}
		p[i].flags |= BIT(PG_anon) | BIT(PG_uptodate);
	}
	return used * 2 > n;
}

/*
 * True if touched pages must be counted exactly, since an OOM kill may depend on the count
 * (pmap_touched.c).
 */
static bool must_see_touches(void)
{
	return unlikely(current->mem_group) && mem_group_is_limited(current->mem_group) &&
	       pmap_reports_touched();
}

/*
 * Returns how many of the @n frames can be mapped so that the kernel still knows which were
 * touched. When a frame of a large block is touched, the host maps all pages of the block that the
 * space has mapped. So the result is 1 in a large block, and the caller frees the other frames.
 */
static u32 frames_seen_when_touched(struct page *p, u32 n)
{
	if (n == 1 || !large_block_backs(page_to_pfn(p)))
		return n;
	put_rest(p, 1, n);
	return 1;
}

int anon_fault(struct vm_area *v, u64 addr, struct fault_info *info)
{
	struct mm *mm = v->vm_mm;
	pte_t bits = vma_rights(v), *e;
	u64 start, end, va;
	bool lazy = must_see_touches();
	struct page *p;
	u32 n, i;

	if (!info->ahead && small_area(v, addr, &start, &end))
		small_touched(mm);
	window(v, addr, &start, &end);
	e = entry_lock(mm, addr);
	if (!e)
		return -ENOMEM;
	clip_to_empty(e, addr, &start, &end);
	entry_unlock(mm);

	p = extent_alloc((end - start) >> PAGE_SHIFT, &n);
	if (!p)
		return -ENOMEM;
	if (lazy)
		n = frames_seen_when_touched(p, n);
	if (n < (end - start) >> PAGE_SHIFT) {
		start = addr;
		end = addr + n * PAGE_SIZE;
	}
	info->populate = extent_zero(p, n);
	if (lazy) {
		bits |= PTE_LAZY;
		info->populate = false;
	}

	e = entry_lock(mm, start);
	if (!e) {
		put_rest(p, 0, n);
		return -ENOMEM;
	}
	for (i = 0, va = start; i < n; i++, va += PAGE_SIZE) {
		if (!pte_none(e[i])) /* another thread has made the entry */
			put_rest(p, i, i + 1);
		else
			entry_set(v, &e[i], p + i,
				bits | (va == addr && !info->ahead ? 0 : PTE_RESERVED));
		/* the host backs the frame with this fault */
		if ((va == addr && !info->ahead) || info->populate)
			clear_bit(PG_zero, &p[i].flags);
	}
	if (bits & PTE_LAZY)
		WRITE_ONCE(mm->pmap.lazy, true);
	entry_unlock(mm);
	v->next_fault = end;
	info->start = start;
	info->end = end;
	return 0;
}

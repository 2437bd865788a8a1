/* SPDX-License-Identifier: MIT */
/*
 * pageout.c: pages that a program will not need soon, by its advice (madvise(2): MADV_COLD,
 * MADV_PAGEOUT).
 *
 *	advise_cold(v, start, end)      moves pages to the inactive list, as if unused
 *	advise_pageout(v, start, end)   drops pages from the cache, as reclaim does
 *
 * Only pages that this mm alone maps are taken: other programs may need the rest. Dirty pages stay,
 * for the flusher, and so do locked pages and pages in use by a call. Pages of files that the
 * caller neither owns nor may write to are not paged out: mincore(2) would reveal what other
 * programs do with them. Anonymous memory goes to a swap area if there is one (swap_out.c), or is
 * dropped if it may be (droppable.c); tmpfs stays.
 *
 * Paging out works in batches, in two steps with a flush between them: the space may still access
 * frames whose entries were removed, until the flush. If other threads run in the space meanwhile,
 * each page has a flush of its own (pmap.c).
 *
 * Locks: mmap_lock for reading; page locks are only tried.
 */
#include "kernel/mm/swap/swap_internal.h"

#define BATCH 64

/*
 * Returns the page of a disk's file that only this entry maps, or NULL. Under page_table_lock,
 * which keeps a mapped page in its mapping.
 */
static struct page *lone_file_page(pte_t e)
{
	struct page *p;

	if (!e || e & PTE_SPECIAL)
		return NULL;
	p = pfn_to_page(pte_pfn(e));
	if (PageAnon(p) || !p->mapping || p->mapping->a_ops->memory_only)
		return NULL;
	return atomic_read(&p->mapcount) == 1 ? p : NULL;
}

/*
 * Collects pages as lone_file_page() finds them from *va on, with a reference each, in at most one
 * table, and advances *va past them. Returns their number.
 */
static u32 gather(struct mm *mm, u64 *va, u64 end, struct page **pages)
{
	u32 n = 0;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, va, end);
	if (!e)
		*va = end;
	while (e && n < BATCH && *va < end) {
		struct page *p = lone_file_page(*e++);

		if (p) {
			get_page(p);
			pages[n++] = p;
		}
		*va += PAGE_SIZE;
		if (!(*va & (512 * PAGE_SIZE - 1)))
			break;
	}
	spin_unlock(&mm->page_table_lock);
	return n;
}

static bool is_clean(const struct page *p)
{
	return p->mapping && !PageDirty(p) && !PageWriteback(p);
}

/* Removes the entry that maps a clean page. Returns true if a flush must follow. */
static bool unmap_clean(struct page *p)
{
	bool may;

	if (!trylock_page(p))
		return false;
	may = is_clean(p) && atomic_read(&p->mapcount) == 1 && !page_memory_locked(p);
	if (may)
		page_unmap_all(p);
	unlock_page(p);
	return may;
}

static void drop_unmapped(struct page *p)
{
	if (!trylock_page(p))
		return;
	if (p->mapping)
		try_drop_clean_page(p, p->mapping);
	unlock_page(p);
}

/* Unmaps, drops and puts @n pages of a file. */
static void page_out(struct mm *mm, struct page **pages, u32 n)
{
	bool any = false;

	for (u32 i = 0; i < n && !wait_interrupted(TASK_KILLABLE); i++) {
		any |= unmap_clean(pages[i]);
		cond_resched();
	}
	if (any)
		pmap_flush(&mm->pmap);
	for (u32 i = 0; i < n; i++) {
		if (any)
			drop_unmapped(pages[i]);
		put_page(pages[i]);
	}
}

static void make_cold(struct mm *mm, struct page **pages, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		lru_deactivate(pages[i]);
		put_page(pages[i]);
	}
}

/*
 * Calls @work for the pages of a file in the range, in batches. mmap_lock is held for reading. 0,
 * -EINVAL or -EINTR.
 */
static int for_file_pages(
	struct vm_area *v, u64 va, u64 end, void (*work)(struct mm *mm, struct page **pages, u32 n))
{
	struct page *pages[BATCH];

	if (v->vm_flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB))
		return -EINVAL;
	if (!v->vm_mapping || v->vm_mapping->a_ops->memory_only)
		return 0;
	while (va < end) {
		work(v->vm_mm, pages, gather(v->vm_mm, &va, end, pages));
		if (wait_interrupted(TASK_KILLABLE))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int advise_cold(struct vm_area *v, u64 start, u64 end)
{
	return for_file_pages(v, start, end, make_cold);
}

int advise_pageout(struct vm_area *v, u64 start, u64 end)
{
	int err = for_file_pages(v, start, vma_may_watch(v) ? end : start, page_out);

	if (err)
		return err;
	return v->vm_flags & VM_DROPPABLE ? droppable_drop(v, start, end) :
					    swap_out_range(v, start, end);
}

/* SPDX-License-Identifier: MIT */
/*
 * rmap.c: finds the entries that map a page of a file, by the mapping's list of VMAs.
 *
 *	page_mkclean(p)                   writeback: the next write through any mapping faults
 *	mapping_wrprotect_range(m, a, b)  as page_mkclean() for many pages, one flush for each mm
 *	page_unmap_all(p)                 truncation, reclaim
 *	unmap_mapping_range(m, a, n)      truncation: removes private copies, too
 *
 * Locks: i_mmap_sem for reading keeps the VMAs and their bounds; a VMA on the list keeps its mm's
 * page tables. mmap_lock is not taken: entries change under page_table_lock. The tasks of a space
 * may run meanwhile, so each function ensures before it returns that guest code uses the old host
 * mappings no more (pmap_settle(), pmap_retire()).
 */
#include "kernel/mm/internal.h"

/*
 * Computes which addresses of @v map pages [first, last] of the mapping. Returns false if none
 * does.
 */
static bool overlap(const struct vm_area *v, u64 first, u64 last, u64 *start, u64 *end)
{
	u64 vlast = v->vm_pgoff + vma_pages(v) - 1;

	if (v->vm_pgoff > last || vlast < first)
		return false;
	first = max(first, v->vm_pgoff);
	last = min(last, vlast);
	*start = v->vm_start + ((first - v->vm_pgoff) << PAGE_SHIFT);
	*end = v->vm_start + ((last - v->vm_pgoff + 1) << PAGE_SHIFT);
	return true;
}

/* ---- write protection ---- */

void mapping_wrprotect_range(struct address_space *m, u64 first, u64 last)
{
	struct vm_area *v;
	u64 start, end;

	if (!atomic_read(&m->i_mmap_writable))
		return;
	down_read(&m->i_mmap_sem);
	list_for_each_entry(v, &m->i_mmap_list, shared) {
		if (!(v->vm_flags & VM_SHARED) || !overlap(v, first, last, &start, &end))
			continue;
		pmap_wrprotect_now(&v->vm_mm->pmap, start, end);
	}
	up_read(&m->i_mmap_sem);
}

void page_mkclean(struct page *p)
{
	if (p->mapping && atomic_read(&p->mapcount))
		mapping_wrprotect_range(p->mapping, p->index, p->index);
}

/* ---- unmapping ---- */

/* Removes the entry at @va if it maps @p. i_mmap_sem is held. */
static void unmap_one(struct vm_area *v, u64 va, struct page *p)
{
	struct mm *mm = v->vm_mm;
	pte_t *e, old = 0;

	pmap_change_begin(&mm->pmap);
	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, va, false);
	if (e && *e && pte_pfn(*e) == page_to_pfn(p)) {
		old = *e;
		*e = old & PTE_UFFD_WP && v->vm_flags & VM_UFFD_WP ? PTE_WP_MARKER : 0;
		account_rss(mm, p, -1);
		if (atomic_dec_and_test(&p->mapcount))
			mem_count_mapped(p, -1);
	}
	spin_unlock(&mm->page_table_lock);
	if (old & PTE_MAPPED)
		pmap_drop(&mm->pmap, va, va + PAGE_SIZE);
	pmap_change_end(&mm->pmap);
	/*
	 * retire the frame even if the entry was not mapped: mremap may have moved it here, and not
	 * flushed its old place yet
	 */
	if (old)
		pmap_retire(&mm->pmap, &p, 1);
}

void page_unmap_all(struct page *p)
{
	struct address_space *m = p->mapping;
	struct vm_area *v;
	u64 start, end;

	BUG_ON(!PageLocked(p));
	down_read(&m->i_mmap_sem);
	list_for_each_entry(v, &m->i_mmap_list, shared) {
		if (!atomic_read(&p->mapcount))
			break;
		if (overlap(v, p->index, p->index, &start, &end))
			unmap_one(v, start, p);
	}
	up_read(&m->i_mmap_sem);
}

bool page_memory_locked(struct page *p)
{
	struct address_space *m = p->mapping;
	struct vm_area *v;
	bool locked = false;
	u64 start, end;

	BUG_ON(!PageLocked(p));
	down_read(&m->i_mmap_sem);
	list_for_each_entry(v, &m->i_mmap_list, shared) {
		locked = READ_ONCE(v->vm_flags) & VM_LOCKED &&
			 overlap(v, p->index, p->index, &start, &end);
		if (locked)
			break;
	}
	up_read(&m->i_mmap_sem);
	return locked;
}

void page_text_changed(struct page *p)
{
	struct address_space *m = p->mapping;
	struct vm_area *v;
	u64 start, end;

	if (!test_and_clear_bit(PG_patched, &p->flags) || !m)
		return;
	down_read(&m->i_mmap_sem);
	list_for_each_entry(v, &m->i_mmap_list, shared)
		if (overlap(v, p->index, p->index, &start, &end))
			arch_patch_forget(v->vm_mm, start, end);
	up_read(&m->i_mmap_sem);
}

void unmap_mapping_range(struct address_space *m, u64 first, u64 nr)
{
	u64 last = nr ? first + nr - 1 : ~0UL;
	struct vm_area *v;
	u64 start, end;

	if (list_empty(&m->i_mmap_list))
		return;
	down_read(&m->i_mmap_sem);
	list_for_each_entry(v, &m->i_mmap_list, shared) {
		if (!overlap(v, first, last, &start, &end))
			continue;
		pmap_change_begin(&v->vm_mm->pmap);
		zap_prepare(v->vm_mm, start, end);
		zap_pages(v, start, end);
		pmap_change_end(&v->vm_mm->pmap);
	}
	up_read(&m->i_mmap_sem);
}

/* SPDX-License-Identifier: MIT */
/*
 * ksm_replace.c: replaces a program's pages by merged pages with equal contents.
 *
 * mmap_lock is held for writing, so no fault makes an entry writable. The entries lose PTE_RW under
 * page_table_lock (uaccess writes under it), and the host mappings of the pages are dropped. Now no
 * task can write, so the contents are compared, and equal pages are replaced. If the contents
 * differ, the page stays, and the next write to it faults as after a fork (cow.c).
 *
 * Locks: the caller holds mmap_lock for writing and ksm_mutex (ksm.c).
 */
#include "kernel/mm/ksm/ksm.h"

/* Write-protects the pages of the batch. When it returns, no guest can write to them. */
static void forbid_writes(struct mm *mm, const struct ksm_merge *m, u32 n)
{
	spin_lock(&mm->page_table_lock);
	for (u32 i = 0; i < n; i++) {
		pte_t *e = pmap_pte(&mm->pmap, m[i].va, false);

		if (e && ksm_replaceable(*e))
			*e = (*e & ~(PTE_RW | PTE_BROKEN)) | PTE_COW;
	}
	spin_unlock(&mm->page_table_lock);
	pmap_drop(&mm->pmap, m[0].va, m[n - 1].va + PAGE_SIZE);
	pmap_flush(&mm->pmap);
}

/*
 * Moves the charge of the first page that a merged page replaces to the merged page. Later ones
 * find it charged, unless the first had no group.
 */
static void take_payer(struct page *merged_page, struct page *old)
{
	if (merged_page->memcg)
		return;
	merged_page->memcg = old->memcg;
	old->memcg = NULL;
}

/*
 * Replaces the page by the merged page. Returns the old page, with the reference of the entry, or
 * NULL if it was not replaced.
 */
static struct page *replace(struct vm_area *v, const struct ksm_merge *m, bool *was_mapped)
{
	struct mm *mm = v->vm_mm;
	struct page *old = NULL;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, m->va, false);
	if (e && ksm_replaceable(*e) && !(*e & PTE_RW) &&
		ksm_same_content(pfn_to_page(pte_pfn(*e)), m->to->page)) {
		old = pfn_to_page(pte_pfn(*e));
		*was_mapped |= (*e & PTE_MAPPED) != 0;
		clear_bit(PG_zero, &old->flags);
		account_rss(mm, old, -1);
		atomic_dec(&old->mapcount);
		get_page(m->to->page);
		take_payer(m->to->page, old);
		entry_set(v, e, m->to->page, (vma_rights(v) & ~PTE_RW) | PTE_COW | PTE_D);
	}
	spin_unlock(&mm->page_table_lock);
	return old;
}

void ksm_replace(struct vm_area *v, const struct ksm_merge *m, u32 n)
{
	struct pmap *pm = &v->vm_mm->pmap;
	struct page *old[KSM_BATCH];
	bool was_mapped = false;
	u32 count = 0;

	pmap_change_begin(pm); /* ksmd does not hold mm_users */
	forbid_writes(v->vm_mm, m, n);
	for (u32 i = 0; i < n; i++) {
		old[count] = replace(v, &m[i], &was_mapped);
		count += old[count] != NULL;
		m[i].to->chosen = 0;
	}
	if (was_mapped)
		pmap_drop(pm, m[0].va, m[n - 1].va + PAGE_SIZE);
	pmap_change_end(pm);
	if (count)
		pmap_retire(pm, old, count);
}

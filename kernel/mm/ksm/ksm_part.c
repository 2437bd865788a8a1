/* SPDX-License-Identifier: MIT */
/*
 * ksm_part.c: replaces merged pages by a program's own copies, and makes whole processes mergeable
 * (ksm.c).
 *
 *	ksm_part()	MADV_UNMERGEABLE: each merged page of a range is replaced by a copy
 *	ksm_set_all()	PR_SET_MEMORY_MERGE: all areas of a process, and of its later programs
 */
#include "kernel/mm/fault/fault.h"

/*
 * True if the entry maps a merged page that must be copied. A page that userfaultfd has
 * write-protected is copied only when the handler allows a write.
 */
static bool is_merged(struct mm *mm, u64 va)
{
	bool yes;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, va, false);
	yes = e && *e && !(*e & (PTE_SPECIAL | PTE_UFFD_WP)) &&
	      test_bit(PG_ksm, &pfn_to_page(pte_pfn(*e))->flags);
	spin_unlock(&mm->page_table_lock);
	return yes;
}

static int part_page(struct mm *mm, u64 va)
{
	struct page *p = get_user_page(mm, va, FOLL_WRITE | FOLL_FORCE);

	if (!IS_ERR(p))
		put_page(p);
	return p == ERR_PTR(-ENOMEM) ? -ENOMEM : 0; /* other errors: it was unmapped */
}

int ksm_part(struct mm *mm, u64 start, u64 end)
{
	int err = 0;

	for (u64 va = mm_next_entry(mm, start, end); va < end && !err;) {
		if (is_merged(mm, va))
			err = part_page(mm, va);
		va = mm_next_entry(mm, va + PAGE_SIZE, end);
		cond_resched();
	}
	return err;
}

int ksm_set_all(struct mm *mm, bool on)
{
	struct vm_area *v;

	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	mm->merge_all = on;
	if (on)
		ksm_note(mm);
	else
		list_for_each_entry(v, &mm->mmap_list, vm_list)
			v->vm_flags &= ~VM_MERGEABLE;
	up_write(&mm->mmap_lock);
	return on ? 0 : ksm_part(mm, 0, mm->task_size);
}

void ksm_exec(struct mm *new, const struct mm *old)
{
	if (!old->merge_all)
		return;
	ksm_note(new);
	new->merge_all = true;
}

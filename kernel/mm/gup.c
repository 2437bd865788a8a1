/* SPDX-License-Identifier: MIT */
/*
 * gup.c: one page of any address space, faulted in: for ptrace, /proc/PID/mem, core dumps, futexes and pins.
 */
#include "kernel/mm/fault.h"

/* The page if the entry allows it as it is, with a reference; NULL: fault it in. *hole: nothing is there. */
static struct page *look(struct mm *mm, u64 addr, u32 flags, bool *hole)
{
	struct page *p = NULL;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	*hole = !e || !*e;
	if (e && *e && !(*e & PTE_SPECIAL)) {
		bool ok = flags & FOLL_WRITE ? *e & PTE_RW : *e & PTE_P;

		if (flags & FOLL_FORCE)
			ok = !(flags & FOLL_WRITE) || *e & PTE_RW ||
			     (!(*e & PTE_COW) && PageAnon(pfn_to_page(pte_pfn(*e))));
		if (ok) {
			p = pfn_to_page(pte_pfn(*e));
			get_page(p);
		}
	}
	spin_unlock(&mm->page_table_lock);
	return p;
}

int user_fault_in(struct mm *mm, u64 addr, bool write)
{
	return fault_in(mm, addr, write ? FAULT_WRITE : 0);
}

struct page *get_user_page(struct mm *mm, u64 addr, u32 flags)
{
	u32 fault = (flags & FOLL_WRITE ? FAULT_WRITE : 0) | (flags & FOLL_FORCE ? FAULT_FORCE : 0);

	addr &= PAGE_MASK;
	if (flags & FOLL_FORCE && flags & FOLL_WRITE)
		arch_patch_forget(mm, addr, addr + PAGE_SIZE);
	for (int tries = 0; tries < 100; tries++) {
		bool hole;
		struct page *p = look(mm, addr, flags, &hole);
		int err;

		if (p)
			return p;
		if (flags & FOLL_DUMP && hole) {
			struct vm_area *v;
			bool anon;

			down_read(&mm->mmap_lock);
			v = vma_lookup(mm, addr);
			anon = !v || vma_is_anon(v);
			up_read(&mm->mmap_lock);
			if (anon)
				return NULL;
		}
		err = fault_in(mm, addr, fault);
		if (err == -ENXIO && flags & FOLL_DUMP)
			return NULL;
		if (err)
			return ERR_PTR(err == -ENXIO ? -EFAULT : err);
	}
	return ERR_PTR(-EFAULT);
}

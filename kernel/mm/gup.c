/* SPDX-License-Identifier: MIT */
/*
 * gup.c: faults in pages of any address space, for ptrace, /proc/PID/mem, core dumps, futexes and
 * pins.
 *
 * A device or a request under way writes to a pinned page without page_table_lock. So a pin for
 * writing marks the page as touched at once: its entry loses PTE_RESERVED. Otherwise reclaim would
 * take the frame away as one that was only mapped ahead of faults. A fork copies frames that are
 * pinned (fork.c), so what a device puts into them reaches the parent.
 *
 * Secret memory (memfd_secret) is refused: it is copied only through the entries of an mm that maps
 * it (uaccess).
 */
#include "kernel/mm/fault/fault.h"

/*
 * True for secret memory. Called under page_table_lock for a mapped page, whose p->mapping cannot
 * change.
 */
static bool is_secret(const struct page *p)
{
	return !PageAnon(p) && p->mapping && p->mapping->a_ops->secret;
}

/*
 * True if the caller's own threads could miss a write to the entry's frame, since the space (the
 * address space of the mm on the host) may still map the frame that this one has replaced. The
 * fault_in() that follows waits until the mmap() of the new frame is queued. That helps only in
 * the caller's own mm, so other mms are not checked.
 */
static bool would_be_missed(struct mm *mm, pte_t e, bool write)
{
	return write && mm == current->mm && pte_is_replaced(e);
}

/*
 * Returns the page with a reference if the entry allows the access. NULL: the page must be faulted
 * in. ERR_PTR(-EFAULT): the page is secret memory. Sets *hole to true if there is no entry.
 */
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
		ok = ok && !would_be_missed(mm, *e, flags & FOLL_WRITE);
		p = ok ? pfn_to_page(pte_pfn(*e)) : NULL;
		if (p && is_secret(p)) {
			p = ERR_PTR(-EFAULT);
		} else if (p) {
			get_page(p);
			if (flags & FOLL_WRITE)
				*e &= ~PTE_RESERVED;
		}
	}
	spin_unlock(&mm->page_table_lock);
	return p;
}

/* Takes up to @nr consecutive pages whose entries allow the access, and returns their number. */
static u32 look_run(struct mm *mm, u64 addr, u32 nr, bool write, struct page **pages)
{
	pte_t right = write ? PTE_RW : PTE_P;
	u32 n = 0;

	spin_lock(&mm->page_table_lock);
	for (; n < nr; n++, addr += PAGE_SIZE) {
		pte_t *e = pmap_pte(&mm->pmap, addr, false);

		if (!e || *e & PTE_SPECIAL || !(*e & right) || would_be_missed(mm, *e, write) ||
			is_secret(pfn_to_page(pte_pfn(*e))))
			break;
		pages[n] = pfn_to_page(pte_pfn(*e));
		get_page(pages[n]);
		if (write)
			*e &= ~PTE_RESERVED;
	}
	spin_unlock(&mm->page_table_lock);
	return n;
}

int user_fault_in(struct mm *mm, u64 addr, bool write)
{
	return fault_in(mm, addr, write ? FAULT_WRITE : 0);
}

/*
 * True if a dump stores nothing for the page at @addr. Takes mmap_lock: reclaim removes entries for
 * a moment and restores them (zap_untouched()).
 */
static bool is_hole(struct mm *mm, u64 addr)
{
	struct vm_area *v;
	bool hole;
	pte_t *e;

	down_read(&mm->mmap_lock);
	v = vma_lookup(mm, addr);
	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	hole = (!v || vma_is_anon(v)) && (!e || !*e);
	spin_unlock(&mm->page_table_lock);
	up_read(&mm->mmap_lock);
	return hole;
}

static bool in_anon(struct mm *mm, u64 addr)
{
	struct vm_area *v;
	bool yes;

	down_read(&mm->mmap_lock);
	v = find_vma(mm, addr); /* a stack may grow */
	yes = v && vma_is_anon(v);
	up_read(&mm->mmap_lock);
	return yes;
}

struct page *get_user_page(struct mm *mm, u64 addr, u32 flags)
{
	u32 fault = (flags & FOLL_WRITE ? FAULT_WRITE : 0) |
		    (flags & FOLL_FORCE ? FAULT_FORCE : 0) |
		    (flags & FOLL_ANON ? FAULT_ANON_ONLY : 0);

	addr &= PAGE_MASK;
	if (flags & FOLL_ANON && !in_anon(mm, addr))
		return ERR_PTR(-EFAULT);
	if (flags & FOLL_FORCE && flags & FOLL_WRITE)
		arch_patch_forget(mm, addr, addr + PAGE_SIZE);
	for (int tries = 0; tries < 100; tries++) {
		bool hole;
		struct page *p = look(mm, addr, flags, &hole);
		int err;

		if (p)
			return p;
		if (flags & FOLL_DUMP && hole && is_hole(mm, addr))
			return NULL;
		err = fault_in(mm, addr, fault);
		if (err == -ENXIO && flags & FOLL_DUMP)
			return NULL;
		if (err)
			return ERR_PTR(err == -ENXIO ? -EFAULT : err);
	}
	return ERR_PTR(-EFAULT);
}

s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages)
{
	struct mm *mm = current->mm;
	u32 n = 0;

	addr &= PAGE_MASK;
	while (n < nr) {
		u32 got = look_run(mm, addr + n * PAGE_SIZE, nr - n, flags & FOLL_WRITE, pages + n);

		n += got;
		if (got)
			continue;
		pages[n] = get_user_page(mm, addr + n * PAGE_SIZE, flags);
		if (IS_ERR(pages[n]))
			return n ? (s32)n : (s32)PTR_ERR(pages[n]);
		n++;
	}
	return (s32)n;
}

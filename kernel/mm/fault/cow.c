/* SPDX-License-Identifier: MIT */
/*
 * cow.c: writes to private pages that may be shared.
 *
 * An anonymous frame that is mapped only once is reused: it becomes writable, and with it all such
 * frames around it, since after a child's exec or exit the parent would otherwise fault on each.
 * Any other frame is copied. If writes proceed from page to page, the next pages are copied ahead,
 * four times as many as before (up to 128), into contiguous frames, since a copy costs 0.3 us and a
 * fault more than ten.
 *
 * The old frame is released after the space, the host process that runs the guest code, has mapped
 * the new one: pmap_replace(), pmap_retire(). The page that was written to and all copies get
 * PTE_BROKEN: the next fork copies such a page at once instead of write-protecting it.
 */
#include "kernel/mm/fault/fault.h"

#define REUSE_AROUND 64
#define COPY_MAX 128
#define COPY_GROWTH 4
/* in pages: largest VMA of a file for which small_data() is used */
#define SMALL_DATA 16

/*
 * True if only this entry maps the frame, no page cache holds it, and no other mm's space maps it
 * any more. An mm that shared the frame since a fork may have removed its entry long before its
 * space unmaps the frame. Until then, that mm's guest code would read what this writer writes, and
 * the mm keeps its reference to the frame (pmap_retire()). So a frame that a fork has shared
 * (PG_forked) may have only one reference. A frame that was never shared may have further
 * references, of pins, and is written in place.
 */
static bool sole_owner(pte_t e)
{
	struct page *p;

	if (!(e & PTE_COW) || e & (PTE_SPECIAL | PTE_UFFD_WP))
		return false;
	p = pfn_to_page(pte_pfn(e));
	return PageAnon(p) && atomic_read(&p->mapcount) == 1 &&
	       (!test_bit(PG_forked, &p->flags) || atomic_read(&p->refcount) == 1);
}

static pte_t writable(pte_t e, pte_t rights)
{
	struct page *p = pfn_to_page(pte_pfn(e));

	if (test_bit(PG_forked, &p->flags))
		clear_bit(PG_forked, &p->flags);
	return (e & ~(PTE_COW | PTE_RIGHTS)) | rights | PTE_D | (e & PTE_MAPPED ? PTE_STALE : 0);
}

/*
 * Makes writable the frames around @addr of which this mm is the sole owner. Under page_table_lock;
 * @e is @addr's entry.
 */
static void reuse_around(struct vm_area *v, pte_t *e, u64 addr, struct fault_info *info)
{
	pte_t rights = vma_rights(v) & PTE_RIGHTS;
	u64 span = REUSE_AROUND * PAGE_SIZE;
	u64 lo = addr, hi = addr + PAGE_SIZE;
	u64 start = max(v->vm_start, addr & ~(span - 1)),
	    end = min(v->vm_end, (addr & ~(span - 1)) + span);

	for (pte_t *p = e; lo > start && sole_owner(p[-1]); p--, lo -= PAGE_SIZE)
		p[-1] = writable(p[-1], rights);
	for (pte_t *p = e; hi < end && sole_owner(p[1]); p++, hi += PAGE_SIZE)
		p[1] = writable(p[1], rights);
	*e = writable(*e, rights) | PTE_BROKEN; /* a page that is written to after a fork */
	info->start = lo;
	info->end = hi;
	info->populate = true;
}

/* Returns how many pages from @addr on to copy. */
static u32 copies_wanted(struct vm_area *v, u64 addr)
{
	u32 n = 1;

	if (addr == v->next_fault)
		n = min_t(u32, max_t(u32, v->extent_order, 1) * COPY_GROWTH, COPY_MAX);
	/* In a VMA that is being copied, extent_order is a number of pages. */
	v->extent_order = n;
	n = min_t(u64, n, (v->vm_end - addr) >> PAGE_SHIFT);
	v->next_fault = addr + n * PAGE_SIZE;
	return n;
}

static bool copyable(pte_t e)
{
	return e & PTE_COW && e & PTE_P && !(e & (PTE_SPECIAL | PTE_UFFD_WP));
}

/*
 * Finds the pages to copy at once in a small private mapping of a file, such as a program's .data.
 * The program will write to most of its pages. So the run includes all copyable() pages before and
 * after *start without a gap. Sets *start to the address of the first page, and returns the number
 * of pages.
 */
static u32 small_data(struct vm_area *v, u64 *start)
{
	struct mm *mm = v->vm_mm;
	u64 lo = *start, hi = *start + PAGE_SIZE, span = 512 * PAGE_SIZE;
	u64 first = max(v->vm_start, lo & ~(span - 1));
	u64 last = min(v->vm_end, (lo & ~(span - 1)) + span);
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, *start, false);
	for (pte_t *p = e; p && lo > first && copyable(p[-1]); p--)
		lo -= PAGE_SIZE;
	for (pte_t *p = e; p && hi < last && copyable(p[1]); p++)
		hi += PAGE_SIZE;
	spin_unlock(&mm->page_table_lock);
	*start = lo;
	return (hi - lo) >> PAGE_SHIFT;
}

/* Chooses which pages to copy with the one at *start. */
static u32 choose_copies(struct vm_area *v, u64 *start)
{
	if (!(v->vm_flags & VM_WRITE))
		return 1; /* ptrace writes to a read-only mapping */
	if (v->vm_mapping && vma_pages(v) <= SMALL_DATA)
		return small_data(v, start);
	return copies_wanted(v, *start);
}

struct copy {
	struct page *old, *new;
	pte_t e;
};

/* Finds the page at @addr, with a reference. Returns false if there is nothing to copy. */
static bool copy_begin(struct vm_area *v, u64 addr, struct copy *c)
{
	struct mm *mm = v->vm_mm;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	c->e = e ? *e : 0;
	c->old = c->e && !(c->e & PTE_RW) && !(c->e & PTE_SPECIAL) ? pfn_to_page(pte_pfn(c->e)) :
								     NULL;
	if (c->e & PTE_UFFD_WP && v->vm_flags & VM_UFFD_WP)
		c->old = NULL;
	if (c->old)
		get_page(c->old);
	spin_unlock(&mm->page_table_lock);
	return c->old != NULL;
}

/* Replaces the entry if it still maps the page that was copied. Returns false if not. */
static bool copy_commit(struct vm_area *v, u64 addr, struct copy *c, pte_t bits)
{
	struct mm *mm = v->vm_mm;
	pte_t *e;
	bool ok;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	ok = e && !((*e ^ c->e) & ~(PTE_MAPPED | PTE_A));
	if (ok) {
		c->e = *e;
		account_rss(mm, c->old, -1);
		if (atomic_dec_and_test(&c->old->mapcount))
			mem_count_mapped(c->old, -1);
		entry_set(v, e, c->new, bits | (c->e & PTE_MAPPED ? PTE_MAPPED | PTE_STALE : 0));
	}
	spin_unlock(&mm->page_table_lock);
	return ok;
}

/*
 * Copies one page. Returns 1 if the entry was replaced (c->old then carries the entry's reference
 * too), 0 if not, -ENOMEM, or -EIO (the host has lost the old page).
 */
static int copy_one(
	struct vm_area *v, u64 addr, pte_t bits, struct copy *c, struct frame_run *frames)
{
	if (!copy_begin(v, addr, c))
		return 0;
	c->new = frame_run_take(frames);
	if (!c->new) {
		put_page(c->old);
		return -ENOMEM;
	}
	copy_page(page_address(c->new), page_address(c->old));
	if (region_lost(page_address(c->old))) {
		put_page(c->new);
		put_page(c->old);
		return -EIO;
	}
	if (copy_commit(v, addr, c, bits))
		return 1;
	put_page(c->new);
	put_page(c->old);
	return 0;
}

static int copy_pages(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	pte_t bits = vma_rights(v) | PTE_BROKEN | PTE_D;
	struct pmap *pm = &v->vm_mm->pmap;
	struct page *old[COPY_MAX];
	u32 wanted = choose_copies(v, &addr), n = 0;
	struct frame_run frames = { 0 };
	bool was_mapped = false;
	int ret = 0;

	if (!(v->vm_flags & VM_WRITE)) /* the copy stays read-only */
		bits &= ~PTE_RW;
	if (wanted > 1)
		frames.order = 31 - __builtin_clz(wanted);
	while (n < wanted) {
		struct copy c;

		ret = copy_one(v, addr + n * PAGE_SIZE, bits, &c, &frames);
		if (ret <= 0)
			break;
		was_mapped |= (c.e & PTE_MAPPED) != 0;
		/* drops copy_begin()'s reference; pmap_retire() drops the entry's */
		put_page(c.old);
		old[n++] = c.old;
	}
	frame_run_end(&frames);
	if (!n)
		return ret;
	info->start = addr;
	info->end = addr + n * PAGE_SIZE;
	info->populate = true;
	if (was_mapped)
		pmap_replace(pm, info->start, info->end, true);
	pmap_retire(pm, old, n);
	return 0;
}

int cow_fault(struct vm_area *v, u64 addr, pte_t e, u32 flags, struct fault_info *info)
{
	struct mm *mm = v->vm_mm;
	pte_t *ep;
	bool reused;

	if (e & PTE_SPECIAL)
		return -EFAULT;
	spin_lock(&mm->page_table_lock);
	ep = pmap_pte(&mm->pmap, addr, false);
	if (!ep || ((*ep ^ e) & ~(PTE_MAPPED | PTE_A))) {
		spin_unlock(&mm->page_table_lock);
		return 0;
	}
	reused = v->vm_flags & VM_WRITE && sole_owner(*ep);
	if (reused)
		reuse_around(v, ep, addr, info);
	spin_unlock(&mm->page_table_lock);
	return reused ? 0 : copy_pages(v, addr, flags, info);
}

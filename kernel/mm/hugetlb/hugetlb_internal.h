/* SPDX-License-Identifier: MIT */
/* hugetlb_internal.h: declarations shared by the files of huge pages and the rest of kernel/mm. */
#ifndef NESTLING_MM_HUGETLB_INTERNAL_H
#define NESTLING_MM_HUGETLB_INTERNAL_H

#include "kernel/mm/fault/fault.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/mm/group/memcg.h"

/* ---- hugetlb_pool.c ---- */

static inline bool PageHuge(const struct page *p)
{
	return test_bit(PG_huge, &p->flags);
}
/* Returns the first frame of the huge page that contains @p. */
static inline struct page *huge_head(struct page *p)
{
	return pfn_to_page(page_to_pfn(p) & ~(HPAGE_FRAMES - 1));
}
/* Frees a frame with PG_huge whose last reference has gone; for put_page(). */
void huge_frame_free(struct page *p);
/* Take and drop a reference to each of the 512 frames from @head on. The drop may free the page. */
void huge_page_get(struct page *head);
void huge_page_put(struct page *head);
/*
 * Promises @n huge pages of the quota @q (NULL: none). Makes surplus pages where that is needed and
 * allowed. May sleep. Returns 0 or -ENOMEM. huge_unreserve() gives promises back.
 */
int huge_reserve(struct huge_quota *q, u64 n);
void huge_unreserve(struct huge_quota *q, u64 n);
/*
 * Takes a zeroed huge page with one reference for each frame: a page that was promised or, if not
 * @promised, a page that no promise needs. Returns its first frame; NULL: no page is left. May
 * sleep.
 */
struct page *huge_take(struct huge_quota *q, bool promised);

/*
 * Sets the groups that are charged for the page until it is free. @reserved: NULL if the charge of
 * a promise covers it.
 */
void huge_page_owned(struct page *head, struct mem_group *used, struct mem_group *reserved);
/*
 * Takes a page as huge_take() does and charges it to current. Uses the promise for @index of the
 * private area @v (NULL: no area) if there is one. ERR_PTR(-ENOSPC).
 */
struct page *huge_take_charged(struct huge_quota *q, struct vm_area *v, u64 index);

/* ---- hugetlb_group.c ---- */

/*
 * Charges @n pages to current's group, and returns the group for huge_uncharge(). A group with
 * charges is not freed. NULL: current has no group; ERR_PTR(-ENOMEM): a limit.
 */
struct mem_group *huge_charge(enum huge_kind kind, u64 n);
/* Uncharges @n pages from @g, which the last may free. @g may be NULL. Does not sleep. */
void huge_uncharge(enum huge_kind kind, struct mem_group *g, u64 n);

/* ---- hugetlb_file.c ---- */

/*
 * A slot is empty, a pointer to the first frame of a page, or a promise: bit 0 set and the group
 * that is charged for the promise (or NULL).
 */
static inline void *slot_of_promise(struct mem_group *g)
{
	return (void *)((u64)g | 1);
}
static inline bool slot_is_promise(const void *slot)
{
	return (u64)slot & 1;
}
static inline struct mem_group *slot_payer(void *slot)
{
	return (void *)((u64)slot & ~1UL);
}
static inline bool slot_is_page(const void *slot)
{
	return slot && !slot_is_promise(slot);
}
/*
 * Returns the first frame of the page at the huge index @index, without a reference; if there is
 * none and @make is set, makes it, and may sleep. Under f->lock. NULL: a hole; ERR_PTR(-ENOSPC,
 * -ENOMEM).
 */
struct page *huge_file_page(struct huge_file *f, u64 index, bool make);

/* The pages that were promised to a private mapping, and to the areas into which it was split. */
struct huge_promise {
	u32 refs; /* number of areas; under mmap_lock of @mm */
	/* the mm that has the promise (a forked child has none); only compared */
	struct mm *mm;
	u64 first, nr;           /* huge indices */
	struct mem_group *payer; /* the group that is charged, or NULL */
	/* pages that @payer is charged for; falls as areas are unmapped; under huge_file.lock */
	u64 charged;
	/* a bit for each page that was taken or given up; under huge_file.lock */
	u64 spent[];
};
/*
 * vm_private of a private area whose pages were taken away for its parent: missing pages are not
 * replaced
 */
#define HUGE_LOST ((void *)1)
/*
 * Marks @v, a copy of @from, with HUGE_LOST if @from has the mark, perhaps set before @v was on the
 * mapping's list. Under i_mmap_sem (writing) or huge_file.lock; later both areas are marked
 * together.
 */
static inline void huge_area_follows(struct vm_area *v, const struct vm_area *from)
{
	if (from->vm_flags & VM_HUGETLB && READ_ONCE(from->vm_private) == HUGE_LOST)
		v->vm_private = HUGE_LOST;
}
/*
 * Uses the promise of the page at @index of the file to @v. Returns true if there was an unused
 * promise. Under the file's huge_file.lock.
 */
bool huge_promise_spend(struct vm_area *v, u64 index);
/*
 * For mremap: the private huge areas in [addr, addr + len) were copied to another address, and are
 * about to be unmapped (after a failure @addr is the copy). Makes the unmap leave the promises to
 * the areas that remain. mmap_lock is held for writing.
 */
void huge_promise_moved(struct mm *mm, u64 addr, u64 len);

/* ---- hugetlb_fault.c ---- */

/*
 * Serve faults as the functions of fault.h do: hugetlb_fault() where there is no entry,
 * hugetlb_cow() a write to a read-only entry. -ENXIO: no page is left.
 */
int hugetlb_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info);
int hugetlb_cow(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info);
/* Serves a write to a shared page that userfaultfd has write-protected. */
int hugetlb_write_fault(struct vm_area *v, u64 addr, struct fault_info *info);
/*
 * Copies the entries of @from to the child's area @v. *protect is set if the parent's space must be
 * write-protected. mmap_lock of both is held for writing. May sleep. Returns 0 or -ENOMEM.
 */
int hugetlb_fork(struct vm_area *v, struct vm_area *from, bool *protect);
/*
 * For userfault_fill.c, with mmap_lock held; @addr is the beginning of a huge page. Return 0 or
 * -errno. An existing page stays (-EEXIST). hugetlb_fill() maps a new page with the content of the
 * 512 frames @from; @from NULL: it only checks. hugetlb_continue() maps the file's page (-EFAULT:
 * there is none). hugetlb_poison() makes accesses raise SIGBUS.
 */
int hugetlb_fill(struct vm_area *v, u64 addr, void **from, pte_t bits);
int hugetlb_continue(struct vm_area *v, u64 addr, pte_t bits);
int hugetlb_poison(struct vm_area *v, u64 addr);

#endif

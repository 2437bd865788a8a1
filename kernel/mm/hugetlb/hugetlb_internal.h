/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_internal.h: what the files of huge pages share with each other and with the rest of
 * kernel/mm.
 */
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
static inline struct page *huge_head(struct page *p)
{
	return pfn_to_page(page_to_pfn(p) & ~(HPAGE_FRAMES - 1));
}
/* Of put_page(): the last reference of a frame with PG_huge has gone. */
void huge_frame_free(struct page *p);
/* References of each of the 512 frames of @head; the put may free the page. */
void huge_page_get(struct page *head);
void huge_page_put(struct page *head);
/* Promises @n pages, making surplus ones where that is needed and allowed: 0 or -ENOMEM. */
int huge_reserve(struct huge_quota *q, u64 n);
void huge_unreserve(struct huge_quota *q, u64 n);
/*
 * A page, zeroed, one reference for each frame: out of what was promised, or (false) if one is
 * left. NULL.
 */
struct page *huge_take(struct huge_quota *q, bool promised);

/* Sets the groups that pay for it until it is free; @reserved: NULL where a promise pays. */
void huge_page_owned(struct page *head, struct mem_group *used, struct mem_group *reserved);
/*
 * Of a page that was promised (to @v's area, say) or was not, taken and charged to current.
 * ERR_PTR(-ENOSPC).
 */
struct page *huge_take_charged(struct huge_quota *q, struct vm_area *v, u64 index);

/* ---- hugetlb_group.c ---- */

/*
 * Charges @n pages to current's group, with a reference for each. NULL: no payer; ERR_PTR(-ENOMEM).
 */
struct mem_group *huge_charge(enum huge_kind kind, u64 n);
void huge_uncharge(enum huge_kind kind, struct mem_group *g, u64 n);

/* ---- hugetlb_file.c ---- */

/* Content of a slot: a page, or a promise with its payer. */
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
/* Under f->lock: the page at @index, made if @make. NULL: a hole; ERR_PTR(-ENOSPC, -ENOMEM). */
struct page *huge_file_page(struct huge_file *f, u64 index, bool make);

/* What is promised to a private mapping and the pieces that it was cut into. */
struct huge_promise {
	u32 refs; /* areas; under the mmap_lock of @mm */
	/* whose promise it is: a fork's child has none. For comparison only */
	struct mm *mm;
	u64 first, nr;           /* huge indices */
	struct mem_group *payer; /* the group that made the promise, or NULL */
	/* pages of areas that are there still; under huge_file.lock */
	u64 charged;
	/* bits: pages that were taken or given up; under huge_file.lock */
	u64 spent[];
};
/*
 * vm_private of a private area some of whose pages were taken away for its parent's sake: what is
 * missing stays missing.
 */
#define HUGE_LOST ((void *)1)
/*
 * @v was copied of @from, which may have lost pages before @v was on the mapping's list for all to
 * see: then @v has lost them, too. Under i_mmap_sem (writing) or huge_file.lock, after which
 * nothing is taken from the one and not from the other.
 */
static inline void huge_area_follows(struct vm_area *v, const struct vm_area *from)
{
	if (from->vm_flags & VM_HUGETLB && READ_ONCE(from->vm_private) == HUGE_LOST)
		v->vm_private = HUGE_LOST;
}
/*
 * Is the page at @index promised to @v and not yet taken? Then it is taken now. Under
 * huge_file.lock.
 */
bool huge_promise_spend(struct vm_area *v, u64 index);
/*
 * [addr, addr + len) of private huge areas has been copied elsewhere: the old place (or the new,
 * where that failed) is about to go, and the promise stays.
 */
void huge_promise_moved(struct mm *mm, u64 addr, u64 len);

/* ---- hugetlb_fault.c ---- */

/* As the functions of fault.h: no entry yet; a write where only reading is allowed. */
int hugetlb_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info);
int hugetlb_cow(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info);
/* A write to a shared page that was write-protected (userfaultfd). */
int hugetlb_write_fault(struct vm_area *v, u64 addr, struct fault_info *info);
/*
 * The child's area @v gets the entries of @from. *protect: the parent's space must be told. 0 or
 * -ENOMEM.
 */
int hugetlb_fork(struct vm_area *v, struct vm_area *from, bool *protect);
/*
 * For userfault_fill.c, at the beginning of a huge page; what is there stays (-EEXIST).
 * hugetlb_fill: a page with the content of the 512 frames @from, mapped with @bits; NULL: only
 * whether it could come. hugetlb_continue: the file's (-EFAULT: none). hugetlb_poison: a touch is
 * SIGBUS.
 */
int hugetlb_fill(struct vm_area *v, u64 addr, void **from, pte_t bits);
int hugetlb_continue(struct vm_area *v, u64 addr, pte_t bits);
int hugetlb_poison(struct vm_area *v, u64 addr);

#endif

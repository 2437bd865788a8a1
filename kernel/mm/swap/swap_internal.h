/* SPDX-License-Identifier: MIT */
/*
 * swap_internal.h: declarations shared by swap.c (areas and slots), swap_out.c, swap_in.c and the
 * rest of mm.
 */
#ifndef NESTLING_MM_SWAP_INTERNAL_H
#define NESTLING_MM_SWAP_INTERNAL_H

#include "kernel/mm/fault/fault.h"
#include "kernel/mm/swap/swap.h"

struct mem_group;

/* ---- entries ---- */

#define SWAP_SLOT_BITS 35
#define SWAP_SLOT_MASK (BIT(SWAP_SLOT_BITS) - 1)

static inline pte_t swap_entry(u32 type, u64 slot)
{
	return PTE_SPECIAL | PTE_SWAP | ((u64)type << SWAP_SLOT_BITS | slot) << PAGE_SHIFT;
}
static inline u32 swap_type(pte_t e)
{
	return (u32)(pte_pfn(e) >> SWAP_SLOT_BITS);
}
static inline u64 swap_slot(pte_t e)
{
	return pte_pfn(e) & SWAP_SLOT_MASK;
}

/*
 * ---- swap.c. Called under the page_table_lock under which @e was read, or with a use of its slot
 * ----
 */

/* Takes a reference to the slot. Returns false if there are too many. */
bool swap_get(pte_t e);
void swap_put(pte_t e); /* drops a reference */
/*
 * Takes a use of the slot, for reading it in. *held: its frame with a reference, if the slot still
 * has one.
 */
bool swap_use(pte_t e, struct page **held);
/*
 * Returns how many entries refer to the slot of @e, for statistics. *held: true if the slot still
 * has its frame.
 */
u32 swap_look(pte_t e, bool *held);
/*
 * Reads the @n slots from @e's on into frames. The caller has a use of each. 0 or -errno. Sleeps.
 */
int swap_read(pte_t e, struct page **pages, u32 n);
u32 swap_run(pte_t e, u32 n);

/* Free slots, consecutive, taken out of an area for a write. */
struct swap_slots {
	struct swap_area *area;
	u64 first;
	u32 n;
	void *request; /* prepared write of the area */
};
bool swap_slots_take(struct swap_slots *s, u32 want);
/* Gives the slots from the @used-th on back. */
void swap_slots_return(struct swap_slots *s, u32 used);
/* Cancels the write, while at least one slot is still taken. */
void swap_slots_cancel(struct swap_slots *s);
/*
 * Moves @p's content and reference to the @i-th slot. Returns the entry that will refer to it. 0: a
 * limit of @p's group forbids that; *full, if it was NULL, becomes the group with the limit, with a
 * reference. Under page_table_lock.
 */
pte_t swap_slot_fill(const struct swap_slots *s, u32 i, struct page *p, struct mem_group **full);
void swap_slots_write(const struct swap_slots *s, struct page **pages, u32 n,
	void (*done)(void *arg, int status), void *arg);
/* Ends the write of the @i-th slot. Returns true if the frame was freed, not kept by the slot. */
bool swap_slot_written(const struct swap_slots *s, u32 i, struct page *p, int status);

/* ---- swap_out.c ---- */

/*
 * Writes out about @wanted pages for which @chosen (NULL: no condition) returns true, and waits.
 * Returns the number of frames that were freed. Locks as for droppable_shrink().
 */
u64 swap_shrink(u64 wanted, bool (*chosen)(const struct page *p, void *arg), void *arg);
/*
 * Swaps out those pages of the range for which that is possible. mmap_lock is held for reading. 0
 * or -EINTR.
 */
int swap_out_range(struct vm_area *v, u64 start, u64 end);
bool vma_may_swap(const struct vm_area *v);

/* ---- swap_in.c ---- */

/*
 * Reads in the page of @e, which is in a swap area, and some pages beside it. mmap_lock is held.
 * Returns 0: check the entry again; or -errno.
 */
int swap_in(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info);
/*
 * Reads in all pages of the range that are in area @type (negative: in any). mmap_lock is held. 0
 * or -errno.
 */
int swap_in_range(struct vm_area *v, u64 start, u64 end, int type);
/*
 * Reads in all pages of area @type. Stops when @any_left returns false. Returns 0, -ENOMEM, -EINTR
 * or -EIO.
 */
int swap_in_all(int type, bool (*any_left)(struct swap_area *a), struct swap_area *a);

#endif

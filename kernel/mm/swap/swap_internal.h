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

/* ---- swap.c ---- */

/*
 * In these functions the entry @e refers to a slot. The caller holds the page_table_lock under
 * which it read @e, or has a use of the slot: a count that swap_use() takes and swap_put() drops.
 */

/* Adds a reference of an entry to the slot. Returns false if the count is at its limit. */
bool swap_get(pte_t e);
void swap_put(pte_t e); /* drops a reference or a use */
/*
 * Takes a use of the slot, to read it in. Returns false if the count is at its limit. Sets *held to
 * the frame that the slot still has, with a reference, or NULL.
 */
bool swap_use(pte_t e, struct page **held);
/*
 * Returns how many references and uses the slot of @e has, for statistics. Sets *held to true if
 * the slot still has its frame. @e may be outdated.
 */
u32 swap_look(pte_t e, bool *held);
/*
 * Reads @n slots into @pages, beginning with @e's. The caller has a use of each. Returns 0 or
 * -errno. Sleeps.
 */
int swap_read(pte_t e, struct page **pages, u32 n);
/* Returns how many of the @n slots from @e's on are consecutive on the device: 1 to @n. */
u32 swap_run(pte_t e, u32 n);

/* Consecutive slots of an area, taken for one write. */
struct swap_slots {
	struct swap_area *area;
	u64 first;
	u32 n;
	void *request; /* from write_begin() of the area */
};
/*
 * Takes up to @want slots of an area and prepares their write. Returns false if none is free, or
 * there is no memory. Does not sleep. While a slot is taken, its area cannot be removed.
 */
bool swap_slots_take(struct swap_slots *s, u32 want);
/* Frees the slots from the @used-th on. */
void swap_slots_return(struct swap_slots *s, u32 used);
/* Cancels the prepared write. At least one slot must still be taken, to keep the area. */
void swap_slots_cancel(struct swap_slots *s);
/*
 * Gives frame @p, with its reference, to the @i-th slot. Returns the entry that refers to the slot,
 * or 0 if a limit of @p's group forbids that. *full, if it was NULL, becomes the group with the
 * limit, with a reference. Under page_table_lock.
 */
pte_t swap_slot_fill(const struct swap_slots *s, u32 i, struct page *p, struct mem_group **full);
/*
 * Starts the prepared write of @pages to the first @n slots, which consumes it. @done is called at
 * the end with 0 or -errno, and may not sleep. May sleep.
 */
void swap_slots_write(const struct swap_slots *s, struct page **pages, u32 n,
	void (*done)(void *arg, int status), void *arg);
/*
 * Ends the write of the @i-th slot with @status, 0 or -errno. Returns true if the frame was given
 * up, false if the slot keeps it.
 */
bool swap_slot_written(const struct swap_slots *s, u32 i, struct page *p, int status);

/* ---- swap_out.c ---- */

/*
 * Writes out about @wanted pages for which @chosen (NULL: no condition) returns true, and waits.
 * Returns the number of frames that were freed. Locks as for droppable_shrink().
 */
u64 swap_shrink(u64 wanted, bool (*chosen)(const struct page *p, void *arg), void *arg);
/*
 * Starts to swap out the pages of [start, end) for which that is possible. mmap_lock is held for
 * reading. May sleep. Returns 0, or -EINTR if current is being killed.
 */
int swap_out_range(struct vm_area *v, u64 start, u64 end);
/* True if pages of the area may be swapped out. Under mmap_lock. */
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
 * Reads in all pages of the area @a, which has the number @type, with no lock held. Stops when
 * @any_left(@a) returns false. Returns 0, -ENOMEM, -EINTR or -EIO.
 */
int swap_in_all(int type, bool (*any_left)(struct swap_area *a), struct swap_area *a);

#endif

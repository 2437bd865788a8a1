/* SPDX-License-Identifier: MIT */
/*
 * pmap.h: an mm's page table and, as a cache of it, the host mappings of its space (a TLB).
 *
 * Four levels of 8-byte entries with x86's positions, and software bits. mm/ decides what the entries say, under
 * mm->page_table_lock; pmap_sync* bring the space up to date. Host mappings may be dropped at any time: they come back
 * by a fault.
 */
#ifndef NESTLING_PMAP_H
#define NESTLING_PMAP_H

#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

typedef u64 pte_t;
#define PTE_P BIT(0)
#define PTE_RW BIT(1)
#define PTE_US BIT(2)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_MAPPED BIT(9)    /* the space maps it, with the rights the entry had then */
#define PTE_COW BIT(10)      /* private: copy before the first write */
#define PTE_RESERVED BIT(11) /* frame of an extent reservation, not yet touched as far as we know */
#define PTE_SPECIAL BIT(52)  /* no struct page behind it */
#define PTE_NX BIT(63)
#define PTE_PFN_MASK 0x000ffffffffff000UL
#define pte_pfn(e) (((e) & PTE_PFN_MASK) >> PAGE_SHIFT)
#define mk_pte(pfn, bits) (((u64)(pfn) << PAGE_SHIFT) | (bits))

struct space;
struct pmap {
	struct mutex lock;    /* serialises orders to @space */
	pte_t *root;          /* under mm->page_table_lock */
	struct space *space;  /* under @lock; NULL: taken away or never had one */
	u64 nr_tables;
};

int pmap_init(struct pmap *pm);
void pmap_destroy(struct pmap *pm); /* the tables are empty of present entries; gives the space back */

/* The entry for @va; NULL when its table does not exist (and @alloc is false) or memory is out. */
pte_t *pmap_pte(struct pmap *pm, u64 va, bool alloc);
/* The next entry at or after *va and below end that lies in an existing table; NULL when there is none. Sets *va. */
pte_t *pmap_next(struct pmap *pm, u64 *va, u64 end);
void pmap_free_tables(struct pmap *pm, u64 start, u64 end); /* tables with no entry left in the range */

/*
 * Maps into the space what the entries of [start, end) say and the space does not map yet, runs of contiguous frames with the
 * same rights in one order each. Queues: applied before guest code goes on. 0 or -errno.
 */
int pmap_sync(struct pmap *pm, u64 start, u64 end, bool populate);
/* Drops the host mappings of [start, end) (clears MAPPED), queued; pmap_flush() waits for it. */
int pmap_drop(struct pmap *pm, u64 start, u64 end);
/* Takes write permission away in the space for the range, one order (fork, write-back); queued. */
int pmap_wrprotect(struct pmap *pm, u64 start, u64 end);
/* After it no runner uses a mapping that was dropped or protected before. Frames may be freed then. */
int pmap_flush(struct pmap *pm);

/* Called by entry.c before guest code runs: makes sure there is a space. ERR_PTR on host limits. */
struct space *pmap_space(struct pmap *pm);

#endif

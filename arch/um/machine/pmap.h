/* SPDX-License-Identifier: MIT */
/*
 * pmap.h: an mm's page table and, as a cache of it, the host mappings of its space (a TLB).
 *
 * Four levels of 8-byte entries with x86's positions, and software bits. mm/ decides what the
 * entries contain, under mm->page_table_lock; pmap_sync* bring the space up to date. Host mappings
 * may be dropped at any time: they come back by a fault.
 *
 * An entry is 0 (empty), names a frame, or is a marker, which names no frame and is never mapped.
 * PTE_WP_MARKER counts as empty, too (pte_none()). PTE_P: the guest may read it (PROT_NONE keeps
 * the frame without PTE_P).
 *
 * Addresses are bytes, [start, end) in whole pages. A function that gets a range takes pmap->lock,
 * if its comment does not say that the caller holds it, and then page_table_lock: it may sleep.
 * Those that return int return 0 or -errno: -EIO if the space is dead, which its next run reports,
 * or what the host refused (physmem_take()).
 */
#ifndef NESTLING_PMAP_H
#define NESTLING_PMAP_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

typedef u64 pte_t;
#define PTE_P BIT(0)
#define PTE_RW BIT(1)
#define PTE_US BIT(2)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
/* the space maps the frame, with the rights that the entry had when it was synced */
#define PTE_MAPPED BIT(9)
#define PTE_COW BIT(10) /* private: copy before the first write */
/* frame of an extent reservation that the guest has not touched, as far as is known */
#define PTE_RESERVED BIT(11)
#define PTE_SPECIAL BIT(52) /* no struct page behind it */
/* a copy made by a write after a fork: the next fork copies it at once */
#define PTE_BROKEN BIT(53)
/* with MAPPED: the space's mapping is older than the entry and must be replaced */
#define PTE_STALE BIT(54)
/* userfaultfd: a write waits until the handler allows it */
#define PTE_UFFD_WP BIT(55)
#define PTE_GUARD BIT(56) /* marker: a touch is SIGSEGV */
/* marker: a touch is SIGBUS, as of memory that has failed */
#define PTE_POISON BIT(57)
/* with SPECIAL: the page is in a swap area (kernel/mm/swap/swap.h) */
#define PTE_SWAP BIT(58)
/* with RESERVED and MAPPED: the host was not asked to map it at once (pmap_touched.c) */
#define PTE_LAZY BIT(59)
#define PTE_NX BIT(63)
#define PTE_PFN_MASK 0x000ffffffffff000UL
#define PTE_RIGHTS (PTE_P | PTE_RW | PTE_NX)
#define PTE_MARKER(kind) (PTE_SPECIAL | PTE_PFN_MASK | (kind)) /* PTE_GUARD, PTE_POISON */
/* empty, but a page that comes is write-protected (userfaultfd) */
#define PTE_WP_MARKER PTE_MARKER(PTE_UFFD_WP)
#define pte_pfn(e) (((e)&PTE_PFN_MASK) >> PAGE_SHIFT)
#define mk_pte(pfn, bits) (((u64)(pfn) << PAGE_SHIFT) | (bits))

static inline bool pte_none(pte_t e)
{
	return !e || e == PTE_WP_MARKER;
}

/*
 * True if a copy may have just put the entry's frame in the place of another, which the space still
 * maps (mm/fault/cow.c). What the kernel wrote to the new frame would not be seen by a thread that
 * goes back to guest code first, so a write waits until the order is queued (fault_in()).
 */
static inline bool pte_is_replaced(pte_t e)
{
	const pte_t bits = PTE_MAPPED | PTE_STALE | PTE_BROKEN;

	return (e & bits) == bits;
}

struct space;
struct page;
struct pmap {
	struct mutex lock; /* serialises orders to @space */
	pte_t *root;       /* under mm->page_table_lock */
	/*
	 * The space; NULL if there never was one or it was taken away. Protected by @lock, but
	 * pmap_space() reads it without.
	 */
	struct space *space;
	/*
	 * True if queued orders must be flushed before guest code runs again. Protected by @lock,
	 * but pmap_space() reads it without.
	 */
	bool queued;
	/* True if queued orders may wait for the next flush. Protected by @lock. */
	bool ahead;
	/* True if there may be entries with PTE_LAZY. Set under page_table_lock, never cleared. */
	bool lazy;
	/* Number of pages that are tables. Under mm->page_table_lock. */
	u64 nr_tables;
	/* ktime_get() when @space was got. Written under @lock, read without. */
	u64 space_since;
	/*
	 * A class of mms that have similar mappings: mms with equal values. Set before the first
	 * run.
	 */
	u64 image;
	/*
	 * A page with pointers to frames that are freed after the next flush, or NULL. Protected by
	 * @lock.
	 */
	struct page **retired;
	u32 nr_retired; /* entries of @retired; under @lock */
	/* Number of callers between pmap_change_begin() and pmap_change_end(). */
	atomic_t strangers;
	/*
	 * Number of tasks that wait for an event from outside; used while the machine is stopped
	 * (save.c).
	 */
	u32 sleepers;
	/* True from pmap_leave_stopped() to pmap_forget_left(), with the machine stopped. */
	bool left;
};

/*
 * Begins a change of entries by a caller that does not use the mm but finds the entries by the file
 * (truncation, reclaim, reuse of a huge page); pmap_change_end() follows when the orders are
 * queued. In between the mappings differ from the entries, so a space that goes to the pool leaves
 * no image. Writeback changes entries and queues under pmap->lock, so it needs none.
 */
static inline void pmap_change_begin(struct pmap *pm)
{
	atomic_inc(&pm->strangers);
}
static inline void pmap_change_end(struct pmap *pm)
{
	atomic_dec(&pm->strangers);
}

/* Makes an empty page table without a space. Returns 0 or -ENOMEM. May sleep. */
int pmap_init(struct pmap *pm);
/*
 * Gives the space back and frees the tables, which have no entries any more. The mm has no other
 * user. May sleep.
 */
void pmap_destroy(struct pmap *pm);
/*
 * Gives the space back, once the last user is gone, before the entries are taken down, so that no
 * orders are needed. Frees retired frames. May sleep.
 */
void pmap_put_space(struct pmap *pm);

/*
 * For saving a state, with the machine stopped: applies queued orders, so that the entries alone
 * describe the guest's memory. Returns 0, or -EAGAIN if a task holds pmap->lock.
 */
int pmap_settle_stopped(struct pmap *pm);
/*
 * Queues orders that drop all host mappings of the space, after pmap_settle_stopped() in the same
 * stop. Returns 0, or -EAGAIN if a task holds pmap->lock.
 */
int pmap_drop_stopped(struct pmap *pm);
/*
 * Gives the space to the pool. With @quiet no entry is being changed, and its mappings stay known.
 * The entries still claim to be mapped: either pmap_forget_left() follows in this stop, or the
 * memory is replaced. Returns 0, or -EAGAIN as pmap_settle_stopped().
 */
int pmap_leave_stopped(struct pmap *pm, bool quiet);
/* Clears PTE_MAPPED in all entries if pmap_leave_stopped() has given the space away. */
void pmap_forget_left(struct pmap *pm);
/*
 * In a process that continues from a saved state: records that the space, which lies in the saved
 * process, is gone, and clears PTE_MAPPED in all entries.
 */
void pmap_forget_space(struct pmap *pm);
void pmap_forget_cpus(void); /* records that no vCPU runs a space */

/*
 * Finds the entry for @va; returns NULL if @va is not below 2^47, or if its table does not exist
 * and @alloc is false or memory (GFP_ATOMIC) is out. The caller holds page_table_lock, as for the
 * next three functions.
 */
pte_t *pmap_pte(struct pmap *pm, u64 va, bool alloc);
/*
 * Finds the next entry at or after *va and below end that lies in an existing table, and sets *va;
 * returns NULL when there is none.
 */
pte_t *pmap_next(struct pmap *pm, u64 *va, u64 end);
/*
 * If *@e, the entry of *@va, begins an aligned group of eight empty entries, moves both on to its
 * last one. For walks through tables that are mostly empty. May leave *va behind the end.
 */
static inline void pmap_step(pte_t **e, u64 *va)
{
	const pte_t *n = *e;

	if (*va & (7UL << PAGE_SHIFT) || n[0] | n[1] | n[2] | n[3] | n[4] | n[5] | n[6] | n[7])
		return;
	*e += 7;
	*va += 7UL << PAGE_SHIFT;
}
/* Frees the tables of the range that have no entry left in it. */
void pmap_free_tables(struct pmap *pm, u64 start, u64 end);

/*
 * Queues orders that map the pages of [start, end) whose entries name frames and that the space
 * does not map yet: one order for each run of contiguous frames with equal rights, at most @max
 * orders (0: no limit). They are applied before guest code runs. An mm without a space gets all
 * mappings when pmap_space() makes one. @populate: the frames are backed by the host.
 */
int pmap_sync(struct pmap *pm, u64 start, u64 end, bool populate, u32 max);
/*
 * Does as pmap_sync() for the page at address @page, which was touched. In a restored instance
 * pmap_sync() with a limit leaves out pages of a large range that are still in the file of the
 * state; this function takes the page and its neighbours from it.
 */
int pmap_sync_page(struct pmap *pm, u64 page);
/* Does as pmap_sync() for pages that may be touched soon: the orders wait for the next flush. */
int pmap_sync_ahead(struct pmap *pm, u64 start, u64 end, u32 max);
/*
 * Notes that the guest has touched a page that is to be mapped. Returns true if orders were
 * waiting; they are applied before guest code runs. Takes pmap->lock.
 */
bool pmap_urge(struct pmap *pm);
/*
 * Replaces the mappings of a range after its entries got other frames: queues the orders. The old
 * frames go to pmap_retire().
 */
int pmap_replace(struct pmap *pm, u64 start, u64 end, bool populate);
/*
 * Maps the mapped pages of a range again and flushes. For changes of the frames to map (shadows)
 * that leave the entries unchanged.
 */
int pmap_refresh(struct pmap *pm, u64 start, u64 end);
/*
 * Clears PTE_MAPPED in [start, end) and queues orders that drop the host mappings. pmap_settle() or
 * pmap_flush() waits until they are gone.
 */
int pmap_drop(struct pmap *pm, u64 start, u64 end);
/*
 * Does as pmap_drop() if an entry of the range is mapped. Returns false if none is. For ranges
 * whose entries have not been removed.
 */
bool pmap_drop_mapped(struct pmap *pm, u64 start, u64 end);
/*
 * Queues orders that give the mapped pages of the range the current rights of their entries
 * (mprotect, fork, writeback).
 */
int pmap_update_rights(struct pmap *pm, u64 start, u64 end);
#define pmap_wrprotect pmap_update_rights
/*
 * Write-protects the range, for writeback: when it returns, no entry of the range allows writing
 * and no runner writes there.
 */
void pmap_wrprotect_now(struct pmap *pm, u64 start, u64 end);
/*
 * Clears PTE_RESERVED of the pages in the range that the guest has touched since they were mapped
 * with PTE_LAZY: a page that still has both, and MAPPED, is untouched. Without PTE_LAZY pages it
 * costs one test of a flag; else ten microseconds for each table with some, and 10 to 20 ns a page.
 * The caller holds no spinlock.
 */
void pmap_note_touched(struct pmap *pm, u64 start, u64 end);
/* True if the host can report which pages were touched, so that PTE_LAZY is useful. */
bool pmap_reports_touched(void);
/*
 * Flushes, and frees retired frames: after it no runner uses a mapping that was dropped or
 * protected before, even one that claims to have stopped. Takes pmap->lock. Blocks on the host.
 */
int pmap_flush(struct pmap *pm);
/*
 * Ensures that no guest code runs with a dropped or protected mapping: flushes, unless the flush on
 * the caller's way to the guest is soon enough.
 */
int pmap_settle(struct pmap *pm);
/* True if guest code of the mm may run before the caller itself returns to it. */
bool pmap_runs_beside(struct pmap *pm);
/*
 * Frees frames (a reference of each is handed over) that entries no longer name and whose orders
 * are queued: after the next flush, which this function makes if other threads may run guest code.
 * Takes pmap->lock. The array @pages stays the caller's.
 */
void pmap_retire(struct pmap *pm, struct page **pages, u32 n);

/*
 * Makes sure, for entry.c, before guest code runs, that there is a space and that all orders are
 * applied. Returns ERR_PTR (-EAGAIN, -ENOMEM) on host limits. The space stays this mm's until this
 * vCPU calls pmap_space() for another mm. May take pmap->lock and sleep.
 */
struct space *pmap_space(struct pmap *pm);
/*
 * Declares that this vCPU runs no guest before its next pmap_space(): other tasks may take the
 * space that it ran last.
 */
void pmap_leave(void);
/*
 * Takes the space away from an mm that no vCPU runs, because the host is short of processes.
 * Returns false if the mm has no space, if a vCPU uses it, or if pmap->lock is held, for which it
 * does not wait.
 */
bool pmap_take_space(struct pmap *pm);

/* Does as pmap_flush(), under pmap->lock or with the machine stopped. */
int pmap_flush_locked(struct pmap *pm);
/*
 * Clears PTE_MAPPED in the entries of the range. Returns how many had it set. Takes
 * page_table_lock; called under pmap->lock or with the machine stopped.
 */
u64 pmap_forget_mapped(struct pmap *pm, u64 start, u64 end);
/* Does as pmap_note_touched(), under pmap->lock and with no orders queued. */
void pmap_note_touched_locked(struct pmap *pm, u64 start, u64 end);

/*
 * pmap_image.c: lists the mappings of @s, which goes to the pool, in its image; leaves the image
 * empty if they are not known exactly. Called under pmap->lock.
 */
void pmap_image_save(struct pmap *pm, struct space *s);
/*
 * Sets PTE_MAPPED in the entries that @s, a space of space_get_like(), maps already, and queues
 * orders that unmap the rest of @s. Returns 0, or -EIO when the space is dead. Called under
 * pmap->lock.
 */
int pmap_image_adopt(struct pmap *pm, struct space *s);

/*
 * Finds the mappings of the space that an mm with that @image will probably get: at most @max
 * pages, in ascending order, whose frames may have been the last owner's own. Returns their number.
 * Entries equal to these mappings need no orders. The result is a hint and may be out of date at
 * once. May sleep for memory, and returns 0 without it.
 */
struct pmap_kin {
	u64 va;
	pfn_t pfn; /* frame of the first page */
	u32 pages;
};
u32 pmap_kin(u64 image, struct pmap_kin *kin, u32 max);

#endif

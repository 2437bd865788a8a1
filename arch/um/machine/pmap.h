/* SPDX-License-Identifier: MIT */
/*
 * pmap.h: an mm's page table and, as a cache of it, the host mappings of its space (a TLB).
 *
 * Four levels of 8-byte entries with x86's positions, and software bits. mm/ decides what the
 * entries say, under mm->page_table_lock; pmap_sync* bring the space up to date. Host mappings may
 * be dropped at any time: they come back by a fault.
 *
 * An entry is 0 (nothing), names a frame, or is a marker, which names none and is never mapped; one
 * of these says nothing, too (pte_none()). PTE_P: the guest may read it (PROT_NONE keeps the frame
 * without PTE_P).
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
/* the space maps the frame, with the rights that the entry had then */
#define PTE_MAPPED BIT(9)
#define PTE_COW BIT(10) /* private: copy before the first write */
/* frame of an extent reservation, not yet touched as far as we know */
#define PTE_RESERVED BIT(11)
#define PTE_SPECIAL BIT(52) /* no struct page behind it */
/* a copy made by a write after a fork: the next fork copies it at once */
#define PTE_BROKEN BIT(53)
/* with MAPPED: what the space maps is older than the entry, and must be mapped anew */
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
/* nothing is there, but what comes will be write-protected (userfaultfd) */
#define PTE_WP_MARKER PTE_MARKER(PTE_UFFD_WP)
#define pte_pfn(e) (((e)&PTE_PFN_MASK) >> PAGE_SHIFT)
#define mk_pte(pfn, bits) (((u64)(pfn) << PAGE_SHIFT) | (bits))

static inline bool pte_none(pte_t e)
{
	return !e || e == PTE_WP_MARKER;
}

struct space;
struct page;
struct pmap {
	struct mutex lock; /* serialises orders to @space */
	pte_t *root;       /* under mm->page_table_lock */
	/*
	 * under @lock; NULL: was taken away, or there never was one. pmap_space() reads it without
	 * the lock
	 */
	struct space *space;
	/*
	 * orders were queued that must be flushed before guest code goes on; under @lock, but
	 * pmap_space() reads it without
	 */
	bool queued;
	/* orders were queued that may wait for the next flush; under @lock */
	bool ahead;
	/* there may be entries with PTE_LAZY; set under page_table_lock, never cleared */
	bool lazy;
	u64 nr_tables; /* under mm->page_table_lock */
	/* ktime_get() when @space was got; under @lock, but read without it */
	u64 space_since;
	/*
	 * names a class of mms that map much alike: those with an equal value. Set before the first
	 * run
	 */
	u64 image;
	/*
	 * under @lock: a page with pointers to frames that are to be freed after the next flush, or
	 * NULL
	 */
	struct page **retired;
	u32 nr_retired;
	atomic_t strangers; /* between pmap_change_begin() and _end() */
	/* in a stop: tasks that wait for an event from outside (save.c) */
	u32 sleepers;
	bool left; /* by pmap_leave_stopped() */
};

/*
 * Brackets changes of entries, until their orders are queued, by callers without a use of the mm
 * that take entries away by the file (truncation, reclaim, reuse of a huge page). The space may go
 * to the pool at any time, and its mappings differ from the entries meanwhile: its image is not
 * kept. Writeback changes entries and queues under pmap->lock, so it needs none.
 */
static inline void pmap_change_begin(struct pmap *pm)
{
	atomic_inc(&pm->strangers);
}
static inline void pmap_change_end(struct pmap *pm)
{
	atomic_dec(&pm->strangers);
}

int pmap_init(struct pmap *pm);
/* Gives the space back; the tables have no present entries any more. */
void pmap_destroy(struct pmap *pm);
/*
 * Gives the space back, once the last user is gone, before the entries are taken down, so that no
 * orders are needed.
 */
void pmap_put_space(struct pmap *pm);

/*
 * For saving a state: the machine is stopped. pmap_settle_stopped() applies what is queued, so that
 * the entries alone say what the guest has; -EAGAIN: a sleeping task is at it. In the new process,
 * pmap_forget_space() notes that the space, which lies in the old one, is gone.
 */
int pmap_settle_stopped(struct pmap *pm);
/*
 * Gives its space to the pool. With @quiet no entry is being changed: its mappings stay known. The
 * entries still say that they are mapped: pmap_forget_left() comes next, in this stop, or another
 * memory. 0, or -EAGAIN as above.
 */
int pmap_leave_stopped(struct pmap *pm, bool quiet);
void pmap_forget_left(struct pmap *pm);
void pmap_forget_space(struct pmap *pm);
void pmap_forget_cpus(void); /* no vCPU runs a space */

/*
 * Finds the entry for @va; returns NULL when its table does not exist (and @alloc is false) or
 * memory is out.
 */
pte_t *pmap_pte(struct pmap *pm, u64 va, bool alloc);
/*
 * Finds the next entry at or after *va and below end that lies in an existing table, and sets *va;
 * returns NULL when there is none.
 */
pte_t *pmap_next(struct pmap *pm, u64 *va, u64 end);
/*
 * Takes an empty entry and its neighbours, where all are empty, as one step of a walk through a
 * table, most of which is empty. May leave *va behind the end.
 */
static inline void pmap_step(pte_t **e, u64 *va)
{
	const pte_t *n = *e;

	if (*va & (7UL << PAGE_SHIFT) || n[0] | n[1] | n[2] | n[3] | n[4] | n[5] | n[6] | n[7])
		return;
	*e += 7;
	*va += 7UL << PAGE_SHIFT;
}
void pmap_free_tables(
	struct pmap *pm, u64 start, u64 end); /* tables with no entry left in the range */

/*
 * Maps into the space what the entries of [start, end) say and the space does not map yet, runs of
 * contiguous frames with the same rights in one order each, at most @max orders (0: no limit).
 * Queues: applied before guest code goes on. An mm that has no space yet gets everything when
 * pmap_space() makes one. 0 or -errno. @populate: the frames are backed by the host.
 */
int pmap_sync(struct pmap *pm, u64 start, u64 end, bool populate, u32 max);
/*
 * Does as pmap_sync() for the page that was touched. In an instance that was restored, pmap_sync()
 * with a limit leaves out what is still in the file of the state, if the range is large; this takes
 * it, and its neighbours.
 */
int pmap_sync_page(struct pmap *pm, u64 page);
/* Does as pmap_sync() for pages that may be touched soon: the orders wait for the next flush. */
int pmap_sync_ahead(struct pmap *pm, u64 start, u64 end, u32 max);
/*
 * Tells the pmap that the guest has touched something that is to be mapped. True: orders were
 * waiting; they are applied before it goes on.
 */
bool pmap_urge(struct pmap *pm);
/*
 * Maps entries of a range that the space maps anew, after they got other frames; queued. The old
 * frames go to pmap_retire().
 */
int pmap_replace(struct pmap *pm, u64 start, u64 end, bool populate);
/*
 * Maps a range anew where it is mapped, and flushes: what the space shall map there has changed
 * without the entries.
 */
int pmap_refresh(struct pmap *pm, u64 start, u64 end);
/*
 * Drops the host mappings of [start, end) (clears MAPPED), queued; pmap_settle() or pmap_flush()
 * waits for it.
 */
int pmap_drop(struct pmap *pm, u64 start, u64 end);
/*
 * Drops the range only if an entry of it is mapped; false if none is. For ranges whose entries
 * still stand.
 */
bool pmap_drop_mapped(struct pmap *pm, u64 start, u64 end);
/*
 * Gives what the space maps of the range the rights that the entries have now (mprotect, fork,
 * write-back); queued.
 */
int pmap_update_rights(struct pmap *pm, u64 start, u64 end);
#define pmap_wrprotect pmap_update_rights
/*
 * Sees to it (for write-back) that, when it returns, no entry of the range allows writing any more,
 * and no runner writes there.
 */
void pmap_wrprotect_now(struct pmap *pm, u64 start, u64 end);
/*
 * Clears PTE_RESERVED of the pages in the range that the guest has touched since they were mapped
 * with PTE_LAZY: a page that still has both, and MAPPED, is untouched. Costs a look at a flag where
 * there are none; else, for each table with some, ten microseconds and 10 to 20 ns a page. No
 * spinlock is held.
 */
void pmap_note_touched(struct pmap *pm, u64 start, u64 end);
/* Says whether the host can tell what was touched, so that PTE_LAZY is of use. */
bool pmap_tells_touched(void);
/*
 * Flushes: after it no runner uses a mapping that was dropped or protected before, even one that
 * claims to have stopped.
 */
int pmap_flush(struct pmap *pm);
/*
 * Sees to it that no guest code runs with such a mapping afterwards: flushes, unless the flush on
 * the caller's way to the guest is soon enough.
 */
int pmap_settle(struct pmap *pm);
/* Says whether guest code of the mm may run before the caller itself goes back to it. */
bool pmap_runs_beside(struct pmap *pm);
/*
 * Frees frames (a reference of each is handed over) that entries no longer name and whose orders
 * are queued: after the next flush, which happens here where other threads may run guest code.
 */
void pmap_retire(struct pmap *pm, struct page **pages, u32 n);

/*
 * Makes sure, for entry.c, before guest code runs, that there is a space and that all orders are
 * applied. Returns ERR_PTR on host limits. The space stays this mm's until this vCPU calls
 * pmap_space() for another mm.
 */
struct space *pmap_space(struct pmap *pm);
/*
 * Says that this vCPU runs no guest before its next pmap_space(): other tasks may take the space
 * that it ran last.
 */
void pmap_leave(void);
/*
 * Takes the space of an mm that no vCPU runs away, for the host's sake. False: it has none or it is
 * in use.
 */
bool pmap_take_space(struct pmap *pm);

/* Does as pmap_note_touched(), under pmap->lock and with no orders queued. */
void pmap_note_touched_locked(struct pmap *pm, u64 start, u64 end);

/*
 * Keep and take over a space's mappings (pmap_image.c); under pmap->lock. pmap_image_adopt() queues
 * orders; it returns 0, or -EIO when the space is dead.
 */
void pmap_image_save(struct pmap *pm, struct space *s);
int pmap_image_adopt(struct pmap *pm, struct space *s);

/*
 * Finds what the space maps that an mm with that @image will probably get: pages whose frames may
 * have been its last owner's own, in ascending order, at most @max. Returns how many. Entries that
 * say the same need no orders. A hint, and old at once.
 */
struct pmap_kin {
	u64 va;
	pfn_t pfn;
	u32 pages;
};
u32 pmap_kin(u64 image, struct pmap_kin *kin, u32 max);

#endif

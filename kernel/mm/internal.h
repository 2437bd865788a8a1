/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by the files of kernel/mm, and by no other folder.
 */
#ifndef NESTLING_MM_INTERNAL_H
#define NESTLING_MM_INTERNAL_H

#include "kernel/mm/group/memcg.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/file/rmap.h"

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

#include <linux/errno.h>
#include <linux/resource.h>

/* ---- mseal.c ---- */

/*
 * True if @v (NULL: there is none), or an area after it that begins before @end, is sealed
 * (mseal(2)). Under mmap_lock.
 */
bool areas_sealed(struct vm_area *v, u64 end);

/* ---- mmap.c ---- */

/* Unmaps as munmap_locked() does, but sealed areas too. For the end of an address space. */
int unmap_range(struct mm *mm, u64 start, u64 len);

/* ---- mremap.c ---- */

/*
 * Returns the next address at or after @va for which a table of entries exists, at most @end. Takes
 * page_table_lock. Without mmap_lock the result may be out of date.
 */
u64 mm_next_entry(struct mm *mm, u64 va, u64 end);

/* ---- buddy.c, page_alloc.c ---- */

#define MAX_ORDER MM_MAX_ORDER

/*
 * Watermarks in frames. Allocations with GFP_USER and GFP_KERNEL stop at min; GFP_ATOMIC may use
 * half of the frames below min.
 */
struct zone_marks {
	u64 min, low, high;
};
extern struct zone_marks zone_marks;

/*
 * Sets up the zone [first, end), which buddy_plug_wild() can extend up to @limit. The buddy
 * functions count in frames, take zone.lock, and do not sleep.
 */
void buddy_init(pfn_t first, pfn_t end, pfn_t limit);
/*
 * Removes frames that were never allocated from the zone's end, at most @frames, and only while
 * @keep stay free. Returns their number.
 */
u64 buddy_unplug_wild(u64 frames, u64 keep);
/*
 * Removes the largest free block of at most @frames from the zone, while @keep frames stay free.
 * Sets *pfn and *order to the block, and *backed to true if the host has memory for some of it.
 * Returns false if there is none.
 */
bool buddy_unplug(u64 frames, u64 keep, pfn_t *pfn, u32 *order, bool *backed);
/*
 * buddy_plug() gives a removed block back; @fresh: it reads as zeros now. buddy_plug_wild() adds
 * frames behind the zone's end.
 */
void buddy_plug(pfn_t pfn, u32 order, bool fresh);
u64 buddy_plug_wild(u64 frames);
u64 buddy_beyond(void); /* number of frames behind the end */
/*
 * Allocates 2^@order contiguous frames, charged to current's group. Each has a reference of its
 * own, and PG_zero if it is known to be zero. For @order > 0 nothing is reclaimed. May sleep. NULL:
 * no memory, or a limit of the group.
 */
struct page *alloc_extent(gfp_t gfp, u32 order);
/*
 * Allocates the frames [pfn, pfn + n) as alloc_extent() does for guests, up to the first frame that
 * is not free. The frames were allocated before, so they are not wild (zone.h). Returns the number
 * of frames, or -ENOMEM if current's group has no room: nothing is reclaimed.
 */
int alloc_frames_at(pfn_t pfn, u32 n);
/* Frees a frame that was allocated with PG_zero and not written to since. */
void free_fresh_page(struct page *p);
/* Returns the number of free frames, with those in caches of vCPUs. */
u64 nr_free_frames(void);
/* Returns the number of free frames that the host backs, as far as is known. */
u64 nr_free_resident(void);
/* Returns the first of the frames that were never allocated (zone.wild). */
pfn_t mm_first_wild(void);
/*
 * Takes free blocks that the host backs out of the zone, to be given back to the host: at most @max
 * blocks and @frames frames. Stores them in @pfn and @order, and returns the number of blocks.
 */
u32 buddy_isolate_resident(pfn_t *pfn, u8 *order, u32 max, u64 frames);
/* Puts an isolated block back into the zone; @fresh: the block reads as zeros now. */
void buddy_return(pfn_t pfn, u32 order, bool fresh);

/* ---- largeblock.c ---- */

#define LARGE_BLOCK_ORDER 9
#define LARGE_BLOCK_PAGES (1U << LARGE_BLOCK_ORDER)

/*
 * Allocates contiguous frames for pages [index, index + n) of a long file, out of a block that the
 * host backs with one large page. Returns n, at most @nr, and sets *first to the first frame; each
 * frame has a reference. 0: there is no such block. May sleep.
 */
u32 large_block_take(struct address_space *m, u64 index, u32 nr, gfp_t gfp, struct page **first);
/*
 * True if the host may back this frame and others of its block with one large page, so that a touch
 * of one frame maps all of them.
 */
bool large_block_backs(pfn_t pfn);
/* Notes that the host no longer backs [pfn, pfn + n). */
void large_block_gone(pfn_t pfn, u64 n);

/* ---- region.c ---- */

/* The bodies of pfn_to_page() and page_to_pfn() for other regions than 0. */
struct page *region_pfn_to_page(pfn_t pfn);
pfn_t region_page_to_pfn(const struct page *p);
void region_page_free(struct page *p); /* called by the last put_page() */

/* ---- direct.c ---- */

/*
 * Makes frames of a region (frame/region.h) the cached pages from @index on, if a_ops->direct
 * offers them. Returns the number of pages, 1 to @nr, to which *done applies: true if they are in
 * the cache now, as far as possible, and need not be read. May sleep.
 */
u32 direct_fill(struct address_space *m, u64 index, u32 nr, bool *done);
/* Count a page that joins or leaves the cache, in place of lru_add() and lru_del(). */
void direct_added(struct page *p);
void direct_removed(struct page *p);
void direct_drop_unused(void); /* for drop_caches: drops unmapped pages */

/* ---- reclaim.c ---- */

/*
 * Reclaims frames for an allocation of 2^order. Returns the number of frames freed, or 1 after a
 * wait for writeback or swapping. May sleep, but does nothing if a spinlock is held.
 */
u64 try_to_free_pages(gfp_t gfp, u32 order);
void wake_kswapd(void);
/*
 * Frees the frames of one mm that were mapped ahead and not touched. Takes mmap_lock for writing:
 * @wait: waits for it instead of trying it. Returns the number of frames freed. May sleep.
 */
u64 break_reservations_of(struct mm *mm, bool wait);
/*
 * Kills a process as the last resort of a fault. No lock is held, and it may sleep. Returns true if
 * the fault should be tried again.
 */
bool out_of_memory(struct mm *mm);

/*
 * Drops about @nr cold pages of @g and of the groups below it. May sleep. Returns their number.
 * *dirty is incremented for each dirty page met.
 */
u64 shrink_lru_group(u64 nr, struct mem_group *g, enum mem_spare spare, u64 *dirty);

/* ---- memcg.c ---- */

/*
 * Charges @n frames from @p on to current's group: 0, or -ENOMEM and nothing is charged. May
 * reclaim and sleep unless @gfp has GFP_ATOMIC. mem_uncharge() is for one frame that is charged, in
 * any context.
 */
int mem_charge(struct page *p, u32 n, gfp_t gfp);
void mem_uncharge(struct page *p);
/* The body of mem_count(). */
void mem_count_paid(const struct page *p, enum mem_stat what, s64 n);
/* Counts for the group that is charged for the page, if it has one. */
static inline void mem_count(const struct page *p, enum mem_stat what, s64 n)
{
	if (unlikely(p->memcg))
		mem_count_paid(p, what, n);
}
/* Counts a page that has got its first entry, or lost its last one. */
static inline void mem_count_mapped(const struct page *p, s64 n)
{
	if (!PageAnon(p))
		mem_count(p, MEM_FILE_MAPPED, n);
}
/* Counts, for its group, a charged page that joins the cache (@n is 1) or leaves it (-1). */
void mem_count_cached(struct page *p, bool memory_only, s64 n);
/* Runs the OOM killer in @g. May sleep. Returns true if memory was freed, or a task dies. */
bool mem_group_oom(struct mem_group *g);
/*
 * Runs the OOM killer in the nearest full group of current's, and waits for it. May sleep. Returns
 * true if the allocation can be tried again.
 */
bool mem_group_oom_own(void);
/* True if @top, or a group below, pays for the page. */
bool mem_belongs(const struct page *p, const struct mem_group *top);
/*
 * Frees frames that any task of the group has mapped ahead and not touched. Returns their number.
 * The mmap_lock of other mms is only tried. May sleep.
 */
u64 break_reservations_in(const struct mem_group *g);

/* ---- ksm.c ---- */

/*
 * Registers an mm that has a mergeable area; mmap_lock is held for writing, or the mm is not
 * published yet.
 */
void ksm_note(struct mm *mm);
void ksm_mm_gone(struct mm *mm); /* called after the last user has gone */
/* Gives @mm its own copy of each merged page in the range. No lock is held. 0 or -errno. */
int ksm_part(struct mm *mm, u64 start, u64 end);
/*
 * Returns the number of pages that ksmd shall scan between two sleeps. @pages: size of the last
 * round; @took_ns: its duration; @busy_ns: the part of it in which ksmd scanned.
 */
u64 ksm_advised(u64 pages, u64 took_ns, u64 busy_ns);

/* ---- droppable.c ---- */

/*
 * Registers an mm that has a VM_DROPPABLE area; mmap_lock is held for writing, or the mm is not
 * published yet.
 */
void droppable_note(struct mm *mm);
void droppable_mm_gone(struct mm *mm); /* called after the last user has gone */
/* a hint: true if any mm has had a droppable area */
bool droppable_any(void);
/*
 * Drops about @wanted pages of droppable areas for which @chosen(page, @arg) (NULL: no condition)
 * returns true. @arg: the mem_group for which memory is reclaimed, or NULL for the machine. Returns
 * the number of pages dropped. Called by reclaim with no spinlock held; may sleep.
 */
u64 droppable_shrink(u64 wanted, bool (*chosen)(const struct page *p, void *arg), void *arg);
/*
 * Serves MADV_PAGEOUT: drops unused pages of a VM_DROPPABLE area. mmap_lock is held for reading.
 * Returns 0.
 */
int droppable_drop(struct vm_area *v, u64 start, u64 end);

/* ---- pageout.c ---- */

/*
 * Serve MADV_COLD and MADV_PAGEOUT. mmap_lock is held for reading. Return 0, -EINTR, or -EINVAL if
 * the area is locked, of huge pages, or special.
 */
int advise_cold(struct vm_area *v, u64 start, u64 end);
int advise_pageout(struct vm_area *v, u64 start, u64 end);

/* ---- mlock.c ---- */

/* True if current may learn which pages of the area's file are in memory. */
bool vma_may_watch(const struct vm_area *v);

/* ---- slab.c ---- */

/*
 * Debug builds. Finds the slab object that contains @p, an address of the direct map. The object
 * may be free. Returns false if @p is in no slab.
 */
struct slab_tail;
struct slab_object {
	void *start;
	struct slab_tail *tail; /* debug/leak.h */
	/* size: bytes of the object and its tail. usable: bytes for the user of the object. */
	u32 size, usable;
	const char *cache;       /* name */
	const struct page *slab; /* first page of the slab */
};
bool slab_object_at(void *p, struct slab_object *o);
/* Begins or ends a walk over slabs. No slab is freed meanwhile. */
void slabs_hold(bool on);
bool slab_starts_at(const struct page *p); /* true if @p is the first page of a slab */

/* ---- filemap.c, readahead.c, writeback.c ---- */

/* Result: the page has left its mapping and must be looked up again. Internal to mm. */
#define PAGE_TRUNCATED (-600)
/*
 * Waits for a page that is being read, or reads it. The caller has a reference, and has not locked
 * the page. Returns 0 (the page is uptodate), PAGE_TRUNCATED or -errno.
 */
int page_make_uptodate(struct address_space *m, struct page *p, struct file *file);
/*
 * Removes a clean locked page from the cache if only the cache and the caller have references.
 * Returns true if it has removed the page.
 */
bool remove_unused_page(struct page *p);
/* Drops a locked page if the file system agrees. Returns false if it is dirty, mapped or in use. */
bool try_drop_clean_page(struct page *p, struct address_space *m);
/*
 * Starts to read the @wanted pages from @index on, the first of which is not cached, and pages
 * ahead of them. Does not wait for the reads.
 */
void page_cache_readahead(struct address_space *m, struct file *f, u64 index, u64 wanted);
/*
 * Reads pages around that of a fault; a longer run if the page is program text. Does nothing if
 * faults on the file keep missing.
 */
void page_cache_readaround(struct address_space *m, struct file *f, u64 index, bool text);
static inline struct backing_dev *mapping_bdi(const struct address_space *m)
{
	return m->bdi ? m->bdi : &default_bdi;
}
/* bdi.c: backing_devs lists all backing devices, by their @link; under wb_lock. */
extern spinlock_t wb_lock;
extern struct list_head backing_devs;
/* Starts the next readahead: the reader has come to page @p, which has PG_readahead. */
void page_cache_readahead_next(struct address_space *m, struct file *f, struct page *p);
void cancel_dirty_page(struct page *p); /* @p leaves the cache; locked */
void wake_flushers(void);               /* flushers with dirty pages */
/*
 * True if more pages are dirty or under writeback than the background limit allows, so that
 * balance_dirty_pages() has to wake the flusher or to make the writer wait.
 */
bool much_is_dirty(void);
/*
 * Waits until flushers have written some pages or, with @inodes, the inodes that shrinkers need; at
 * most a tenth of a second.
 */
void wait_for_flushers(bool inodes);
bool inodes_are_wanted(void); /* a bdi_want_inodes() is pending */
/* Wakes writers that wait until fewer pages are dirty. */
void wake_balanced(void);
u64 nr_writeback_pages(void);

/* ---- lru.c: the functions take lru_lock, and do not sleep ---- */

void lru_add(struct page *p);
void lru_del(struct page *p);
/* Counts a use: the second one activates the page. */
void mark_page_accessed(struct page *p);
void lru_deactivate(struct page *p); /* to the inactive list, as if unused */
u64 nr_lru_pages(bool active);
/*
 * Takes up to @nr pages off the cold end of the lists, each with a reference. The caller drops each
 * page from the cache or calls lru_putback(), and puts the references. @whole: the caller wants to
 * see all pages, each once. Skips groups whose memory @spare protects. Returns the number of pages.
 */
u32 lru_isolate(struct page **pages, u32 nr, bool whole, enum mem_spare spare);
u32 lru_isolate_group(struct page **pages, u32 nr, struct mem_group *g,
	enum mem_spare spare); /* pages of @g and of groups below */
void lru_putback(struct page *p, bool active);

/* ---- rmap.c: the functions take i_mmap_sem for reading, and may sleep ---- */

/* Write-protects all shared mappings of a locked page; the next write faults. */
void page_mkclean(struct page *p);
/* Removes all mappings of a page of the cache (locked). */
void page_unmap_all(struct page *p);
/* True if a locked page of the cache is mapped by an area with VM_LOCKED. */
bool page_memory_locked(struct page *p);

/* ---- vma.c; under mmap_lock for writing unless a comment says otherwise ---- */

#define STACK_GUARD_GAP (256 * PAGE_SIZE)

/* Makes an area that is not linked yet. NULL: no memory. May sleep. */
struct vm_area *vma_alloc(struct mm *mm, u64 start, u64 end, u64 flags);
void vma_free(struct vm_area *v); /* puts the file; @v is in no list */
/* Add the area to its mm and to its file's list, or remove it. They take i_mmap_sem. */
void vma_link(struct vm_area *v);
void vma_unlink(struct vm_area *v);
/* Return the neighbour in the mm, or NULL at the end. */
struct vm_area *vma_prev(struct vm_area *v);
struct vm_area *vma_next(struct vm_area *v);
/*
 * Splits @v at @addr, which lies inside and is page-aligned. Returns the new upper part; NULL: no
 * memory, and @v is unchanged.
 */
struct vm_area *vma_split(struct vm_area *v, u64 addr);
/* Moves the bounds of a linked area; vm_pgoff follows vm_start. */
void vma_resize(struct vm_area *v, u64 start, u64 end);
/* Merges mergeable neighbours among the areas that touch [start, end]. */
void vma_merge_range(struct mm *mm, u64 start, u64 end);
/* Splits areas at the bounds of the range. 0, -ENOMEM, or -EINVAL: a bound is in a huge page. */
int vma_split_range(struct mm *mm, u64 start, u64 end);
/* Returns the area that @addr lies in, or NULL. mmap_lock is held, at least for reading. */
struct vm_area *vma_lookup(struct mm *mm, u64 addr);
static inline u64 vma_pages(const struct vm_area *v)
{
	return (v->vm_end - v->vm_start) >> PAGE_SHIFT;
}
/* Returns the page offset of an address in the mapping. */
static inline u64 vma_index(const struct vm_area *v, u64 addr)
{
	return v->vm_pgoff + ((addr - v->vm_start) >> PAGE_SHIFT);
}
/* True if the area maps anonymous memory: neither a file nor special pages. */
static inline bool vma_is_anon(const struct vm_area *v)
{
	return !v->vm_mapping && !(v->vm_ops && v->vm_ops->fault);
}
/* True if the area is private: a write to a page of its file must copy the page first. */
static inline bool vma_is_cow(const struct vm_area *v)
{
	return !(v->vm_flags & VM_SHARED);
}
/* Returns the entry bits of a page of @v that may be written to. */
pte_t vma_rights(const struct vm_area *v);
/* Adds @pages, perhaps negative, to the counts for areas with these flags. */
void vm_stat_account(struct mm *mm, u64 flags, s64 pages);
/*
 * Returns the address of a free range of @len bytes, at @hint if possible, or -errno. @align: a
 * power of two. @flags: MAP_*, of which only MAP_32BIT matters.
 */
u64 find_free_area(struct mm *mm, u64 hint, u64 len, u64 align, int flags);
/* True if @b begins where @a ends, and the two areas may become one. */
bool vma_can_merge(const struct vm_area *a, const struct vm_area *b);
/* True if RLIMIT_AS and RLIMIT_DATA allow @pages more pages in areas with @flags (VM_*). */
bool may_expand_vm(struct mm *mm, u64 flags, u64 pages);
extern struct kmem_cache *vma_cache;

/* ---- mmap.c ---- */

u64 mmap_limit(int which); /* RLIMIT_*; bytes */
bool mm_capable(int cap);
/*
 * Returns 0 if RLIMIT_MEMLOCK allows @pages more or current has CAP_IPC_LOCK; -EAGAIN if not;
 * -EPERM if the limit is 0.
 */
int check_lock_limit(struct mm *mm, u64 pages);
/* True if an area with these flags is faulted in when it is made. */
static inline bool vm_locked_now(u64 flags)
{
	return (flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED;
}
/*
 * Extends a stack down to @addr's page. mmap_lock is held for writing. 0, -EFAULT (no stack) or
 * -ENOMEM.
 */
int expand_stack(struct vm_area *v, u64 addr);

/* ---- mm.c ---- */

extern spinlock_t mm_list_lock;
extern struct list_head mm_list; /* by mm->mm_list; under mm_list_lock */
/* Makes an mm for fork with the fields that a copy inherits, and no areas. NULL: no memory. */
struct mm *mm_alloc_like(struct mm *old);
/*
 * Returns an mm of the list, or NULL, with mmgrab(): the struct exists until mmdrop(), but its
 * areas may be gone.
 */
struct mm *next_mm(void);
u32 count_mms(void);     /* the length of the list */
int mm_cache_init(void); /* an initcall */

/* ---- giveback.c ---- */

/* number of free frames that need not be given back to the host */
#define GIVEBACK_KEEP (16UL << 20 >> PAGE_SHIFT)
/* Arms the timer that gives free frames back to the host. Does not sleep. */
void giveback_kick(void);

/* ---- fault.c ---- */

#define FAULT_WRITE 1
#define FAULT_EXEC 2
/* mm_populate(): do not make private pages writable */
#define FAULT_READ_ONLY 8
/* ptrace: ignore the area's rights, as far as VM_MAY* allows */
#define FAULT_FORCE 4
#define FAULT_ANON_ONLY 16 /* -EFAULT unless the area is anonymous */
/*
 * Makes the entry for @addr allow the access. Takes mmap_lock itself, and may sleep. 0, -EFAULT (no
 * mapping or no right), -ENXIO (beyond the file: SIGBUS), -EIO, -EHWPOISON, -ENOMEM, -EINTR,
 * -EAGAIN (other tasks keep changing the entry).
 */
int fault_in(struct mm *mm, u64 addr, u32 flags);
/* Faults in a page that will probably be touched. Errors are ignored, and no OOM kill follows. */
void fault_ahead(struct mm *mm, u64 addr, u32 flags);
/*
 * As fault_in(), with mmap_lock held for reading. Also returns FAULT_GUARD, OWED_FAULT or
 * USERFAULT.
 */
int fault_in_locked(struct vm_area *v, u64 addr, u32 flags);
/*
 * Faults in all pages of a range. Takes mmap_lock. Stops at the first error (-ENXIO also for a
 * guard page), and returns it, or 0.
 */
int mm_populate(struct mm *mm, u64 start, u64 end, u32 flags);

/* ---- userfault.c ---- */

#define VM_UFFD_ALL (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)
/* Result of fault_in_locked(): a guard page, so SIGSEGV. Internal to mm. */
#define FAULT_GUARD (-602)
/* Result: a process must provide the page first: owed_wait(). Internal to mm. */
#define OWED_FAULT (-603)
/* Result: a userfaultfd handles this fault: userfault_wait(). Internal to mm. */
#define USERFAULT (-601)
/*
 * True if userfaultfd handles a fault in an area with vm_uffd; otherwise the kernel does. @e is the
 * page's entry. Under mmap_lock.
 */
bool userfault_check(struct vm_area *v, u64 addr, pte_t e, u32 flags);
/*
 * Allows the write to a protected entry at once, if the descriptor has UFFD_FEATURE_WP_ASYNC.
 * Returns false if the handler must decide.
 */
bool userfault_let_go(struct vm_area *v, u64 addr, pte_t e);
/* Removes write protection by userfaultfd from the range. Under mmap_lock. */
void uffd_forget_protection(struct vm_area *v, u64 start, u64 end);
/*
 * Reports a fault to the handler and waits. Called with mmap_lock held for reading, and drops it.
 * Returns 0: try the fault again; -EFAULT: the handler does not serve this fault
 * (UFFD_USER_MODE_ONLY, UFFD_FEATURE_SIGBUS, or current exits); -EINTR. @user: guest code waits,
 * and any signal interrupts the wait.
 */
int userfault_wait(struct vm_area *v, u64 addr, u32 flags, bool user);
/*
 * Note events of areas that a userfaultfd watches, with mmap_lock held for writing;
 * mmap_write_unlock() (mmap.h) sends the events. Return 0 or -ENOMEM. If the handler wants that,
 * uffd_note_remap() makes @copy watched, too, and uffd_note_fork() the child's area @v.
 */
int uffd_note_unmap(struct mm *mm, u64 start, u64 end);
int uffd_note_remap(struct vm_area *v, struct vm_area *copy, u64 from, u64 len);
int uffd_note_fork(struct vm_area *from, struct vm_area *v);
/*
 * Drops the events that current has noted for a change that did not happen. mmap_lock is held for
 * writing.
 */
void uffd_drop_events(struct mm *mm);
/*
 * Sends an event to handlers that a range is about to be removed, and waits until they have read
 * it. No lock is held. @whole: huge pages that lie only partly in the range stay. 0, -ENOMEM,
 * -EINTR.
 */
int uffd_notify_removed(struct mm *mm, u64 start, u64 end, bool whole);
/*
 * True if the child's area @v gets the parent's marker at fork. For shared memory the child finds
 * the page through the file instead.
 */
static inline bool fork_keeps_marker(const struct vm_area *v, pte_t marker)
{
	if (marker == PTE_WP_MARKER)
		return v->vm_flags & VM_UFFD_WP;
	return !(marker & PTE_POISON) || vma_is_cow(v) || v->vm_flags & VM_UFFD_WP;
}

/* ---- zap.c ---- */

/*
 * Clears the entries of [start, end) of @v and frees their frames after the space has unmapped
 * them. mmap_lock is held for writing or reading, or (truncate) i_mmap_sem for reading. May sleep.
 */
void zap_range(struct vm_area *v, u64 start, u64 end);
/* As zap_range(), but keeps guard markers, since the area remains. */
void zap_pages(struct vm_area *v, u64 start, u64 end);
/*
 * Frees anonymous frames of a range that were mapped ahead and never touched. mmap_lock is held for
 * writing. May sleep. Returns the number of frames freed.
 */
u64 zap_untouched(struct vm_area *v, u64 start, u64 end);
/* Counts @n entries (perhaps negative) of @mm that map @p. */
void account_rss(struct mm *mm, struct page *p, s64 n);
/*
 * Unmaps the whole range from the space at once, so that zap_range() needs no flush for each batch.
 */
void zap_prepare(struct mm *mm, u64 start, u64 end);
/*
 * State of page_is_untouched(), which is true if no program has touched a page that was mapped
 * ahead. The state caches the host's answer for a run of frames. Zeroed at first.
 */
#define HOLE_CURSOR 16
struct hole_cursor {
	pfn_t start;
	u64 nr;
	u8 backed[HOLE_CURSOR];
};
bool page_is_untouched(struct page *p, struct hole_cursor *c);
/* True if the program may have touched the page of @e. mmap_lock is held, and no spinlock. */
bool entry_touched(pte_t e, struct hole_cursor *c);

/* ---- stats.c ---- */

/* Counts @n pages (perhaps negative) of @m in the cache. */
void count_cached(struct address_space *m, s64 n);
extern atomic64_t nr_anon_pages, nr_mapped_pages, nr_file_pages, nr_shmem_pages, nr_table_pages;

/* ---- page.c ---- */

void page_waits_init(void);

/* Sleeps until @bit of the page is clear. The caller has a reference. */
void wait_on_page_bit(struct page *p, int bit);
/* Clears @bit of the page and wakes the tasks that wait for any bit of the page. */
void clear_page_bit_wake(struct page *p, int bit);

/* Sleeps for @ns nanoseconds, whatever signal arrives, or less after a wake-up. */
static inline void sleep_ns(u64 ns)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_deadline(ktime_get() + ns);
}

static inline void clear_page(void *p)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0UL) : "memory");
}

static inline void copy_page(void *dst, const void *src)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fault.h: declarations shared by fault.c and the files that fill in entries (anon.c, cow.c,
 * filefault.c).
 */
#ifndef NESTLING_MM_FAULT_H
#define NESTLING_MM_FAULT_H

#include "kernel/mm/internal.h"

/* The kinds of faults that /proc/nestling/faults counts. A kind says what served the fault. */
enum fault_kind {
	/* nothing is mapped there, or not with this right; 0: the kind until another is found */
	FAULT_INVALID,
	/* another thread has served the fault, or the host had lost its mapping of the page */
	FAULT_PRESENT,
	FAULT_ANON, /* a fresh anonymous frame */
	FAULT_FILE, /* a page of the page cache */
	FAULT_COPY, /* copy on write */
	/* the first write to a page of a shared file */
	FAULT_SHARED,
	FAULT_SPECIAL, /* vm_ops->fault */
	FAULT_HUGE,    /* a huge page */
	FAULT_USER,    /* waited for userfaultfd */
	FAULT_SWAP,    /* was in a swap area */
	FAULT_KINDS
};
/* Counts a fault that took @ns nanoseconds of this vCPU. @major: it waited for the disk. */
void fault_count(enum fault_kind kind, bool major, u64 ns);
/* Counts a minor fault of current for entries of a file that were made ahead of their use. */
void fault_count_ahead(void);

/*
 * Results of resolving a fault, for the step that maps the page in the space (the host process that
 * runs the guest code).
 */
struct fault_info {
	enum fault_kind kind;
	/* addresses of the entries that were made; end 0: unknown */
	u64 start, end;
	bool populate; /* true: the host backs their frames */
	/* true if no entry had to be made, and the space maps the page */
	bool mapped;
	bool major; /* the fault waited for the disk */
	/* true for a fault ahead of use: the page counts as untouched (PTE_RESERVED) */
	bool ahead;
};

/*
 * Returns the entry for @addr, whose table it makes if needed, with page_table_lock held, which
 * entry_unlock() drops. NULL: no memory, and the lock is not held. May sleep before it has the
 * lock.
 */
pte_t *entry_lock(struct mm *mm, u64 addr);
void entry_unlock(struct mm *mm);
/* Returns @e with the bits that make a write fault, so that @v's userfaultfd handles the write. */
pte_t entry_protected(const struct vm_area *v, pte_t e);
/*
 * Fills the entry @e, which maps no page, with @p and @bits (PTE_*). Takes over the caller's
 * reference to @p. If @e had PTE_WP_MARKER, it becomes write-protected. Under page_table_lock.
 */
void entry_set(struct vm_area *v, pte_t *e, struct page *p, pte_t bits);

/*
 * Serve a fault on the page at @addr, page-aligned. mmap_lock is held for reading. May sleep.
 * @flags: FAULT_*; @e: the entry as it was read. Fill in *info. Return 0: the caller checks the
 * entry again; or -errno; file_fault() also OWED_FAULT.
 */
int anon_fault(struct vm_area *v, u64 addr, struct fault_info *info);
int file_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info);
int cow_fault(struct vm_area *v, u64 addr, pte_t e, u32 flags, struct fault_info *info);
/*
 * Waits for a page that a process must provide (FUSE), perhaps for ever, unless current is killed.
 * file_fault() and shared_write_fault() return OWED_FAULT for such a page. Called with mmap_lock
 * held for reading, and drops it: otherwise other users of this mm (ps) would wait too. Returns 0:
 * the caller tries the fault again; or -errno.
 */
int owed_wait(struct vm_area *v, u64 addr);
/* Serves the first write to a page of a shared file mapping, as cow_fault() does. */
int shared_write_fault(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info);

/*
 * Fills the empty entries of [start, end) with pages of the page cache that are uptodate and
 * unlocked, without waiting. mmap_lock is held.
 */
void file_map_resident(struct vm_area *v, u64 start, u64 end);

/*
 * Size of small anonymous areas, which one fault can fill. Programs that make and touch such areas
 * one after the other (buffers, malloc) get them filled when they are made: anon_small_made()
 * decides that for a new area of the current mm.
 */
#define SMALL_AREA (24 * PAGE_SIZE)
/* mm->eager (anon.c) of a new program, since its loader touches what it maps */
#define EAGER_START 6
/* Notes a new anonymous area of the current mm. Returns true if it shall be filled at once. */
bool anon_small_made(struct mm *mm, u64 start, u64 end);

/*
 * Maps pages of a private area that the current mm has just made, if a fixed address or a small
 * file makes it likely that they are used. Takes mmap_lock, and may sleep.
 */
void mmap_ahead(struct mm *mm, u64 start, u64 end, bool fixed);

/*
 * Allocates a frame for an anonymous page, with undefined content and one reference; NULL: no
 * memory, and no OOM kill was tried. May sleep.
 */
struct page *anon_page_alloc(void);
/*
 * A run of contiguous frames, from which frame_run_take() takes single frames. Initialise it with
 * { .order = n } for about 2^n frames. next: the first of the @left frames that are not taken yet.
 */
struct frame_run {
	struct page *next;
	u32 left, order;
};
/* Allocates a frame as anon_page_alloc() does, if possible the next one of the run. */
struct page *frame_run_take(struct frame_run *r);
void frame_run_end(struct frame_run *r); /* frees the unused frames of the run */

#endif

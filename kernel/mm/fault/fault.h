/* SPDX-License-Identifier: MIT */
/*
 * fault.h: what fault.c and the files that fill entries (anon.c, cow.c, filefault.c) share.
 */
#ifndef NESTLING_MM_FAULT_H
#define NESTLING_MM_FAULT_H

#include "kernel/mm/internal.h"

/* The kinds of faults that /proc/nestling/faults counts. */
enum fault_kind {
	/* nothing is mapped, or without this right; 0, so that it holds until something is found */
	FAULT_INVALID,
	/* another thread was first, or the space has lost its mapping of the page */
	FAULT_PRESENT,
	FAULT_ANON,
	FAULT_FILE,
	FAULT_COPY,
	/* the first write to a page of a shared file */
	FAULT_SHARED,
	FAULT_SPECIAL,
	FAULT_HUGE,
	FAULT_USER, /* waited for userfaultfd */
	FAULT_SWAP, /* was in a swap area */
	FAULT_KINDS
};
/* Counts a fault that took @ns. */
void fault_count(enum fault_kind kind, bool major, u64 ns);
/* Counts a minor fault of current for entries of a file that were made ahead of their use. */
void fault_count_ahead(void);

/* Results of resolving a fault, for the step that maps the page into the space. */
struct fault_info {
	enum fault_kind kind;
	u64 start, end; /* entries that were made; end 0: unknown */
	bool populate;  /* their frames are backed by the host */
	/* no entry had to be made, and the space maps the page */
	bool mapped;
	bool major; /* waited for the disk */
	/* ahead of use: the page is untouched */
	bool ahead;
};

/*
 * Finds the entry for @addr, or makes it, and takes page_table_lock. NULL: no memory, and the lock
 * is not held.
 */
pte_t *entry_lock(struct mm *mm, u64 addr);
void entry_unlock(struct mm *mm);
/* Changes the bits so that a write waits for the userfaultfd of @v. */
pte_t entry_protected(const struct vm_area *v, pte_t e);
/*
 * Fills an empty entry: takes over the caller's reference of @p. Where PTE_WP_MARKER was, it is
 * write-protected. Under page_table_lock.
 */
void entry_set(struct vm_area *v, pte_t *e, struct page *p, pte_t bits);

/* Serve a fault. mmap_lock is held for reading; @addr is a page's. 0: look again; -errno. */
int anon_fault(struct vm_area *v, u64 addr, struct fault_info *info);
int file_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info);
int cow_fault(struct vm_area *v, u64 addr, pte_t e, u32 flags, struct fault_info *info);
/*
 * Waits without mmap_lock for a page that a process must provide (FUSE), perhaps never: readers of
 * this memory (ps) would wait too otherwise. file_fault() and shared_write_fault() return
 * OWED_FAULT for such a page. Then this is called with mmap_lock held for reading, and drops it. 0:
 * look again; -errno.
 */
int owed_wait(struct vm_area *v, u64 addr);
int shared_write_fault(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info);

/*
 * Fills the empty entries of [start, end) with pages of the page cache that are uptodate and
 * unlocked, without waiting.
 */
void file_map_resident(struct vm_area *v, u64 start, u64 end);

/*
 * Anonymous areas so small that one fault fills them. Programs that make and touch one after the
 * other (buffers, malloc) get them filled at once: anon_small_made() decides that for a new area of
 * the current mm.
 */
#define SMALL_AREA (24 * PAGE_SIZE)
/* value of mm->eager of a new program: loaders touch their mappings */
#define EAGER_START 6
bool anon_small_made(struct mm *mm, u64 start, u64 end);

/*
 * Maps pages of a private area that the current mm has just made, if that is worth it: it has a
 * fixed address or maps a small file.
 */
void mmap_ahead(struct mm *mm, u64 start, u64 end, bool fixed);

/* Allocates a frame for an anonymous page, with undefined content; NULL. */
struct page *anon_page_alloc(void);
/*
 * Allocates frames one after the other from a contiguous run if possible: begin with { .order = n }
 * for about 2^n.
 */
struct frame_run {
	struct page *next;
	u32 left, order;
};
struct page *frame_run_take(struct frame_run *r);
void frame_run_end(struct frame_run *r); /* gives back the unused frames */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * swap.h: swap areas, for the calls that make them (kernel/vfs/swapon.c) and for reports about
 * them.
 *
 * An area is a row of slots, each a page's worth of a disk. Slot 0 is its header. docs/swap.md
 * describes the life of a swapped page.
 */
#ifndef NESTLING_MM_SWAP_H
#define NESTLING_MM_SWAP_H

#include "kernel/lib/types.h"

#define SWAP_AREAS 32
#define SWAP_BATCH 64 /* pages of one write at most */

struct page;
struct swap_area;

/* The file or device of an area. @backing belongs to the maker. */
struct swap_backing {
	/*
	 * Returns how many of the @n slots from @slot on are consecutive on the device: 1 to @n.
	 * Called with a spinlock held, as is busy().
	 */
	u32 (*run)(void *backing, u64 slot, u32 n);
	/* true if a write would have to wait for more than the disk */
	bool (*busy)(void *backing);
	/* Reads @n slots, consecutive or not, and waits. 0 or -errno. */
	int (*read)(void *backing, u64 slot, struct page **pages, u32 n);
	/*
	 * Prepares a write of SWAP_BATCH pages with memory that is at hand; NULL: not now. Never
	 * sleeps.
	 */
	void *(*write_begin)(void *backing);
	void (*write_cancel)(void *request);
	/* Writes @n consecutive slots. May sleep. @done is called at the end, and may not sleep. */
	void (*write)(void *backing, void *request, u64 slot, struct page **pages, u32 n,
		void (*done)(void *arg, int status), void *arg);
};

struct swap_layout {
	u64 slots; /* with the header */
	s32 prio;  /* less than 0: below all others */
	const u32 *bad;
	u32 nr_bad; /* slots that cannot be used */
};

/* Adds an area, which is open at once. ERR_PTR: -ENOMEM, -EPERM (there are too many). */
struct swap_area *swap_area_add(
	const struct swap_backing *ops, void *backing, const struct swap_layout *l);
/*
 * Brings all pages back. Then only the caller uses the area, and frees it. Or it stays, open as
 * before: -EINVAL (another task removes it), -ENOMEM, -EINTR, -EIO (a page cannot be read). Sleeps;
 * no locks are held.
 */
int swap_area_remove(struct swap_area *a);
void swap_area_free(struct swap_area *a);

struct swap_stat {
	u64 pages, used;
	s32 prio;
};
void swap_area_stat(struct swap_area *a, struct swap_stat *st);

u64 nr_swap_pages(void); /* of all open areas: in all, and free */
u64 nr_swap_free(void);
/* Returns the number of frames whose slot is being written, or cannot be. */
u64 nr_swap_cached(void);
extern int sysctl_swappiness;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * swap.h: swap areas, for the system calls that add and remove them (kernel/vfs/swapon.c), and for
 * reports.
 *
 * An area is an array of slots, each of the size of a page. Slot 0 is its header. docs/swap.md
 * describes the life of a swapped page.
 */
#ifndef NESTLING_MM_SWAP_H
#define NESTLING_MM_SWAP_H

#include "kernel/lib/types.h"

#define SWAP_AREAS 32
#define SWAP_BATCH 64 /* most pages of one write */

struct page;
struct swap_area;

/*
 * Operations on the file or device of an area. @backing is data of the caller of swap_area_add().
 */
struct swap_backing {
	/*
	 * Returns how many of the @n slots from @slot on are consecutive on the device: 1 to @n.
	 * May be called with a spinlock held, as may busy().
	 */
	u32 (*run)(void *backing, u64 slot, u32 n);
	/*
	 * True if writes to the disk are being held back (queue_is_held()), so that a write would
	 * wait for more than the disk.
	 */
	bool (*busy)(void *backing);
	/*
	 * Reads @n slots into @pages and waits for the end. The slots need not be consecutive on
	 * the device. Returns 0 or -errno.
	 */
	int (*read)(void *backing, u64 slot, struct page **pages, u32 n);
	/*
	 * Prepares a write of up to SWAP_BATCH pages with memory that is available at once. Returns
	 * the request for write() or write_cancel(), or NULL if that is impossible now. Never
	 * sleeps.
	 */
	void *(*write_begin)(void *backing);
	void (*write_cancel)(void *request);
	/*
	 * Writes @pages to @n consecutive slots and consumes @request. May sleep. @done is called
	 * at the end with 0 or -errno, and may not sleep.
	 */
	void (*write)(void *backing, void *request, u64 slot, struct page **pages, u32 n,
		void (*done)(void *arg, int status), void *arg);
};

struct swap_layout {
	u64 slots; /* number of slots, with the header */
	s32 prio;  /* negative: below all other areas */
	/* The slots that are unusable: their numbers. */
	const u32 *bad;
	u32 nr_bad; /* number of elements of @bad */
};

/*
 * Adds an area and enables it. @ops and @backing are kept until swap_area_free(), @l is not. May
 * sleep. ERR_PTR: -ENOMEM, -EPERM (too many areas).
 */
struct swap_area *swap_area_add(
	const struct swap_backing *ops, void *backing, const struct swap_layout *l);
/*
 * Reads all pages of an area back and disables it. After 0 only the caller uses the area, and must
 * free it by swap_area_free(). After an error the area stays enabled: -EINVAL (another task removes
 * it), -ENOMEM, -EINTR, -EIO (a page cannot be read). Sleeps; no locks may be held.
 */
int swap_area_remove(struct swap_area *a);
void swap_area_free(struct swap_area *a);

struct swap_stat {
	/* pages: number of usable slots. used: number of slots in use. */
	u64 pages, used;
	s32 prio; /* as of swap_layout */
};
void swap_area_stat(struct swap_area *a, struct swap_stat *st);

u64 nr_swap_pages(void); /* usable slots of all areas */
/* free slots of all areas */
u64 nr_swap_free(void);
/* Returns the number of frames whose slot is still being written, or could not be written. */
u64 nr_swap_cached(void);
/* vm.swappiness, 0 to 200. */
extern int sysctl_swappiness;

#endif

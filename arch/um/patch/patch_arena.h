/* SPDX-License-Identifier: MIT */
/*
 * patch_arena.h: the data of an mm's patched call sites, shared by patch.c (sites, shadows) and
 * patch_arena.c (arenas and their thunks). patch.c explains these terms and has the invariants.
 */
#ifndef NESTLING_UM_PATCH_ARENA_H
#define NESTLING_UM_PATCH_ARENA_H

#include "arch/um/patch/patch_site.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/mm.h"

#define ARENA_SIZE 0x10000UL
#define ARENA_PAGES (ARENA_SIZE / PAGE_SIZE)
#define ARENA_THUNKS (ARENA_SIZE / THUNK_SIZE)
#define PAGE_THUNKS (PAGE_SIZE / THUNK_SIZE)
#define REACH 0x7ff00000UL /* reach of a jump, less some room */

#define MAX_ARENAS 8
#define MAX_SHADOWS 64
#define MAX_SITES 256
/* sites in a row: a row fits in a page, so that it needs no large block */
#define ROW_SITES 64

struct arena {
	u64 va; /* ARENA_SIZE bytes of the guest */
	/* true: its area exists; before that, no jump leads to it */
	bool ready;
	/*
	 * true: the program has changed the area. No jump leads there any more, but threads may
	 * still be in it.
	 */
	bool dead;
	struct page *pages[ARENA_PAGES];
	/* a bit for each of its pages, set if another mm shares the page or the page is full */
	u64 shared;
	u64 used[ARENA_THUNKS / 64]; /* a bit for each thunk */
};

struct shadow {
	u64 va;                    /* of the page */
	struct page *frame, *copy; /* a reference to each */
};

struct site {
	u64 addr;  /* of the syscall instruction */
	u64 thunk; /* its address */
	struct site_shape shape;
	u32 nr;    /* SITE_MOV: number of the call */
	bool live; /* true: its page has a shadow */
};

struct site_row {
	struct site sites[ROW_SITES];
};

struct patch {
	spinlock_t lock; /* protects all below */
	u32 nr_arenas, nr_dead, nr_shadows, nr_sites;
	/* true: a shadow was removed, but the space may still map it */
	bool lost;
	/* hash_of() bits of the addresses at which sites of SITE_NEXT continue */
	u64 resume_mask;
	struct arena arenas[MAX_ARENAS];
	struct shadow shadows[MAX_SHADOWS];
	struct site_row *rows[MAX_SITES / ROW_SITES]; /* allocated when needed */
};

/* Returns site @i, whose row exists. */
static inline struct site *site_at(struct patch *p, u32 i)
{
	return &p->rows[i / ROW_SITES]->sites[i % ROW_SITES];
}

static inline bool within(u64 addr, u64 start, u64 size)
{
	return addr - start < size;
}

/* Returns the arena that contains @addr, even a dead one, or NULL. patch->lock held. */
struct arena *arena_at(struct patch *p, u64 addr);
/*
 * Reserves, permanently, a thunk that the jump at @jump can reach. Returns its address, or 0 if no
 * arena has one. If the thunk's page does not exist, *spare, whose reference passes to the arena,
 * becomes the page, and is then NULL. patch->lock held.
 */
u64 arena_reserve_thunk(struct patch *p, u64 jump, enum site_form form, struct page **spare);
/*
 * Returns the bytes of the reserved thunk at guest address @addr, in the kernel's map. patch->lock
 * held.
 */
struct thunk *arena_thunk(struct patch *p, u64 addr);
/*
 * Makes an arena within reach of that jump, in an mm that has a struct patch. Returns 0 (also if
 * another thread has made it) or -errno (-ENOSPC for too many arenas). Takes mmap_lock; may sleep.
 */
int arena_make(struct mm *mm, u64 jump);
/*
 * Ends arenas in a range that the program changes: no site jumps to them any more. Returns true if
 * the range had some. Takes patch->lock.
 */
bool arenas_end(struct patch *p, u64 start, u64 end);

#endif

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
/* greatest distance in bytes from a jump to its arena: the range of rel32, less some room */
#define REACH 0x7ff00000UL

#define MAX_ARENAS 8
#define MAX_SHADOWS 64
#define MAX_SITES 256
/* sites in a struct site_row, which fits in a page, so that kmalloc() needs no larger block */
#define ROW_SITES 64

struct arena {
	u64 va; /* guest address of ARENA_SIZE bytes */
	/* true: its area exists; before that, no jump leads to it */
	bool ready;
	/*
	 * true: the program has changed the area. No new jump leads there, and the shadows with old
	 * jumps are dropped, but threads may still be in it.
	 */
	bool dead;
	/* a reference to each; NULL: the page was not needed yet */
	struct page *pages[ARENA_PAGES];
	/* a bit for each of pages[], set by fork: another mm may map the page; it is not written */
	u64 shared;
	/* a bit for each thunk, set when it is reserved and never cleared */
	u64 used[ARENA_THUNKS / 64];
};

struct shadow {
	u64 va; /* guest address of the text page */
	/* the page's frame, and its patched copy; a reference to each */
	struct page *frame, *copy;
};

struct site {
	u64 addr;  /* of the syscall instruction */
	u64 thunk; /* guest address of its thunk */
	struct site_shape shape;
	u32 nr; /* SITE_MOV: number of the call */
	/* true: its page has a shadow, in which the site is patched */
	bool live;
};

struct site_row {
	struct site sites[ROW_SITES];
};

struct patch {
	spinlock_t lock; /* protects all below */
	u32 nr_arenas, nr_dead, nr_shadows, nr_sites;
	/* true: a shadow was removed, and the space may still map it; never cleared */
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
 * Makes an arena within reach of the jump at @jump, in an mm that has a struct patch. Returns 0
 * (also if another thread has made it), -ENOSPC for too many arenas, -ENOMEM if no place is within
 * reach, or another -errno. Takes mmap_lock and patch->lock; may sleep.
 */
int arena_make(struct mm *mm, u64 jump);
/*
 * Marks the arenas that overlap [start, end) dead, since the program changes that range. Returns
 * true if there were some: the caller must then drop all shadows of the mm, whose jumps may lead
 * there. Takes patch->lock.
 */
bool arenas_end(struct patch *p, u64 start, u64 end);

#endif

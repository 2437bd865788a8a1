/* SPDX-License-Identifier: MIT */
/*
 * patch_arena.c: the areas "[thunks]" that hold the thunks of patched call sites, within a jump's
 * reach of the text. See patch.c. States of an arena, which is the record of one area:
 *
 *	taken   the area's place (its address range) is reserved
 *	        -> ready when the area exists
 *	        -> dead if the area cannot be made, or is unmapped before it is ready
 *	ready   -> dead when the program has changed the area
 *
 * Invariant: no place and no thunk is used twice, since a thread may be in a thunk until its mm
 * ends.
 *
 * Locks: patch->lock; mmap_lock during the search for a place.
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "arch/um/patch/patch.h"
#include "arch/um/patch/patch_arena.h"
#include "kernel/lib/string.h"

/* bytes between an arena and its first site, if there is room */
#define AWAY 0x60000000UL
#define STACK_GAP (64UL << 20) /* below an area that may be a stack */

struct arena *arena_at(struct patch *p, u64 addr)
{
	for (u32 i = 0; i < p->nr_arenas; i++)
		if (within(addr, p->arenas[i].va, ARENA_SIZE))
			return &p->arenas[i];
	return NULL;
}

bool arenas_end(struct patch *p, u64 start, u64 end)
{
	bool any = false;

	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_arenas; i++) {
		struct arena *a = &p->arenas[i];

		if (a->dead || a->va >= end || a->va + ARENA_SIZE <= start)
			continue;
		a->dead = any = true;
		p->nr_dead++;
	}
	spin_unlock(&p->lock);
	return any;
}

/* ---- thunks ---- */

/* Fills a new page of the arena: the trampoline's address, then room for thunks. */
static void enter_page(struct arena *a, u32 index, struct page *page)
{
	*(u64 *)page_address(page) = skas_patch_entry();
	a->pages[index] = page;
	a->shared &= ~BIT(index);
}

/*
 * Returns the page at @addr with a reference, or NULL. A page that does not exist yet is taken from
 * *fresh, which becomes NULL.
 */
static struct page *arena_page(struct patch *p, u64 addr, struct page **fresh)
{
	struct page *page = NULL;
	struct arena *a;

	spin_lock(&p->lock);
	a = arena_at(p, addr);
	if (a) {
		u32 index = (u32)((addr - a->va) >> PAGE_SHIFT);

		if (!a->pages[index] && *fresh) {
			enter_page(a, index, *fresh);
			*fresh = NULL;
		}
		page = a->pages[index];
	}
	if (page)
		get_page(page);
	spin_unlock(&p->lock);
	return page;
}

/*
 * Serves a fault: returns the page with a reference, or ERR_PTR. A page without thunks is readable
 * too, as the area's rights promise.
 */
static struct page *arena_fault(struct vm_area *vma, u64 index)
{
	u64 addr = vma->vm_start + ((index - vma->vm_pgoff) << PAGE_SHIFT);
	struct patch *p = vma->vm_mm->patch;
	struct page *page, *fresh = NULL;

	if (!p)
		return ERR_PTR(-EFAULT);
	page = arena_page(p, addr, &fresh);
	if (page)
		return page;
	fresh = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOOOM);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	page = arena_page(p, addr, &fresh);
	if (fresh)
		put_page(fresh);
	return page ? page : ERR_PTR(-EFAULT);
}

static const struct vm_operations arena_ops = { .fault = arena_fault };

/* Returns the displacement of a site's jump to thunk number @i of the arena. */
static s64 displacement(const struct arena *a, u32 i, u64 jump)
{
	return (s64)(a->va + i * THUNK_SIZE - (jump + JMP_LEN));
}

static bool suits(const struct arena *a, u32 i, u64 jump, enum site_form form)
{
	u32 page = i / PAGE_THUNKS;

	/* the first thunk of each page gives its place to the trampoline's address */
	if (i % PAGE_THUNKS == 0 || a->used[i / 64] & BIT(i % 64))
		return false;
	if (a->pages[page] && a->shared & BIT(page))
		return false;
	return form == SITE_MOV || site_displacement_ok((s32)displacement(a, i, jump));
}

static bool reaches(const struct arena *a, u64 jump)
{
	u64 distance = a->va > jump ? a->va + ARENA_SIZE - jump : jump - a->va;

	return distance < REACH && a->ready && !a->dead;
}

/*
 * Returns the index of a free thunk that the jump can reach, preferably in a page that exists
 * already; or -1.
 */
static int pick_thunk(const struct arena *a, u64 jump, enum site_form form)
{
	int fresh = -1;

	if (!reaches(a, jump))
		return -1;
	for (u32 i = 0; i < ARENA_THUNKS; i++) {
		if (!suits(a, i, jump, form))
			continue;
		if (a->pages[i / PAGE_THUNKS])
			return (int)i;
		if (fresh < 0)
			fresh = (int)i;
	}
	return fresh;
}

u64 arena_reserve_thunk(struct patch *p, u64 jump, enum site_form form, struct page **spare)
{
	for (u32 n = 0; n < p->nr_arenas; n++) {
		struct arena *a = &p->arenas[n];
		int i = pick_thunk(a, jump, form);

		if (i < 0)
			continue;
		a->used[i / 64] |= BIT(i % 64);
		if (!a->pages[i / PAGE_THUNKS]) {
			enter_page(a, (u32)i / PAGE_THUNKS, *spare);
			*spare = NULL;
		}
		return a->va + (u64)i * THUNK_SIZE;
	}
	return 0;
}

struct thunk *arena_thunk(struct patch *p, u64 addr)
{
	struct arena *a = arena_at(p, addr);
	u64 off = addr - a->va;

	return (struct thunk *)((u8 *)page_address(a->pages[off >> PAGE_SHIFT]) +
				(off & (PAGE_SIZE - 1)));
}

/* ---- arenas ---- */

/*
 * Returns the address of ARENA_SIZE free bytes directly below @v. Returns 0 if there are none, or
 * if @v may be a stack that grows there. mmap_lock held.
 */
static u64 room_below(struct mm *mm, struct vm_area *v)
{
	struct vm_area *before = NULL;
	u64 floor = MMAP_MIN_ADDR;

	if (v->vm_flags & VM_GROWSDOWN)
		return 0;
	if (v->vm_list.prev != &mm->mmap_list)
		before = list_entry(v->vm_list.prev, struct vm_area, vm_list);
	if (before)
		floor = max(floor, before->vm_end);
	return v->vm_start > floor && v->vm_start - floor >= ARENA_SIZE ? v->vm_start - ARENA_SIZE :
									  0;
}

/* True if an arena was ever made in [at, at + ARENA_SIZE), even if the program has removed it. */
static bool was_arena(struct patch *p, u64 at)
{
	bool was = false;

	spin_lock(&p->lock);
	for (u32 i = 0; i < p->nr_arenas; i++)
		was |= at < p->arenas[i].va + ARENA_SIZE && p->arenas[i].va < at + ARENA_SIZE;
	spin_unlock(&p->lock);
	return was;
}

/*
 * Returns an address with room far above the jump, where neither the heap nor the next library will
 * lie; or 0.
 */
static u64 room_above(struct mm *mm, u64 jump)
{
	u64 at = (jump + AWAY) & ~(ARENA_SIZE - 1);

	for (u32 i = 0; i <= MAX_ARENAS; i++, at += ARENA_SIZE) {
		struct vm_area *v = find_vma(mm, at);

		if (at + ARENA_SIZE >= mm->task_size ||
			(v && v->vm_start < at + ARENA_SIZE + STACK_GAP))
			return 0;
		if (!was_arena(mm->patch, at))
			return at;
	}
	return 0;
}

/*
 * Finds room above the jump, or else the nearest room below it. No place is used twice, since
 * threads may still be in the old arena. mmap_lock held. Returns an address, or 0.
 */
static u64 find_room(struct mm *mm, u64 jump)
{
	u64 at = room_above(mm, jump);
	struct vm_area *v = find_vma(mm, jump);

	if (at)
		return at;
	while (v && !at) {
		at = room_below(mm, v);
		if (at && was_arena(mm->patch, at))
			at = 0;
		v = v->vm_list.prev == &mm->mmap_list ?
			    NULL :
			    list_entry(v->vm_list.prev, struct vm_area, vm_list);
	}
	return at && jump - at < REACH ? at : 0;
}

/*
 * Reserves the place before the area exists. So only one of two threads that found the place gets
 * it, even if the program has unmapped the other's area meanwhile. An unmap before arena_ready() is
 * recorded. Returns 0, -EEXIST (another thread has it) or -ENOSPC.
 */
static int arena_add(struct patch *p, u64 va)
{
	int err = -EEXIST;

	spin_lock(&p->lock);
	if (p->nr_arenas == MAX_ARENAS)
		err = -ENOSPC;
	else if (!arena_at(p, va) && !arena_at(p, va + ARENA_SIZE - 1)) {
		p->arenas[p->nr_arenas++] = (struct arena){ .va = va };
		err = 0;
	}
	spin_unlock(&p->lock);
	return err;
}

/* Records that an arena's area was made (@ok true), or that its place is lost. */
static void arena_ready(struct patch *p, u64 va, bool ok)
{
	struct arena *a;

	spin_lock(&p->lock);
	a = arena_at(p, va);
	a->ready = ok;
	if (!ok && !a->dead) {
		a->dead = true;
		p->nr_dead++;
	}
	spin_unlock(&p->lock);
}

int arena_make(struct mm *mm, u64 jump)
{
	struct vm_area *v;
	u64 va;
	int err;

	if (READ_ONCE(mm->patch->nr_arenas) == MAX_ARENAS)
		return -ENOSPC;
	down_read(&mm->mmap_lock);
	va = find_room(mm, jump);
	up_read(&mm->mmap_lock);
	if (!va)
		return -ENOMEM;
	err = arena_add(mm->patch, va);
	/*
	 * if two threads get here at once, the second searches again and can use the arena of the
	 * first
	 */
	if (err)
		return err == -EEXIST ? 0 : err;
	v = install_special_mapping(mm, va, ARENA_SIZE,
		VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC | VM_DONTEXPAND | VM_DONTDUMP,
		&arena_ops, NULL, "[thunks]");
	arena_ready(mm->patch, va, !IS_ERR(v));
	return IS_ERR(v) ? (int)PTR_ERR(v) : 0;
}

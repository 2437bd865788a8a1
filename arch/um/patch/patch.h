/* SPDX-License-Identifier: MIT */
/*
 * patch.h: patches call sites of guests so that a system call is a jump (docs/skas.md). kernel/mm
 * reports changes with arch_patch_*() of arch.h.
 *
 * A site is a `syscall` instruction of a guest's text. Once it has trapped often, its page is
 * replaced in the space, and only there, by a shadow frame in which the site jumps to a thunk; the
 * thunk jumps to the stub's trampoline (skas_patch_entry()). Neither the guest nor a tracer ever
 * sees a thunk in the registers: patch_unwind() removes it from them after every event, and
 * patch_resume() restores it if the site's next instruction was overwritten by the jump.
 *
 * @mm is current's mm, but patch_find_shadow(), patch_next_shadow() and patch_lost_shadow(), which
 * pmap*.c calls, take any mm. The functions take @mm's patch->lock, a spinlock. All but
 * patch_count_trap() and patch_unwind() may be called with spinlocks held that precede patch->lock
 * in the lock order.
 */
#ifndef NESTLING_PATCH_H
#define NESTLING_PATCH_H

#include "arch/um/machine/pmap.h"
#include "kernel/lib/regs.h"
#include "skas/skas.h"

struct mm;

/*
 * Counts a system call that came by a trap with registers @r. Patches sites that trap often. May
 * sleep; no lock held.
 */
void patch_count_trap(struct mm *mm, const struct regs *r);

/*
 * Called after any event except a patched call. If rip is in a thunk, moves the registers back or
 * forward to an instruction of the guest's own code. Returns true if patching itself has caused the
 * event (a step, or a jump to an instruction that the patch has overwritten): then the caller
 * ignores the event. May sleep; no lock held.
 */
bool patch_unwind(struct mm *mm, struct regs *r, const struct skas_event *ev);

/*
 * Called when a patched call whose `syscall` ends at @rip returns. True if it may return by a jump
 * to the resume address that its thunk has passed (struct skas_thunk). False if that address is in
 * a thunk that no longer exists.
 */
bool patch_may_jump(struct mm *mm, u64 rip);

/*
 * Returns the address at which guest code that is to continue at @rip has to be resumed: an address
 * in a thunk, or @rip itself.
 */
u64 patch_resume(struct mm *mm, u64 rip);

/*
 * For a run of pages that maps consecutive frames, @pfn at address @start. Finds the first page of
 * [*va, end) whose frame in the run has a shadow at that address, and sets *va to the page and
 * *shadow to the shadow. Returns false if there is none. Called with pmap->lock held, and only for
 * runs that are executable and not writable.
 */
bool patch_find_shadow(struct mm *mm, u64 start, pfn_t pfn, u64 *va, u64 end, pfn_t *shadow);
/* Returns the first page at or after @va that has a shadow of any frame, or ~0. */
u64 patch_next_shadow(struct mm *mm, u64 va);
/*
 * True if a page of the mm has ever lost its shadow, so that its space may still map that shadow.
 */
bool patch_lost_shadow(struct mm *mm);

#endif

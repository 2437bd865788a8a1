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
 * The mm is current's, or in the functions for pmap.c any. Each function takes its patch->lock, a
 * spinlock; all but patch_count_trap() and patch_unwind() are callable with spinlocks held that
 * come before it.
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
 * True if the patched call before @rip may return directly to the address that its thunk has named;
 * false if the thunk is gone.
 */
bool patch_may_jump(struct mm *mm, u64 rip);

/*
 * Returns the address at which guest code that is to continue at @rip has to be resumed: an address
 * in a thunk, or @rip itself.
 */
u64 patch_resume(struct mm *mm, u64 rip);

/*
 * Finds the first page of [*va, end) that has a shadow of the frame that the run maps there (@pfn
 * at @start): sets *va and *shadow. Returns false if there is none. Called by pmap.c with
 * pmap->lock held, and only for runs that are executable and not writable.
 */
bool patch_find_shadow(struct mm *mm, u64 start, pfn_t pfn, u64 *va, u64 end, pfn_t *shadow);
/* Returns the first page at or after @va that has a shadow of any frame, or ~0. */
u64 patch_next_shadow(struct mm *mm, u64 va);
/*
 * True if a page of the mm has ever lost its shadow, so that its space may still map that shadow.
 */
bool patch_lost_shadow(struct mm *mm);

#endif

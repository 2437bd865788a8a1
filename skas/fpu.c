/* SPDX-License-Identifier: MIT */
/*
 * fpu.c: where a guest thread's FPU state is. Live in a runner, it lies in the newest signal frame
 * on that runner's alt stack (the host put it there, the stub's xrstor takes it from there), or, after a call through
 * a patched site (r->live), in the registers. It is copied to the task's own area only when somebody needs it; from
 * registers the runner has to save it first, which costs a hand-off.
 *
 *	in fpu->area (fpu->runner NULL)  --fpu_enter()-->       live (r->owner, fpu->runner)
 *	live                             --skas_fpu_save(), fpu_evict()-->  in fpu->area
 *	live                             --skas_fpu_drop()-->   nowhere
 *
 * Invariants: r->owner == f exactly when f->runner == r. r->fp + xstate_size lies in the alt stack:
 * checked when it was taken. What is copied is what the guest may have written there: its own FPU
 * state, whatever it is. It is made loadable when it goes back (an xrstor that faults would end the
 * runner). Locks: r->lock guards owner and the fpu->runner that points to r. A state can be
 * saved by another vCPU than the runner's, when its task does not run; r waits for its turn then.
 */
#include "kernel/lib/string.h"
#include "skas/internal.h"

u32 xstate_size;

#define XSAVE_LEGACY 512
#define XSAVE_HEADER 64
#define FX_MXCSR 24
#define MXCSR_MASK 0xffff
#define XSTATE_FP_SSE 3

/* The fields of an xsave area for which xrstor faults. */
static void make_loadable(u8 *area)
{
	u64 *header = (u64 *)(area + XSAVE_LEGACY);
	u32 *mxcsr = (u32 *)(area + FX_MXCSR);

	*mxcsr &= MXCSR_MASK;
	header[0] &= skas.xfeatures;
	for (u32 i = 1; i < XSAVE_HEADER / 8; i++)
		header[i] = 0;
}

/*
 * Takes the state out of the frame, or out of the registers, which only the runner itself can do. r->lock held. A
 * runner that does not: the state is what the area held last.
 */
static void fetch(struct runner *r)
{
	struct fpu *owner = r->owner;

	if (!r->live || !skas.ops->save_fpu(r)) {
		memcpy(owner->area, r->alt + r->fp, xstate_size);
		make_loadable(owner->area);
	}
	owner->runner = NULL;
	r->owner = NULL;
}

static void load(struct runner *r, struct fpu *fpu)
{
	skas_lock(&r->lock);
	if (r->owner)
		fetch(r);
	memcpy(r->alt, fpu->area, xstate_size);
	make_loadable(r->alt);
	r->fp = 0;
	r->live = false;
	r->owner = fpu;
	fpu->runner = r;
	skas_unlock(&r->lock);
}

/*
 * Before guest code runs: @fpu's state will be the runner's. True when it had to be put there (at
 * the bottom of the alt stack). Only the vCPU that runs @fpu's task gives states to the runner, and nobody fetches
 * the state of a task that runs: so no lock when it is there.
 */
bool fpu_enter(struct runner *r, struct fpu *fpu)
{
	if (likely(fpu->runner == r && r->owner == fpu))
		return false;
	if (fpu->runner)
		skas_fpu_save(fpu);
	load(r, fpu);
	return true;
}

/* After an event with a frame: the state is where the control page says, if that is possible at all. */
int fpu_note_frame(struct runner *r)
{
	u64 fp = READ_ONCE(r->ctl->fp) - (r->va - SLOT_CTL + SLOT_ALT);

	if (fp > SLOT_ALT_SIZE - xstate_size || fp & 63)
		return -EFAULT;
	r->fp = fp;
	return 0;
}

/* The runner will lose its memory: whose state is live there keeps it. */
void fpu_evict(struct runner *r)
{
	skas_lock(&r->lock);
	if (r->owner)
		fetch(r);
	skas_unlock(&r->lock);
}

void skas_fpu_save(struct fpu *fpu)
{
	struct runner *r = READ_ONCE(fpu->runner);

	if (!r)
		return;
	skas_lock(&r->lock);
	if (fpu->runner == r)
		fetch(r);
	skas_unlock(&r->lock);
}

void skas_fpu_drop(struct fpu *fpu)
{
	struct runner *r = READ_ONCE(fpu->runner);

	if (!r)
		return;
	skas_lock(&r->lock);
	if (fpu->runner == r) {
		fpu->runner = NULL;
		r->owner = NULL;
	}
	skas_unlock(&r->lock);
}

/* x87 and SSE as after exec: control word 0x37f, mxcsr 0x1f80, all else in its initial state. */
void skas_fpu_init(struct fpu *fpu)
{
	skas_fpu_drop(fpu);
	memset(fpu->area, 0, xstate_size);
	*(u16 *)fpu->area = 0x37f;
	*(u32 *)(fpu->area + FX_MXCSR) = 0x1f80;
	*(u64 *)(fpu->area + XSAVE_LEGACY) = XSTATE_FP_SSE;
}

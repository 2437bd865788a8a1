/* SPDX-License-Identifier: MIT */
/*
 * fpu.c: tracks where a guest thread's FPU state is. A live state lies in the newest signal frame
 * on its runner's alt stack: the host saved it there, and the stub's xrstor loads it from there.
 * After a call through a patched site (r->live) it is in the runner's registers. The state is
 * copied to the task's own area only when it is needed. A state in registers must first be saved by
 * the runner, which costs a hand-off.
 *
 *      in fpu->area (fpu->runner NULL)
 *          fpu_enter()                            -> live (r->owner, fpu->runner)
 *      live
 *          skas_fpu_save(), fpu_evict()           -> in fpu->area
 *      live in the registers
 *          another task of the space is entered   -> parked (r->parked[], an area of the alt stack)
 *      parked
 *          fpu_enter()                            -> live
 *          skas_fpu_save(), eviction              -> in fpu->area
 *      live, parked
 *          skas_fpu_drop()                        -> nowhere
 *
 * Invariants:
 * 1. f->runner == r exactly if r->owner == f or one of r->parked[] is f.
 * 2. r->fp + xstate_size lies in the alt stack: checked when r->fp was taken.
 * 3. A copied state may contain anything, since the guest can write to the alt stack. It is made
 *    loadable before it is loaded again, since an xrstor that faults would end the runner.
 *
 * Locks: r->lock protects owner, parked and the fpu->runner that points to r. Another vCPU than the
 * runner's can save a state while its task does not run; the runner then waits for the turn.
 */
#include "kernel/lib/string.h"
#include "skas/internal.h"

#define XSAVE_HEADER 64
/* an XSAVE image holds no loadable bytes from here to its header */
#define XSAVE_SOFTWARE 464
#define FX_MXCSR 24
#define MXCSR_MASK 0xffff
#define XSTATE_FP_SSE 3UL
#define XSTATE_HEAD (XSAVE_LEGACY + XSAVE_HEADER)
#define CPUID_XSTATE 0xd
#define NO_CALL ~0U
/* limits of await_swap(): time that passes, and CPU time that the runner uses */
#define SWAP_PATIENCE (10 * NSEC_PER_SEC)
#define SWAP_CPU_LIMIT (50 * NSEC_PER_MSEC)
#define SWAP_SLICE (50 * NSEC_PER_USEC) /* time between its checks */

/* Offset and size of each component. If a size is unknown (0), states are copied whole. */
static struct {
	u32 at, size;
} parts[64];

/*
 * Returns the components in use. Without XSAVE the area has no header, and fxsave's two components
 * are always in use.
 */
static u64 xstate_bv(const u8 *area)
{
	return has_xsave() ? *(const u64 *)(area + XSAVE_LEGACY) : XSTATE_FP_SSE;
}

/* Returns the number of bytes that each copy needs: fxsave's area and, with XSAVE, the header. */
static u32 head_size(void)
{
	return has_xsave() ? XSTATE_HEAD : XSAVE_LEGACY;
}

void fpu_learn_parts(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
		u32 a = CPUID_XSTATE, b = 0, c = i, d;

		parts[i].size = 0;
		if (!(skas.xfeatures & ~XSTATE_FP_SSE & 1UL << i))
			continue;
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		if (b >= XSTATE_HEAD && b < xstate_size && a <= xstate_size - b) {
			parts[i].at = b;
			parts[i].size = a;
		}
	}
}

/*
 * Copies the part behind the header: the components in use, which @bv names. Other components are
 * in their initial state, so their bytes are never loaded. On an alt stack, each copied cache line
 * moves from one CPU to another, and most programs use few components.
 */
static void copy_parts(u8 *to, const u8 *from, u64 bv)
{
	for (u64 left = bv & ~XSTATE_FP_SSE; left; left &= left - 1) {
		int i = __builtin_ctzl(left);

		if (unlikely(!parts[i].size)) {
			memcpy(to + XSTATE_HEAD, from + XSTATE_HEAD, xstate_size - XSTATE_HEAD);
			return;
		}
		memcpy(to + parts[i].at, from + parts[i].at, parts[i].size);
	}
}

/* Corrects the fields of an xsave area for which xrstor would fault. */
static void make_loadable(u8 *area)
{
	u64 *header = (u64 *)(area + XSAVE_LEGACY);
	u32 *mxcsr = (u32 *)(area + FX_MXCSR);

	*mxcsr &= MXCSR_MASK;
	if (!has_xsave())
		return;
	header[0] &= skas.xfeatures;
	for (u32 i = 1; i < XSAVE_HEADER / 8; i++)
		header[i] = 0;
}

/* ---- areas of the alt stack, below all frames ---- */

static u64 area_at(int area)
{
	return (u64)area * round_up(xstate_size, 64);
}

/* Names the area into which patched calls save their state, and no call that does so (C_CALLNR). */
void fpu_set_areas(struct runner *r)
{
	r->ctl->call_fp = r->va - SLOT_CTL + SLOT_ALT + area_at(FPU_AREAS);
	r->ctl->call_nr = NO_CALL;
}

/* True if the state is in one of the areas, which lie below all frames. */
bool fpu_in_area(const struct runner *r)
{
	return r->fp <= area_at(FPU_AREAS);
}

/*
 * Copies a state to fpu->area. A component in its initial state reads as zeros there, as xsave
 * would have written it.
 */
static void copy_out(struct runner *r, struct fpu *fpu, u64 off)
{
	memcpy(fpu->area, r->alt + off, head_size());
	make_loadable(fpu->area);
	memset(fpu->area + head_size(), 0, xstate_size - head_size());
	copy_parts(fpu->area, r->alt + off, xstate_bv(fpu->area));
}

static bool same(const u8 *a, const u8 *b, u32 at, u32 size)
{
	for (u32 i = at; i < at + size; i += sizeof(u64))
		if (*(const u64 *)(a + i) != READ_ONCE(*(const u64 *)(b + i)))
			return false;
	return true;
}

/*
 * True if the alt stack already has this state. That is often the initial state, with which a
 * signal handler begins, left from the last signal; or the state that the handler returns to, saved
 * by the interrupted call. Then the cache lines are shared by both CPUs, and no line has to be
 * transferred.
 */
static bool is_there(const struct runner *r, const struct fpu *fpu, u64 off)
{
	const u8 *there = r->alt + off;

	if (!same(fpu->area, there, XSAVE_LEGACY, head_size() - XSAVE_LEGACY) ||
		!same(fpu->area, there, 0, XSAVE_SOFTWARE))
		return false;
	for (u64 left = xstate_bv(fpu->area) & ~XSTATE_FP_SSE; left; left &= left - 1) {
		int i = __builtin_ctzl(left);

		if (!parts[i].size || !same(fpu->area, there, parts[i].at, parts[i].size))
			return false;
	}
	return true;
}

/* Copies a state to the alt stack. Components that are not in use keep their old bytes. */
static void copy_in(struct runner *r, const struct fpu *fpu, u64 off)
{
	memcpy(r->alt + off, fpu->area, head_size());
	copy_parts(r->alt + off, fpu->area, xstate_bv(fpu->area));
}

/*
 * Makes the runner save the state in its registers. Returns the state's offset, or -errno if it is
 * lost; then fpu->area keeps its old content.
 */
static s64 save_registers(struct runner *r, int area)
{
	u32 how = READ_ONCE(r->ctl->exit);
	s64 off = skas.ops->save_fpu(r, area_at(area));

	WRITE_ONCE(r->ctl->exit, how);
	return off;
}

/*
 * Waits until the runner, which has the turn, has saved the state. It does so within its first
 * instructions on a CPU. A sibling may pretend that it has not, so the wait is limited.
 */
static void await_swap(struct runner *r)
{
	u64 end = os_clock_mono() + SWAP_PATIENCE, used = os_space_cputime(r->task);

	while (READ_ONCE(r->swapping) && READ_ONCE(r->ctl->save) && os_clock_mono() < end &&
		os_space_cputime(r->task) - used < SWAP_CPU_LIMIT && os_space_is_dead(r->task) != 1)
		os_sleep_until(os_clock_mono() + SWAP_SLICE);
	smp_mb();
}

/* Copies the state that is parked in @area to its task's fpu->area. r->lock held. */
static void fetch_parked(struct runner *r, int area)
{
	struct fpu *fpu = r->parked[area];
	s64 off = (s64)area_at(area);

	if (r->swap == area) {
		off = save_registers(r, area);
		WRITE_ONCE(r->swap, -1);
	} else if (r->swapping) {
		await_swap(r);
	}
	if (off >= 0)
		copy_out(r, fpu, (u64)off);
	fpu->runner = NULL;
	r->parked[area] = NULL;
}

static int area_of(const struct runner *r, const struct fpu *fpu)
{
	for (int i = 0; i < FPU_AREAS; i++)
		if (r->parked[i] == fpu)
			return i;
	return -1;
}

/*
 * Returns an area other than @not (-1: any), preferably an empty one. A state that is parked in it
 * is copied out. r->lock held.
 */
static int free_area(struct runner *r, int not )
{
	int area = not == 0 ? 1 : 0;

	if (not < 0 && r->parked[0] && !r->parked[1])
		area = 1;
	if (r->parked[area])
		fetch_parked(r, area);
	return area;
}

/* Copies the owner's state to fpu->area, from its frame or from the registers. r->lock held. */
static void fetch_owner(struct runner *r)
{
	s64 off = (s64)r->fp;

	if (r->live) {
		off = save_registers(r, free_area(r, -1));
		r->live = false;
	}
	if (off >= 0)
		copy_out(r, r->owner, (u64)off);
	r->owner->runner = NULL;
	r->owner = NULL;
}

/*
 * Makes room for @fpu's state. If the owner's state is in a frame, it is copied out. If it is in
 * the registers, the runner will save it to an area on its way to @fpu's task. It stays there until
 * its task returns to this runner, or until it is needed elsewhere.
 */
static void make_room(struct runner *r, const struct fpu *fpu)
{
	int area;

	if (!r->owner)
		return;
	if (!r->live) {
		fetch_owner(r);
		return;
	}
	area = free_area(r, area_of(r, fpu));
	r->parked[area] = r->owner;
	r->owner = NULL;
	r->live = false;
	WRITE_ONCE(r->swap, area);
}

/*
 * Sets r->fp to the offset of @fpu's state in alt. The state is parked in @area. With an @area of
 * -1 it is in fpu->area, and is copied to alt unless alt already has it. r->lock held.
 */
static void load_area(struct runner *r, struct fpu *fpu, int area)
{
	make_loadable(fpu->area);
	if (area >= 0) {
		r->parked[area] = NULL;
		make_loadable(r->alt + area_at(area));
	} else if (is_there(r, fpu, area_at(FPU_AREAS))) {
		area = FPU_AREAS;
	} else {
		area = free_area(r, r->swap);
		if (!is_there(r, fpu, area_at(area)))
			copy_in(r, fpu, area_at(area));
	}
	r->fp = area_at(area);
}

static void load(struct runner *r, struct fpu *fpu)
{
	int area;

	skas_lock(&r->lock);
	make_room(r, fpu);
	/*
	 * cleared also where make_room() found no owner: the owner has exited, and its state is
	 * still in the registers
	 */
	r->live = false;
	area = area_of(r, fpu);
	/*
	 * the state is still in the registers: the turn that was to save it to the area was never
	 * given
	 */
	if (area >= 0 && area == r->swap) {
		r->parked[area] = NULL;
		WRITE_ONCE(r->swap, -1);
		r->live = true;
	} else {
		load_area(r, fpu, area);
	}
	r->owner = fpu;
	fpu->runner = r;
	skas_unlock(&r->lock);
}

/*
 * Makes @fpu's state the runner's, before guest code runs. Returns true if it had to be copied
 * there (to the bottom of the alt stack). Only the vCPU that runs @fpu's task gives states to the
 * runner, and the state of a running task is never fetched. So no lock is needed if the state is
 * already in place.
 */
bool fpu_enter(struct runner *r, struct fpu *fpu)
{
	if (likely(fpu->runner == r && r->owner == fpu)) {
		/* the last call saved the state without need */
		if (!r->live && r->fp == area_at(FPU_AREAS))
			WRITE_ONCE(r->ctl->call_nr, NO_CALL);
		return false;
	}
	if (fpu->runner && fpu->runner != r)
		skas_fpu_save(fpu);
	load(r, fpu);
	return true;
}

/*
 * Finds the offset of the state that the control page names, if the address is possible. Returns 0
 * or -EFAULT.
 */
int fpu_frame(struct runner *r, u64 *off)
{
	u64 fp = READ_ONCE(r->ctl->fp) - (r->va - SLOT_CTL + SLOT_ALT);

	if (fp > SLOT_ALT_SIZE - xstate_size || fp & 63)
		return -EFAULT;
	*off = fp;
	return 0;
}

/*
 * Called after an event, when a swap that fpu_give() ordered is over. With @frame, the state in the
 * frame becomes the owner's; else the owner's state is in the registers. Returns 0 or -EFAULT.
 */
int fpu_note_event(struct runner *r, bool frame)
{
	WRITE_ONCE(r->swapping, false);
	r->live = !frame;
	return frame ? fpu_frame(r, &r->fp) : 0;
}

/*
 * Called before the control page is made ready for a turn. Returns true, with r->lock held, if a
 * state has to leave the registers on the way. The lock keeps other vCPUs from fetching that state
 * until fpu_give(), or until skas_unlock(&r->lock) if no turn is given after all.
 */
bool fpu_lock_swap(struct runner *r)
{
	if (likely(READ_ONCE(r->swap) < 0))
		return false;
	skas_lock(&r->lock);
	return true;
}

void fpu_give(struct runner *r)
{
	if (r->swap >= 0) {
		WRITE_ONCE(r->ctl->save, r->va - SLOT_CTL + SLOT_ALT + area_at(r->swap));
		WRITE_ONCE(r->ctl->exit, EXIT_SWAP);
		r->swapping = true;
		WRITE_ONCE(r->swap, -1);
	}
	skas_unlock(&r->lock);
}

void fpu_reset(struct runner *r)
{
	r->owner = NULL;
	r->live = r->swapping = false;
	r->swap = -1;
	for (int i = 0; i < FPU_AREAS; i++)
		r->parked[i] = NULL;
}

/* Copies all states out, since the runner will lose its memory. */
void fpu_evict(struct runner *r)
{
	skas_lock(&r->lock);
	for (int i = 0; i < FPU_AREAS; i++)
		if (r->parked[i])
			fetch_parked(r, i);
	if (r->owner)
		fetch_owner(r);
	skas_unlock(&r->lock);
}

void skas_fpu_save(struct fpu *fpu)
{
	struct runner *r = READ_ONCE(fpu->runner);

	if (!r)
		return;
	skas_lock(&r->lock);
	if (r->owner == fpu)
		fetch_owner(r);
	else if (area_of(r, fpu) >= 0)
		fetch_parked(r, area_of(r, fpu));
	skas_unlock(&r->lock);
}

void skas_fpu_save_in_call(struct fpu *fpu, u32 nr)
{
	struct runner *r = READ_ONCE(fpu->runner);

	if (skas_fpu_live(fpu))
		WRITE_ONCE(r->ctl->call_nr, nr);
	skas_fpu_save(fpu);
}

bool skas_fpu_live(const struct fpu *fpu)
{
	const struct runner *r = READ_ONCE(fpu->runner);

	return r && r->owner == fpu && r->live;
}

void skas_fpu_drop(struct fpu *fpu)
{
	struct runner *r = READ_ONCE(fpu->runner);
	int area;

	if (!r)
		return;
	skas_lock(&r->lock);
	area = area_of(r, fpu);
	if (area >= 0)
		r->parked[area] = NULL;
	if (r->owner == fpu)
		r->owner = NULL;
	fpu->runner = NULL;
	skas_unlock(&r->lock);
}

/*
 * Sets x87 and SSE as after exec: control word 0x37f, mxcsr 0x1f80, everything else in its initial
 * state.
 */
void skas_fpu_init(struct fpu *fpu)
{
	skas_fpu_drop(fpu);
	memset(fpu->area, 0, xstate_size);
	*(u16 *)fpu->area = 0x37f;
	*(u32 *)(fpu->area + FX_MXCSR) = 0x1f80;
	if (has_xsave())
		*(u64 *)(fpu->area + XSAVE_LEGACY) = XSTATE_FP_SSE;
}

/* SPDX-License-Identifier: MIT */
/*
 * ptrace_debug.c: the debug registers that a tracer gives to a tracee (struct user's u_debugreg): four breakpoints and watchpoints.
 *
 * The host's own are not ours to have: only a tracer of the host could set them. So a task with an enabled one is single-stepped, by the
 * trap flag, and the kernel compares: the new rip with breakpoints, what the instruction was to touch (insn.c) with watchpoints, and memory
 * before and after, for what insn.c does not know. The registers read and refuse as x86 Linux's do, the traps look the same (SIGTRAP, TRAP_HWBKPT, bits of DR6).
 *
 *	hw_debug_arm()     before guest code runs: memory is looked at, the trap flag set
 *	hw_debug_disarm()  after it: the flag goes, unless the guest or its tracer had set it
 *	hw_debug_trap()    a step has ended: was it one of ours, and was something hit?
 *
 * What is different: an instruction costs some microseconds.
 *
 * Invariant: task->hw_debug is changed by the task's tracer while it is stopped, or by the task itself.
 */
#include <asm/debugreg.h>

#include "kernel/task/insn.h"
#include "kernel/task/internal.h"

#define EFLAGS_TF 0x100UL
#define NR_BREAKS 4
#define DR6_FIXED 0xffff0ff0UL
#define DR7_RESERVED 0xffffffff0000fc00UL
#define RW_EXECUTE 0
#define RW_WRITE 1
#define RW_IO 2
#define TRAP_HWBKPT_CODE 4
#define TRAPNO_DB 1

struct hw_debug {
	u64 addr[NR_BREAKS], dr6, dr7;           /* dr6: the bits that are not fixed */
	u64 was[NR_BREAKS];                      /* watched memory when it was armed */
	struct insn_touch touched[INSN_TOUCHES]; /* by the next instruction */
	u32 nr_touched;
	bool armed; /* TF is ours */
};

static bool enabled(u64 dr7, u32 n)
{
	return dr7 >> (2 * n) & 3;
}
static u32 rw_of(u64 dr7, u32 n)
{
	return dr7 >> (16 + 4 * n) & 3;
}
static u32 len_of(u64 dr7, u32 n)
{
	static const u8 lengths[] = { 1, 2, 8, 4 };

	return lengths[dr7 >> (18 + 4 * n) & 3];
}

void hw_debug_free(struct task *t)
{
	kfree(t->hw_debug);
	t->hw_debug = NULL;
}

/* ---- the tracer's view ---- */

u64 hw_debug_peek(const struct task *t, u32 n)
{
	const struct hw_debug *d = t->hw_debug;

	if (n == 6)
		return (d ? d->dr6 : 0) ^ DR6_FIXED;
	if (!d)
		return 0;
	return n < NR_BREAKS ? d->addr[n] : n == 7 ? d->dr7 : 0;
}

static bool dr7_fits(const struct hw_debug *d, u64 dr7)
{
	for (u32 n = 0; n < NR_BREAKS; n++) {
		if (!enabled(dr7, n))
			continue;
		if (rw_of(dr7, n) == RW_IO || (d->addr[n] & (len_of(dr7, n) - 1)))
			return false;
		if (rw_of(dr7, n) == RW_EXECUTE && len_of(dr7, n) != 1)
			return false;
	}
	return true;
}

long hw_debug_poke(struct task *t, u32 n, u64 value)
{
	struct hw_debug *d = t->hw_debug;

	if (n > 7 || n == 4 || n == 5)
		return -EIO;
	if (n < NR_BREAKS && value >= arch_task_size())
		return -EINVAL;
	if (!d)
		d = t->hw_debug = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	if (n < NR_BREAKS) {
		u64 was = d->addr[n];

		d->addr[n] = value;
		if (dr7_fits(d, d->dr7))
			return 0;
		d->addr[n] = was;
		return -EINVAL;
	}
	if (n == 6) {
		d->dr6 = value ^ DR6_FIXED;
		return 0;
	}
	if (!dr7_fits(d, value & ~DR7_RESERVED))
		return -EINVAL;
	d->dr7 = value & ~DR7_RESERVED;
	return 0;
}

/* ---- current's own ---- */

static u64 look_at(const struct hw_debug *d, u32 n)
{
	u64 value = 0;

	access_mm(current->mm, d->addr[n], &value, len_of(d->dr7, n), false, true);
	return value;
}

static void look_ahead(struct hw_debug *d, const struct regs *r)
{
	u8 code[INSN_MAX_LEN];
	int n = access_mm(current->mm, r->rip, code, sizeof(code), false, true);

	d->nr_touched = n > 0 && r->cs == USER_CS ? insn_touches(r, code, (u32)n, d->touched) : 0;
}

/* Was it touched in the way that is watched, or has it changed? */
static bool watch_hit(const struct hw_debug *d, u32 n)
{
	u64 start = d->addr[n], end = start + len_of(d->dr7, n);

	for (u32 i = 0; i < d->nr_touched; i++) {
		const struct insn_touch *t = &d->touched[i];

		if (t->addr < end && start < t->addr + t->len &&
			(t->write || rw_of(d->dr7, n) != RW_WRITE))
			return true;
	}
	return look_at(d, n) != d->was[n];
}

void hw_debug_arm(struct regs *r)
{
	struct hw_debug *d = current->hw_debug;
	bool any = false, watch = false;

	for (u32 n = 0; n < NR_BREAKS; n++) {
		if (!enabled(d->dr7, n))
			continue;
		any = true;
		if (rw_of(d->dr7, n) == RW_EXECUTE)
			continue;
		d->was[n] = look_at(d, n);
		watch = true;
	}
	d->nr_touched = 0;
	if (watch)
		look_ahead(d, r);
	d->armed = any && !(r->eflags & EFLAGS_TF);
	if (d->armed)
		r->eflags |= EFLAGS_TF;
}

void hw_debug_disarm(struct regs *r)
{
	if (current->hw_debug->armed)
		r->eflags &= ~EFLAGS_TF;
}

static u64 what_was_hit(const struct hw_debug *d, u64 rip)
{
	u64 hit = 0;

	for (u32 n = 0; n < NR_BREAKS; n++) {
		if (!enabled(d->dr7, n))
			continue;
		if (rw_of(d->dr7, n) == RW_EXECUTE ? rip == d->addr[n] : watch_hit(d, n))
			hit |= BIT(n);
	}
	return hit;
}

bool hw_debug_trap(struct regs *r, int trapno)
{
	struct hw_debug *d = current->hw_debug;
	u64 hit;

	if (trapno != TRAPNO_DB || (!d->armed && !(r->eflags & EFLAGS_TF)))
		return false;
	hit = what_was_hit(d, r->rip);
	d->dr6 = hit | (d->armed ? 0 : (u64)DR_STEP);
	if (!d->armed)
		return false; /* a step that was wanted: it is told as such */
	if (hit)
		force_sig_fault(SIGTRAP, TRAP_HWBKPT_CODE, r->rip, TRAPNO_DB, 0);
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * ptrace_debug.c: the debug registers that a tracer gives to a tracee (struct user's u_debugreg):
 * four breakpoints and watchpoints.
 *
 * If the host allows it, the registers are loaded into the CPU's debug registers while the thread
 * runs guest code (arch/um/entry/entry.c), at no cost there. Otherwise (ptrace mode, no right to
 * trace) a task with an enabled breakpoint or watchpoint is single-stepped by the trap flag, which
 * takes some microseconds an instruction. Before each step the kernel records which memory the
 * instruction will access (insn.c), and after the step it looks for watchpoints there. If no other
 * thread shares the memory, it also compares the watched memory before and after the step, for
 * instructions that insn.c does not know.
 *
 * With or without the host's registers, this file checks for a breakpoint at the instruction with
 * which guest code is to begin: at a patched call site the instruction may be elsewhere. Reads,
 * refused writes and traps are those of x86 Linux (SIGTRAP, TRAP_HWBKPT, bits of DR6). At a
 * breakpoint RF is set, so that the breakpoint is passed the next time.
 *
 *	hw_debug_arm()     before guest code runs: reports a breakpoint at this instruction, or
 *	                   (only for single steps) reads the watched memory and sets the trap flag
 *	hw_debug_disarm()  after it: clears the flag, unless the guest or its tracer had set it
 *	hw_debug_trap()    at a trap: checks if this file caused it, and if a watchpoint was hit
 *
 * Invariant: task->hw_debug is changed by the task itself, or by its tracer while the task is
 * stopped.
 */
#include <asm/debugreg.h>

#include "kernel/task/ptrace/insn.h"
#include "kernel/task/internal.h"

#define EFLAGS_TF 0x100UL
#define EFLAGS_RF 0x10000UL
#define NR_BREAKS 4
#define DR6_FIXED 0xffff0ff0UL
#define DR7_RESERVED 0xffffffff0000fc00UL
#define DR7_ENABLED 0xffUL
#define RW_EXECUTE 0
#define RW_WRITE 1
#define RW_IO 2
#define TRAP_HWBKPT_CODE 4
#define TRAPNO_DB 1

struct hw_debug {
	struct debug_regs set;
	u64 dr6;                                 /* bits that are not fixed */
	u64 dr7;                                 /* as written by the tracer */
	u64 was[NR_BREAKS];                      /* watched memory before the step */
	struct insn_touch touched[INSN_TOUCHES]; /* accesses of the next instruction */
	u32 nr_touched;
	bool armed; /* this file has set TF, for a step */
	bool any;   /* a breakpoint or watchpoint is enabled */
	/* True if no other thread shares the memory, so none can change it during the step. */
	bool alone;
};

static bool host_refuses;

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
	return n < NR_BREAKS ? d->set.addr[n] : n == 7 ? d->dr7 : 0;
}

/*
 * True if the addresses in @d permit the value @dr7: no I/O breakpoint, every enabled address
 * aligned to its length, and length 1 for execution.
 */
static bool dr7_fits(const struct hw_debug *d, u64 dr7)
{
	for (u32 n = 0; n < NR_BREAKS; n++) {
		if (!enabled(dr7, n))
			continue;
		if (rw_of(dr7, n) == RW_IO || (d->set.addr[n] & (len_of(dr7, n) - 1)))
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
		u64 was = d->set.addr[n];

		d->set.addr[n] = value;
		if (dr7_fits(d, d->set.dr7))
			return 0;
		d->set.addr[n] = was;
		return -EINVAL;
	}
	if (n == 6) {
		d->dr6 = value ^ DR6_FIXED;
		return 0;
	}
	if (!dr7_fits(d, value & ~DR7_RESERVED))
		return -EINVAL;
	d->dr7 = value;
	d->set.dr7 = value & ~DR7_RESERVED;
	d->any = d->set.dr7 & DR7_ENABLED;
	return 0;
}

/* ---- checks by current ---- */

static u64 look_at(const struct hw_debug *d, u32 n)
{
	u64 value = 0;

	access_mm(current->mm, d->set.addr[n], &value, len_of(d->set.dr7, n), false, true);
	return value;
}

static void look_ahead(struct hw_debug *d, const struct regs *r)
{
	u8 code[INSN_MAX_LEN];
	int n = access_mm(current->mm, r->rip, code, sizeof(code), false, true);

	d->nr_touched = n > 0 && r->cs == USER_CS ? insn_touches(r, code, (u32)n, d->touched) : 0;
}

/* True if this thread made the watched access, or changed the value. */
static bool watch_hit(const struct hw_debug *d, u32 n)
{
	u64 start = d->set.addr[n], end = start + len_of(d->set.dr7, n);

	for (u32 i = 0; i < d->nr_touched; i++) {
		const struct insn_touch *t = &d->touched[i];

		if (t->addr < end && start < t->addr + t->len &&
			(t->write || rw_of(d->set.dr7, n) != RW_WRITE))
			return true;
	}
	return d->alone && look_at(d, n) != d->was[n];
}

const struct debug_regs *hw_debug_regs(const struct task *t)
{
	const struct hw_debug *d = t->hw_debug;

	return d && d->any && !READ_ONCE(host_refuses) ? &d->set : NULL;
}

void hw_debug_refused(int err)
{
	WRITE_ONCE(host_refuses, true);
	pr_info("ptrace: breakpoints and watchpoints by single steps: the host's debug registers "
		"are not available (%d)\n",
		err);
}

/* Returns a mask with a bit for each breakpoint at @r->rip that was not reported yet. */
static u64 breaks_at(const struct hw_debug *d, const struct regs *r)
{
	u64 hit = 0;

	for (u32 n = 0; n < NR_BREAKS; n++)
		if (enabled(d->set.dr7, n) && rw_of(d->set.dr7, n) == RW_EXECUTE &&
			r->rip == d->set.addr[n])
			hit |= BIT(n);
	return r->eflags & EFLAGS_RF ? 0 : hit;
}

/* Saves the contents of the watched memory, and records what the next instruction will access. */
static void look_at_watched(struct hw_debug *d, const struct regs *r)
{
	bool watch = false;

	for (u32 n = 0; n < NR_BREAKS; n++) {
		if (!enabled(d->set.dr7, n) || rw_of(d->set.dr7, n) == RW_EXECUTE)
			continue;
		d->was[n] = look_at(d, n);
		watch = true;
	}
	d->nr_touched = 0;
	d->alone = atomic_read(&current->mm->mm_users) == 1;
	if (watch)
		look_ahead(d, r);
}

bool hw_debug_arm(struct regs *r)
{
	struct hw_debug *d = current->hw_debug;
	/* Signals come one at a time: while a signal is pending, no breakpoint is reported. */
	u64 hit = signal_pending(current) ? 0 : breaks_at(d, r);

	d->armed = false;
	if (hit) {
		d->dr6 = hit;
		r->eflags |= EFLAGS_RF;
		/* The trap does not belong to a system call, which would be restarted. */
		r->orig_rax = -1UL;
		force_sig_fault(SIGTRAP, TRAP_HWBKPT_CODE, r->rip, TRAPNO_DB, 0);
		return true;
	}
	if (!d->any || hw_debug_regs(current))
		return false;
	look_at_watched(d, r);
	d->armed = !(r->eflags & EFLAGS_TF);
	r->eflags |= EFLAGS_TF;
	return false;
}

void hw_debug_disarm(struct regs *r)
{
	if (current->hw_debug->armed)
		r->eflags &= ~EFLAGS_TF;
}

static u64 what_was_touched(const struct hw_debug *d)
{
	u64 hit = 0;

	for (u32 n = 0; n < NR_BREAKS; n++)
		if (enabled(d->set.dr7, n) && rw_of(d->set.dr7, n) != RW_EXECUTE && watch_hit(d, n))
			hit |= BIT(n);
	return hit;
}

/*
 * Records in dr6 a trap that the host reports. If the host does not know the cause (@hits is 0) and
 * has single-stepped an instruction that the kernel executes itself, the trap counts as a step.
 * Returns false: the caller sends the signal.
 */
static bool trap_of_host(struct hw_debug *d, const struct regs *r, u64 hits)
{
	if (!hits && (r->eflags & EFLAGS_TF))
		hits = DR_STEP;
	if (hits)
		d->dr6 = hits & (DR_STEP | DR_TRAP_BITS);
	return false;
}

bool hw_debug_trap(struct regs *r, int trapno, u64 hits)
{
	struct hw_debug *d = current->hw_debug;
	u64 hit;

	if (trapno != TRAPNO_DB)
		return false;
	if (hw_debug_regs(current))
		return trap_of_host(d, r, hits);
	if (!d->armed && !(r->eflags & EFLAGS_TF))
		return false;
	hit = d->any ? what_was_touched(d) : 0;
	if (!d->armed) {
		d->dr6 = hit | (u64)DR_STEP;
		/* A step for the tracer, which the caller reports as a step. */
		return false;
	}
	if (hit) {
		d->dr6 = hit;
		force_sig_fault(SIGTRAP, TRAP_HWBKPT_CODE, r->rip, TRAPNO_DB, 0);
	}
	return true;
}

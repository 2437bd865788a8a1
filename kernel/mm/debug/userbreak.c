/* SPDX-License-Identifier: MIT */
/*
 * userbreak.c: breakpoints in guest programs, for the kernel's debugger (userbreak.h has the
 * interface).
 *
 * A breakpoint is an int3 in the program's memory, in a copy of the page that is the process's own.
 * A task of that process writes and removes it on its way to guest code, so that the debugger need
 * only write flags. States of an entry:
 *
 *	free -> wanted      the debugger has set it
 *	wanted -> in        the next task of the mm writes int3 on its way to guest code
 *	in -> out           a task has trapped, and the debugger has stopped in user_break_hit();
 *	                    the task (stepper) steps over the instruction by the trap flag
 *	out -> in           the step's trap has come, or the stepper is next on its way to guest
 *	                    code at another instruction
 *	in -> free          not wanted any more
 *
 * Invariants:
 * 1. The trap flag that user_breaks_enter() sets for a step is cleared by user_breaks_leave(), so a
 *    signal frame never contains it.
 * 2. A forked child's memory has no breakpoint.
 * 3. A trap of an int3 that was removed meanwhile raises no signal: the instruction is executed
 *    again.
 *
 * Limits: while one thread steps over a breakpoint, another thread may pass it. A program that
 * reads its own code, or whose tracer does, sees the int3.
 *
 * Locks: breaks_lock, which may sleep.
 */
#include "kernel/mm/debug/userbreak.h"

#include "arch/um/machine/uaccess.h"
#include "kernel/mm/internal.h"
#include "kernel/sched/sched.h"

#define EFLAGS_TF 0x100UL
#define TRAPNO_DB 1
#define TRAPNO_BP 3
#define INT3 0xcc

u32 user_breaks_on;
static struct user_break user_breaks[32];
static DEFINE_MUTEX(breaks_lock);

/* A function at which the debugger stops. */
static void __noinline user_break_hit(struct user_break *b)
{
	__asm__ volatile("" : : "r"(b) : "memory");
}

static bool poke(struct mm *mm, u64 addr, u8 byte)
{
	return access_mm(mm, addr, &byte, 1, true, true) == 1;
}

static void put_in(struct user_break *b)
{
	b->failed = access_mm(b->mm, b->addr, &b->was, 1, false, true) != 1 ||
		    !poke(b->mm, b->addr, INT3);
	b->in = !b->failed;
}

/*
 * Restores the program's byte in @mm, unless the program has unmapped the page or has changed the
 * byte.
 */
static void restore(const struct user_break *b, struct mm *mm)
{
	u8 now;

	if (access_mm(mm, b->addr, &now, 1, false, true) == 1 && now == INT3)
		poke(mm, b->addr, b->was);
}

static void take_out(struct user_break *b)
{
	restore(b, b->mm);
	b->in = false;
}

/*
 * Writes the breakpoint to current's mm or removes it, depending on @wanted and on a task that
 * steps over it.
 */
static void carry_out(struct user_break *b, struct regs *r)
{
	bool wanted = READ_ONCE(b->wanted);

	if (b->stepper == current && (b->stepped || r->rip != b->addr))
		b->stepper = NULL;
	if (b->in && (!wanted || b->stepper))
		take_out(b);
	else if (wanted && !b->in && !b->stepper && !b->failed)
		put_in(b);
	if (b->stepper == current) {
		b->armed = !(r->eflags & EFLAGS_TF);
		r->eflags |= EFLAGS_TF;
	} else if (!wanted && !b->in && !b->stepper) {
		*b = (struct user_break){ 0 };
	}
}

void user_breaks_enter(struct regs *r)
{
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++) {
		struct user_break *b = &user_breaks[i];

		if (!b->mm || b->mm != current->mm)
			continue;
		mutex_lock(&breaks_lock);
		if (b->mm == current->mm)
			carry_out(b, r);
		mutex_unlock(&breaks_lock);
	}
}

void user_breaks_leave(struct regs *r)
{
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++)
		if (user_breaks[i].stepper == current && user_breaks[i].armed)
			r->eflags &= ~EFLAGS_TF;
}

static bool trap_step(void)
{
	bool ours = false;

	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++) {
		if (user_breaks[i].stepper != current)
			continue;
		user_breaks[i].stepped = true;
		ours = user_breaks[i].armed;
	}
	return ours;
}

/*
 * True if the program itself has an int3 before @rip, of one byte (cc) or of two (cd 03), or if its
 * code cannot be read.
 */
static bool own_int3(u64 rip)
{
	u8 code[2] = { 0, INT3 };

	if (access_mm(current->mm, rip - 2, code, 2, false, true) != 2 &&
		access_mm(current->mm, rip - 1, code + 1, 1, false, true) != 1)
		return true;
	return code[1] == INT3 || (code[0] == 0xcd && code[1] == 3);
}

static bool trap_break(struct regs *r)
{
	struct user_break *hit = NULL;
	u64 at = r->rip - 1;
	bool known = false;

	mutex_lock(&breaks_lock);
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++) {
		struct user_break *b = &user_breaks[i];

		if (b->mm != current->mm || b->addr != at || b->was == INT3)
			continue;
		known = true;
		if (!b->wanted || b->stepper)
			continue;
		b->stepper = current;
		b->stepped = b->armed = false;
		hit = b;
	}
	mutex_unlock(&breaks_lock);
	if (!known && own_int3(r->rip))
		return false;
	r->rip = at;
	if (hit)
		user_break_hit(hit);
	return true;
}

bool user_breaks_trap(struct regs *r, int trapno)
{
	return trapno == TRAPNO_DB ? trap_step() : trapno == TRAPNO_BP ? trap_break(r) : false;
}

void user_breaks_fork(struct mm *new, struct mm *old)
{
	mutex_lock(&breaks_lock);
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++)
		/* a stepping task may have removed the int3 since the copy was made */
		if (user_breaks[i].mm == old && (user_breaks[i].in || user_breaks[i].stepper))
			restore(&user_breaks[i], new);
	mutex_unlock(&breaks_lock);
}

void user_breaks_task_gone(const struct task *t)
{
	mutex_lock(&breaks_lock);
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++)
		if (user_breaks[i].stepper == t)
			user_breaks[i].stepper = NULL;
	mutex_unlock(&breaks_lock);
}

void user_breaks_mm_gone(const struct mm *mm)
{
	mutex_lock(&breaks_lock);
	for (u32 i = 0; i < ARRAY_SIZE(user_breaks); i++)
		if (user_breaks[i].mm == mm)
			user_breaks[i] = (struct user_break){ 0 };
	mutex_unlock(&breaks_lock);
}
